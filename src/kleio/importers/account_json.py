"""A whole account as one JSON, which `kleio export all` writes, back as its records.

In whatever order its members come, it is read as a stream (`json_files`). The shape of records is
`kleio.account_records`', their rules are `record_checks`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from kleio.account_records import (
    FORMAT,
    VERSION,
    AccountKind,
    AccountRecord,
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    PreferencesRecord,
    ReleaseRecord,
    StylusRecord,
)
from kleio.importers.json_files import STARTS, Event, JsonFile
from kleio.importers.sources import SourceError, SourceRow
from kleio.time_zones import known_name

_LISTS: dict[str, tuple[AccountKind, type[AccountRecord]]] = {
    "releases": ("release", ReleaseRecord),
    "folders": ("folder", FolderRecord),
    "styluses": ("stylus", StylusRecord),
    "copies": ("copy", CopyRecord),
    "plays": ("play", PlayRecord),
    "cleanings": ("cleaning", CleaningRecord),
}
_FIELDS = {name: frozenset(record.__struct_encode_fields__) for name, (_, record) in _LISTS.items()}

_AT = re.compile(r"^(?P<message>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)


class AccountJson(JsonFile):
    """The records of a whole-account JSON.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.

    Raises:
        SourceError: it is no JSON.
    """

    name = "account"
    key = "account"

    def __init__(self, file: BinaryIO, file_name: str) -> None:
        super().__init__(file, file_name, "the JSON of an account")

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield every item of the account's lists, and its preferences."""
        with self.parsed() as events:
            yield from self._records(events)

    def _records(self, events: Iterator[Event]) -> Iterator[SourceRow]:
        found = set()
        for name, event, value in self.members(events):
            found.add(name)
            if name in _LISTS:
                kind, _ = _LISTS[name]
                for place, item in self.items(name, event, events):
                    yield _row(place, kind, item, _FIELDS[name])
            elif name == "preferences":
                value = _with_known_zone(self.build(event, value, events))
                yield _row("$.preferences", "preferences", {"preferences": value})
            elif event in STARTS:
                raise SourceError(f"$.{name[:50]}: this version of Kleio knows no such list")
            _check_head(name, value)
        for name in ("format", "version"):
            if name not in found:
                raise SourceError(f"this is not the JSON of an account: it has no {name}")


_RECORDS: dict[AccountKind, type[AccountRecord]] = {
    "preferences": PreferencesRecord,
    **dict(_LISTS.values()),
}


def _with_known_zone(preferences: Any) -> Any:
    """Name the zone as Kleio does, which a file of an earlier version may not do."""
    if not isinstance(preferences, dict) or not isinstance(preferences.get("timeZone"), str):
        return preferences
    return {**preferences, "timeZone": known_name(preferences["timeZone"])}


def _row(
    place: str, kind: AccountKind, item: Any, known: frozenset[str] | None = None
) -> SourceRow:
    try:
        record = msgspec.convert(item, type=_RECORDS[kind])
    except (msgspec.ValidationError, RecursionError) as error:
        return SourceRow(place=place, kind=kind, problem=_in_words(str(error)))
    unknown = sorted(item.keys() - known) if known is not None else []
    note = f"left out: {', '.join(name[:50] for name in unknown[:5])}" if unknown else None
    return SourceRow(place=place, kind=kind, record=record, note=note)


def _in_words(error: str) -> str:
    found = _AT.match(error)
    if found is None or not found["path"]:
        return error.replace("`", "")
    return f"{found['path']}: {found['message']}".replace("`", "")


def _check_head(name: str, value: Any) -> None:
    if name == "format" and value != FORMAT:
        raise SourceError(f"this is not the JSON of an account: its format is not {FORMAT}")
    if name == "version" and value != VERSION:
        raise SourceError(
            f"the file is of version {str(value)[:20]}; this Kleio reads version {VERSION}"
        )
