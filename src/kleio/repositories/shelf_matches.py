"""What is both on a user's shelf and in the libraries: `queries/shelf_matches.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class AlbumCopy(Row, frozen=True):
    """A copy on a user's shelf that is the same record as an album; `release` is its card."""

    id: UUID
    release_id: UUID
    added_at: datetime
    release: Raw


class CopyAlbum(Row, frozen=True):
    """An album of a library that is the same record as a copy on a user's shelf."""

    copy_id: UUID
    id: UUID
    name: str
    artist_name: str | None
    year: int | None
    song_count: int


@query
async def list_album_copies(conn: Connection, *, user_id: UUID, album_id: UUID) -> list[AlbumCopy]:
    """Return the copies on a user's shelf that are the same record as an album."""


@query
async def list_copy_albums(
    conn: Connection, *, user_id: UUID, copy_ids: list[UUID]
) -> list[CopyAlbum]:
    """Return the albums that are the same record as copies on a user's shelf."""
