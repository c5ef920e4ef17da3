"""The CSV of a collection, as Discogs and `kleio export collection` write it: a copy a line.

This module owns the file's traps: encodings, delimiters, headers, what a spreadsheet made of dates
and texts. Each line becomes a release, known by its number or made from the line, and a copy of it;
`account_import` does the rest. Memory does not grow with the file.

`Label`, `Catalog#` and `Artist` are lists joined by commas whose parts have commas too, so each
stays one text, until a dump or a sync completes the release.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, BinaryIO, Literal, get_args

import msgspec

from kleio.account_records import CopyRecord, FolderRecord, ReleaseRecord
from kleio.catalogue import ArtistCredit, LabelCredit, ReleaseDocument
from kleio.importers.files import describe_head, read_head
from kleio.importers.format_texts import parse_formats
from kleio.importers.grades import media_grade, sleeve_grade
from kleio.importers.record_checks import MAX_INTEGER, problem_of
from kleio.importers.sources import FileSource, SourceError, SourceRow

Dates = Literal["iso", "dmy", "mdy"]
Encoding = Literal["utf-8", "cp1252"]

DATES: tuple[Dates, ...] = get_args(Dates)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

MAX_LINE_BYTES = 1024 * 1024
"""A longer line is no line of a collection, but a file without line feeds."""

MAX_COLUMNS = 200

MAX_FOLDERS = 10_000
"""How many names of folders are remembered, so that each is told once."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

REQUIRED = ("release_id", "Artist", "Title")
OPTIONAL = (
    *("Catalog#", "Label", "Format", "Rating", "Released", "CollectionFolder", "Date Added"),
    *("Collection Media Condition", "Collection Sleeve Condition", "Collection Notes"),
)
_COLUMNS = {name.casefold(): name for name in (*REQUIRED, *OPTIONAL)}
_CUSTOM_PREFIX = "collection "

_GUARDED = re.compile(r"'(?='*[-+=@\t\r\n＝＋－＠])")
_RATING = re.compile(r"[0-5](?:\.0+)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_YEAR = re.compile(r"(\d{4})(?:-\d\d-\d\d)?", re.ASCII)
_CLOCK = r"(?:[ T,]+(\d{1,2}):(\d\d)(?::(\d\d))?(?:\s*([AaPp])\.?[Mm]\.?)?)?"
_DAY_FIRST_OR_MONTH = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})" + _CLOCK, re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})" + _CLOCK, re.ASCII)


class Bad(ValueError):
    """A value that can't be read: the column and why."""


class CollectionCsv(FileSource):
    """The lines of a collection's CSV as records.

    Args:
        file: open for reading bytes, at its start.
        file_name: what to call it.
        dates: how days are written where not as year-month-day; `iso` refuses any other.
        zone: of times without one; Kleio's own exports are UTC.
        encoding: of a file that is not UTF-8.
        spreadsheet: it is an export for spreadsheets, whose apostrophes are taken away; one that
            begins with a byte order mark is taken for such a one anyway.

    Raises:
        SourceError: it is no such CSV.
    """

    name = "collection-csv"
    key = "collection-csv"

    def __init__(
        self,
        file: BinaryIO,
        file_name: str,
        *,
        dates: Dates = "iso",
        zone: tzinfo = UTC,
        encoding: Encoding = "utf-8",
        spreadsheet: bool = False,
    ) -> None:
        super().__init__(file, file_name)
        self._dates = dates
        self._zone = zone
        self._encoding = encoding
        head = read_head(file)
        if words := describe_head(head):
            raise SourceError(f"this is {words}, not CSV; save or unpack it as CSV first")
        if head.lstrip(b"\r\n\t ").startswith((b"{", b"[")):
            raise SourceError("this is JSON, not CSV")
        # What a spreadsheet is meant to open begins with a mark, and has apostrophes; some lose the
        # mark when they save it.
        self._is_guarded = spreadsheet or head.startswith(BYTE_ORDER_MARK)
        self._line = 0
        self._now = datetime.now(UTC)
        self._folders: set[str] = set()
        self._delimiter = _delimiter(head, encoding)
        self._rest = self._rows()
        first = next(self._rest, None)
        if first is None:
            raise SourceError("the file is empty")
        self._header = _Header(first[1])

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield a release and a copy for each line, and each folder before its first copy."""
        for line, cells in self._rest:
            yield from self._records(self._header, line, cells)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line that a row begins at, and its cells; empty lines are none."""
        reader = csv.reader(self._lines(), delimiter=self._delimiter, strict=True)
        while True:
            begins = self._line + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise SourceError(_syntax(begins, str(error))) from error
            if cells is None:
                return
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield begins, cells

    def _lines(self) -> Iterator[str]:
        """Yield the file's lines as texts; a bounded one each."""
        while raw := self.file.readline(MAX_LINE_BYTES + 1):
            if not self._line:
                raw = raw.removeprefix(BYTE_ORDER_MARK)
            self._line += 1
            self.position = self.file.tell()
            if len(raw) > MAX_LINE_BYTES:
                raise SourceError(f"line {self._line}: longer than {MAX_LINE_BYTES:,} bytes")
            if b"\0" in raw:
                raise SourceError(f"line {self._line}: holds a NUL character; this is no text file")
            try:
                yield raw.decode(self._encoding)
            except UnicodeDecodeError as error:
                at = self.position - len(raw) + error.start + 1
                raise SourceError(
                    f"line {self._line}, byte {at} of the file: not {self._encoding.upper()};"
                    f" the option encoding names another one ({', '.join(ENCODINGS)})"
                ) from error

    def _records(self, header: _Header, line: int, cells: list[str]) -> Iterator[SourceRow]:
        place = f"line {line}"
        if len(cells) != header.width:
            yield SourceRow(
                place=place,
                kind="copy",
                problem=f"{len(cells)} fields where the header has {header.width}",
            )
            return
        note = None
        if self._is_guarded:
            cells = [_GUARDED.sub("", cell, count=1) if cell[:1] == "'" else cell for cell in cells]
        elif any(cell[:1] == "'" and _GUARDED.match(cell) for cell in cells):
            note = (
                "an apostrophe before a formula is kept; the option spreadsheet takes away those of"
                " an export for spreadsheets"
            )
        values = header.values(cells)
        try:
            release = _release(values)
            copy = self._copy(header, values, cells)
        except Bad as error:
            yield SourceRow(place=place, kind="copy", problem=str(error))
            return
        copy.release_id = release.id or ""
        # Here already, so that a line that is refused makes no release.
        if problem := problem_of(release, self._now) or problem_of(copy, self._now):
            yield SourceRow(place=place, kind="copy", problem=problem)
            return
        if copy.folder_id is not None and copy.folder_id not in self._folders:
            if len(self._folders) < MAX_FOLDERS:
                self._folders.add(copy.folder_id)
            folder = FolderRecord(id=copy.folder_id, name=copy.folder_id)
            yield SourceRow(place=place, kind="folder", record=folder)
        yield SourceRow(place=place, kind="release", record=release, is_checked=True)
        yield SourceRow(place=place, kind="copy", record=copy, note=note, is_checked=True)

    def _copy(self, header: _Header, values: dict[str, str], cells: list[str]) -> CopyRecord:
        rating = values["Rating"]
        if rating and not _RATING.fullmatch(rating):
            raise Bad(f"Rating: {_shown(rating)} is not 0 to 5")
        return CopyRecord(
            release_id="",
            folder_id=values["CollectionFolder"] or None,
            rating=int(rating[0]) if rating else 0,
            media_condition=_grade("Collection Media Condition", values, media_grade),
            sleeve_condition=_grade("Collection Sleeve Condition", values, sleeve_grade),
            notes=cells[header.notes] or None if header.notes is not None else None,
            custom_fields=header.custom_fields(cells),
            added_at=self._time(values["Date Added"]),
        )

    def _time(self, text: str) -> datetime | None:
        """Return a time with its zone, None for an empty text.

        Raises:
            SourceError: it may be one of two days, and nobody said which.
        """
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = self._spreadsheet_time(text)
        return moment.replace(tzinfo=self._zone) if moment.tzinfo is None else moment

    def _spreadsheet_time(self, text: str) -> datetime:
        order = ""
        if found := _YEAR_FIRST.fullmatch(text):
            year, _, month, day, hour, minute, seconds, half = found.groups()
        elif found := _DAY_FIRST_OR_MONTH.fullmatch(text):
            if self._dates == "iso":
                raise SourceError(
                    f"line {self._line}, Date Added: {_shown(text)} may begin with the day or the"
                    " month; the option dates says which: dmy or mdy"
                )
            first, _, second, year, hour, minute, seconds, half = found.groups()
            day, month = (first, second) if self._dates == "dmy" else (second, first)
            order = f" ({self._dates})"
        else:
            raise Bad(f"Date Added: {_shown(text)} is no date")
        hours = int(hour or 0)
        if half is not None:
            if not 1 <= hours <= 12:
                raise Bad(f"Date Added: {_shown(text)} is no time")
            hours = hours % 12 + (12 if half in "Pp" else 0)
        try:
            return datetime(
                # Two digits: collections at Discogs began in 2000.
                int(year) + (2000 if len(year) == 2 else 0),
                int(month),
                int(day),
                hours,
                int(minute or 0),
                int(seconds or 0),
            )
        except ValueError as error:
            raise Bad(f"Date Added: {_shown(text)} is no date{order}") from error


class _Header:
    """Which column stands where; whatever is not known is a custom field of the copy."""

    def __init__(self, cells: list[str]) -> None:
        self.width = len(cells)
        self._known: dict[str, int] = {}
        self._custom: list[tuple[str, int]] = []
        if self.width > MAX_COLUMNS:
            raise SourceError(f"line 1: more than {MAX_COLUMNS} columns")
        names = set()
        for number, cell in enumerate(cells):
            text = " ".join(cell.split())
            name = _COLUMNS.get(text.casefold())
            if (text.casefold() in names) and text:
                raise SourceError(f"line 1: the column {_shown(text)} stands twice")
            names.add(text.casefold())
            if name is not None:
                self._known[name] = number
            else:
                self._custom.append((_custom_name(text, number), number))
        missing = [name for name in REQUIRED if name not in self._known]
        if missing:
            raise SourceError(
                f"line 1: no column {', '.join(missing)}; this is not the CSV of a collection"
            )
        self.notes = self._known.get("Collection Notes")

    def values(self, cells: list[str]) -> dict[str, str]:
        """Return the known columns' values without spaces around, empty where there is none."""
        values = dict.fromkeys(OPTIONAL, "")
        for name, number in self._known.items():
            values[name] = cells[number].strip()
        return values

    def custom_fields(self, cells: list[str]) -> dict[str, Any]:
        """Return what the other columns hold."""
        return {name: cells[number] for name, number in self._custom if cells[number].strip()}


def _custom_name(text: str, number: int) -> str:
    """Return a custom field's name: Discogs writes `Collection` before those of its own."""
    if text.casefold().startswith(_CUSTOM_PREFIX):
        text = text[len(_CUSTOM_PREFIX) :]
    return text or f"Column {number + 1}"


def _delimiter(head: bytes, encoding: str) -> str:
    """Return what separates the header's columns: a comma, or what a spreadsheet put there."""
    line = head.removeprefix(BYTE_ORDER_MARK).lstrip(b"\r\n").partition(b"\n")[0]
    text = line.decode(encoding, "replace").casefold()

    def known(delimiter: str) -> int:
        return sum(cell.strip().strip('"') in _COLUMNS for cell in text.split(delimiter))

    return max((",", ";", "\t"), key=known)


def _release(values: dict[str, str]) -> ReleaseRecord:
    """Return the release of a line: what is known of it from the line alone."""
    number = values["release_id"]
    if number and not (_NUMBER.fullmatch(number) and 1 <= int(number) <= MAX_INTEGER):
        raise Bad(f"release_id: {_shown(number)} is no number of Discogs'")
    released = values["Released"]
    year = None
    if released and released != "0":
        found = _YEAR.fullmatch(released)
        if found is None:
            raise Bad(f"Released: {_shown(released)} is no year")
        year = int(found[1]) or None
    title, artist = values["Title"], values["Artist"]
    if not title:
        raise Bad("Title: needed")
    label, catno = values["Label"], values["Catalog#"]
    document = ReleaseDocument(
        discogs_id=int(number) if number else None,
        title=title,
        year=year,
        released=None if year is None else released,
        artists=[ArtistCredit(name=artist)] if artist else [],
        # Discogs' own word for none.
        labels=[LabelCredit(name=label or "Not On Label", catno=catno or None)]
        if label or catno
        else [],
        formats=parse_formats(values["Format"]),
    )
    document.set_play_duration()
    return ReleaseRecord(id=number or _name_of(document), document=document, is_stub=True)


def _name_of(document: ReleaseDocument) -> str:
    """Return a name for a release that has no number: the same for the same line."""
    return f"line:{hashlib.blake2b(msgspec.json.encode(document), digest_size=16).hexdigest()}"


def _grade(
    column: str, values: dict[str, str], grade_of: Callable[[str], str | None]
) -> str | None:
    text = values[column]
    if not text:
        return None
    grade = grade_of(text)
    if grade is None:
        raise Bad(f"{column}: {_shown(text)} is no grade of Discogs'")
    return grade


def _syntax(line: int, error: str) -> str:
    """Return what a fault of the CSV itself means to people."""
    if "unexpected end" in error or "field larger" in error:
        return f"line {line}: a quote is opened here and not closed"
    if "new-line character" in error:
        return f"line {line}: a line ends without a line feed; save the file with other line ends"
    return f"line {line}: not CSV: {error}"


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 50 else repr(text[:47] + "...")
