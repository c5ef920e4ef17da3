"""What a reader of tables finds beside its records: notes on them, and where each row went.

A note belongs to the record that is being read, and goes with it (`SourceRow.note`). Of every table
each row is accounted for: taken into a record, refused or left out with a note, or left behind on
purpose, which is counted by sort with the reason.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import msgspec

from kleio.account_records import AccountKind, AccountRecord
from kleio.importers.sources import SourceRow

_TABLE = re.compile(r"(?:\$\.)?(\w+)")


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are left behind on purpose, and why."""

    what: str
    rows: int
    reason: str


class Findings:
    """Collects the notes of one record at a time, and counts rows by table.

    Attributes:
        read: rows that there are.
        taken: rows that went into records.
        dropped: rows that were refused, or left out with a note.
        made: records without a row of their own: what other rows refer to.
        left: what is left behind.
        refusals: refused rows by what they should have been.
        refused_seconds: how long the refused plays played.
    """

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.left: list[Left] = []
        self.refusals: Counter[AccountKind] = Counter()
        self.refused_seconds = 0
        self._named: defaultdict[str, set[Any]] = defaultdict(set)
        self._notes: list[str] = []

    def note(self, words: str) -> None:
        """Note what is left out or changed of the record that is being read."""
        self._notes.append(words)

    def forget(self) -> None:
        """Drop the notes of a record that does not come."""
        self._notes.clear()

    def row(
        self, kind: AccountKind, place: str, record: AccountRecord, *, made: bool = False
    ) -> SourceRow:
        """Return a record with its notes; `made` is one without a row of its own."""
        note = "; ".join(self._notes) or None
        self._notes.clear()
        # A release and its copy are one row.
        if kind != "release":
            (self.made if made else self.taken)[_table(place)] += 1
        return SourceRow(place=place, kind=kind, record=record, note=note)

    def refused(self, kind: AccountKind, place: str, problem: str) -> SourceRow:
        """Return a row that is no record."""
        self._notes.clear()
        self.dropped[_table(place)] += 1
        self.refusals[kind] += 1
        return SourceRow(place=place, kind=kind, problem=problem)

    def parts(self, table: str, rows: int, taken: int) -> None:
        """Count the rows that belong to a record, and those of them that went into it."""
        self.taken[table] += taken
        self.dropped[table] += rows - taken

    def named(self, table: str, key: Any, *, has_row: bool) -> None:
        """Count a row that others refer to, however often they do, or the lack of it."""
        keys = self._named[table if has_row else f"no {table}"]
        if key not in keys:
            keys.add(key)
            (self.taken if has_row else self.made)[table] += 1

    def leave(self, what: str, rows: int, reason: str) -> None:
        """Count rows that nobody misses; none are not worth a word."""
        if rows:
            self.left.append(Left(what=what, rows=rows, reason=reason))

    def left_of(self, table: str) -> int:
        """Return how many rows of a table are left behind."""
        return sum(left.rows for left in self.left if left.what == table)


def _table(place: str) -> str:
    found = _TABLE.match(place)
    return found[1] if found else place
