"""Each user's cleanings: `queries/cleanings.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query


class Cleaning(Row, frozen=True):
    """A cleaning; `release` is the release's card."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    cleaned_at: datetime
    deep: bool
    notes: str | None
    updated_at: datetime
    release: Raw


class RemovedCleaning(Row, frozen=True):
    """A cleaning that was deleted, whole, with its release's title to tell of it by."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    cleaned_at: datetime
    deep: bool
    notes: str | None
    created_at: datetime
    release_title: str


@query
async def insert_cleaning(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    cleaned_at: datetime,
    deep: bool,
    notes: str | None,
    now: datetime,
) -> UUID | None:
    """Log a cleaning and return its id, None where there is no such release or copy."""


@query
async def insert_cleanings(
    conn: Connection, *, user_id: UUID, cleanings: str, now: datetime
) -> int:
    """Log many cleanings of a user's copies from a JSON array; return how many."""


@query
async def get_cleaning(conn: Connection, *, user_id: UUID, cleaning_id: UUID) -> Cleaning | None:
    """Return one cleaning of a user."""


@query
async def list_cleanings(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    before_cleaned_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Cleaning]]:
    """Return one page of a user's cleanings, newest first."""


@query
async def count_cleanings(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Return how many cleanings of a user pass filters."""


@query
async def update_cleaning(
    conn: Connection,
    *,
    user_id: UUID,
    cleaning_id: UUID,
    changes: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> int:
    """Change a cleaning; return 0 where there is none or it is not the expected version."""


@query
async def delete_cleaning(
    conn: Connection, *, user_id: UUID, cleaning_id: UUID
) -> RemovedCleaning | None:
    """Delete a cleaning and return it, None where there is none."""


@query
async def insert_removed_cleaning(
    conn: Connection,
    *,
    user_id: UUID,
    cleaning_id: UUID,
    release_id: UUID,
    copy_id: UUID | None,
    cleaned_at: datetime,
    deep: bool,
    notes: str | None,
    created_at: datetime,
    now: datetime,
) -> int:
    """Put a deleted cleaning back; return 0 where it is back already."""
