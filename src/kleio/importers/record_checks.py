"""What a record must be to be kept, whatever file it is from: the rules of the API's fields.

The database would refuse such a record too, and with it every other one of the statement. This
module owns the rules and their words; readers turn texts into values before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kleio.account_records import (
    MAX_CUSTOM_BYTES,
    AccountRecord,
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    PreferencesRecord,
    ReleaseRecord,
    StylusRecord,
    custom_bytes,
)
from kleio.catalogue import MAX_CARD_BYTES, ArtistCredit, ReleaseDocument, card_bytes
from kleio.time_zones import known_zones

MEDIA_CONDITIONS = ("M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded")
SLEEVE_CONDITIONS = (*MEDIA_CONDITIONS, "Generic", "No Cover")
ARCHIVE_REASONS = (
    *("sold", "given away", "lost", "duplicate", "mistake", "removed at Discogs", "other"),
)

EARLIEST_PLAY = datetime(1877, 1, 1, tzinfo=UTC)
EARLIEST_COPY = datetime(1900, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)

MAX_TEXT = 20_000
MAX_LINE = 500
MAX_FOLDER_NAME = 200
MAX_CUSTOM_FIELDS = 100
MAX_ID = 300
MAX_PLAY_SECONDS = 48 * 3600
MAX_HOURS = 100_000
MAX_INTEGER = 2**31 - 1
MAX_INSTANCE = 2**63 - 1
MAX_KEY_BYTES = 2600
"""The longest text, in UTF-8, that fits an entry of an index."""

_METADATA_LISTS = ("identifiers", "companies", "series", "images", "videos")
_SIDE = re.compile(r"[A-Z]{1,2}")
_PREFERENCES: dict[str, Callable[[Any], bool]] = {
    "recentlyPlayedDays": lambda value: _is_number(value, 1, 36_500),
    "neglectedDays": lambda value: _is_number(value, 1, 36_500),
    "cleaningFrequencyPlays": lambda value: _is_number(value, 1, 1000),
    "timeZone": lambda value: isinstance(value, str) and value in known_zones(),
}


def problem_of(record: AccountRecord, now: datetime) -> str | None:
    """Return what is wrong with a record, the first field at fault named; None where nothing is.

    Args:
        record: as a reader made it.
        now: the time of the import; what is more than a day after it did not happen yet.
    """
    return next(_problems(record, now), None)


def _problems(record: AccountRecord, now: datetime) -> Iterator[str]:
    if record.id is not None and not 1 <= len(record.id) <= MAX_ID:
        yield f"id: not 1 to {MAX_ID} characters"
    if isinstance(record, ReleaseRecord):
        if not record.lookup_only:
            yield from _release_problems(record.document)
        elif not _is_number(record.document.discogs_id, 1, MAX_INTEGER):
            yield "discogsId: needed"
    elif isinstance(record, CopyRecord):
        yield from _copy_problems(record, now)
    elif isinstance(record, PlayRecord):
        yield from _moment("playedAt", record.played_at, EARLIEST_PLAY, now)
        yield from _range("durationSeconds", record.duration_seconds, 0, MAX_PLAY_SECONDS)
        if record.side is not None and not _SIDE.fullmatch(record.side):
            yield f"side: {_shown(record.side)} is not one or two letters, A to Z"
        yield from _text("notes", record.notes, MAX_TEXT)
    elif isinstance(record, CleaningRecord):
        yield from _moment("cleanedAt", record.cleaned_at, EARLIEST_PLAY, now)
        yield from _text("notes", record.notes, MAX_TEXT)
    elif isinstance(record, FolderRecord):
        yield from _needed("name", record.name, MAX_FOLDER_NAME)
        yield from _range("number", record.number, 1, MAX_INTEGER)
    elif isinstance(record, StylusRecord):
        yield from _stylus_problems(record)
    elif isinstance(record, PreferencesRecord):
        for name, value in record.preferences.items():
            if name in _PREFERENCES and not _PREFERENCES[name](value):
                yield f"{name}: {_shown(value)} is not allowed"
            elif name not in _PREFERENCES:
                yield f"{_shown(name)}: no such preference"


def _copy_problems(record: CopyRecord, now: datetime) -> Iterator[str]:
    yield from _range("rating", record.rating, 0, 5)
    yield from _range("discogsInstanceId", record.discogs_instance_id, 1, MAX_INSTANCE)
    for name, value, words in (
        ("mediaCondition", record.media_condition, MEDIA_CONDITIONS),
        ("sleeveCondition", record.sleeve_condition, SLEEVE_CONDITIONS),
        ("archiveReason", record.archive_reason, ARCHIVE_REASONS),
    ):
        if value is not None and value not in words:
            yield f"{name}: {_shown(value)} is none of {', '.join(words)}"
    yield from _text("notes", record.notes, MAX_TEXT)
    if len(record.custom_fields) > MAX_CUSTOM_FIELDS:
        yield f"customFields: more than {MAX_CUSTOM_FIELDS}"
    if record.custom_fields and custom_bytes(record.custom_fields) > MAX_CUSTOM_BYTES:
        yield f"customFields: more than {MAX_CUSTOM_BYTES:,} bytes"
    for name, value in record.custom_fields.items():
        yield from _needed("customFields", name, MAX_LINE)
        if not isinstance(value, str):
            yield f"customFields.{name[:50]}: not a text"
        else:
            yield from _text(f"customFields.{name[:50]}", value, MAX_TEXT)
    yield from _moment("addedAt", record.added_at, EARLIEST_COPY, now)
    yield from _moment("archivedAt", record.archived_at, EARLIEST_COPY, now)
    if record.archive_reason is not None and record.archived_at is None:
        yield "archiveReason: without archivedAt"


def _stylus_problems(record: StylusRecord) -> Iterator[str]:
    yield from _needed("name", record.name, MAX_LINE)
    yield from _text("manufacturer", record.manufacturer, MAX_LINE)
    yield from _text("cartridgeType", record.cartridge_type, MAX_LINE)
    yield from _range("expectedLifespanHours", record.expected_lifespan_hours, 1, MAX_HOURS)
    if record.is_primary and not record.active:
        yield "isPrimary: only an active stylus can be primary"


def _release_problems(document: ReleaseDocument) -> Iterator[str]:
    yield from _range("discogsId", document.discogs_id, 1, MAX_INTEGER)
    if not document.title:
        yield "title: needed"
    yield from _range("year", document.year, 1, 9999)
    yield from _range("masterDiscogsId", document.master_discogs_id, 0, MAX_INTEGER)
    yield from _range("playDuration", document.play_duration, 0, MAX_INTEGER)
    yield from _key("country", document.country)
    for place, credit in enumerate(document.artists):
        yield from _credit_problems(f"artists[{place}]", credit)
    for place, label in enumerate(document.labels):
        yield from _key(f"labels[{place}].name", label.name)
        yield from _key(f"labels[{place}].catno", label.catno)
        yield from _range(f"labels[{place}].discogsId", label.discogs_id, 1, MAX_INTEGER)
    for place, carrier in enumerate(document.formats):
        yield from _key(f"formats[{place}].name", carrier.name)
    for name, values in (("genres", document.genres), ("styles", document.styles)):
        for place, value in enumerate(values):
            yield from _key(f"{name}[{place}]", value)
    seqs = [track.seq for track in document.tracks]
    if seqs != list(range(1, len(seqs) + 1)):
        yield "tracks: not numbered from 1"
    for place, track in enumerate(document.tracks):
        yield from _range(
            f"tracks[{place}].durationSeconds", track.duration_seconds, 0, MAX_INTEGER
        )
        yield from _range(f"tracks[{place}].parentSeq", track.parent_seq, 1, len(seqs))
    if card_bytes(document) > MAX_CARD_BYTES:
        yield f"more than {MAX_CARD_BYTES:,} bytes for lists to show"
    yield from _metadata_problems(document.metadata)


def _credit_problems(place: str, credit: ArtistCredit) -> Iterator[str]:
    yield from _key(f"{place}.name", credit.name)
    yield from _key(f"{place}.anv", credit.anv)
    yield from _range(f"{place}.discogsId", credit.discogs_id, 1, MAX_INTEGER)


def _metadata_problems(metadata: dict[str, Any]) -> Iterator[str]:
    for name in _METADATA_LISTS:
        things = metadata.get(name, [])
        if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
            yield f"metadata.{name}: not a list of objects"
            return
    for place, identifier in enumerate(metadata.get("identifiers", [])):
        value = identifier.get("value")
        yield from _key(
            f"metadata.identifiers[{place}].value", value if value is None else str(value)
        )


def _range(name: str, value: int | None, lowest: int, highest: int) -> Iterator[str]:
    if value is not None and not lowest <= value <= highest:
        yield f"{name}: {_shown(value)} is not {lowest} to {highest}"


def _moment(name: str, value: datetime | None, earliest: datetime, now: datetime) -> Iterator[str]:
    if value is None:
        return
    if value.tzinfo is None:
        yield f"{name}: needs a zone"
    elif value < earliest:
        yield f"{name}: before {earliest.year}"
    elif value > now + AHEAD:
        yield f"{name}: more than a day in the future"


def _text(name: str, value: str | None, longest: int) -> Iterator[str]:
    if value is not None and len(value) > longest:
        yield f"{name}: longer than {longest} characters"


def _needed(name: str, value: str, longest: int) -> Iterator[str]:
    if not value.strip():
        yield f"{name}: needed"
    yield from _text(name, value, longest)


def _key(name: str, value: str | None) -> Iterator[str]:
    if value is not None and len(value.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        yield f"{name}: longer than {MAX_KEY_BYTES} bytes"


def _is_number(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _shown(value: object) -> str:
    text = str(value)
    return repr(text) if len(text) <= 50 else repr(text[:47] + "...")
