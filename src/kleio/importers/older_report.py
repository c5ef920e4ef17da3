"""The report of an import from an older Kleio: where every row of its file went, and the proof.

It puts together what the reader found (`findings`), the verdicts of the run and what was read back
(`import_check`), as a Struct that becomes JSON, and as lines for people. It reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from kleio.importers.findings import Findings, Left
from kleio.importers.import_check import Check, Difference
from kleio.repositories.imports import Run

KIND_OF = {
    "folders": "folder",
    "styluses": "stylus",
    "releases": "copy",
    "play_history": "play",
    "cleaning_history": "cleaning",
    "playHistory": "play",
    "cleaningHistory": "cleaning",
}
"""Tables whose rows are records of their own; a row of releases is a copy."""

PART_OF = {
    "release_artists": "credits",
    "artists": "artists",
    "release_labels": "label_credits",
    "labels": "labels",
    "formats": "formats",
    "format_descriptions": "descriptions",
    "release_genres": "genre_links",
    "genres": "genres",
    "release_styles": "style_links",
    "styles": "styles",
    "tracks": "tracks",
}
"""Tables whose rows belong to releases, by the words of `FoundParts`."""

Counts = Mapping[str, Mapping[str, int]]


class TableReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the rows of a table went: those in the file are left, refused or carried over.

    `stand_ins` are records without a row of their own, made because other rows refer to them;
    `kleio` are the rows that are there now, None where that is not one row each.
    """

    table: str
    file: int
    left: int
    refused: int
    carried: int
    stand_ins: int
    kleio: int | None


class MinutesReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How long all plays play; what the file says is SQLite's own sum."""

    file: float | None
    refused: float | None
    kleio: float


class ReadBack(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Rows that were read from PostgreSQL and compared with the file's, field by field."""

    rows: int
    fields: int
    missing: list[str]
    differences: list[Difference]


class Report(msgspec.Struct, kw_only=True, rename="camel"):
    """The whole report; `records` follow it in the file: all that was refused or noted."""

    file: str
    source: str
    source_key: str
    user: str
    run_id: UUID
    dry_run: bool
    options: dict[str, Any]
    verdicts: dict[str, dict[str, int]]
    tables: list[TableReport]
    left_behind: list[Left]
    syncs: list[dict[str, Any]] = []
    discogs_username: str | None = None
    discogs_token: str = "left in the file"  # noqa: S105 -- not one
    minutes: MinutesReport | None = None
    read_back: ReadBack | None = None
    old_ids: dict[str, int] = {}
    failures: list[str] = []
    passed: bool | None = None

    def token_was_kept(self) -> None:
        """Say that the Discogs token was taken over after all."""
        self.discogs_token = "kept, encrypted"  # noqa: S105 -- not one
        self.left_behind = [left for left in self.left_behind if left.what != "auth"]
        self.tables = [
            msgspec.structs.replace(one, left=0, carried=one.left) if one.table == "auth" else one
            for one in self.tables
        ]


def make_report(
    run: Run,
    *,
    user: str,
    findings: Findings,
    check: Check | None,
    file_seconds: int | None,
) -> Report:
    """Return the report of a run.

    Args:
        run: done, or a dry run.
        user: whose data it became.
        findings: of the reader, whose records were all read.
        check: what was read back, None for a dry run.
        file_seconds: how long all plays of the file play, None where it does not say.
    """
    verdicts: dict[str, dict[str, int]] = msgspec.json.decode(run.counts)
    tables = [
        _table(table, findings, verdicts, check)
        for table in findings.read
        if findings.read[table] or findings.made[table]
    ]
    report = Report(
        file=run.file_name,
        source=run.source,
        source_key=run.source_key,
        user=user,
        run_id=run.id,
        dry_run=run.dry_run,
        options=msgspec.json.decode(run.options),
        verdicts=verdicts,
        tables=tables,
        left_behind=findings.left,
    )
    if check is None:
        return report
    seconds = check.seconds
    refused = findings.refused_seconds + seconds.refused
    report.minutes = MinutesReport(
        file=_minutes(file_seconds),
        refused=_minutes(None if file_seconds is None else refused),
        kleio=round(seconds.kleio / 60, 2),
    )
    report.read_back = ReadBack(
        rows=check.sample.rows,
        fields=check.sample.fields,
        missing=check.sample.missing,
        differences=check.sample.differences,
    )
    report.old_ids = {kind: counted.mapped for kind, counted in check.kinds.items()}
    report.failures = [*check.failures, *_failures(report, findings, check)]
    if file_seconds is not None and seconds.records is not None:
        lost = file_seconds - refused - seconds.kleio
        if lost:
            report.failures.append(f"minutes: {lost:,} seconds of the file are not in Kleio")
    report.passed = not report.failures
    return report


def _minutes(seconds: int | None) -> float | None:
    return None if seconds is None else round(seconds / 60, 2)


def _table(table: str, findings: Findings, verdicts: Counts, check: Check | None) -> TableReport:
    read, left, refused = findings.read[table], findings.left_of(table), findings.dropped[table]
    kind = KIND_OF.get(table)
    kleio = None
    if kind is not None:
        of_kind = verdicts.get(kind, {})
        gone = of_kind.get("invalid", 0) + of_kind.get("unmatched", 0)
        # A row of releases is refused as a release, its copy then never was a record.
        refused = refused + gone if kind == "copy" else gone
        if check is not None:
            kleio = check.kinds[kind].kleio if kind in check.kinds else 0
    elif table in PART_OF and check is not None:
        kleio = check.parts[PART_OF[table]]
    return TableReport(
        table=table,
        file=read,
        left=left,
        refused=refused,
        carried=read - left - refused,
        stand_ins=findings.made[table],
        kleio=kleio,
    )


def _failures(report: Report, findings: Findings, check: Check) -> Iterator[str]:
    """Yield what does not add up, table by table."""
    # The catalogue keeps what it has of a release, and has nothing of one that was refused after
    # its parts were counted.
    refused = report.verdicts.get("release", {}).get("invalid", 0) - findings.refusals["release"]
    is_partial = check.parts["known_releases"] > 0 or refused > 0
    for one in report.tables:
        table = one.table
        gone = findings.dropped[table] + findings.left_of(table)
        if findings.read[table] != findings.taken[table] + gone:
            yield f"{table}: {findings.read[table]:,} rows, but not all are accounted for"
        if table in PART_OF and is_partial:
            continue
        if one.kleio is not None and one.kleio != one.carried + one.stand_ins:
            yield f"{table}: {one.carried + one.stand_ins:,} carried over, {one.kleio:,} in Kleio"


def lines(report: Report, records: Sequence[str], more: int) -> Iterator[str]:
    """Yield the report for people.

    Args:
        report: to be shown.
        records: the first records that were refused or noted, in words.
        more: how many others there are.
    """
    header = ("table", "in the file", "left", "refused", "carried", "stand-ins", "in Kleio")
    rows = [
        (
            one.table,
            *(f"{n:,}" for n in (one.file, one.left, one.refused, one.carried, one.stand_ins)),
            "" if one.kleio is None else f"{one.kleio:,}",
        )
        for one in report.tables
    ]
    for row in (header, *rows):
        yield "".join(c.ljust(20) if not n else c.rjust(12) for n, c in enumerate(row)).rstrip()
    for left in report.left_behind:
        yield f"left: {left.rows:,} of {left.what}: {left.reason}"
    yield from records
    if more:
        yield f"{more:,} more records are not as they stood; --report FILE has all"
    for sync in report.syncs:
        yield f"syncs, {sync['status']}: {sync['count']:,}, {sync['first']} to {sync['last']}"
    if report.discogs_username is not None:
        yield f"Discogs token of {report.discogs_username}: {report.discogs_token}"
    if report.minutes is not None:
        said = (
            "not in the file"
            if report.minutes.file is None
            else f"{report.minutes.file:,.2f} in the file, of these refused "
            f"{report.minutes.refused:,.2f}"
        )
        yield f"minutes played: {said}; {report.minutes.kleio:,.2f} in Kleio"
    if report.read_back is not None:
        back = report.read_back
        equal = back.fields - len(back.differences)
        yield f"read back: {back.rows:,} rows; {equal:,} of {back.fields:,} fields are equal"
        for odd in back.differences:
            yield (
                f"{odd.place}, {odd.kind} ({odd.verdict}), {odd.field}: {odd.file!r} in the file, "
                f"{odd.kleio!r} in Kleio"
            )
    if report.old_ids:
        ids = ", ".join(f"{kind} {number:,}" for kind, number in report.old_ids.items() if number)
        yield f"old ids kept: {ids or 'none'}"
    for failure in report.failures:
        yield f"failed: {failure}"
    if report.passed is not None:
        yield f"check: {'passed' if report.passed else 'FAILED'}"
