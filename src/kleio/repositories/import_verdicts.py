"""What becomes of each record of an imported file: `queries/import_verdicts.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def insert_folder_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the folders of a file; return how many there are."""


@query
async def insert_copy_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the copies of a file; return how many there are."""


@query
async def insert_preferences_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the preferences of a file; return how many there are."""
