"""The life of a sync's run: begun, taken over from the dead, kept alive, ended.

A run is a row of the user's and a job that one process owns at a time. What a run does is
`kleio.discogs.sync`'s; this module knows nothing of Discogs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from uuid6 import uuid7

from kleio.db.connections import bulk_transaction
from kleio.db.queries import Connection
from kleio.repositories import sync_items, sync_jobs, sync_runs
from kleio.repositories.sync_jobs import Job

ALIVE_SECONDS = 5.0
"""How often an owner says that it is alive."""

DEAD_SECONDS = 60.0
"""How long an owner may be silent, where a pooler hides whether its connection is gone."""

MOST_ATTEMPTS = 5
"""How many servers a run may outlive: what kills the fifth is probably the run."""


class RunLost(Exception):
    """Another process has the run now, or it is gone with its user."""


class RunCancelled(Exception):
    """Somebody wants the run to stop."""


class AlreadyRunning(Exception):
    """The user has another run that waits or works; `run_id` says which."""

    def __init__(self, run_id: UUID, created_at: datetime) -> None:
        super().__init__(f"a sync is running already, since {created_at:%Y-%m-%d %H:%M:%SZ}")
        self.run_id = run_id
        self.created_at = created_at


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """A run that this process owns."""

    run_id: UUID
    user_id: UUID
    owner: UUID
    attempts: int


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


async def begin(
    conn: Connection, *, user_id: UUID, dry_run: bool, with_details: bool, now: datetime
) -> UUID:
    """Make a run that waits for an owner, and return its id.

    Raises:
        AlreadyRunning: the user has one that has not ended.
    """
    async with conn.transaction():
        run_id = await sync_runs.insert_run(
            conn, user_id=user_id, dry_run=dry_run, with_details=with_details, now=now
        )
        assert run_id is not None  # INSERT ... RETURNING gives its row or an error
        if await sync_jobs.insert_job(conn, run_id=run_id, user_id=user_id, now=now):
            return run_id
        job = await sync_jobs.get_job(conn, user_id=user_id)
        # Where it ended in this very moment, its id is nobody's, and the next try succeeds.
        raise AlreadyRunning(job.run_id if job else run_id, job.created_at if job else now)


async def claim(conn: Connection, *, user_id: UUID | None, now: datetime) -> Owned | None:
    """Own the oldest run that waits or whose owner is dead.

    Args:
        conn: stays open as long as the run is owned: others see by it that the owner lives.
        user_id: whose run alone, None for anybody's.
        now: the time.
    """
    owner = uuid7()
    backend = await sync_jobs.get_backend(conn)
    # Behind a pooler the client is told another number, and the process is nobody's for long.
    is_direct = backend is not None and backend.backend_pid == conn.info.backend_pid
    job = await sync_jobs.update_job_claimed(
        conn,
        user_id=user_id,
        owner=owner,
        backend_pid=backend.backend_pid if backend and is_direct else None,
        backend_started_at=backend.backend_started_at if backend and is_direct else None,
        dead_before=now - timedelta(seconds=DEAD_SECONDS),
        now=now,
    )
    return None if job is None else _owned(job, owner)


def _owned(job: Job, owner: UUID) -> Owned:
    return Owned(run_id=job.run_id, user_id=job.user_id, owner=owner, attempts=job.attempts)


async def end(
    conn: Connection,
    owned: Owned,
    outcome: str,
    *,
    now: datetime,
    new_calls: int = 0,
    error_code: str | None = None,
    error: str | None = None,
) -> None:
    """Note how an owned run ended, and forget what it read; inside the caller's transaction."""
    key = {"user_id": owned.user_id, "run_id": owned.run_id}
    await sync_items.delete_items(conn, **key)
    await sync_runs.update_run_finished(
        conn,
        **key,
        outcome=outcome,
        new_calls=new_calls,
        error_code=error_code,
        error=error,
        now=now,
    )
    await sync_jobs.delete_job(conn, run_id=owned.run_id)


async def cancel(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> bool:
    """Ask a run to stop, or end it at once where nobody works on it.

    Returns:
        False where it has ended, or is not the user's.
    """
    async with conn.transaction():
        if not await sync_jobs.update_job_cancelled(conn, user_id=user_id, run_id=run_id):
            return False
        owned = await claim(conn, user_id=user_id, now=now)
        if owned is not None and owned.run_id == run_id:
            await end(conn, owned, "cancelled", now=now)
        return True


class Keeper:
    """Keeps a run alive and its writes apart from those of any other owner.

    A run has one connection; what uses it takes turns.

    Args:
        conn: in autocommit mode, the one that the run was claimed on.
        owned: the run.
    """

    def __init__(self, conn: Connection, owned: Owned) -> None:
        self._conn = conn
        self._owned = owned
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend the connection for a statement that writes nothing of the run's."""
        async with self._turn:
            yield self._conn

    @asynccontextmanager
    async def writing(self, *, bulk: bool = False) -> AsyncIterator[Connection]:
        """Lend the connection with a transaction in which nobody else can own the run.

        Args:
            bulk: as `kleio.db.connections.bulk_transaction`, for statements over all items.

        Raises:
            RunLost: somebody else does already.
            RunCancelled: it is to stop.
        """
        begin = bulk_transaction if bulk else Connection.transaction
        async with self._turn, begin(self._conn):
            await self._say_alive()
            yield self._conn

    async def keep_alive(self) -> None:
        """Say for ever that the owner is alive; ends only with an error, those of `writing`."""
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            async with self._turn:
                await self._say_alive()

    async def _say_alive(self) -> None:
        is_to_stop = await sync_jobs.update_job_alive(
            self._conn, run_id=self._owned.run_id, owner=self._owned.owner, now=utc_now()
        )
        if is_to_stop is None:
            raise RunLost
        if is_to_stop:
            raise RunCancelled
