"""Each user's folders: `queries/folders.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class Folder(Row, frozen=True):
    """A folder; `number` is Discogs' number of it, 1 is Uncategorized."""

    id: UUID
    number: int
    name: str


class FolderCount(Row, frozen=True):
    """A folder with the number of copies in it, those on the shelf and those archived."""

    id: UUID
    number: int
    name: str
    copies: int
    archived: int
    updated_at: datetime


@query
async def insert_folder(
    conn: Connection, *, user_id: UUID, number: int | None, name: str, now: datetime
) -> Folder | None:
    """Write a folder, with the next free number where none is given."""


@query
async def lock_folders(conn: Connection, *, user_id: UUID) -> UUID | None:
    """Keep others from adding a folder of the user until the transaction ends."""


@query
async def list_folders(conn: Connection, *, user_id: UUID) -> list[FolderCount]:
    """Return a user's folders by number."""


@query
async def get_folder(conn: Connection, *, user_id: UUID, folder_id: UUID) -> FolderCount | None:
    """Return one folder of a user."""


@query
async def update_folder(
    conn: Connection,
    *,
    user_id: UUID,
    folder_id: UUID,
    name: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> FolderCount | None:
    """Rename a folder; None where there is none, it is number 1 or not the expected version."""


@query
async def delete_folder(conn: Connection, *, user_id: UUID, folder_id: UUID) -> int:
    """Delete an empty folder that is not number 1; return how many were deleted."""
