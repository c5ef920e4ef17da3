"""Styluses, plays and cleanings of the older Kleio as records, from a table or from its JSON alike.

Each method takes the values as they were found, notes what is odd, and returns the record. Where
they stand and what they are called there, the readers know (`kleio_sqlite`, `kleio_json`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import msgspec

from kleio.account_records import CleaningRecord, PlayRecord, StylusRecord
from kleio.importers import older_values as values
from kleio.importers.findings import Findings
from kleio.importers.older_values import OddValue, shown
from kleio.importers.record_checks import MAX_HOURS, MAX_LINE, MAX_PLAY_SECONDS, MAX_TEXT
from kleio.importers.sources import SourceRow

T = TypeVar("T")


class Login(msgspec.Struct, frozen=True):
    """Who the file belongs to at Discogs; `token` is a live credential."""

    username: str | None
    token: str | None

    @property
    def is_usable(self) -> bool:
        """Whether the token may be one: printable, of 8 to 200 characters, as in the API."""
        token = self.token or ""
        return 8 <= len(token) <= 200 and token.isascii() and token.isprintable()

    def __repr__(self) -> str:
        """Return the name alone: a token must not reach a log."""
        return f"Login({self.username!r})"


class OlderRecords:
    """Makes records.

    Args:
        findings: is told what is odd.
        zone: of times of plays and cleanings that name none.
    """

    def __init__(self, findings: Findings, *, zone: tzinfo) -> None:
        self.findings = findings
        self._zone = zone
        self.styluses: dict[int, str] = {}
        """What the styluses that come as records are called, by their numbers."""

    def stylus(
        self, number: int | None, *, name: Any, manufacturer: Any, hours: Any, bought: Any,
        active: Any, primary: Any, owned: Any,
    ) -> StylusRecord:  # fmt: skip
        """Return a stylus; without a name it is called by its number."""
        maker = values.line(manufacturer)
        title = values.line(name)
        if title is None:
            title = f"Stylus {number or '?'}"
            self.findings.note(f"no name: called {title!r}")
        lifespan = self.attempt("expected_lifespan_hours", values.whole, hours) or None
        if lifespan is not None and not 0 < lifespan <= MAX_HOURS:
            self.findings.note(f"expected_lifespan_hours: {lifespan}: left out")
            lifespan = None
        return StylusRecord(
            id=None if number is None else f"{number}",
            name=title[:MAX_LINE],
            manufacturer=maker and maker[:MAX_LINE],
            model=(maker, title) if maker else None,
            expected_lifespan_hours=lifespan,
            purchase_date=self.attempt("purchase_date", values.day, bought),
            active=self.flag("active", active),
            is_primary=self.flag("primary_stylus", primary),
            owned=self.flag("owned", owned),
        )

    def not_primary(self, stylus: StylusRecord) -> None:
        """Take the mark off a stylus that can't have it, and say why."""
        why = "another one is" if stylus.active else "it is not active"
        self.findings.note(f"primary_stylus: {why}: not primary")
        stylus.is_primary = False

    def play(
        self, place: str, number: int | None, *, release: Any, played_at: Any, stylus: Any,
        notes: Any, seconds: int | None,
    ) -> SourceRow:  # fmt: skip
        """Return a play, or why it can't be one; `seconds` None is left to Kleio to estimate."""
        try:
            release_id = self._release(release)
            moment = self._moment("played_at", played_at)
        except OddValue as error:
            self.findings.refused_seconds += min(seconds or 0, MAX_PLAY_SECONDS)
            return self.findings.refused("play", place, str(error))
        record = PlayRecord(
            id=None if number is None else f"{number}",
            release_id=release_id,
            played_at=moment,
            stylus_id=self._played_with(stylus),
            duration_seconds=None if seconds is None else min(seconds, MAX_PLAY_SECONDS),
            duration_estimated=True,
            notes=self._notes(notes),
        )
        return self.findings.row("play", place, record)

    def cleaning(
        self, place: str, number: int | None, *, release: Any, cleaned_at: Any, notes: Any,
        flags: Iterable[tuple[str, Any]] = (),
    ) -> SourceRow:  # fmt: skip
        """Return a cleaning, or why it can't be one.

        It is a deep one where a flag says so, which only hand-altered databases have, or else its
        notes: "deep clean" is what people wrote there, having no other place for it.
        """
        try:
            release_id = self._release(release)
            moment = self._moment("cleaned_at", cleaned_at)
        except OddValue as error:
            return self.findings.refused("cleaning", place, str(error))
        words = self._notes(notes)
        deep = any(self.flag(column, value) for column, value in flags)
        if not deep and values.is_deep(words):
            self.findings.note("deep, because its notes say so")
            deep = True
        record = CleaningRecord(
            id=None if number is None else f"{number}",
            release_id=release_id,
            cleaned_at=moment,
            deep=deep,
            notes=words,
        )
        return self.findings.row("cleaning", place, record)

    def _release(self, value: Any) -> str:
        try:
            return f"{values.discogs_number(value)}"
        except OddValue as error:
            raise OddValue(f"release_id: {error}") from None

    def _moment(self, column: str, value: Any) -> datetime:
        try:
            found = values.moment(value, self._zone)
            if found is None:
                raise OddValue("no time")
        except OddValue as error:
            raise OddValue(f"{column}: {error}") from None
        if values.is_ambiguous(value, self._zone):
            self.findings.note(
                f"{column}: {shown(value)!r} is in an hour that the clocks repeat or leave out"
            )
        return found

    def _played_with(self, value: Any) -> str | None:
        if not value:
            return None  # 0 is its word for none
        found = self.styluses.get(value) if isinstance(value, int) else None
        if found is None:
            self.findings.note(f"stylus_id: there is no stylus {shown(value)}: without one")
        return found

    def _notes(self, value: Any) -> str | None:
        words = values.text(value)
        if words is not None and len(words) > MAX_TEXT:
            self.findings.note(f"notes: {values.cut_reason(words)}")
            return words[:MAX_TEXT]
        return words

    def flag(self, column: str, value: Any) -> bool:
        """Return a boolean, false where it is none."""
        return self.attempt(column, values.truth, value) or False

    def attempt(self, column: str, read: Callable[[Any], T | None], value: Any) -> T | None:
        """Return what a value means, None and a note where it means nothing."""
        try:
            return read(value)
        except OddValue as error:
            self.findings.note(f"{column}: {error}: left out")
            return None
