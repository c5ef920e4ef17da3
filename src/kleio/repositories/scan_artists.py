"""The artists that a scan's files name: `queries/scan_artists.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def insert_scan_artists(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Write the artists that the libraries lack."""


@query
async def delete_song_artists(conn: Connection, *, library_id: UUID) -> int:
    """Remove further artists that the batch's songs no longer name."""


@query
async def insert_song_artists(conn: Connection, *, library_id: UUID) -> int:
    """Write the second and further artists of the batch's songs."""


@query
async def update_artist_links(conn: Connection, *, now: datetime) -> int:
    """Link artists of files with the only ones of their names; return how many links changed."""
