"""Each user's copies, filtered and in any order: `queries/collection_pages.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, query
from kleio.repositories.collection import ShelfCopy


@query
async def list_collection_ascending(
    conn: Connection,
    *,
    user_id: UUID,
    sort: str,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    year_from: int | None,
    year_to: int | None,
    folder_id: UUID | None,
    min_rating: int | None,
    played_since: datetime | None,
    not_played_since: datetime | None,
    never_played: bool | None,
    needs_cleaning: bool | None,
    archived: bool,
    search: str | None,
    after_key: str | None,
    after_id: UUID | None,
    marks_at: datetime | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[ShelfCopy]]:
    """Return one page of a user's copies, filtered and by any order, ascending."""


@query
async def list_collection_descending(
    conn: Connection,
    *,
    user_id: UUID,
    sort: str,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    year_from: int | None,
    year_to: int | None,
    folder_id: UUID | None,
    min_rating: int | None,
    played_since: datetime | None,
    not_played_since: datetime | None,
    never_played: bool | None,
    needs_cleaning: bool | None,
    archived: bool,
    search: str | None,
    before_key: str | None,
    before_id: UUID | None,
    marks_at: datetime | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[ShelfCopy]]:
    """Return one page of a user's copies, filtered and by any order, descending."""


@query
async def count_collection(
    conn: Connection,
    *,
    user_id: UUID,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    year_from: int | None,
    year_to: int | None,
    folder_id: UUID | None,
    min_rating: int | None,
    played_since: datetime | None,
    not_played_since: datetime | None,
    never_played: bool | None,
    needs_cleaning: bool | None,
    archived: bool,
    search: str | None,
) -> int:
    """Return how many copies of a user pass the filters."""
