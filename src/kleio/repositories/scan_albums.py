"""The albums that a scan's songs belong to: `queries/scan_albums.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def insert_scan_albums(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Write the albums that the library lacks."""


@query
async def update_scan_albums(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Write what is derived of the albums on the desk."""


@query
async def update_album_songs(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Write the derived album name of songs whose album is spelled anew."""


@query
async def delete_scan_albums(conn: Connection, *, library_id: UUID) -> int:
    """Remove albums that no song belongs to any more."""
