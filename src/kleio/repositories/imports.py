"""Runs of imports, what their files say and what became of it: `queries/imports.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.copy_out import Blocks, copy_query
from kleio.db.queries import Connection, Keyed, Row, query


class Run(Row, frozen=True):
    """An import; `counts` are its records by kind and verdict, `options` what the format takes."""

    id: UUID
    source: str
    source_key: str
    file_name: str
    options: Raw
    dry_run: bool
    with_updates: bool
    state: str
    records: int
    bytes_read: int
    bytes_total: int
    counts: Raw
    error: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class RunReport(Run, frozen=True):
    """An import with the first records that could not be kept."""

    problems: Raw


class ImportRow(Row, frozen=True):
    """What became of a record of a file; `changes` are pairs of what is there and what it says."""

    place: str
    kind: str
    verdict: str
    reason: str | None
    changes: Raw | None
    discogs_id: int | None
    target_id: UUID | None


class ForgottenRuns(Row, frozen=True):
    """How many runs of a page of old ones are forgotten; its last run, None where it has none."""

    deleted: int
    last_created_at: datetime | None
    last_id: UUID | None


@query
async def insert_run(
    conn: Connection,
    *,
    user_id: UUID,
    source: str,
    source_key: str,
    file_name: str,
    options: str,
    dry_run: bool,
    with_updates: bool,
    bytes_total: int,
    now: datetime,
) -> UUID | None:
    """Write a new run and return its id."""


@query
async def update_run_progress(
    conn: Connection, *, user_id: UUID, run_id: UUID, records: int, bytes_read: int, now: datetime
) -> int:
    """Say how far the file is read."""


@query
async def update_run_state(
    conn: Connection,
    *,
    user_id: UUID,
    run_id: UUID,
    state: str | None,
    error: str | None,
    now: datetime,
) -> int:
    """Bring a run into another state, and count what became of its records."""


@query
async def get_run(conn: Connection, *, user_id: UUID, run_id: UUID) -> Run | None:
    """Return one import of a user."""


@query
async def get_run_report(conn: Connection, *, user_id: UUID, run_id: UUID) -> RunReport | None:
    """Return one import with the first of its records that could not be kept."""


@query
async def insert_chunk(
    conn: Connection, *, user_id: UUID, run_id: UUID, kind: str, first_seq: int, items: str
) -> int:
    """Write some hundred records of one kind, as the file has them."""


@query
async def delete_chunks(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Forget what the file says."""


@query
async def delete_verdicts(
    conn: Connection, *, user_id: UUID, run_id: UUID, with_releases: bool
) -> int:
    """Forget the verdicts, to judge again."""


@query
async def list_runs(
    conn: Connection, *, user_id: UUID, before_id: UUID | None, page_size: int, page_offset: int
) -> list[Keyed[Run]]:
    """Return one page of a user's imports, latest first."""


@query
async def list_rows(
    conn: Connection,
    *,
    user_id: UUID,
    run_id: UUID,
    verdict: str | None,
    kind: str | None,
    after_seq: int | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[ImportRow]]:
    """Return one page of what became of a file's records, in the order of the file."""


@copy_query("csv")
def export_rows_csv(
    conn: Connection, *, user_id: UUID, run_id: UUID, verdict: str | None, kind: str | None
) -> Blocks:
    """Yield the report of an import as CSV."""


@copy_query("lines")
def export_rows(
    conn: Connection, *, user_id: UUID, run_id: UUID, verdict: str | None, kind: str | None
) -> Blocks:
    """Yield the report of an import as lines of JSON."""


@query
async def delete_run(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Delete a run with its report."""


@query
async def delete_ended_runs(
    conn: Connection,
    *,
    before: datetime,
    kept: int,
    max_records: int,
    after_created_at: datetime | None,
    after_id: UUID | None,
    max_runs: int,
) -> ForgottenRuns | None:
    """Forget runs of all users that ended long ago, of one page of the old ones; one row."""


@query
async def count_ended_runs(conn: Connection, *, before: datetime, kept: int) -> int:
    """Return how many runs of all users ended long ago and are not the last of their kind."""
