"""Libraries: `queries/libraries.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class Library(Row, frozen=True):
    """A folder of music on the server."""

    id: UUID
    name: str
    root: str
    scanned_at: datetime | None
    created_at: datetime
    updated_at: datetime


@query
async def list_libraries(conn: Connection) -> list[Library]:
    """Return all libraries by name."""


@query
async def upsert_library(conn: Connection, *, name: str, root: str, now: datetime) -> UUID | None:
    """Add a library, or say where its folder is now; return its id."""


@query
async def update_library(conn: Connection, *, library_id: UUID, scanned_at: datetime) -> int:
    """Note when the last complete scan of a library began."""


@query
async def lock_library(conn: Connection, *, library_id: UUID) -> bool | None:
    """Let no other connection scan a library; return whether none does."""


@query
async def delete_library_lock(conn: Connection, *, library_id: UUID) -> bool | None:
    """Let go of a library that was scanned."""
