"""Each user's copies of releases: `queries/collection.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query


class Copy(Row, frozen=True):
    """One copy on a user's shelf; `rating` 0 is not rated, `release` is the release's card."""

    id: UUID
    release_id: UUID
    folder_id: UUID
    discogs_instance_id: int | None
    rating: int
    media_condition: str | None
    sleeve_condition: str | None
    notes: str | None
    custom_fields: Raw
    added_at: datetime
    archived_at: datetime | None
    archive_reason: str | None
    updated_at: datetime
    release: Raw


class ShelfCopy(Copy, frozen=True, omit_defaults=True):
    """A copy on the shelf with what has been done with its release; None where not asked for.

    `cleanliness` is 0 for clean and 100 for dirty; `needs_cleaning`, `neglected` and
    `recently_played` go by the user's preferences.
    """

    plays: int | None = None
    last_played_at: datetime | None = None
    last_cleaned_at: datetime | None = None
    cleanliness: float | None = None
    needs_cleaning: bool | None = None
    neglected: bool | None = None
    recently_played: bool | None = None


@query
async def list_collection_newest(
    conn: Connection,
    *,
    user_id: UUID,
    before_added_at: datetime | None,
    before_id: UUID | None,
    marks_at: datetime | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[ShelfCopy]]:
    """Return one page of a user's copies, latest added first."""


@query
async def list_collection_oldest(
    conn: Connection,
    *,
    user_id: UUID,
    after_added_at: datetime | None,
    after_id: UUID | None,
    marks_at: datetime | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[ShelfCopy]]:
    """Return one page of a user's copies, earliest added first."""


@query
async def get_random_copy(
    conn: Connection,
    *,
    user_id: UUID,
    seed: str,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    year_from: int | None,
    year_to: int | None,
    folder_id: UUID | None,
    min_rating: int | None,
    played_since: datetime | None,
    not_played_since: datetime | None,
    never_played: bool | None,
    needs_cleaning: bool | None,
    search: str | None,
) -> Copy | None:
    """Return one copy off a user's shelf that passes the filters, chosen by the seed."""


@query
async def get_copy(conn: Connection, *, user_id: UUID, copy_id: UUID) -> Copy | None:
    """Return one copy of a user."""


@query
async def lock_shelf(conn: Connection, *, user_id: UUID) -> bool | None:
    """Wait until no import or sync writes what is this user's, and keep others waiting."""


@query
async def insert_copy(
    conn: Connection,
    *,
    user_id: UUID,
    release_id: UUID | None,
    discogs_id: int | None,
    folder_id: UUID | None,
    rating: int,
    media_condition: str | None,
    sleeve_condition: str | None,
    notes: str | None,
    custom_fields: str,
    added_at: datetime,
    now: datetime,
) -> Copy | None:
    """Put one more copy on a user's shelf; None where the catalogue has no such release."""


@query
async def update_copy(
    conn: Connection,
    *,
    user_id: UUID,
    copy_id: UUID,
    changes: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> Copy | None:
    """Change a copy; None where there is none or it is not the expected version."""


@query
async def update_copy_archived(
    conn: Connection,
    *,
    user_id: UUID,
    copy_id: UUID,
    archive_reason: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> Copy | None:
    """Take a copy off the shelf and keep it; None where there is none to take, as expected."""


@query
async def update_copy_restored(
    conn: Connection,
    *,
    user_id: UUID,
    copy_id: UUID,
    expected_updated_at: datetime | None,
    now: datetime,
) -> Copy | None:
    """Put an archived copy back; None where there is none to put back, as expected."""


@query
async def delete_copy(conn: Connection, *, user_id: UUID, copy_id: UUID) -> int:
    """Take a copy off a user's shelf for good; return how many were deleted."""
