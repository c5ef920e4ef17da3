"""What a user's plays tell: `queries/stats.sql`."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class PlayBucket(Row, frozen=True):
    """Plays and minutes of the day, week, month or year that starts on a date."""

    start: date
    plays: int
    minutes: float


class Streaks(Row, frozen=True):
    """Days in a row with a play."""

    current_days: int
    current_from: date | None
    longest_days: int
    longest_from: date | None
    longest_to: date | None


class HeatmapCell(Row, frozen=True):
    """Plays and minutes of an hour of a weekday; 1 is Monday."""

    weekday: int
    hour: int
    plays: int
    minutes: float


class TopRelease(Row, frozen=True):
    """How often and how long a release was played; `name` is its title, `releases` is 1."""

    id: UUID
    name: str
    plays: int
    minutes: float
    releases: int
    release: Raw


class TopName(Row, frozen=True):
    """How often and how long an artist, label, genre, style or decade was played."""

    id: UUID | None
    name: str
    plays: int
    minutes: float
    releases: int


@query
async def list_play_buckets(
    conn: Connection,
    *,
    user_id: UUID,
    bucket: str,
    tz: str | None,
    first_day: date | None,
    last_day: date | None,
) -> list[PlayBucket]:
    """Return plays and minutes for each `day`, `week`, `month` or `year` of a range."""


@query
async def get_streaks(
    conn: Connection, *, user_id: UUID, tz: str | None, now: datetime
) -> Streaks | None:
    """Return the current and the longest run of days with a play."""


@query
async def list_heatmap(
    conn: Connection,
    *,
    user_id: UUID,
    tz: str | None,
    first_day: date | None,
    last_day: date | None,
) -> list[HeatmapCell]:
    """Return plays and minutes by weekday and hour, 168 cells."""


@query
async def list_top_releases(
    conn: Connection,
    *,
    user_id: UUID,
    tz: str | None,
    by_minutes: bool,
    first_day: date | None,
    last_day: date | None,
    max_rows: int,
) -> list[TopRelease]:
    """Return the releases that were played most."""


@query
async def list_top_names(
    conn: Connection,
    *,
    user_id: UUID,
    kind: str,
    tz: str | None,
    by_minutes: bool,
    first_day: date | None,
    last_day: date | None,
    max_rows: int,
) -> list[TopName]:
    """Return the names of a kind (`artist`, `label`, `genre`, `style`, `decade`) played most."""
