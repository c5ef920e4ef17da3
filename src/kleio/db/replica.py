"""Reads from a streaming replica, for users whom it shows all that they have written.

A user's last write has a time. A watch asks primary and replica in turn how far they are, and so
knows up to which time the replica has everything; a user who wrote after that reads from the
primary, everybody else from the replica. One that is away or far behind is left out, and a read
that it fails is done by the primary. Nothing here writes.

Times are of the clock that all processes of a machine share, and the times of writes stand in
memory that all workers of a server share. Servers on several machines don't know of each other's:
there a balancer has to keep a user on one of them.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import time
from collections import deque
from collections.abc import Awaitable
from contextvars import ContextVar
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

from kleio.db.errors import DatabaseError, translate
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.settings import Settings

logger = logging.getLogger("kleio.replica")

WROTE_AT: ContextVar[float | None] = ContextVar("kleio_wrote_at", default=None)
"""When the user of this request wrote last; None where the primary alone will do."""

WATCH_SECONDS = 0.2
"""How often it is asked how far the replica is: a user who wrote reads from the primary for at
least this long."""

MAX_LAG_SECONDS = 5.0
"""A replica further behind is left out, also for users who wrote nothing."""

WAIT_SECONDS = 0.5
"""How long a read waits for a connection to the replica before the primary does it."""

_SLOTS = 1 << 16


class Writes:
    """When each user wrote last, known to all workers of a server.

    Users share slots, so that there are never more; one may be taken for another who wrote, and
    then reads from the primary for a moment.

    Args:
        directory: where the workers share files; None for this process alone.
    """

    def __init__(self, directory: Path | None) -> None:
        size = _SLOTS * 8
        if directory is None:
            self._memory = mmap.mmap(-1, size)
        else:
            fd = os.open(directory / "writes", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.ftruncate(fd, size)
                self._memory = mmap.mmap(fd, size)
            finally:
                os.close(fd)
        self._times = memoryview(self._memory).cast("d")

    def note(self, user_id: UUID) -> None:
        """Note that a user has just written; before the answer tells the user of it."""
        self._times[user_id.int % _SLOTS] = time.monotonic()

    def last(self, user_id: UUID) -> float:
        """Return when the user wrote last; 0 where that was never noted."""
        return self._times[user_id.int % _SLOTS]


class Replica:
    """The replica as one worker sees it.

    Args:
        settings: the primary's; the pool is as large.
        conninfo: libpq's connection string of the replica.
        primary: what it is a replica of.

    Attributes:
        covered_until: up to which time it has all that the primary had acknowledged.
        reads: how many reads it has done.
    """

    def __init__(self, settings: Settings, conninfo: str, primary: Database) -> None:
        self.database = Database(
            msgspec.structs.replace(settings, db_pool_timeout=WAIT_SECONDS), conninfo
        )
        self.covered_until = float("-inf")
        self.reads = 0
        self._primary = primary
        self._asked: deque[tuple[float, int]] = deque()

    @property
    def lag(self) -> float:
        """How far it is behind, in seconds; infinite where it is left out."""
        return time.monotonic() - self.covered_until

    def may_serve(self) -> bool:
        """Whether the request that is being answered may read from it."""
        wrote_at = WROTE_AT.get()
        if wrote_at is None or wrote_at >= self.covered_until or self.lag > MAX_LAG_SECONDS:
            return False
        self.reads += 1
        return True

    def leave_out(self) -> None:
        """Read nothing from it until the watch has found it well."""
        self.covered_until = float("-inf")

    async def watch(self) -> None:
        """Follow it for ever."""
        is_well = True
        while True:
            why = "it is too far behind"
            # A primary that is overloaded, or away, says nothing of the replica: that takes reads
            # off it for as long as it is known to be near.
            if (problem := await _problem_of(self._ask_primary())) is not None:
                why = f"it is not known how far the primary is: {problem}"
            if (problem := await _problem_of(self._ask_replica())) is not None:
                self.leave_out()
                why = problem
            was_well, is_well = is_well, self.lag <= MAX_LAG_SECONDS
            if was_well and not is_well:
                logger.warning("the replica is left out: %s", why)
            elif is_well and not was_well:
                logger.warning("the replica is read from")
            await asyncio.sleep(WATCH_SECONDS)

    async def _ask_primary(self) -> None:
        now = time.monotonic()
        # What was acknowledged until now is in the log up to here.
        async with self._primary.connection() as conn:
            self._asked.append((now, await _position(conn, _WRITTEN)))

    async def _ask_replica(self) -> None:
        async with self.database.connection() as conn:
            replayed = await _position(conn, _REPLAYED)
        while self._asked and self._asked[0][1] <= replayed:
            self.covered_until = self._asked.popleft()[0]
        if len(self._asked) > MAX_LAG_SECONDS / WATCH_SECONDS:
            # Far behind: of the older ones only the first is needed, to know when it is through.
            self._asked.pop()


async def _problem_of(question: Awaitable[None]) -> str | None:
    """Return why a server could not be asked, None where it could."""
    try:
        # A server that hangs must not hold the watch for as long as a statement may take.
        async with asyncio.timeout(MAX_LAG_SECONDS):
            await question
    except (DatabaseError, TimeoutError) as error:
        return str(error) or "it does not answer"
    return None


_WRITTEN = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
# A server that was promoted is nobody's replica any more.
_REPLAYED = (
    "SELECT CASE WHEN pg_is_in_recovery()"
    "            THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint ELSE -1 END"
)


async def _position(conn: Connection, statement: str) -> int:
    try:
        row = await (await conn.execute(statement)).fetchone()
    except psycopg.Error as error:
        raise translate(error, operation="replica") from error
    return int(row[0]) if row is not None and row[0] is not None else -1
