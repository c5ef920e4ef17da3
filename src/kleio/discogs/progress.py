"""What a sync's run tells of itself, and what it keeps to go on where it stopped.

All of it lies in the run's row as JSON; the words are the API's.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from kleio.discogs.answers import Folder

MOST_REFUSED = 200
"""How many releases a report names that could not be fetched; all are counted."""


class SyncCounts(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """How many copies became what, and releases.

    `items` are the copies at Discogs: `added` to the shelf, `adopted` (were here without a link to
    Discogs), `returned` from the archive, `changed`, `unchanged`. `archived` are gone at Discogs;
    in `conflicts` both sides changed and the user's was kept. `toFetch` releases were wanted from
    Discogs, `fetched` came, `refused` could not be had.
    """

    items: int = 0
    added: int = 0
    adopted: int = 0
    returned: int = 0
    changed: int = 0
    unchanged: int = 0
    archived: int = 0
    conflicts: int = 0
    to_fetch: int = 0
    fetched: int = 0
    refused: int = 0


class CopyConflict(msgspec.Struct, frozen=True, rename="camel"):
    """A copy that changed on both sides, and the fields in which the user's side was kept."""

    copy_id: UUID
    instance_id: int
    release_discogs_id: int
    fields: list[str]


class RenamedFolder(msgspec.Struct, frozen=True, rename="camel"):
    """A folder that was renamed on both sides: its name here, which stays, and at Discogs."""

    number: int
    here: str
    there: str


class RefusedRelease(msgspec.Struct, frozen=True, rename="camel"):
    """A release that could not be had, and why."""

    discogs_id: int
    reason: str


class SyncReport(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """What a user should look at; lists of at most 200. `incomplete`: nothing was archived."""

    conflicts: list[CopyConflict] = []
    folders: list[RenamedFolder] = []
    refused: list[RefusedRelease] = []
    incomplete: bool = False

    def refuse(self, discogs_id: int, reason: str) -> None:
        """Name a release that could not be had."""
        if len(self.refused) < MOST_REFUSED:
            self.refused.append(RefusedRelease(discogs_id, reason[:300]))


class SyncState(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Where a run goes on.

    A shelf is read in `reading`s of `pages` pages each; of the present one `items_read` items were
    seen on the pages before `next_page`. Discogs said that there are `total` of them, and that this
    was so on all pages (`is_steady`). `totals` are the totals of all readings.
    """

    username: str = ""
    folders: list[Folder] = []
    fields: dict[int, str] = {}
    reading: int = 1
    next_page: int = 1
    pages: int = 0
    total: int | None = None
    totals: list[int] = []
    is_steady: bool = True
    items_read: int = 0
    first_page_at: datetime | None = None
    pages_before: int = 0
    is_complete: bool = False
    is_checked: bool = False

    def read_again(self) -> None:
        """Begin the next reading."""
        self.pages_before += self.next_page - 1
        self.reading += 1
        self.next_page = 1
        self.pages = 0
        self.total = None
        self.is_steady = True
        self.items_read = 0
        self.first_page_at = None


def encode(value: SyncCounts | SyncReport | SyncState) -> str:
    """Return the JSON of a part of the run's row."""
    return msgspec.json.encode(value).decode()
