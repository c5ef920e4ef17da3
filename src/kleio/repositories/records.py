"""What one user has of a release and has done with it: `queries/records.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class Record(Row, frozen=True):
    """A release as one user knows it; the first seven are JSON arrays.

    `cleanliness` is 0 for clean and 100 for dirty, `seconds_played` the sum of all plays.
    """

    copies: Raw
    plays: Raw
    cleanings: Raw
    styluses: Raw
    folders: Raw
    sides: Raw
    months: Raw
    play_count: int
    seconds_played: int
    cleaning_count: int
    last_played_at: datetime | None
    last_cleaned_at: datetime | None
    cleanliness: float
    neglected: bool


@query
async def get_record(
    conn: Connection, *, user_id: UUID, release_id: UUID, now: datetime, max_rows: int
) -> Record | None:
    """Return a user's copies, plays and cleanings of one release, and what logging it needs."""
