"""The connection pool: how a request gets a connection, a transaction, or a retried read.

Connections are in autocommit mode, so a single read is one round trip; writes open a transaction
themselves.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from math import inf
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from kleio.db.admission import Admission, NoPlaceError
from kleio.db.connections import SNAPSHOT_SECONDS, configure, snapshot
from kleio.db.errors import Contention, NotMigrated, Overloaded, Unavailable, translate
from kleio.db.liveness import Watch, has_ended, with_network_limits
from kleio.db.queries import Connection
from kleio.db.session import request_options
from kleio.settings import Settings

if TYPE_CHECKING:
    from kleio.db.replica import Replica

P = ParamSpec("P")
R = TypeVar("R")

RECONNECT_SECONDS = 0.5
"""How long after a connection that could not be made the pool tries another, while requests wait
for one: an outage is over for clients this long after it is over. psycopg's own pause grows with
each try."""

SNAPSHOTS = 2
"""How many snapshots a worker reads at once: one may last minutes, and takes a connection."""

LEAST_SHARE = 2
"""Connections that a user has of a worker's at the least; else it is half of them. Exports and a
page beside them go on with two."""

PATIENCE_SECONDS = 5.0
"""How much longer than its longest statement a request waits for a server that hangs."""


class Database:
    """The pool of one server worker.

    Args:
        settings: sizes and times; the sizes are totals that all workers share.
        conninfo: libpq's connection string.

    Attributes:
        is_distributed: whether Citus distributes the database; whoever opens the pool finds out.
        replica: where reads may go, too.
    """

    is_distributed = False
    replica: Replica | None = None

    def __init__(self, settings: Settings, conninfo: str) -> None:
        share = settings.per_worker()
        self.settings = settings
        # At least one, and where there are two connections, never all.
        self._free_snapshots = max(1, min(SNAPSHOTS, share.max_open - 1))
        self._is_reachable = True
        self._admission = Admission(
            share.max_open, max(LEAST_SHARE, share.max_open // 2), share.max_waiting
        )
        longest = settings.db_statement_timeout
        self._patience = longest + PATIENCE_SECONDS if longest else inf
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            with_network_limits(conninfo),
            kwargs={
                "autocommit": True,
                "application_name": "kleio",
                "options": request_options(longest),
                "prepare_threshold": settings.db_prepare_threshold or None,
            },
            configure=self._configure,
            min_size=share.max_idle,
            max_size=share.max_open,
            timeout=settings.db_pool_timeout,
            max_lifetime=settings.db_conn_max_lifetime,
            max_idle=settings.db_conn_max_idle_time,
            reconnect_timeout=RECONNECT_SECONDS,
            reconnect_failed=self._try_again,
            open=False,
            name="kleio",
        )

    async def open(self) -> None:
        """Open the pool; connections are made when they are needed."""
        await self.pool.open()

    async def close(self) -> None:
        """Close the pool and its connections."""
        await self.pool.close()

    async def _try_again(self, pool: AsyncConnectionPool[Connection]) -> None:
        """Try on for those who wait: the pool has given up, and begins anew with a new request."""
        self._is_reachable = False
        stats = pool.get_stats()
        if stats["requests_waiting"] and not stats["pool_size"]:
            await pool.check()  # of no connection, which begins to make one

    async def _configure(self, conn: Connection) -> None:
        self._is_reachable = True
        await configure(conn)

    async def _borrow(
        self, wait: float | None = None, *, ahead: bool = False
    ) -> tuple[Connection, UUID | None]:
        began = time.monotonic()
        wait = self.pool.timeout if wait is None else wait
        try:
            whose = await self._admission.enter(wait, ahead=ahead)
        except NoPlaceError as error:
            raise self._refusal() from error
        try:
            # After a restart of the server every idle connection has ended. Nothing was sent on
            # them yet, so a write is as safe on the next one as a read.
            while True:
                conn = await self.pool.getconn(began + wait - time.monotonic())
                if not has_ended(conn):
                    return conn, whose
                await conn.close()
                await self.pool.putconn(conn)
        except BaseException as error:
            self._admission.leave(whose)
            if isinstance(error, PoolTimeout):
                raise self._refusal() from error
            if isinstance(error, psycopg.Error):
                raise translate(error, operation="connect") from error
            raise

    def _refusal(self) -> Unavailable:
        if self._is_reachable:
            return Overloaded("no connection became free in time", operation="connect")
        return Unavailable("the database can't be reached", operation="connect")

    async def _give_back(self, conn: Connection, whose: UUID | None) -> None:
        try:
            await self.pool.putconn(conn)
        finally:
            self._admission.leave(whose)

    def check_room(self, coming: int, whose: UUID | None, coming_of_whose: int) -> None:
        """Refuse work before it is begun, where it would be refused when it needs a connection.

        Args:
            coming: how many are about to need a connection.
            whose: the user; None where that is not known yet.
            coming_of_whose: how many of the user's are about to need one.

        Raises:
            Overloaded: too many requests wait for a connection already.
            Unavailable: the same, because the server can't be reached.
        """
        try:
            self._admission.check_room(coming, whose, coming_of_whose)
        except NoPlaceError as error:
            raise self._refusal() from error

    @asynccontextmanager
    async def connection(
        self, *, wait: float | None = None, seconds: float | None = None, ahead: bool = False
    ) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode, one of the user's (`admission.WHOSE`).

        Args:
            wait: how long it may take until there is one, in seconds; as for requests where None.
            seconds: how long it may be kept before it is cut; where None, long enough for two of
                the longest statements.
            ahead: whether it goes before what waits for a connection, and is nobody's.

        Raises:
            Overloaded: none became free in time, or too many wait already.
            Unavailable: the server can't be reached, or does not answer.
        """
        conn, whose = await self._borrow(wait, ahead=ahead)
        try:
            with Watch(conn, seconds or 2 * self._patience):
                yield conn
        except psycopg.Error as error:
            raise translate(error, operation="transaction") from error
        finally:
            await self._give_back(conn, whose)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection with an open transaction, committed at the end of the block."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a `snapshot`; few at once, the next is refused and not queued.

        Raises:
            Overloaded: as many as may be are being read, or no connection became free in time.
        """
        if not self._free_snapshots:
            raise Overloaded("too many exports are running", operation="connect")
        self._free_snapshots -= 1
        try:
            async with (
                self.connection(seconds=SNAPSHOT_SECONDS + PATIENCE_SECONDS) as conn,
                snapshot(conn),
            ):
                yield conn
        finally:
            self._free_snapshots += 1

    def read(
        self,
        function: Callable[Concatenate[Connection, P], Awaitable[R]],
        *args: P.args,
        **parameters: P.kwargs,
    ) -> Coroutine[Any, Any, R]:
        """Run one reading repository function on a connection of the pool.

        It goes to the replica, where there is one that shows the request's user everything. One
        whose connection is cut is tried once more, so that a client sees no error when the
        server restarts. One that has waited for a server that hangs is not: others wait too.
        """
        return self._read(function, args, parameters, ahead=False)

    def read_ahead(
        self,
        function: Callable[Concatenate[Connection, P], Awaitable[R]],
        *args: P.args,
        **parameters: P.kwargs,
    ) -> Coroutine[Any, Any, R]:
        """As `read`, before what waits for a connection: whose a request is, and how all is."""
        return self._read(function, args, parameters, ahead=True)

    async def _read(
        self,
        function: Callable[..., Awaitable[R]],
        args: tuple[Any, ...],
        parameters: dict[str, Any],
        *,
        ahead: bool,
    ) -> R:
        replica = self.replica
        if replica is not None and replica.may_serve():
            try:
                return await replica.database._read(function, args, parameters, ahead=ahead)
            except (Unavailable, Contention, NotMigrated):
                replica.leave_out()
        # Not through `connection`: it is on every request's path, and a context manager costs.
        conn, whose = await self._borrow(ahead=ahead)
        try:
            with Watch(conn, self._patience) as watch:
                return await function(conn, *args, **parameters)
        except Unavailable:
            if not conn.closed or watch.has_cut:
                raise
        finally:
            await self._give_back(conn, whose)
        async with self.connection(ahead=ahead) as fresh:
            return await function(fresh, *args, **parameters)

    def stats(self) -> dict[str, int]:
        """Return the pool's gauges and counters; a counter that is still 0 may be missing.

        What waits for a place and what waits for a connection to be made count alike.
        """
        stats, admission = Counter(self.pool.get_stats()), self._admission
        stats.update(
            requests_waiting=admission.waiting,
            requests_queued=admission.queued,
            requests_errors=admission.refused,
            requests_wait_ms=round(admission.waited * 1000),
        )
        return stats
