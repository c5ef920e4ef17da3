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
    """A folder with the number of copies in it."""

    id: UUID
    number: int
    name: str
    copies: int


@query
async def insert_folder(
    conn: Connection, *, user_id: UUID, number: int | None, name: str, now: datetime
) -> Folder | None:
    """Write a folder, with the next free number where none is given."""


@query
async def list_folders(conn: Connection, *, user_id: UUID) -> list[FolderCount]:
    """Return a user's folders by number."""
