"""Each user's syncs with Discogs: `queries/sync_runs.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query


class SyncRun(Row, frozen=True):
    """A run and how far it is; `remaining_seconds` is an estimate, None unless it runs."""

    id: UUID
    status: str
    phase: str
    dry_run: bool
    with_details: bool
    pages_done: int
    pages_total: int | None
    releases_done: int
    releases_total: int | None
    calls: int
    remaining_seconds: int | None
    counts: Raw
    report: Raw
    error_code: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


class RunState(Row, frozen=True):
    """Where a run goes on; `counts`, `report` and `state` are JSON objects."""

    phase: str
    dry_run: bool
    with_details: bool
    releases_done: int
    counts: Raw
    report: Raw
    state: Raw
    created_at: datetime
    updated_at: datetime


class ForgottenRuns(Row, frozen=True):
    """How many runs of a page of old ones are forgotten; its last run, None where it has none."""

    deleted: int
    last_created_at: datetime | None
    last_id: UUID | None


@query
async def insert_run(
    conn: Connection, *, user_id: UUID, dry_run: bool, with_details: bool, now: datetime
) -> UUID | None:
    """Make a run and return its id."""


@query
async def get_run(
    conn: Connection, *, user_id: UUID, run_id: UUID, calls_a_minute: int
) -> SyncRun | None:
    """Return one run of a user."""


@query
async def list_runs(
    conn: Connection,
    *,
    user_id: UUID,
    calls_a_minute: int,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[SyncRun]]:
    """Return one page of a user's runs, newest first."""


@query
async def get_run_state(conn: Connection, *, user_id: UUID, run_id: UUID) -> RunState | None:
    """Return where a run goes on."""


@query
async def update_run_phase(
    conn: Connection, *, user_id: UUID, run_id: UUID, phase: str, now: datetime
) -> int:
    """Let a run begin its next phase."""


@query
async def update_run_progress(
    conn: Connection,
    *,
    user_id: UUID,
    run_id: UUID,
    pages_done: int | None,
    pages_total: int | None,
    releases_done: int | None,
    releases_total: int | None,
    new_calls: int,
    counts: str | None,
    report: str | None,
    state: str | None,
    now: datetime,
) -> int:
    """Note how far a run is."""


@query
async def update_run_finished(
    conn: Connection,
    *,
    user_id: UUID,
    run_id: UUID,
    outcome: str,
    new_calls: int,
    error_code: str | None,
    error: str | None,
    now: datetime,
) -> int:
    """Note how a run ended; return 0 where it had ended before."""


@query
async def delete_ended_runs(
    conn: Connection,
    *,
    before: datetime,
    kept: int,
    after_created_at: datetime | None,
    after_id: UUID | None,
    max_runs: int,
) -> ForgottenRuns | None:
    """Forget runs of all users that ended long ago, of one page of the old ones; one row."""


@query
async def count_ended_runs(conn: Connection, *, before: datetime, kept: int) -> int:
    """Return how many runs of all users ended long ago and are not the last of their kind."""
