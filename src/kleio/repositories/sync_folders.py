"""Folders at Discogs, which become the user's: `queries/sync_folders.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class FolderConflict(Row, frozen=True):
    """A folder that was renamed both here and at Discogs."""

    number: int
    here: str
    there: str


@query
async def update_folder_numbers(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Make way for the numbers of Discogs' folders."""


@query
async def update_folders_adopted(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Take folders of the same name for those of Discogs."""


@query
async def list_folder_conflicts(
    conn: Connection, *, user_id: UUID, folders: str
) -> list[FolderConflict]:
    """Return the folders that have been renamed on both sides."""


@query
async def update_folders_renaming(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Take the old name off folders that Discogs renamed."""


@query
async def update_folders_renamed(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Give folders the names that they have at Discogs."""


@query
async def insert_folders(conn: Connection, *, user_id: UUID, folders: str, now: datetime) -> int:
    """Add the folders that Discogs has and the user has not."""


@query
async def delete_folders(conn: Connection, *, user_id: UUID, folders: str) -> int:
    """Delete the empty folders that Discogs has deleted."""


@query
async def update_folders_forgotten(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Let the other folders that Discogs has deleted be the user's own."""
