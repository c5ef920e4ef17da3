"""Genres of the shared catalogue: `queries/genres.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class Genre(Row, frozen=True):
    """A genre by its Discogs name."""

    id: UUID
    name: str


@query
async def list_genres(
    conn: Connection,
    *,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Genre]]:
    """Return one page of genres by name."""


@query
async def count_genres(conn: Connection) -> int:
    """Return how many genres there are."""


@query
async def get_genre(conn: Connection, *, genre_id: UUID) -> Genre | None:
    """Return one genre."""
