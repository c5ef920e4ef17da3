"""Albums of the music library: `queries/albums.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class Album(Row, frozen=True):
    """An album with the number and the length in milliseconds of the songs that are there."""

    id: UUID
    library_id: UUID
    name: str
    artist_id: UUID | None
    artist_name: str | None
    year: int | None
    is_compilation: bool
    song_count: int
    duration_ms: int
    created_at: datetime
    updated_at: datetime


@query
async def get_album(conn: Connection, *, album_id: UUID) -> Album | None:
    """Return one album."""


@query
async def list_albums_newest(
    conn: Connection,
    *,
    library_id: UUID | None,
    year_from: int | None,
    year_to: int | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Album]]:
    """Return one page of albums, latest added first."""


@query
async def list_albums_oldest(
    conn: Connection,
    *,
    library_id: UUID | None,
    year_from: int | None,
    year_to: int | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Album]]:
    """Return one page of albums, earliest added first."""


@query
async def list_albums_by_name(
    conn: Connection,
    *,
    library_id: UUID | None,
    year_from: int | None,
    year_to: int | None,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Album]]:
    """Return one page of albums by name."""


@query
async def list_artist_albums(
    conn: Connection,
    *,
    artist_id: UUID,
    before_year: int | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Album]]:
    """Return one page of the albums of an artist of the library, latest year first."""


@query
async def search_albums(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    library_id: UUID | None,
    year_from: int | None,
    year_to: int | None,
    before_score: float | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Album]]:
    """Return one page of albums whose name is like a text, best first."""


@query
async def refresh_albums(conn: Connection, *, album_ids: list[UUID]) -> int:
    """Compute the derived counts of albums again; return how many were wrong."""
