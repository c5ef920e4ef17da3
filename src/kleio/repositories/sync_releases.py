"""The releases that a sync has to ask Discogs for: `queries/sync_releases.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def count_items_to_fetch(
    conn: Connection, *, user_id: UUID, run_id: UUID, stale_before: datetime, retry_before: datetime
) -> int:
    """Return how many releases of the items Discogs would have to be asked for."""


@query
async def count_releases_to_fetch(
    conn: Connection, *, user_id: UUID, stale_before: datetime, retry_before: datetime
) -> int:
    """Return how many releases on the shelf Discogs has to be asked for."""


@query
async def list_releases_to_fetch(
    conn: Connection,
    *,
    user_id: UUID,
    stale_before: datetime,
    retry_before: datetime,
    batch_size: int,
) -> list[int]:
    """Return the Discogs numbers of the next releases to ask for."""
