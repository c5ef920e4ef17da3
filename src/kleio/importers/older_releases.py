"""Releases and copies out of the older Kleio's tables, each release with all that belongs to it.

Every table is read once, in the order of the release's number, and the rows of one release are put
together as they come by: memory holds one release. The order of credits, formats and tracks is that
of their rows, which is the order in which Discogs gave them.

A release whose row was deleted is put together from what is left of it, where its owner has played
or cleaned it; where there are notes of its copy, they come as an archived copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from kleio.account_records import ReleaseRecord
from kleio.catalogue import (
    ArtistCredit,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
)
from kleio.importers import older_values as values
from kleio.importers.findings import Findings
from kleio.importers.older_copies import Copies, Rows
from kleio.importers.older_schema import KNOWN, OWN_COLUMNS, SHARED_COLUMNS
from kleio.importers.older_values import OddValue, shown
from kleio.importers.sources import SourceRow
from kleio.importers.sqlite_files import SqliteFile

T = TypeVar("T")

_CHILDREN: dict[str, tuple[str, tuple[str, ...]]] = {
    "release_artists": (
        "c.artist_id, a.name, {} FROM release_artists AS c"
        " LEFT JOIN artists AS a ON a.id = c.artist_id",
        ("anv", "join_relation", "role", "tracks"),
    ),
    "release_labels": (
        "c.label_id, l.name, {} FROM release_labels AS c LEFT JOIN labels AS l"
        " ON l.id = c.label_id",
        ("catno",),
    ),
    "formats": ("{} FROM formats AS c", ("id", "name", "qty")),
    "release_genres": (
        "g.name, {} FROM release_genres AS c LEFT JOIN genres AS g ON g.id = c.genre_id",
        ("genre_id",),
    ),
    "release_styles": (
        "s.name, {} FROM release_styles AS c LEFT JOIN styles AS s ON s.id = c.style_id",
        ("style_id",),
    ),
    "release_notes": ("{} FROM release_notes AS c", ("field_id", "value")),
    "tracks": (
        "{} FROM tracks AS c",
        ("position", "title", "duration_text", "duration_seconds"),
    ),
}
"""What is read of each table after the release's number and the row's own."""

PARENTS = {
    "release_artists": "artists",
    "release_labels": "labels",
    "release_genres": "genres",
    "release_styles": "styles",
    "format_descriptions": "formats",
}
"""The table that each of these is joined with: both are there, or neither is read."""


class _Children:
    """One table's rows by release, to be asked for in ascending order; `skipped` are of none."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self.skipped = 0

    def take(self, number: int) -> Rows:
        found = []
        while self._next is not None and self._next[0] <= number:
            if self._next[0] == number:
                found.append(self._next[1:])
            else:
                self.skipped += 1
            self._next = next(self._rows, None)
        return found

    def finish(self) -> None:
        while self._next is not None:
            self.skipped += 1
            self._next = next(self._rows, None)


class Releases:
    """Reads the releases and copies of a file.

    Args:
        file: open, and of the older Kleio.
        findings: is told what is odd.
        folders: the numbers of the folders that come as records.
        now: the time of the import.
        last_seen: the last time at which the file was written to, as far as its rows tell.
    """

    def __init__(
        self,
        file: SqliteFile,
        findings: Findings,
        folders: set[int],
        *,
        now: datetime,
        last_seen: datetime | None,
    ) -> None:
        self._file = file
        self._findings = findings
        self._extra = [name for name in file.tables["releases"] if name not in KNOWN["releases"]]
        self._copies = Copies(findings, folders, self._extra, now=now, last_seen=last_seen)

    def records(self) -> Iterator[SourceRow]:
        """Yield each release, followed by its copy."""
        file, findings = self._file, self._findings
        columns = file.columns("releases", (*SHARED_COLUMNS, *OWN_COLUMNS, *self._extra), "r")
        whole = f"SELECT r.id, {columns} FROM releases AS r ORDER BY r.id"  # noqa: S608
        rows = _Children(file.rows(whole))
        children = {
            table: _Children(file.rows(self._statement(table, rest, names)))
            for table, (rest, names) in _CHILDREN.items()
            if file.has(table, PARENTS.get(table))
        }
        words = _Children(file.rows(_DESCRIPTIONS if file.has(*PARENTS_OF_WORDS) else _NOTHING))
        for number, is_heard in file.rows(self._numbers()):
            row = next(iter(rows.take(number)), None)
            parts = {table: child.take(number) for table, child in children.items()}
            parts["format_descriptions"] = words.take(number)
            yield from self._release(number, row, parts, bool(is_heard))
        for table, child in (*children.items(), ("format_descriptions", words)):
            child.finish()
            findings.leave(table, child.skipped, "of deleted releases without plays or cleanings")
            if table in children:
                yield from self._unplaced(table)

    def _statement(self, table: str, rest: str, names: tuple[str, ...]) -> str:
        selected = rest.format(self._file.columns(table, names, "c"))
        return (
            f"SELECT c.release_id, c.rowid, {selected}"
            " WHERE typeof(c.release_id) = 'integer' ORDER BY c.release_id, c.rowid"
        )

    def _numbers(self) -> str:
        """Return the statement for all releases that are the user's: shelved, heard or noted."""
        parts = ["SELECT id AS number, 0 AS is_heard FROM releases"]
        for table, is_heard in (("play_history", 1), ("cleaning_history", 1), ("release_notes", 0)):
            if table in self._file.tables:
                parts.append(
                    f"SELECT release_id, {is_heard} FROM {table}"  # noqa: S608
                    " WHERE typeof(release_id) = 'integer'"
                )
        union = " UNION ALL ".join(parts)
        return f"SELECT number, max(is_heard) FROM ({union}) GROUP BY number ORDER BY number"  # noqa: S608

    def _unplaced(self, table: str) -> Iterator[SourceRow]:
        """Refuse the rows whose release is no number at all; they are in no order of numbers."""
        for rowid, release in self._file.rows(
            f"SELECT rowid, release_id FROM {table} WHERE typeof(release_id) <> 'integer'"  # noqa: S608
        ):
            problem = f"release_id: {shown(release)!r} is not a number"
            yield self._findings.refused("release", f"{table} {rowid}", problem)

    def _release(
        self, number: int, row: tuple[Any, ...] | None, parts: dict[str, Rows], is_heard: bool
    ) -> Iterator[SourceRow]:
        place = f"releases {number}"
        findings = self._findings
        try:
            values.discogs_number(number)
        except OddValue as error:
            if row is not None:
                yield findings.refused("release", place, f"id: {error}")
            for table, rows in parts.items():
                findings.parts(table, len(rows), 0)
            return
        if row is None:
            why = "plays or cleanings" if is_heard else "the notes of its copy"
            findings.note(f"the row was deleted; kept for {why}, with what is left of it")
        document = self._document(number, row, parts)
        self._count(document, parts)
        record = ReleaseRecord(id=f"{number}", document=document, is_stub=True)
        yield findings.row("release", place, record)
        notes = parts.get("release_notes", [])
        if row is not None:
            yield findings.row(
                "copy", place, self._copies.copy(number, row[len(SHARED_COLUMNS) :], notes)
            )
        elif notes:
            findings.note("the row was deleted; its notes come as an archived copy")
            yield findings.row("copy", place, self._copies.deleted(number, notes), made=True)

    def _count(self, document: ReleaseDocument, parts: dict[str, Rows]) -> None:
        taken = {
            "release_artists": len(document.artists),
            "release_labels": len(document.labels),
            "formats": len(document.formats),
            "format_descriptions": sum(len(item.descriptions) for item in document.formats),
            "release_genres": len(document.genres),
            "release_styles": len(document.styles),
            "tracks": len(document.tracks),
        }
        for table, number in taken.items():
            self._findings.parts(table, len(parts.get(table, ())), number)

    # --- the release ----------------------------------------------------------------------------

    def _document(
        self, number: int, row: tuple[Any, ...] | None, parts: dict[str, Rows]
    ) -> ReleaseDocument:
        document = ReleaseDocument(
            discogs_id=number,
            title=f"Release {number}",
            artists=[self._artist(*part) for part in parts.get("release_artists", ())],
            labels=[self._label(*part) for part in parts.get("release_labels", ())],
            formats=self._formats(parts),
            genres=self._names("release_genres", parts),
            styles=self._names("release_styles", parts),
            tracks=[
                self._track(seq, *part) for seq, part in enumerate(parts.get("tracks", ()), start=1)
            ],
        )
        document.set_play_duration()
        if row is None:
            return document
        title = values.text(row[0])
        if title is None:
            self._findings.note(f"no title: called {document.title!r}")
        else:
            document.title = title
        document.year = self._try("year", values.year, row[1])
        document.resource_url, document.thumb, document.cover_image = map(values.text, row[2:5])
        duration = self._try("play_duration", values.seconds, row[5])
        if duration is not None:
            estimated = self._try("play_duration_estimated", values.truth, row[6])
            document.play_duration = duration
            document.play_duration_estimated = estimated is not False
        return document

    def _artist(
        self, row: int, artist: Any, name: Any, anv: Any, join: Any, role: Any, tracks: Any
    ) -> ArtistCredit:
        place = f"release_artists {row}"
        return ArtistCredit(
            name=self._credit(place, "artist", artist, name, values.line(anv)),
            discogs_id=self._number(f"{place}, artist_id", artist),
            anv=values.text(anv),
            join_relation=values.text(join),
            role=values.text(role),
            tracks=values.text(tracks),
        )

    def _label(self, row: int, label: Any, name: Any, catno: Any) -> LabelCredit:
        place = f"release_labels {row}"
        return LabelCredit(
            name=self._credit(place, "label", label, name, None),
            discogs_id=self._number(f"{place}, label_id", label),
            catno=values.text(catno),
        )

    def _credit(self, place: str, kind: str, key: Any, name: Any, other: str | None) -> str:
        found = values.text(name)
        if key:
            self._findings.named(f"{kind}s", key, has_row=found is not None)
        if found is None:
            found = other or f"Unknown {kind}"
            self._findings.note(f"{place}: {kind} {shown(key)} has no name: called {found!r}")
        return found

    def _number(self, column: str, value: Any) -> int | None:
        # 0 is Discogs' word for a credit that is linked to nobody.
        return self._try(column, values.discogs_number, value) if value else None

    def _formats(self, parts: dict[str, Rows]) -> list[FormatDocument]:
        words: dict[Any, list[str]] = {}
        for _, key, description in parts["format_descriptions"]:
            if (word := values.line(description)) is not None:
                words.setdefault(key, []).append(word)
        found = []
        for row, key, given, quantity in parts.get("formats", ()):
            name = values.line(given)
            if name is None:
                self._findings.note(f"formats {row}: no name: left out")
                continue
            qty = values.line(quantity)
            found.append(FormatDocument(name=name, qty=qty, descriptions=words.get(key, [])))
        return found

    def _names(self, table: str, parts: dict[str, Rows]) -> list[str]:
        found: list[str] = []
        for row, given, key in parts.get(table, ()):
            name = values.line(given)
            if name is None:
                self._findings.note(f"{table} {row}: {shown(key)} has no name: left out")
            elif name not in found:
                found.append(name)
                self._findings.named(PARENTS[table], name, has_row=True)
        return found

    def _track(
        self, seq: int, row: int, position: Any, title: Any, duration: Any, seconds: Any
    ) -> TrackDocument:
        return TrackDocument(
            seq=seq,
            title=values.text(title) or "",
            position=values.line(position),
            duration_text=values.line(duration),
            duration_seconds=self._try(f"tracks {row}, duration_seconds", values.seconds, seconds),
        )

    # --- values ---------------------------------------------------------------------------------

    def _try(self, column: str, read: Callable[[Any], T | None], value: Any) -> T | None:
        try:
            return read(value)
        except OddValue as error:
            self._findings.note(f"{column}: {error}: left out")
            return None


_DESCRIPTIONS = (
    "SELECT f.release_id, d.rowid, d.format_id, d.description FROM format_descriptions AS d"
    " JOIN formats AS f ON f.id = d.format_id WHERE typeof(f.release_id) = 'integer'"
    " ORDER BY f.release_id, d.rowid"
)
_NOTHING = "SELECT 0 WHERE false"
PARENTS_OF_WORDS = ("format_descriptions", "formats")
