"""What becomes of each stylus, play and cleaning of a file: `queries/listening_verdicts.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def insert_stylus_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the styluses of a file; return how many there are."""


@query
async def insert_play_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the plays of a file; return how many there are."""


@query
async def insert_cleaning_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the cleanings of a file; return how many there are."""
