"""The sync of one user's shelf with Discogs, phase by phase, and how its run ends.

1. identity: whose token it is, and the user's folders and fields.
2. pages: all copies, 100 a page in the order of adding. What the catalogue lacks becomes a stub at
   once. Where the shelf changed meanwhile it is read again.
3. checking: copies that no page showed are asked for one by one before they count as gone.
4. shelf: everything that was read becomes the user's shelf, in one transaction.
5. releases: stubs and what is too old are fetched, a few at once.

After each call the run's row says how far it is, in the transaction that writes what the call gave,
so a killed run goes on with the next call. This module owns the order; the rules of reading are
`kleio.discogs.reading`'s, those of merging are statements (`queries/sync_*.sql`).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec

from kleio.db.queries import Connection
from kleio.discogs import answers, runs
from kleio.discogs.client import DiscogsClient
from kleio.discogs.context import ProgressCallback, SyncContext
from kleio.discogs.credentials import read_token
from kleio.discogs.details import ReleaseFetcher
from kleio.discogs.errors import DiscogsError
from kleio.discogs.pace import SharedPace
from kleio.discogs.progress import CopyConflict, RenamedFolder
from kleio.discogs.reading import ShelfReader
from kleio.discogs.runs import Keeper, Owned, RunCancelled, RunLost, utc_now
from kleio.repositories import (
    collection,
    folders,
    sync_copies,
    sync_folders,
    sync_items,
    sync_releases,
    sync_runs,
)
from kleio.settings import Settings
from kleio.tasks import end_tasks

INTERRUPTED = "sync-interrupted"
"""The error's code of a run that ended with several of its owners."""


async def work(
    conn: Connection,
    owned: Owned,
    settings: Settings,
    *,
    progress: ProgressCallback | None = None,
) -> DiscogsError | None:
    """Do what is left of an owned run, and end it.

    Args:
        conn: what the run was claimed on; nobody else uses it until this returns.
        owned: the run.
        settings: address, limits and keys.
        progress: called whenever the run's row has changed.

    Returns:
        Why it failed, None where it did not.

    Raises:
        RunLost: another process has it.
        RunCancelled: it was to stop, and has ended.
        DatabaseError: the database fails; the run goes on when another one takes it over.
    """
    keeper = Keeper(conn, owned)
    pace = SharedPace(keeper.reading, settings.discogs_rate)
    failed: DiscogsError | None = None
    new_calls = 0
    try:
        if owned.attempts > runs.MOST_ATTEMPTS:
            raise _Interrupted(f"The sync was cut short {runs.MOST_ATTEMPTS} times")
        token = await read_token(conn, owned.user_id, settings)
        async with DiscogsClient(settings, token, pace) as client:
            run = await sync_runs.get_run_state(conn, user_id=owned.user_id, run_id=owned.run_id)
            if run is None:
                raise RunLost
            context = SyncContext(
                keeper,
                client,
                owned,
                run,
                calls_a_minute=settings.discogs_rate,
                progress=progress,
            )
            sync = ShelfSync(context, timedelta(seconds=settings.discogs_max_age))
            try:
                await _while_alive(sync, keeper)
            finally:
                new_calls = context.new_calls
    except DiscogsError as error:
        failed = error
    except RunCancelled:
        async with conn.transaction():
            await runs.end(conn, owned, "cancelled", new_calls=new_calls, now=utc_now())
        raise
    async with conn.transaction():
        await runs.end(
            conn,
            owned,
            "failed" if failed else "completed",
            new_calls=new_calls,
            error_code=failed.code if failed else None,
            error=str(failed) if failed else None,
            now=utc_now(),
        )
    return failed


class _Interrupted(DiscogsError):
    code = INTERRUPTED


async def _while_alive(sync: ShelfSync, keeper: Keeper) -> None:
    """Run a sync as long as it is this process's."""
    working = asyncio.ensure_future(sync.run())
    beating = asyncio.ensure_future(keeper.keep_alive())
    try:
        await asyncio.wait((working, beating), return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_done = working.done()
        await end_tasks((working, beating))
    (working if is_done else beating).result()


class ShelfSync:
    """One run.

    Args:
        context: the run at work.
        max_age: how old a release of the API may become.
    """

    def __init__(self, context: SyncContext, max_age: timedelta) -> None:
        self._context = context
        self._reader = ShelfReader(context)
        self._fetcher = ReleaseFetcher(context, max_age)

    async def run(self) -> None:
        """Do what is left of the run; its end is left to the caller.

        Raises:
            DiscogsError: Discogs can't give what is needed.
            RunLost, RunCancelled: as `Keeper.writing`.
            DatabaseError: the database fails.
        """
        context = self._context
        phase = await context.resume()
        if phase == "identity":
            await context.begin(phase)
            await self._reader.read_identity()
            phase = "pages"
        while phase in ("pages", "checking"):
            await context.begin(phase)
            if phase == "pages":
                await self._reader.read_pages()
                phase = "checking"
            else:
                phase = await self._reader.check_vanished()
        if phase == "shelf":
            await context.begin(phase)
            phase = await self._write_shelf()
        if phase == "releases":
            await context.begin(phase)
            await self._fetcher.fetch()

    async def _write_shelf(self) -> str:
        """Make what was read the user's shelf, in one transaction, and return the next phase.

        A dry run takes it back.
        """
        context = self._context
        is_dry = context.run.dry_run
        there = await self._all_folders()
        now = utc_now()
        async with context.keeper.writing(bulk=True) as conn:
            # Before it is compared with anything: an import may be writing it.
            await collection.lock_shelf(conn, user_id=context.user_id)
            await folders.lock_folders(conn, user_id=context.user_id)
            async with conn.transaction(force_rollback=is_dry):
                await self._write_folders(conn, there, now)
                await sync_copies.update_items_matched(conn, **context.key)
                await sync_copies.update_items_merged(conn, **context.key)
                await self._count(conn)
                if not is_dry:
                    await sync_copies.update_copies_synced(conn, **context.key, now=now)
                    await sync_copies.insert_copies_synced(conn, **context.key, now=now)
                    if context.state.is_complete:
                        await self._forget_gone(conn, there, now)
            await sync_items.delete_items(conn, **context.key)
            # What was read is gone, so a run that is killed now must not come back to this phase.
            following = "releases" if context.run.with_details and not is_dry else "done"
            await sync_runs.update_run_phase(conn, **context.key, phase=following, now=now)
            await context.note(conn)
        await context.tell()
        return following

    async def _all_folders(self) -> str:
        """Return the folders as the statements take them, those of all items among them."""
        context = self._context
        async with context.keeper.reading() as conn:
            used = set(await sync_items.list_item_folders(conn, **context.key))
        used.discard(answers.UNCATEGORIZED)
        if used - {folder.id for folder in context.state.folders}:
            context.state.folders = await context.read_folders()  # one was made meanwhile
        names = {number: f"Folder {number}" for number in used}
        names |= {folder.id: folder.name for folder in context.state.folders}
        named = [{"number": number, "name": name} for number, name in sorted(names.items())]
        return msgspec.json.encode(named).decode()

    async def _write_folders(self, conn: Connection, there: str, now: datetime) -> None:
        user_id = self._context.user_id
        await sync_folders.update_folder_numbers(conn, user_id=user_id, folders=there, now=now)
        await sync_folders.update_folders_adopted(conn, user_id=user_id, folders=there, now=now)
        self._context.report.folders = [
            RenamedFolder(renamed.number, renamed.here, renamed.there)
            for renamed in await sync_folders.list_folder_conflicts(
                conn, user_id=user_id, folders=there
            )
        ]
        await sync_folders.update_folders_renaming(conn, user_id=user_id, folders=there, now=now)
        await sync_folders.update_folders_renamed(conn, user_id=user_id, folders=there, now=now)
        await sync_folders.insert_folders(conn, user_id=user_id, folders=there, now=now)

    async def _forget_gone(self, conn: Connection, there: str, now: datetime) -> None:
        """Archive the copies and drop the folders that are gone at Discogs."""
        user_id = self._context.user_id
        await sync_copies.update_copies_vanished(conn, **self._context.key, now=now)
        await sync_folders.delete_folders(conn, user_id=user_id, folders=there)
        await sync_folders.update_folders_forgotten(conn, user_id=user_id, folders=there, now=now)

    async def _count(self, conn: Connection) -> None:
        """Take the verdicts of all items into the counts and the report."""
        context, counts = self._context, self._context.counts
        verdicts = await sync_copies.get_verdicts(conn, **context.key)
        assert verdicts is not None  # an aggregate gives its row
        for name in ("items", "added", "adopted", "returned", "changed", "unchanged", "conflicts"):
            setattr(counts, name, getattr(verdicts, name))
        counts.archived = verdicts.vanished if context.state.is_complete else 0
        conflicts = await sync_copies.get_conflicts(conn, **context.key)
        context.report.conflicts = msgspec.json.decode(conflicts or b"[]", type=list[CopyConflict])
        if context.run.dry_run:
            counts.to_fetch = await sync_releases.count_items_to_fetch(
                conn,
                **context.key,
                stale_before=self._fetcher.stale_before,
                retry_before=self._fetcher.retry_before,
            )
