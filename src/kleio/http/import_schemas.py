"""What imports take and show: their parameters, the file as a body, a run as the API gives it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from kleio.account_records import AccountKind
from kleio.http import fields
from kleio.http.paging import Page
from kleio.importers.account_import import Verdict
from kleio.importers.collection_csv import Dates, Encoding
from kleio.repositories.imports import ImportRow, Run

ALIVE = timedelta(seconds=60)
"""How long after its last sign of life a run counts as going on."""

SourceName = Literal["collection-csv", "account", "kleio-json"]

BY_MEDIA_TYPE: dict[str, SourceName] = {
    "text/csv": "collection-csv",
    "application/json": "account",
}

SourceChoice = Annotated[
    SourceName | None,
    QueryParameter(
        description="What the file is; left out, the CSV of a collection where it is sent as"
        " text/csv, and an account where it is application/json. `kleio-json` is the history export"
        " of the older, single-user Kleio."
    ),
]
DryRun = Annotated[
    bool,
    QueryParameter(
        name="dryRun",
        description="Tell what would become of each record, and write nothing until it is applied.",
    ),
]
WithUpdates = Annotated[
    bool,
    QueryParameter(
        name="update",
        description="Where a record is there and differs, what the file says counts, and not what"
        " is there.",
    ),
]
DatesChoice = Annotated[
    Dates,
    QueryParameter(description="How a spreadsheet wrote days: 31/12/2020 or 12/31/2020."),
]
EncodingChoice = Annotated[Encoding, QueryParameter(description="Of a file that is not UTF-8.")]
SpreadsheetChoice = Annotated[
    bool,
    QueryParameter(
        description="Take the apostrophes of an export for spreadsheets away, though the CSV has no"
        " byte order mark."
    ),
]
ZoneChoice = Annotated[
    str, QueryParameter(max_length=64, description="IANA time zone of a CSV's times.")
]
FileName = Annotated[
    str | None,
    QueryParameter(
        name="fileName",
        min_length=1,
        max_length=200,
        pattern=fields.NO_NUL,
        description="What to call the file in the run.",
    ),
]
VerdictFilter = Annotated[Verdict | None, QueryParameter(description="Records of this verdict.")]
KindFilter = Annotated[AccountKind | None, QueryParameter(description="Records of this kind.")]
ReportFormat = Annotated[
    Literal["csv", "ndjson"],
    QueryParameter(name="format", description="CSV, or a line of JSON a record."),
]


class ImportRun(msgspec.Struct, frozen=True, rename="camel"):
    """An import. `counts` are its records by kind and verdict.

    It is `reading`, then `judged` (a dry run, which may be applied) or `applying`, then `done` or
    `failed`, and then `error` says why. With `stalled` it has shown no sign of life for a minute.
    """

    id: UUID
    source: str
    file_name: str
    options: dict[str, Any]
    dry_run: bool
    update: bool
    state: Literal["reading", "judged", "applying", "done", "failed"]
    stalled: bool
    records: int
    bytes_read: int
    bytes_total: int
    counts: dict[AccountKind, dict[Verdict, int]]
    error: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class ImportProblem(msgspec.Struct, frozen=True, rename="camel"):
    """A record that could not be kept, and why."""

    place: str
    kind: AccountKind
    verdict: Verdict
    reason: str | None


class ImportDetail(ImportRun, frozen=True, rename="camel"):
    """An import with the first of its records that could not be kept; `/rows` has all of them."""

    problems: list[ImportProblem]


class ImportPage(Page[ImportRun], frozen=True, kw_only=True):
    """One page of imports."""


class ImportRowPage(Page[ImportRow], frozen=True, kw_only=True):
    """One page of what became of a file's records."""


@dataclasses.dataclass
class FileOperation(Operation):
    """An operation whose body is a file as it is."""

    def __post_init__(self) -> None:
        file = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(
            required=True,
            description="The file itself, as it is.",
            content=dict.fromkeys((*BY_MEDIA_TYPE, "application/octet-stream"), file),
        )


def shown(run: Run, kind: type[ImportRun] = ImportRun, **more: Any) -> Any:
    """Return a run as the API shows it."""
    alive = run.state not in ("reading", "applying") or is_alive(run)
    return kind(
        id=run.id,
        source=run.source,
        file_name=run.file_name,
        options=msgspec.json.decode(run.options),
        dry_run=run.dry_run,
        update=run.with_updates,
        state=run.state,  # type: ignore[arg-type]
        stalled=not alive,
        records=run.records,
        bytes_read=run.bytes_read,
        bytes_total=run.bytes_total,
        counts=msgspec.json.decode(run.counts),
        error=run.error,
        created_at=run.created_at,
        updated_at=run.updated_at,
        finished_at=run.finished_at,
        **more,
    )


def is_alive(run: Run) -> bool:
    """Return whether a run that is not over has shown a sign of life in the last minute."""
    return run.error is None and run.updated_at > datetime.now(UTC) - ALIVE
