"""Copies at Discogs, which become the user's: `queries/sync_copies.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class Verdicts(Row, frozen=True):
    """What becomes of the items, `vanished` of copies that are no longer among them."""

    items: int
    added: int
    adopted: int
    changed: int
    returned: int
    unchanged: int
    conflicts: int
    vanished: int


@query
async def update_items_matched(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Find each item's copy."""


@query
async def update_items_merged(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Decide what becomes of each item."""


@query
async def get_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> Verdicts | None:
    """Return how many items become what."""


@query
async def get_conflicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> Raw | None:
    """Return the copies that changed on both sides, as a JSON array."""


@query
async def update_copies_synced(
    conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime
) -> int:
    """Write what was decided of copies that are here already."""


@query
async def insert_copies_synced(
    conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime
) -> int:
    """Put copies on the shelf that are not here yet; return how many."""


@query
async def update_copies_vanished(
    conn: Connection, *, user_id: UUID, run_id: UUID, now: datetime
) -> int:
    """Archive the copies that are no longer at Discogs."""
