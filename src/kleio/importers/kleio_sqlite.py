"""The database of the older, single-user Kleio as account records, read row by row.

This module owns what its tables mean: which rows are the user's own, what becomes of each, and what
is left behind and why. Values are `older_values`' to read, releases and copies `older_releases`',
the file is `sqlite_files`' to open. It compares nothing with Kleio's own tables and writes nothing.

What is known of such a file: foreign keys were never enforced, so rows outlive what they refer to;
a play without a stylus has stylus 0; there is one row a release, whose number is Discogs'; times
stand there without a zone, those of plays and cleanings in the zone of who sent them (its web page
sent UTC, a script might leave them to the server's clock), created_at and updated_at in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kleio.account_records import FolderRecord
from kleio.account_rules import DISCOGS_USERNAME_LENGTH
from kleio.durations import UNKNOWN_SECONDS
from kleio.importers import older_values as values
from kleio.importers.findings import Findings
from kleio.importers.older_copies import ALL, UNCATEGORIZED
from kleio.importers.older_records import Login, OlderRecords
from kleio.importers.older_releases import Releases
from kleio.importers.older_schema import account, check_schema, count_rows, play_seconds
from kleio.importers.older_values import OddValue, shown
from kleio.importers.record_checks import MAX_FOLDER_NAME, MAX_INTEGER
from kleio.importers.sources import SourceRow
from kleio.importers.sqlite_files import SqliteFile


class KleioSqlite:
    """An open file of the older Kleio; a `kleio.importers.sources.Source`.

    `findings` tell what was read and what is left behind, when all records are read.

    Args:
        path: the file.
        zone: of the times of plays and cleanings that name none.
        now: the time of the import; without it, of the opening.

    Raises:
        SourceError: it is another application's file, or none that can be read.
    """

    name = "kleio-sqlite"

    def __init__(self, path: Path, *, zone: tzinfo = UTC, now: datetime | None = None) -> None:
        self.file = SqliteFile(path)
        self.file_name = path.name
        self.size = self.file.size
        self.findings = Findings()
        self._made = OlderRecords(self.findings, zone=zone)
        self._now = now or datetime.now(UTC)
        self._records = 0
        try:
            check_schema(self.file)
            self.key = self._key()
            self._expected = 2 * count_rows(self.file, "releases") + sum(
                count_rows(self.file, table) for table in ("play_history", "cleaning_history")
            )
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def position(self) -> int:
        """How far it is read, as a share of its bytes; a database has no one place."""
        return self.size * min(self._records, self._expected) // max(self._expected, 1)

    def __iter__(self) -> Iterator[SourceRow]:
        """Yield the records, each after those that it refers to."""
        for row in self._all():
            self._records += 1
            yield row
        self._records = self._expected
        account(self.file, self.findings)

    def _all(self) -> Iterator[SourceRow]:
        folders: set[int] = set()
        yield from self._folders(folders)
        yield from self._styluses()
        yield from Releases(
            self.file, self.findings, folders, now=self._now, last_seen=self._last_seen()
        ).records()
        yield from self._plays()
        yield from self._cleanings()

    def _key(self) -> str:
        """Return what tells this database from another one: when it was first started.

        The app puts its models of styluses there at its first start, and they stay. Row 17 of
        another database is another play.
        """
        if "created_at" not in self.file.tables["styluses"]:
            return self.name
        started = values.line(self.file.value("SELECT min(created_at) FROM styluses"))
        return f"{self.name} {shown(started)}" if started else self.name

    def play_seconds(self) -> int:
        """Return how long all plays in the file played, refused ones too; see `findings`."""
        return play_seconds(self.file)

    def syncs(self) -> list[dict[str, Any]]:
        """Return the syncs that the app made, summed up by how they ended."""
        if not self.file.has("syncs"):
            return []
        columns = self.file.columns("syncs", ("status", "sync_start"), "s").split(", ")
        return [
            {
                "status": values.line(status) or "unknown",
                "count": count,
                "first": values.line(first) or "?",
                "last": values.line(last) or "?",
            }
            for status, count, first, last in self.file.rows(
                f"SELECT {columns[0]}, count(*), min({columns[1]}), max({columns[1]})"  # noqa: S608
                " FROM syncs AS s GROUP BY 1 ORDER BY 1"
            )
        ]

    def login(self) -> Login:
        """Return the owner's name and token at Discogs."""
        file = self.file
        if not file.has("auth"):
            return Login(None, None)
        columns = file.columns("auth", ("username", "token"), "a")
        found = file.rows(f"SELECT {columns} FROM auth AS a ORDER BY a.rowid DESC")  # noqa: S608
        username, token = next(found, (None, None))
        name = values.line(username)
        if name is not None and (len(name) > DISCOGS_USERNAME_LENGTH or not name.isprintable()):
            name = None
        return Login(name, values.line(token))

    def _folders(self, numbers: set[int]) -> Iterator[SourceRow]:
        # Names that a person can't tell apart; number 1 has its name from the start.
        taken = {"uncategorized"}
        findings = self.findings
        for number, given in self.file.rows("SELECT id, name FROM folders ORDER BY id"):
            if number == ALL:
                findings.leave("folders", 1, "All, which is a view of the others")
                continue
            if not 0 < number <= MAX_INTEGER:
                problem = f"id: {number} can't be a number of Discogs"
                yield findings.refused("folder", f"folders {number}", problem)
                continue
            name = values.line(given)
            if name is None:
                name = f"Folder {number}"
                findings.note(f"no name: called {name!r}")
            if number != UNCATEGORIZED and name.lower() in taken:
                findings.note(f"name: {name!r} is another folder's too: its number is added")
                name = f"{name} ({number})"
            taken.add(name.lower())
            numbers.add(number)
            yield self._folder(number, name)
        for (number,) in self.file.rows(
            "SELECT DISTINCT folder_id FROM releases WHERE typeof(folder_id) = 'integer'"
            " AND folder_id NOT IN (SELECT id FROM folders) ORDER BY 1"
        ):
            if 1 < number <= MAX_INTEGER:
                findings.note(f"no row, but copies are in it: called 'Folder {number}'")
                numbers.add(number)
                yield self._folder(number, f"Folder {number}", made=True)

    def _folder(self, number: int, name: str, *, made: bool = False) -> SourceRow:
        name = name[:MAX_FOLDER_NAME]
        record = FolderRecord(id=f"{number}", name=name, number=number)
        return self.findings.row("folder", f"folders {number}", record, made=made)

    def _styluses(self) -> Iterator[SourceRow]:
        played = {
            number for (number,) in self.file.rows("SELECT DISTINCT stylus_id FROM play_history")
        }
        primary = self._primary()
        unused = 0
        names = (
            *("name", "manufacturer", "expected_lifespan_hours", "purchase_date", "active"),
            *("primary_stylus", "owned", "base_model"),
        )
        columns = self.file.columns("styluses", names, "s")
        for row, name, manufacturer, hours, bought, active, called, owned, model in self.file.rows(
            f"SELECT s.rowid, {columns} FROM styluses AS s ORDER BY s.rowid"  # noqa: S608
        ):
            record = self._made.stylus(
                row,
                name=name,
                manufacturer=manufacturer,
                hours=hours,
                bought=bought,
                active=active,
                primary=called,
                # Versions before that column had no models but one's own.
                owned=not self._made.flag("base_model", model) if owned is None else owned,
            )
            is_own = record.owned or record.active or record.is_primary
            if self._made.flag("base_model", model) and not is_own:
                if row not in played:
                    unused += 1
                    self.findings.forget()
                    continue
                self.findings.note("a model that came with the app; kept for its plays, not owned")
            if record.is_primary and row != primary:
                self._made.not_primary(record)
            self._made.styluses[row] = f"{row}"
            yield self.findings.row("stylus", f"styluses {row}", record)
        self.findings.leave("styluses", unused, "models that came with the app and were not used")

    def _primary(self) -> int | None:
        """Return the primary one: of the active ones that are called so the last one changed."""
        columns = self.file.columns("styluses", ("active", "primary_stylus", "updated_at"), "s")
        called = [
            (values.text(changed) or "", row)
            for row, active, primary, changed in self.file.rows(
                f"SELECT s.rowid, {columns} FROM styluses AS s"  # noqa: S608
            )
            if self._made.flag("active", active) and self._made.flag("primary_stylus", primary)
        ]
        self.findings.forget()
        return max(called)[1] if called else None

    def _plays(self) -> Iterator[SourceRow]:
        columns = self.file.columns("play_history", ("stylus_id", "played_at", "notes"), "p")
        duration = self.file.columns("releases", ("play_duration",), "r")
        for row, release, stylus, played_at, notes, known in self.file.rows(
            f"SELECT p.rowid, p.release_id, {columns}, {duration} FROM play_history AS p"  # noqa: S608
            " LEFT JOIN releases AS r ON r.id = p.release_id ORDER BY p.rowid"
        ):
            yield self._made.play(
                f"play_history {row}",
                row,
                release=release,
                played_at=played_at,
                stylus=stylus,
                notes=notes,
                # What the older Kleio counted: the release's time, 40 minutes where it knew none.
                seconds=known if isinstance(known, int) and known > 0 else UNKNOWN_SECONDS,
            )

    def _cleanings(self) -> Iterator[SourceRow]:
        if not self.file.has("cleaning_history"):
            return
        flags = ("is_deep_clean", "deep_clean")
        columns = self.file.columns("cleaning_history", ("cleaned_at", "notes", *flags), "c")
        for row, release, cleaned_at, notes, *deep in self.file.rows(
            f"SELECT c.rowid, c.release_id, {columns} FROM cleaning_history AS c"  # noqa: S608
            " ORDER BY c.rowid"
        ):
            yield self._made.cleaning(
                f"cleaning_history {row}",
                row,
                release=release,
                cleaned_at=cleaned_at,
                notes=notes,
                flags=zip(flags, deep, strict=True),
            )

    def _last_seen(self) -> datetime | None:
        """Return the latest time at which a row was written, as far as the rows tell."""
        found = []
        for table, column in (("releases", "updated_at"), ("syncs", "sync_end")):
            if column in self.file.tables.get(table, ()):
                latest = self.file.value(
                    f"SELECT max({column}) FROM {table} WHERE typeof({column}) = 'text'"  # noqa: S608
                    # The sign keeps SQLite from taking the text for a number, as in the column.
                    f" AND +{column} < '3'"
                )
                try:
                    found.append(values.moment(latest, UTC))
                except OddValue:
                    continue
        return max((moment for moment in found if moment is not None), default=None)
