"""The one way in for a user's own data: any source is read, compared and written by this module.

The steps of a run, each repeatable, so that a run that was killed is taken up again or made anew:

1. `read`: the records are checked and laid down in chunks. A file that is damaged ends here.
2. `judge`: a verdict for each record. A dry run ends here.
3. `apply`: releases that the catalogue lacks, chunk by chunk; then all that is the user's own, in
   one transaction. What others wrote in the meantime is judged again within it.

Parsing is the source's (`sources`), the rules of records are `record_checks`', what is compared and
written stands in `queries/import_*.sql` and `listening_verdicts.sql`. No user may disturb another's
import; what writes one user's shelf, an import or a sync, goes one after the other
(`collection.lock_shelf`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from uuid import UUID

import msgspec

from kleio.account_records import AccountKind
from kleio.account_rules import InvalidField
from kleio.db.connections import bulk_transaction, patient_transaction
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.holdings import check_holdings
from kleio.importers.import_progress import ProgressCallback, Watch
from kleio.importers.record_chunks import read_batches
from kleio.importers.sources import Source, SourceError
from kleio.repositories import (
    catalogue_entries,
    collection,
    folders,
    import_releases,
    import_verdicts,
    import_writes,
    imports,
    listening_verdicts,
    releases,
)
from kleio.repositories.imports import Run

Verdict = Literal["new", "known", "changed", "unmatched", "invalid"]
Counts = dict[str, dict[str, int]]
"""Records by kind and verdict."""

KINDS: tuple[AccountKind, ...] = get_args(AccountKind)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_JUDGES = (
    import_verdicts.insert_preferences_verdicts,
    import_verdicts.insert_folder_verdicts,
    listening_verdicts.insert_stylus_verdicts,
    import_verdicts.insert_copy_verdicts,
    listening_verdicts.insert_play_verdicts,
    listening_verdicts.insert_cleaning_verdicts,
)
_INSERTS = (
    import_writes.upsert_preferences,
    import_writes.insert_folders,
    import_writes.insert_styluses,
    import_writes.insert_copies,
    import_writes.insert_plays,
    import_writes.insert_cleanings,
)
_UPDATES = (
    import_writes.update_preferences,
    import_writes.update_folders,
    import_writes.update_styluses,
    import_writes.update_copies,
    import_writes.update_plays,
    import_writes.update_cleanings,
)

_encode = msgspec.json.Encoder().encode


class NotApplicable(Exception):
    """The run is not in a state from which it can be applied."""


async def import_source(
    conn: Connection,
    user_id: UUID,
    source: Source,
    *,
    dry_run: bool = False,
    with_updates: bool = False,
    options: Mapping[str, Any] | None = None,
    progress: ProgressCallback | None = None,
) -> Run:
    """Import a source as a whole: begin, read, judge and, unless it is a dry run, apply.

    Args:
        conn: an autocommit connection.
        user_id: whose data it becomes.
        source: open; the caller closes it.
        dry_run: judge each record and write nothing but the run itself.
        with_updates: rows that are there and differ become what the file says.
        options: what the format was told, for people to see in the run.
        progress: called about once a second, and at each step.

    Returns:
        The run, with its counts.

    Raises:
        SourceError: the file is damaged, or not what it should be; the run says so too.
        DatabaseError: the database failed; the run can be made again.
    """
    run_id = await begin(
        conn, user_id, source, dry_run=dry_run, with_updates=with_updates, options=options
    )
    return await carry_out(conn, user_id, run_id, source, progress=progress)


async def begin(
    conn: Connection,
    user_id: UUID,
    source: Source,
    *,
    dry_run: bool,
    with_updates: bool,
    options: Mapping[str, Any] | None = None,
) -> UUID:
    """Write down that a source is to be imported, and return the run's id."""
    run_id = await imports.insert_run(
        conn,
        user_id=user_id,
        source=source.name,
        source_key=source.key,
        file_name=source.file_name.encode("utf-8", "replace").decode().replace("\0", "")[-200:],
        options=_encode(dict(options or {})).decode(),
        dry_run=dry_run,
        with_updates=with_updates,
        bytes_total=source.size,
        now=datetime.now(UTC),
    )
    assert run_id is not None
    return run_id


async def carry_out(
    conn: Connection,
    user_id: UUID,
    run_id: UUID,
    source: Source,
    *,
    progress: ProgressCallback | None = None,
) -> Run:
    """Do all of a run that was begun; raises as `import_source` does."""
    run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
    assert run is not None
    watch = Watch(source.size, progress)
    try:
        await _read(conn, user_id, run, source, watch)
        watch.step("judging")
        await _judge(conn, user_id, run)
    except SourceError as error:
        await _fail(conn, user_id, run_id, str(error))
        raise
    except DatabaseError:
        await _fail(conn, user_id, run_id, "the database failed; import the file again")
        raise
    if run.dry_run:
        return await _run(conn, user_id, run_id)
    return await _apply(conn, user_id, run_id, watch)


async def apply(
    conn: Connection,
    user_id: UUID,
    run_id: UUID,
    *,
    progress: ProgressCallback | None = None,
) -> Run:
    """Do what a dry run found, or take up a run that was cut short while it was being applied.

    Raises:
        NotApplicable: it is done or failed, is still read, or does not exist.
        SourceError: it holds more than a user may have; nothing of the user's was written.
        DatabaseError: the database failed; it can be applied again.
    """
    run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
    if run is None or run.state not in ("judged", "applying"):
        raise NotApplicable("there is no such import" if run is None else run.state)
    watch = Watch(run.bytes_total, progress, run.records)
    if run.state == "judged":
        watch.step("judging")
        await _judge(conn, user_id, msgspec.structs.replace(run, dry_run=False))
    return await _apply(conn, user_id, run_id, watch)


async def interrupt(conn: Connection, user_id: UUID, run_id: UUID, why: str) -> None:
    """Write down that a run was cut short by something else than its file or the database."""
    run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
    if run is None or run.state in ("done", "failed", "judged"):
        return
    if run.state == "reading":
        await _fail(conn, user_id, run_id, f"{why}; import the file again")
        return
    await imports.update_run_state(
        conn,
        user_id=user_id,
        run_id=run_id,
        state=None,
        error=f"{why}; apply it again",
        now=datetime.now(UTC),
    )


def counts_of(run: Run) -> Counts:
    """Return how many records of each kind got which verdict."""
    return msgspec.json.decode(run.counts, type=Counts)


async def _run(conn: Connection, user_id: UUID, run_id: UUID) -> Run:
    run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
    if run is None:
        raise NotApplicable("the user is gone")
    return run


async def _fail(conn: Connection, user_id: UUID, run_id: UUID, error: str) -> None:
    """Write down why a run ended, where that can still be written, and forget what was read."""
    if conn.closed:
        return
    await imports.delete_chunks(conn, user_id=user_id, run_id=run_id)
    await imports.update_run_state(
        conn, user_id=user_id, run_id=run_id, state="failed", error=error, now=datetime.now(UTC)
    )


# --- reading --------------------------------------------------------------------------------------


async def _read(conn: Connection, user_id: UUID, run: Run, source: Source, watch: Watch) -> None:
    await imports.delete_chunks(conn, user_id=user_id, run_id=run.id)
    watch.step("reading")
    async with aclosing(read_batches(source, run.created_at)) as batches:
        async for batch in batches:
            for chunk in batch.chunks:
                await imports.insert_chunk(
                    conn,
                    user_id=user_id,
                    run_id=run.id,
                    kind=chunk.kind,
                    first_seq=chunk.first_seq,
                    items=chunk.items,
                )
            watch.records, watch.bytes_read = batch.records, batch.position
            if watch.is_time() or batch.is_last:
                await imports.update_run_progress(
                    conn,
                    user_id=user_id,
                    run_id=run.id,
                    records=batch.records,
                    bytes_read=batch.position,
                    now=datetime.now(UTC),
                )
                watch.step("reading")


# --- judging and writing --------------------------------------------------------------------------


async def _judge(conn: Connection, user_id: UUID, run: Run) -> None:
    """Judge releases, and in a dry run all the rest; otherwise that comes in the last step."""
    async with bulk_transaction(conn):
        await collection.lock_shelf(conn, user_id=user_id)
        if (await _run(conn, user_id, run.id)).state not in ("reading", "judged"):
            return  # applied by somebody else meanwhile: its verdicts say what became of it
        await imports.delete_verdicts(conn, user_id=user_id, run_id=run.id, with_releases=True)
        await import_releases.insert_release_verdicts(conn, user_id=user_id, run_id=run.id)
        if run.dry_run:
            await _judge_rest(conn, user_id, run.id)
        await imports.update_run_state(
            conn,
            user_id=user_id,
            run_id=run.id,
            state="judged" if run.dry_run else "applying",
            error=None,
            now=datetime.now(UTC),
        )


async def _judge_rest(conn: Connection, user_id: UUID, run_id: UUID) -> None:
    for judge in _JUDGES:
        await judge(conn, user_id=user_id, run_id=run_id)


async def _apply(conn: Connection, user_id: UUID, run_id: UUID, watch: Watch) -> Run:
    """Write what the verdicts say; done over again, it does what is left to do."""
    try:
        await _add_releases(conn, user_id, run_id, watch)
        watch.step("writing")
        async with bulk_transaction(conn):
            await _write(conn, user_id, run_id)
    except SourceError as error:
        await _fail(conn, user_id, run_id, str(error))
        raise
    except DatabaseError:
        if not conn.closed:
            await imports.update_run_state(
                conn,
                user_id=user_id,
                run_id=run_id,
                state=None,
                error="the database failed; apply it again",
                now=datetime.now(UTC),
            )
        raise
    return await _run(conn, user_id, run_id)


async def _add_releases(conn: Connection, user_id: UUID, run_id: UUID, watch: Watch) -> None:
    """Add the releases that the catalogue lacks, a chunk a transaction.

    Short ones, because the catalogue is locked against other writers meanwhile.
    """
    watch.step("adding releases")
    after = 0
    while True:
        async with patient_transaction(conn):
            await collection.lock_shelf(conn, user_id=user_id)
            await catalogue_entries.lock_entries(conn, kind="releases")
            chunk = await import_releases.get_new_releases(
                conn, user_id=user_id, run_id=run_id, after_seq=after
            )
            if chunk is None:
                return
            after = chunk.first_seq
            if chunk.documents is not None:
                documents = bytes(chunk.documents).decode()
                now = datetime.now(UTC)
                await releases.insert_release_references(conn, documents=documents, now=now)
                await releases.upsert_releases(conn, documents=documents, now=now)
            if chunk.has_own:
                # In the same transaction: nothing but this finds them again.
                await import_writes.upsert_ids(conn, user_id=user_id, run_id=run_id)
        if watch.is_time():
            await imports.update_run_progress(
                conn,
                user_id=user_id,
                run_id=run_id,
                records=watch.records,
                bytes_read=watch.total,
                now=datetime.now(UTC),
            )
            watch.step("adding releases")


async def _write(conn: Connection, user_id: UUID, run_id: UUID) -> None:
    """Judge and write all that is the user's own, inside one transaction."""
    await collection.lock_shelf(conn, user_id=user_id)
    run = await _run(conn, user_id, run_id)
    if run.state != "applying":
        return
    await folders.lock_folders(conn, user_id=user_id)
    await import_releases.update_release_targets(conn, user_id=user_id, run_id=run_id)
    await imports.delete_verdicts(conn, user_id=user_id, run_id=run_id, with_releases=False)
    await _judge_rest(conn, user_id, run_id)
    now = datetime.now(UTC)
    for insert in _INSERTS:
        await insert(conn, user_id=user_id, run_id=run_id, now=now)
    if run.with_updates:
        for update in _UPDATES:
            await update(conn, user_id=user_id, run_id=run_id, now=now)
    try:
        await check_holdings(conn, user_id, "folders", "styluses")
    except InvalidField as error:
        raise SourceError(f"with it there would be too many: {error}") from error
    await import_writes.upsert_ids(conn, user_id=user_id, run_id=run_id)
    await imports.delete_chunks(conn, user_id=user_id, run_id=run_id)
    await imports.update_run_state(
        conn, user_id=user_id, run_id=run_id, state="done", error=None, now=now
    )
