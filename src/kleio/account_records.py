"""The records in which a user's own data travels: out as one JSON, in from any source.

An export writes them; a Discogs CSV, an older Kleio, a whole-account JSON all become them before
anything is compared or written. This module owns their shape alone; it reads no format and touches
no database. The words are the API's.

`id` is the source's own name for a row (a UUID of another Kleio, `17` of an older one, None where
the source has none); references between records (`release_id`, `copy_id`, `stylus_id`,
`folder_id`) hold such names too, and are resolved when all records are staged. Times carry a zone.
An empty text is None. Defaults are left out of the JSON.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from kleio.catalogue import ReleaseDocument

AccountKind = Literal["preferences", "release", "folder", "stylus", "copy", "play", "cleaning"]
"""What a record is, in the order in which records can be written."""

FORMAT = "kleio-account"
VERSION = 1
"""The version of the whole-account JSON: raise it when an older reader would misread it."""

MAX_CUSTOM_BYTES = 64 * 1024
"""What a copy's custom fields may take: a page of a shelf has 200 copies."""


def custom_bytes(custom_fields: dict[str, Any]) -> int:
    """Return how many bytes the custom fields of a copy take."""
    return len(msgspec.json.encode(custom_fields))


class AccountRecord(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Base of all records; `id` is the source's name for the row."""

    id: str | None = None


class PreferencesRecord(AccountRecord, kw_only=True, omit_defaults=True):
    """The user's preferences, by the API's names; what is not given stays as it is."""

    preferences: dict[str, Any]


class ReleaseRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A release that other records refer to.

    It is found in the catalogue by its Discogs number. Where it is not there, `document` is added;
    what is there is never changed by it. `is_stub` marks a document that holds only what the
    source knew (a CSV row), so that the next dump or sync completes it. With `lookup_only` nothing
    is ever added, for a source that knows a release by its number alone (the title is ignored).
    """

    document: ReleaseDocument
    is_stub: bool = False
    lookup_only: bool = False


class FolderRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A folder; `number` is Discogs', where it has one, and 1 is Uncategorized."""

    name: str
    number: int | None = None


class StylusRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A stylus; `model` is manufacturer and name of the base model it was copied from."""

    name: str
    manufacturer: str | None = None
    cartridge_type: str | None = None
    model: tuple[str, str] | None = None
    expected_lifespan_hours: int | None = None
    purchase_date: date | None = None
    install_date: date | None = None
    active: bool = True
    is_primary: bool = False
    owned: bool = True


class CopyRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A copy of a release on the shelf; `rating` 0 is not rated.

    `folder_id` is the source's name of a folder record; None is Uncategorized. A source without
    times of its own leaves `added_at` out, and the import's time counts.
    """

    release_id: str
    folder_id: str | None = None
    discogs_instance_id: int | None = None
    rating: int = 0
    media_condition: str | None = None
    sleeve_condition: str | None = None
    notes: str | None = None
    custom_fields: dict[str, Any] = {}
    added_at: datetime | None = None
    archived_at: datetime | None = None
    archive_reason: str | None = None


class PlayRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A play; a duration that is None is estimated as `POST /plays` would."""

    release_id: str
    played_at: datetime
    copy_id: str | None = None
    stylus_id: str | None = None
    duration_seconds: int | None = None
    duration_estimated: bool = False
    side: str | None = None
    notes: str | None = None


class CleaningRecord(AccountRecord, kw_only=True, omit_defaults=True, rename="camel"):
    """A cleaning of a record."""

    release_id: str
    cleaned_at: datetime
    copy_id: str | None = None
    deep: bool = False
    notes: str | None = None
