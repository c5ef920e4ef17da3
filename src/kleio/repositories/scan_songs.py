"""What a scan has read, set by set into the library: `queries/scan_songs.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.copy_in import Rows, copy_rows
from kleio.db.queries import Connection, Row, query


class ScanWritten(Row, frozen=True):
    """What became of a batch's songs; the rest say what they said before."""

    inserted: int
    updated: int
    moved: int


@copy_rows
async def copy_scan_songs(conn: Connection, rows: Rows) -> int:
    """Put what was read of files on the desk."""


@query
async def update_scan_songs(conn: Connection, *, library_id: UUID) -> int:
    """Say which song each file is."""


@query
async def insert_scan_members(conn: Connection, *, library_id: UUID, batch: int | None) -> int:
    """Say which album each song of the batch's folders belongs to."""


@query
async def update_scan_members(conn: Connection, *, library_id: UUID) -> int:
    """Give the batch's songs the ids of their albums."""


@query
async def insert_scanned_songs(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Write the batch's new songs."""


@query
async def update_scanned_songs(
    conn: Connection, *, library_id: UUID, now: datetime
) -> ScanWritten | None:
    """Write what the files of known songs now say."""


@query
async def insert_scan_words(conn: Connection, *, library_id: UUID) -> int:
    """Write the words of the batch's names, for searches; return how many are new."""


@query
async def update_member_songs(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Move songs that were not read to the albums that they belong to now."""


@query
async def update_displaced_files(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Mark songs whose place another one has taken."""


@query
async def delete_scanned_files(conn: Connection, *, library_id: UUID) -> int:
    """Remove the rows in whose place those of the batch's songs come."""


@query
async def upsert_scanned_files(conn: Connection, *, library_id: UUID) -> int:
    """Write what is known of the batch's files."""


@query
async def delete_scan_batch(conn: Connection, *, library_id: UUID) -> int:
    """Clear the desk of a batch; return how many files were read."""
