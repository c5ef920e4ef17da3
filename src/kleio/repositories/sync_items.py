"""What a sync has read of a shelf at Discogs: `queries/sync_items.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class Reading(Row, frozen=True):
    """What readings have seen: all of them, the last one, and what came after it had begun."""

    items: int
    items_now: int
    items_added: int


@query
async def upsert_items(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int, items: str
) -> int:
    """Keep a page of the shelf; return how many instances it has."""


@query
async def get_reading(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int, first_page_at: datetime
) -> Reading | None:
    """Return what tells whether the shelf stood still while it was read."""


@query
async def delete_items_before(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int
) -> int:
    """Forget what only earlier readings saw."""


@query
async def delete_items(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Forget what a run has read."""


@query
async def list_item_folders(conn: Connection, *, user_id: UUID, run_id: UUID) -> list[int]:
    """Return the numbers of the folders that the items are in."""


@query
async def list_vanished_releases(conn: Connection, *, user_id: UUID, run_id: UUID) -> list[int]:
    """Return the Discogs numbers of releases whose copies no page shows."""
