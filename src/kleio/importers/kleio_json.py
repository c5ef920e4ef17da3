"""The history export of the older Kleio as account records: plays, cleanings, styluses.

`GET /api/export/history` of the app writes it. It names releases by Discogs' numbers alone, without
a title, so a release that the catalogue lacks is looked up and never made: what refers to it is
`unmatched`, and comes with the next import of the same file after a sync or a dump brought it.

The app and those who read its files spell the fields in two ways (`expectedLifespan`,
`expected_lifespan_hours`); both are understood. This module owns the file's shape; what the values
mean is `older_records`' and `older_values`' to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any, BinaryIO

from kleio.account_records import AccountKind, ReleaseRecord, StylusRecord
from kleio.catalogue import ReleaseDocument
from kleio.importers import older_values as values
from kleio.importers.findings import Findings
from kleio.importers.json_files import JsonFile
from kleio.importers.older_records import Login, OlderRecords
from kleio.importers.older_values import OddValue
from kleio.importers.sources import SourceError, SourceRow

LISTS = ("playHistory", "cleaningHistory", "styluses")

WHAT = "a history export of the older Kleio"

MAX_STYLUSES = 10_000
"""Styluses are held in memory, because plays come before them in the file."""


class KleioJson(JsonFile):
    """A history export; a `kleio.importers.sources.Source`.

    It is read twice: first the styluses, which stand at its end, then what was played on them.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.

    Raises:
        SourceError: it is no JSON.
    """

    name = "kleio-json"
    key = "kleio-json"

    def __init__(self, file: BinaryIO, file_name: str) -> None:
        super().__init__(file, file_name, WHAT)
        self.findings = Findings()
        # Go writes times with their zone; one without is UTC, as everything in such a file.
        self._made = OlderRecords(self.findings, zone=UTC)

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the records, each after those that it refers to."""
        yield from self._styluses(self._look())
        named: set[int] = set()
        with self.parsed() as events:
            for member, event, _ in self.members(events):
                name = _camel(member)
                if name not in LISTS[:2] or event == "null":
                    self.skip(event, events)
                    continue
                for place, item in self.items(member, event, events):
                    self.findings.read[member] += 1
                    yield from self._item(name, place, item, named)

    def login(self) -> Login:
        """Return nobody: an export does not say whose it is."""
        return Login(None, None)

    def syncs(self) -> list[dict[str, Any]]:
        """Return none: an export has no syncs."""
        return []

    def play_seconds(self) -> int | None:
        """Return None: an export does not say how long a release plays."""
        return None

    def _look(self) -> list[tuple[str, Any]]:
        """Check the file's shape and return its styluses, each with its place."""
        found: list[tuple[str, Any]] = []
        names = set()
        with self.parsed() as events:
            for member, event, value in self.members(events):
                name = _camel(member)
                names.add(name)
                if name == "format":
                    raise SourceError(f"this is not {WHAT}; it says of itself that it is {value}")
                if name in LISTS and event not in ("start_array", "null"):
                    raise SourceError(f"this is not {WHAT}: {member} is not a list")
                if name == "styluses" and event == "start_array":
                    for stylus in self.items(member, event, events):
                        found.append(stylus)
                        if len(found) > MAX_STYLUSES:
                            raise SourceError(f"more than {MAX_STYLUSES:,} styluses")
                else:
                    self.skip(event, events)
        if names.isdisjoint(LISTS):
            raise SourceError(f"this is not {WHAT}: none of {', '.join(LISTS)} in it")
        return found

    def _styluses(self, items: list[tuple[str, Any]]) -> Iterator[SourceRow]:
        self._made.styluses.clear()
        primary = self._primary(items)
        for number, (place, item) in enumerate(items):
            self.findings.read["styluses"] += 1
            if not isinstance(item, dict):
                yield self.findings.refused("stylus", place, "not an object")
                continue
            record = self._stylus(item)
            if record.is_primary and number != primary:
                self._made.not_primary(record)
            self._name(record, item)
            yield self.findings.row("stylus", place, record)

    def _primary(self, items: list[tuple[str, Any]]) -> int | None:
        """Return which one is primary: of those that are called so the last one changed."""
        called = []
        for number, (_, item) in enumerate(items):
            if isinstance(item, dict):
                record = self._stylus(item)
                if record.is_primary and record.active:
                    called.append((values.text(_get(item, "updatedAt")) or "", number))
        self.findings.forget()
        return max(called)[1] if called else None

    def _stylus(self, item: dict[str, Any]) -> StylusRecord:
        # Only styluses that are owned are exported: what is not said of them is so.
        owned, active = _get(item, "owned"), _get(item, "active")
        return self._made.stylus(
            self._made.attempt("id", values.whole, _get(item, "id")),
            name=_get(item, "name"),
            manufacturer=_get(item, "manufacturer"),
            hours=_get(item, "expectedLifespan", "expectedLifespanHours"),
            bought=_get(item, "purchaseDate"),
            active=True if active is None else active,
            primary=_get(item, "primary", "primaryStylus"),
            owned=True if owned is None else owned,
        )

    def _name(self, record: StylusRecord, item: dict[str, Any]) -> None:
        """Call a stylus by its number and when it was added: another app has a number 20 too."""
        if record.id is None:
            return
        number = int(record.id)
        if number in self._made.styluses:
            record.id = None
            self.findings.note(f"id: {number} is an earlier stylus': without its plays")
            return
        added = values.line(_get(item, "createdAt"))
        if added is not None:
            record.id = f"{number} {values.shown(added)}"
        self._made.styluses[number] = record.id

    def _item(self, name: str, place: str, item: Any, named: set[int]) -> Iterator[SourceRow]:
        """Yield a play or cleaning, and before it its release where that was not named yet."""
        kind: AccountKind = "play" if name == "playHistory" else "cleaning"
        if not isinstance(item, dict):
            yield self.findings.refused(kind, place, "not an object")
            return
        release = _get(item, "releaseId")
        yield from self._release(place, release, named)
        if kind == "play":
            yield self._made.play(
                place,
                None,
                release=release,
                played_at=_get(item, "playedAt"),
                stylus=_get(item, "stylusId"),
                notes=_get(item, "notes"),
                seconds=None,
            )
        else:
            yield self._made.cleaning(
                place,
                None,
                release=release,
                cleaned_at=_get(item, "cleanedAt"),
                notes=_get(item, "notes"),
                flags=[("isDeepClean", _get(item, "isDeepClean", "deepClean"))],
            )

    def _release(self, place: str, value: Any, named: set[int]) -> Iterator[SourceRow]:
        try:
            number = values.discogs_number(value)
        except OddValue:
            return  # said of what refers to it
        if number not in named:
            named.add(number)
            document = ReleaseDocument(discogs_id=number, title="")
            record = ReleaseRecord(id=f"{number}", document=document, lookup_only=True)
            yield self.findings.row("release", f"{place}.releaseId", record)


def _get(item: dict[str, Any], *names: str) -> Any:
    """Return the first of these fields that is there, in either spelling; objects are nothing."""
    for name in names:
        for spelling in (name, re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)):
            value = item.get(spelling)
            if value is not None and not isinstance(value, dict | list):
                return value
    return None


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda letter: letter[1].upper(), name)
