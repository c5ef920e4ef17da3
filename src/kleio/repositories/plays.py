"""Each user's plays: `queries/plays.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query


class Play(Row, frozen=True):
    """A play; `release` is the release's card."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    stylus_id: UUID | None
    played_at: datetime
    duration_seconds: int
    duration_estimated: bool
    side: str | None
    notes: str | None
    updated_at: datetime
    release: Raw


class RemovedPlay(Row, frozen=True):
    """A play that was deleted, whole, with its release's title to tell of it by."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    stylus_id: UUID | None
    played_at: datetime
    duration_seconds: int
    duration_estimated: bool
    side: str | None
    notes: str | None
    created_at: datetime
    release_title: str


@query
async def insert_play(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    stylus_id: UUID | None,
    with_primary: bool,
    played_at: datetime,
    duration_seconds: int | None,
    side: str | None,
    notes: str | None,
    now: datetime,
) -> UUID | None:
    """Log a play and return its id, None where there is no such release or copy."""


@query
async def insert_plays(conn: Connection, *, user_id: UUID, plays: str, now: datetime) -> int:
    """Log many plays of a user's copies from a JSON array; return how many."""


@query
async def get_play(conn: Connection, *, user_id: UUID, play_id: UUID) -> Play | None:
    """Return one play of a user."""


@query
async def list_plays(
    conn: Connection,
    *,
    user_id: UUID,
    before_played_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Play]]:
    """Return one page of a user's plays, newest first."""


@query
async def list_filtered_plays(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    stylus_id: UUID | None,
    artist: str | None,
    genre: str | None,
    since: datetime | None,
    until: datetime | None,
    before_played_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Play]]:
    """Return one page of a user's plays that pass filters, newest first."""


@query
async def count_plays(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    copy_id: UUID | None,
    stylus_id: UUID | None,
    artist: str | None,
    genre: str | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """Return how many plays of a user pass filters."""


@query
async def update_play(
    conn: Connection,
    *,
    user_id: UUID,
    play_id: UUID,
    changes: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> int:
    """Change a play; return 0 where there is none or it is not the expected version."""


@query
async def delete_play(conn: Connection, *, user_id: UUID, play_id: UUID) -> RemovedPlay | None:
    """Delete a play and return it, None where there is none."""


@query
async def insert_removed_play(
    conn: Connection,
    *,
    user_id: UUID,
    play_id: UUID,
    release_id: UUID,
    copy_id: UUID | None,
    stylus_id: UUID | None,
    played_at: datetime,
    duration_seconds: int,
    duration_estimated: bool,
    side: str | None,
    notes: str | None,
    created_at: datetime,
    now: datetime,
) -> int:
    """Put a deleted play back; return 0 where it is back already."""


@query
async def delete_plays_before(conn: Connection, *, user_id: UUID, before: datetime) -> int:
    """Delete a user's plays that are older than a moment; return how many were deleted."""
