"""Artists that files name: `queries/library_artists.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class LibraryArtist(Row, frozen=True):
    """An artist of the library.

    `artist_id` is the same artist in the catalogue, where that is known; `link` how: `name` (the
    only one of the name), `hand` (a person said so), `none` (a person undid it).
    """

    id: UUID
    name: str
    artist_id: UUID | None
    link: str | None
    songs: int
    albums: int
    duration_ms: int


@query
async def get_library_artist(conn: Connection, *, library_artist_id: UUID) -> LibraryArtist | None:
    """Return one artist of the library."""


@query
async def list_library_artists(
    conn: Connection,
    *,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[LibraryArtist]]:
    """Return one page of artists of the library by name."""


@query
async def search_library_artists(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    before_score: float | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[LibraryArtist]]:
    """Return one page of artists of the library whose name is like a text, best first."""


@query
async def update_library_artist_link(
    conn: Connection, *, library_artist_id: UUID, artist_id: UUID | None, now: datetime
) -> int:
    """Link an artist of the library to one of the catalogue by hand, or undo its link."""
