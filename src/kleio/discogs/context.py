"""What all phases of a sync share: the run's row, its connection, the client, and its words.

This module writes how far a run is and stores releases for it; it knows no phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import msgspec

from kleio.catalogue import ReleaseDocument
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.discogs import answers
from kleio.discogs.answers import Folder
from kleio.discogs.client import DiscogsClient
from kleio.discogs.progress import SyncCounts, SyncReport, SyncState, encode
from kleio.discogs.runs import Keeper, Owned, utc_now
from kleio.importers import catalogue_store
from kleio.repositories import sync_items, sync_runs
from kleio.repositories.sync_runs import RunState, SyncRun

LONGEST_PAUSE = timedelta(minutes=30)
"""What a killed run has read of the shelf is used again for so long."""

ProgressCallback = Callable[[SyncRun], None]


class SyncContext:
    """One run at work.

    Args:
        keeper: the run's connection.
        client: calls Discogs with the user's token.
        owned: the run.
        run: the run's row as it was taken over.
        calls_a_minute: what the estimate of the remaining time is made with.
        progress: called whenever the run's row has changed.
    """

    def __init__(
        self,
        keeper: Keeper,
        client: DiscogsClient,
        owned: Owned,
        run: RunState,
        *,
        calls_a_minute: int,
        progress: ProgressCallback | None = None,
    ) -> None:
        self.keeper = keeper
        self.client = client
        self.run = run
        self.key: dict[str, UUID] = {"user_id": owned.user_id, "run_id": owned.run_id}
        self.user_id = owned.user_id
        self.state = SyncState()
        self.counts = msgspec.json.decode(run.counts, type=SyncCounts)
        self.report = msgspec.json.decode(run.report, type=SyncReport)
        self._calls_a_minute = calls_a_minute
        self._progress = progress
        self._noted_calls = 0

    @property
    def new_calls(self) -> int:
        """How many calls the run's row does not know of yet."""
        return self.client.calls - self._noted_calls

    @property
    def home(self) -> str:
        """The path of the user's own at Discogs."""
        return f"/users/{quote(self.state.username, safe='')}"

    async def resume(self) -> str:
        """Take up what the run's row says, and return the phase to go on with."""
        phase = self.run.phase
        if phase in ("identity", "releases", "done"):
            return phase
        if utc_now() - self.run.updated_at <= LONGEST_PAUSE:
            self.state = msgspec.json.decode(self.run.state, type=SyncState)
            return phase
        async with self.keeper.writing() as conn:
            await sync_items.delete_items(conn, **self.key)
            await self.note(conn)
        return "identity"

    async def begin(self, phase: str) -> None:
        """Note that a phase begins, with what the phase before it found out."""
        async with self.keeper.writing() as conn:
            await sync_runs.update_run_phase(conn, **self.key, phase=phase, now=utc_now())
            await self.note(conn)

    async def note(
        self,
        conn: Connection,
        *,
        releases_done: int | None = None,
        releases_total: int | None = None,
    ) -> None:
        """Write how far the run is, in the transaction of what it is about."""
        state = self.state
        calls = self.client.calls
        await sync_runs.update_run_progress(
            conn,
            **self.key,
            pages_done=state.pages_before + state.next_page - 1 if state.pages else None,
            pages_total=state.pages_before + state.pages if state.pages else None,
            releases_done=releases_done,
            releases_total=releases_total,
            new_calls=calls - self._noted_calls,
            counts=encode(self.counts),
            report=encode(self.report),
            state=encode(state),
            now=utc_now(),
        )
        self._noted_calls = calls

    async def tell(self) -> None:
        """Call back with the run's row, outside any transaction."""
        if self._progress is None:
            return
        async with self.keeper.reading() as conn:
            run = await sync_runs.get_run(conn, **self.key, calls_a_minute=self._calls_a_minute)
        if run is not None:
            self._progress(run)

    async def read_folders(self) -> list[Folder]:
        """Ask Discogs for the user's folders."""
        return await self.client.get(f"{self.home}/collection/folders", answers.folders)

    async def save(
        self, conn: Connection, documents: Sequence[ReleaseDocument], *, stubs: bool = False
    ) -> None:
        """Write releases; one that the database refuses is named and the others are kept."""
        if not documents:
            return
        try:
            if stubs:
                await catalogue_store.save_stubs(conn, documents)
            else:
                await catalogue_store.save(conn, "releases", documents)
        except DatabaseError as error:
            if not error.is_data_error:
                raise
            if len(documents) > 1:
                middle = len(documents) // 2
                await self.save(conn, documents[:middle], stubs=stubs)
                await self.save(conn, documents[middle:], stubs=stubs)
                return
            self.refuse(documents[0].discogs_id or 0, f"the database refuses it: {error.message}")

    def refuse(self, discogs_id: int, reason: str) -> None:
        """Count and name a release that could not be had."""
        self.counts.refused += 1
        self.report.refuse(discogs_id, reason)
