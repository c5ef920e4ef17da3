"""Imports that a server worker carries out after the request that brought the file is answered.

A worker does few at once, of a user one alone, each on a connection of its own from the pool: a
second one of the same user would wait for the first and keep others out. A worker that stops says
so in the runs that it cuts short; one that is killed leaves them as they are, and they show no
more signs of life. Either way a run is imported or applied again, and nothing is written twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from math import inf
from uuid import UUID

from kleio.db.admission import WHOSE
from kleio.db.errors import DatabaseError, Overloaded
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.http.problems import ProblemError
from kleio.importers import account_import
from kleio.importers.sources import SourceError
from kleio.tasks import end_tasks

logger = logging.getLogger("kleio.imports")

IMPORTS = 2
"""How many a worker does at once: each takes a connection, and a core while it reads."""

END_SECONDS = 1.0
"""How long a user's import is waited for that may be about to end: a run says that it is over a
moment before its place is free."""

Work = Callable[[Connection], Awaitable[object]]


class ImportTasks:
    """The imports of one worker.

    Args:
        database: its pool.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = max(1, min(IMPORTS, database.settings.per_worker().max_open - 1))
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[UUID, asyncio.Event] = {}

    @asynccontextmanager
    async def slot(self, user_id: UUID) -> AsyncIterator[Slot]:
        """Keep a place for an import; it is free again when the block, or what it started, ends.

        Raises:
            Overloaded: as many as may be are being done.
            ProblemError: 409 where the user has one already.
        """
        if (other := self._places.get(user_id)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await other.wait()
        if user_id in self._places:
            raise going_on()
        if not self._free:
            raise Overloaded("too many imports are running", operation="connect")
        self._free -= 1
        self._places[user_id] = asyncio.Event()
        slot = Slot(self, user_id)
        try:
            yield slot
        finally:
            if not slot.is_used:
                self._leave(user_id)

    def _leave(self, user_id: UUID) -> None:
        self._free += 1
        self._places.pop(user_id).set()

    def start(self, user_id: UUID, run_id: UUID, work: Work, clean_up: Callable[[], None]) -> None:
        """Carry a run out in a task."""
        task = asyncio.create_task(self._carry_out(user_id, run_id, work))

        def end(ended: asyncio.Task[None]) -> None:
            self._tasks.discard(ended)
            self._leave(user_id)
            clean_up()

        self._tasks.add(task)
        task.add_done_callback(end)

    async def wait(self) -> None:
        """Wait until nothing is being imported."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop what is going on; each run says that it was cut short."""
        await end_tasks(self._tasks)
        await self.wait()

    async def _carry_out(self, user_id: UUID, run_id: UUID, work: Work) -> None:
        WHOSE.set(None)  # one place a user is the limit here
        try:
            # A file of hours is nothing wrong; its transactions have limits of their own.
            async with self._database.connection(seconds=inf) as conn:
                await work(conn)
        except SourceError:
            pass  # the run says it
        except asyncio.CancelledError:
            await self._interrupt(user_id, run_id, "the server stopped")
        except DatabaseError as error:
            logger.error("import %s: %s", run_id, error)
            await self._interrupt(user_id, run_id, "the database failed")
        except Exception:
            logger.exception("import %s", run_id)
            await self._interrupt(user_id, run_id, "the server failed")

    async def _interrupt(self, user_id: UUID, run_id: UUID, why: str) -> None:
        try:
            async with self._database.connection() as conn:
                await account_import.interrupt(conn, user_id, run_id, why)
        except DatabaseError as error:
            logger.error("import %s: %s", run_id, error)


def going_on() -> ProblemError:
    """Return the problem of a second import of a user."""
    return ProblemError(
        HTTPStatus.CONFLICT,
        "import-running",
        "Another import of yours is going on.",
        headers={"Retry-After": "5"},
    )


class Slot:
    """A place for one import of a user."""

    def __init__(self, tasks: ImportTasks, user_id: UUID) -> None:
        self._tasks = tasks
        self._user_id = user_id
        self.is_used = False

    def start(self, run_id: UUID, work: Work, clean_up: Callable[[], None] = lambda: None) -> None:
        """Carry a run out in a task, which keeps the place until it ends.

        Args:
            run_id: which one.
            work: what to do, on a connection of its own.
            clean_up: called when it has ended, however it did.
        """
        self.is_used = True
        self._tasks.start(self._user_id, run_id, work, clean_up)
