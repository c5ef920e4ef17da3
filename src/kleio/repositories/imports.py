"""Runs of imports, what their files say and what became of it: `queries/imports.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


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


@query
async def lock_shelf(conn: Connection, *, user_id: UUID) -> bool | None:
    """Wait until no other import writes what is this user's, and keep others waiting."""


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
