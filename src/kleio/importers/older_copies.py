"""Copies out of the older Kleio's releases: where they stand, how they are, what is noted of them.

There is one copy a release, because a second one has overwritten the first. Discogs' fields 1 to 3
are the grades and the notes, others are the user's own, of which the file has numbers alone. What
somebody added to the table by hand comes along: as archived, or as custom fields.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from kleio.account_records import CopyRecord
from kleio.importers import older_values as values
from kleio.importers.findings import Findings
from kleio.importers.grades import media_grade, sleeve_grade
from kleio.importers.older_schema import OWN_COLUMNS
from kleio.importers.older_values import OddValue, shown
from kleio.importers.record_checks import AHEAD, EARLIEST_COPY, MAX_TEXT

T = TypeVar("T")
Rows = list[tuple[Any, ...]]

MEDIA, SLEEVE, NOTES = 1, 2, 3
"""Discogs' numbers of the fields that every collection has."""

ALL, UNCATEGORIZED = 0, 1
"""Discogs' numbers of the folders that every collection has; the first is a view of all others."""

_GRADES = {MEDIA: "Media Condition", SLEEVE: "Sleeve Condition"}


class Copies:
    """Makes copies.

    Args:
        findings: is told what is odd.
        folders: the numbers of the folders that come as records.
        extra: the columns of releases that the app knows nothing of.
        now: the time of the import; no copy was added or archived later than that.
        last_seen: the last time at which the file was written to, as far as its rows tell.
    """

    def __init__(
        self,
        findings: Findings,
        folders: set[int],
        extra: list[str],
        *,
        now: datetime,
        last_seen: datetime | None,
    ) -> None:
        self._findings = findings
        self._folders = folders
        self._extra = extra
        self._now = now
        self._last_seen = last_seen
        self._instances: set[int] = set()

    def copy(self, number: int, row: tuple[Any, ...], notes: Rows) -> CopyRecord:
        """Return the copy that a row of releases is, with the notes of its fields."""
        instance, folder, rating, created, updated, *archive = row[: len(OWN_COLUMNS)]
        copy = CopyRecord(
            id=f"{number}",
            release_id=f"{number}",
            folder_id=self._folder(folder),
            discogs_instance_id=self._instance(instance),
        )
        updated_at = self._time("updated_at", updated)
        copy.added_at = self._time("created_at", created) or updated_at or self._last_seen
        stars = self._try("rating", values.whole, rating) or 0
        if 0 <= stars <= 5:
            copy.rating = stars
        else:
            self._findings.note(f"rating: {stars} is not 0 to 5: not rated")
        self._take_notes(copy, notes)
        for name, value in zip(self._extra, row[len(OWN_COLUMNS) :], strict=True):
            if (words := values.text(value)) is not None:
                copy.custom_fields[name] = self._short(name, words)
        self._archive(copy, updated_at, *archive)
        return copy

    def _folder(self, value: Any) -> str | None:
        number = self._try("folder_id", values.whole, value)
        if number is None or number == ALL:
            return None
        if number not in self._folders:
            self._findings.note(f"folder_id: there is no folder {number}: Uncategorized")
            return None
        return f"{number}"

    def _instance(self, value: Any) -> int | None:
        number = self._try("instance_id", values.whole, value)
        if number is None or number <= 0:
            return None
        if number in self._instances:
            self._findings.note(f"instance_id: {number} is another row's too: left out")
            return None
        self._instances.add(number)
        return number

    def deleted(self, number: int, notes: Rows) -> CopyRecord:
        """Return an archived copy of a release whose row is gone, for the notes that are left."""
        copy = CopyRecord(id=f"{number}", release_id=f"{number}", added_at=self._last_seen)
        copy.archived_at = self._last_seen or self._now
        copy.archive_reason = "other"
        self._take_notes(copy, notes)
        return copy

    def _take_notes(self, copy: CopyRecord, notes: Rows) -> None:
        # A record's default is shared by all.
        copy.custom_fields = {}
        taken = 0
        for row, given, value in notes:
            field = self._try(f"release_notes {row}, field_id", values.whole, given)
            words = values.text(value)
            if words is None:
                continue
            if field is None:
                self._findings.note(f"release_notes {row}: of no field: {shown(words)!r}: left out")
                continue
            taken += 1
            if field == NOTES:
                copy.notes = self._short(f"release_notes {row}, value", words)
            elif field == MEDIA and (grade := media_grade(words)):
                copy.media_condition = grade
            elif field == SLEEVE and (grade := sleeve_grade(words)):
                copy.sleeve_condition = grade
            else:
                name = _GRADES.get(field)
                if name is not None:
                    self._findings.note(
                        f"release_notes {row}: {shown(words)!r} is not a grade: a custom field"
                    )
                value = self._short(f"release_notes {row}, value", words)
                copy.custom_fields[name or f"Field {field}"] = value
        self._findings.parts("release_notes", len(notes), taken)

    def _archive(self, copy: CopyRecord, updated_at: datetime | None, *found: Any) -> None:
        """Archive a copy that a hand-altered row calls archived: by a flag, else by its time."""
        *given, moment, reason = found
        flags = [
            self._try(name, values.truth, value)
            for name, value in zip(("is_archived", "archived", "archive"), given, strict=True)
        ]
        archived_at = self._time("archived_at", moment)
        known = [flag for flag in flags if flag is not None]
        if not (any(known) if known else archived_at is not None):
            return
        copy.archived_at = (
            archived_at or updated_at or copy.added_at or self._last_seen or self._now
        )
        words = values.line(reason)
        copy.archive_reason = values.archive_reason(words) or "other"
        if words is not None and values.archive_reason(words) is None:
            copy.custom_fields["Archive reason"] = self._short("archive_reason", words)

    def _try(self, column: str, read: Callable[[Any], T | None], value: Any) -> T | None:
        try:
            return read(value)
        except OddValue as error:
            self._findings.note(f"{column}: {error}: left out")
            return None

    def _time(self, column: str, value: Any) -> datetime | None:
        found = self._try(column, lambda given: values.moment(given, UTC), value)
        if found is not None and not EARLIEST_COPY <= found <= self._now + AHEAD:
            self._findings.note(f"{column}: {found:%Y-%m-%d} can't be: left out")
            return None
        return found

    def _short(self, column: str, words: str) -> str:
        if len(words) > MAX_TEXT:
            self._findings.note(f"{column}: {values.cut_reason(words)}")
        return words[:MAX_TEXT]
