"""A shelf at Discogs, read and written by a sync: `queries/discogs_sync.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class Reading(Row, frozen=True):
    """What readings have seen: all of them, the last one, and what came after it had begun."""

    items: int
    items_now: int
    items_added: int


class FolderConflict(Row, frozen=True):
    """A folder that was renamed both here and at Discogs."""

    number: int
    here: str
    there: str


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
async def upsert_items(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int, items: str
) -> int:
    """Keep a page of the shelf; return how many instances it has."""


@query
async def get_reading(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int, first_page_at: datetime
) -> Reading | None:
    """Return what tells whether the shelf stood still while it was read."""


@query
async def delete_items_before(
    conn: Connection, *, user_id: UUID, run_id: UUID, reading: int
) -> int:
    """Forget what only earlier readings saw."""


@query
async def delete_items(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Forget what a run has read."""


@query
async def list_item_folders(conn: Connection, *, user_id: UUID, run_id: UUID) -> list[int]:
    """Return the numbers of the folders that the items are in."""


@query
async def list_vanished_releases(conn: Connection, *, user_id: UUID, run_id: UUID) -> list[int]:
    """Return the Discogs numbers of releases whose copies no page shows."""


@query
async def update_folder_numbers(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Make way for the numbers of Discogs' folders."""


@query
async def update_folders_adopted(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Take folders of the same name for those of Discogs."""


@query
async def list_folder_conflicts(
    conn: Connection, *, user_id: UUID, folders: str
) -> list[FolderConflict]:
    """Return the folders that have been renamed on both sides."""


@query
async def update_folders_renaming(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Take the old name off folders that Discogs renamed."""


@query
async def update_folders_renamed(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Give folders the names that they have at Discogs."""


@query
async def insert_folders(conn: Connection, *, user_id: UUID, folders: str, now: datetime) -> int:
    """Add the folders that Discogs has and the user has not."""


@query
async def delete_folders(conn: Connection, *, user_id: UUID, folders: str) -> int:
    """Delete the empty folders that Discogs has deleted."""


@query
async def update_folders_forgotten(
    conn: Connection, *, user_id: UUID, folders: str, now: datetime
) -> int:
    """Let the other folders that Discogs has deleted be the user's own."""


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
