"""What a day, a year and the shelf were like: `queries/stats_reviews.sql`."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class DayPlay(Row, frozen=True):
    """A play on this day of an earlier year."""

    id: UUID
    played_at: datetime
    years_ago: int
    release: Raw


@query
async def list_on_this_day(
    conn: Connection,
    *,
    user_id: UUID,
    tz: str | None,
    day: date | None,
    now: datetime,
    max_rows: int,
) -> list[DayPlay]:
    """Return what was played on a day of earlier years."""


@query
async def get_year(conn: Connection, *, user_id: UUID, year: int, tz: str | None) -> Raw | None:
    """Return a year in review as JSON."""


@query
async def get_collection_stats(conn: Connection, *, user_id: UUID, tz: str | None) -> Raw | None:
    """Return what the shelf is made of as JSON."""
