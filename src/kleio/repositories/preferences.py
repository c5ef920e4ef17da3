"""A user's preferences: `queries/preferences.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, query


@query
async def get_preferences(conn: Connection, *, user_id: UUID) -> Raw | None:
    """Return a user's preferences as JSON, None where none were ever changed."""


@query
async def upsert_preferences(
    conn: Connection, *, user_id: UUID, changes: str, now: datetime
) -> Raw | None:
    """Merge a JSON object into a user's preferences and return them."""
