"""When Kleio may call Discogs: `queries/discogs_pace.sql`."""

from __future__ import annotations

from datetime import datetime

from kleio.db.queries import Connection, Row, query


class Moment(Row, frozen=True):
    """The moment of one call: how long until then, and how many calls a window holds by now."""

    wait_seconds: float
    permitted: int


@query
async def update_pace_taken(
    conn: Connection,
    *,
    calls_a_minute: int,
    window_seconds: float,
    seen_seconds_ago: float | None,
    seen_limit: int | None,
    seen_used: int | None,
    now: datetime | None,
) -> Moment | None:
    """Take the next free moment for one call."""


@query
async def update_pace_blocked(conn: Connection, *, seconds: float, now: datetime | None) -> int:
    """Let nobody call Discogs for a while."""
