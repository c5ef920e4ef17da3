"""Runs of syncs inside a server worker: those that the API begins, and those of dead owners.

Any worker takes any run. This module owns when it looks for one and how many it has at once.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, suppress

from kleio.db.connections import own_connection
from kleio.db.errors import DatabaseError
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.discogs import runs
from kleio.discogs.runs import Owned, RunCancelled, RunLost, utc_now
from kleio.discogs.sync import work
from kleio.repositories import sync_jobs
from kleio.settings import Settings
from kleio.tasks import end_tasks

logger = logging.getLogger("kleio.discogs")

LOOK_SECONDS = 15.0
"""How often a worker looks for runs whose owner is dead."""

MOST_RUNS = 4
"""Runs of one worker at once, each with a connection; more would share the same few calls."""


class SyncWorker:
    """Works on syncs beside a server worker's requests.

    Args:
        settings: address, limits and keys.
        conninfo: the database; each run has a connection outside the pool, mostly idle.
        database: the pool, for a look whether there are any runs.
    """

    def __init__(self, settings: Settings, conninfo: str, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._conninfo = conninfo
        self._called = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    def call(self) -> None:
        """Have the worker look for runs now."""
        self._called.set()

    async def run(self) -> None:
        """Look for runs for ever, and work on them; cancelled, it leaves them to others."""
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._called.wait()
                self._called.clear()
                while len(self._working) < MOST_RUNS and await self._take_one():
                    pass
        finally:
            await end_tasks(self._working)

    async def _take_one(self) -> bool:
        """Own one run and begin to work on it; False where there is none."""
        async with AsyncExitStack() as stack:
            try:
                if await self._database.read(sync_jobs.count_jobs) <= len(self._working):
                    return False
                conn = await stack.enter_async_context(
                    own_connection(self._settings, self._conninfo)
                )
                owned = await runs.claim(conn, user_id=None, now=utc_now())
            except DatabaseError as error:
                logger.warning("no look for syncs: %s", error)
                return False
            if owned is None:
                return False
            task = asyncio.create_task(self._work(stack.pop_all(), conn, owned))
        self._working.add(task)
        task.add_done_callback(self._done)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self.call()

    async def _work(self, stack: AsyncExitStack, conn: Connection, owned: Owned) -> None:
        try:
            async with stack:
                try:
                    failed = await work(conn, owned, self._settings)
                except asyncio.CancelledError:
                    # The server stops: another worker may go on at once.
                    await asyncio.shield(
                        sync_jobs.update_job_released(conn, run_id=owned.run_id, owner=owned.owner)
                    )
                    raise
            if failed is not None:
                logger.warning("sync %s failed: %s", owned.run_id, failed)
        except (RunLost, RunCancelled):
            logger.info("sync %s was taken away", owned.run_id)
        except DatabaseError as error:
            logger.warning("sync %s stopped and goes on later: %s", owned.run_id, error)
        except Exception:
            logger.exception("sync %s stopped by a bug", owned.run_id)
