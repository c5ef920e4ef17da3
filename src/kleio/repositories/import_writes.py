"""What the verdicts on an imported file lead to: `queries/import_writes.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def upsert_ids(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Remember which row each record of the source became."""


@query
async def insert_folders(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Write the folders that the user lacks; return how many."""


@query
async def insert_styluses(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Write the styluses that the user lacks; return how many."""


@query
async def insert_copies(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Write the copies that the user lacks; return how many."""


@query
async def insert_plays(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Write the plays that the user lacks; return how many."""


@query
async def insert_cleanings(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Write the cleanings that the user lacks; return how many."""


@query
async def upsert_preferences(
    conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime
) -> int:
    """Write the preferences that the user never set."""


@query
async def update_preferences(
    conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime
) -> int:
    """Change preferences to what the file says; return how many rows."""


@query
async def update_folders(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Change folders to what the file says; return how many."""


@query
async def update_styluses(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Change styluses to what the file says; return how many."""


@query
async def update_copies(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Change copies to what the file says; return how many."""


@query
async def update_plays(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Change plays to what the file says; return how many."""


@query
async def update_cleanings(conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime) -> int:
    """Change cleanings to what the file says; return how many."""
