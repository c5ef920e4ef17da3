"""What to play next, and what wants care: `queries/recommendations.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class Recommendation(Row, frozen=True):
    """A release to play now; `days_since` counts from the last play or from its addition."""

    copy_id: UUID
    weight: float
    reason: str
    days_since: int
    plays: int
    rating: int
    cleanliness: float
    recency: int
    last_played_at: datetime | None
    release: Raw


class NeglectedRelease(Row, frozen=True):
    """A release that was not played for long."""

    days_since: int
    last_played_at: datetime | None
    release: Raw


class DueCleaning(Row, frozen=True):
    """A release that wants cleaning; `cleanliness` is 0 for clean and 100 for dirty."""

    cleanliness: float
    plays_since: int
    last_cleaned_at: datetime | None
    release: Raw


@query
async def list_recommendations(
    conn: Connection, *, user_id: UUID, tz: str | None, now: datetime, max_rows: int
) -> list[Recommendation]:
    """Return what to play now, best first."""


@query
async def list_neglected(
    conn: Connection, *, user_id: UUID, tz: str | None, now: datetime, max_rows: int
) -> list[NeglectedRelease]:
    """Return what was not played for longer than the user's threshold, the longest first."""


@query
async def list_due_cleanings(
    conn: Connection, *, user_id: UUID, max_rows: int
) -> list[DueCleaning]:
    """Return what is due for cleaning, the dirtiest first."""
