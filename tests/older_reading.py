"""A database of the older Kleio, read: its rows, checked as every import does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.record_checks import problem_of
from kleio.importers.sources import SourceRow

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Reading:
    """All rows of a file, and what its reader found."""

    def __init__(self, path: Path, zone: Any = UTC) -> None:
        with KleioSqlite(path, zone=zone, now=NOW) as source:
            self.rows = [_checked(row) for row in source]
            self.key = source.key
            self.at_end = source.position == source.size
            self.left = {(left.what, left.reason): left.rows for left in source.findings.left}
            self.findings = source.findings
            self.read = source.findings.read
            self.seconds = source.play_seconds()

    def row(self, kind: str, number: int | str) -> SourceRow:
        """Return the row of this kind at a place that ends in the number."""
        (found,) = (r for r in self.rows if r.kind == kind and r.place.split()[1] == f"{number}")
        return found

    def record(self, kind: str, number: int | str) -> Any:
        row = self.row(kind, number)
        assert row.problem is None
        return row.record

    def note(self, kind: str, number: int) -> str:
        return self.row(kind, number).note or ""

    def problem(self, kind: str, number: int | str) -> str:
        row = self.row(kind, number)
        assert row.record is None
        return row.problem or ""

    def document(self, number: int) -> Any:
        return self.record("release", number).document


def _checked(row: SourceRow) -> SourceRow:
    """Refuse what is no record of Kleio's, as every import does."""
    problem = row.problem or (row.record and problem_of(row.record, NOW))
    return row if problem is None else SourceRow(place=row.place, kind=row.kind, problem=problem)
