"""Who works on which sync: `queries/sync_jobs.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class Backend(Row, frozen=True):
    """The server process behind a connection."""

    backend_pid: int | None
    backend_started_at: datetime | None


class Job(Row, frozen=True):
    """A run that waits or is worked on; `attempts` counts those who have taken it over."""

    run_id: UUID
    user_id: UUID
    attempts: int
    cancel_requested: bool
    created_at: datetime


@query
async def get_backend(conn: Connection) -> Backend | None:
    """Return the server process behind this connection."""


@query
async def count_jobs(conn: Connection) -> int:
    """Return how many runs wait or are worked on."""


@query
async def insert_job(conn: Connection, *, run_id: UUID, user_id: UUID, now: datetime) -> int:
    """Queue a run; return 0 where the user has another one that has not ended."""


@query
async def get_job(conn: Connection, *, user_id: UUID) -> Job | None:
    """Return the user's job."""


@query
async def update_job_claimed(
    conn: Connection,
    *,
    user_id: UUID | None,
    owner: UUID,
    backend_pid: int | None,
    backend_started_at: datetime | None,
    dead_before: datetime,
    now: datetime,
) -> Job | None:
    """Take over the oldest run that nobody works on."""


@query
async def update_job_alive(
    conn: Connection, *, run_id: UUID, owner: UUID, now: datetime
) -> bool | None:
    """Say that the owner is alive; return whether it is to stop, None where it lost the run."""


@query
async def update_job_released(conn: Connection, *, run_id: UUID, owner: UUID) -> int:
    """Leave a run to whoever wants it next."""


@query
async def update_job_cancelled(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Ask a run's owner to stop."""


@query
async def delete_job(conn: Connection, *, run_id: UUID) -> int:
    """Forget the job of a run that has ended."""
