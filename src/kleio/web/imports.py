"""Imports: a file dropped here, the verdict on each of its records, and what became of them."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from kleio.account_records import AccountKind
from kleio.export import ImportReport
from kleio.http.auth import database_of
from kleio.http.exports import ExportResponse
from kleio.http.import_schemas import ImportRun, ReportFormat, SourceName, shown
from kleio.http.import_start import (
    ImportWish,
    apply_run,
    begin_import,
    forget_run,
    known_run,
)
from kleio.http.paging import CursorText, page_request
from kleio.http.problems import ProblemError, invalid_field
from kleio.importers.account_import import VERDICTS, Verdict
from kleio.importers.collection_csv import Dates, Encoding
from kleio.repositories import imports
from kleio.web import data
from kleio.web.cards import decoded
from kleio.web.forms import fill, key_of
from kleio.web.paging import one_page
from kleio.web.query_strings import changed
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import CHECKS_FORM, PageRequest
from kleio.web.uploads import FILE, receive_file

RUNS = 10
BEGINS_SECONDS = 20
"""How long it may take until a run that was let go on says that it does."""

ROWS = 100

BY_SUFFIX: dict[str, SourceName] = {"csv": "collection-csv", "json": "account"}
SOURCES: dict[SourceName, str] = {
    "collection-csv": "CSV of a collection, as Discogs exports it",
    "account": "JSON of a whole account, as Kleio exports it",
    "kleio-json": "JSON history of the older, single-user Kleio",
}

_NAMES: dict[str, str] = {str(name): says for name, says in SOURCES.items()}

WORDS: dict[Verdict, tuple[str, str]] = {
    "new": ("to add", "added"),
    "changed": ("differs", "differed"),
    "known": ("known", "known"),
    "unmatched": ("no release", "no release"),
    "invalid": ("refused", "refused"),
}
"""What a verdict is called before anything is written, and after."""


class ImportForm(msgspec.Struct, rename="camel"):
    """How to read a file, as the form has it."""

    source: SourceName | None = None
    update: bool = False
    dates: Dates = "iso"
    zone: str = "UTC"
    encoding: Encoding = "utf-8"
    spreadsheet: bool = False


class Shown(msgspec.Struct, frozen=True):
    """A run with what is shown of it; `part` is how much of the file is read, from 0 to 1."""

    run: ImportRun
    source: str
    part: float
    is_active: bool
    totals: dict[Verdict, int]


def _shown(run: imports.Run, begun: int | None = None) -> Shown:
    found: ImportRun = shown(run)
    totals = dict.fromkeys(VERDICTS, 0)
    for of_kind in found.counts.values():
        for verdict, records in of_kind.items():
            totals[verdict] += records
    return Shown(
        run=found,
        source=_NAMES.get(found.source, found.source),
        part=found.bytes_read / found.bytes_total if found.bytes_total else 1.0,
        is_active=not found.stalled
        and (
            found.state in ("reading", "applying") or (found.state == "judged" and _is_new(begun))
        ),
        totals=totals,
    )


def _is_new(begun: int | None) -> bool:
    """Return whether a run was let go on so lately that its state may not tell yet."""
    return begun is not None and 0 <= time.time() - begun < BEGINS_SECONDS


@get(data.PATH, include_in_schema=False)
async def show_imports(request: PageRequest, cursor: CursorText = None) -> Response[str]:
    """Show the form for a file, and the imports so far."""
    place = page_request("latest", RUNS, cursor, 0, key_type=UUID)
    rows = await database_of(request).read(
        imports.list_runs,
        user_id=request.user.user_id,
        before_id=place.id,
        page_size=RUNS + 1,
        page_offset=0,
    )
    runs, following = one_page(place, rows, data.PATH, {})
    return render(
        request,
        "imports.html",
        following=following,
        is_first=cursor is None,
        runs=[_shown(run) for run in runs],
        sources=SOURCES,
        tabs=data.TABS,
    )


def run_path(run_id: UUID) -> str:
    """Return the address of an import."""
    return f"{data.PATH}/imports/{run_id}"


@post(
    f"{data.PATH}/imports",
    opt={CHECKS_FORM: True},
    request_max_body_size=None,
    status_code=200,
    include_in_schema=False,
)
async def add_import(request: PageRequest) -> Response[str]:
    """Take a file and judge its records; nothing is written until somebody says so."""

    async def receive(file: BinaryIO) -> ImportWish:
        name, form = await receive_file(request, file)
        wanted = fill(ImportForm, form)
        source = wanted.source or BY_SUFFIX.get(name.rpartition(".")[2].lower())
        if source is None:
            raise invalid_field(FILE, "say what it is: its name ends neither in .csv nor in .json")
        wish = ImportWish(
            source=source,
            file_name=name[-200:].replace("\0", ""),
            dry_run=True,
            update=wanted.update,
            dates=wanted.dates,
            zone=wanted.zone,
            encoding=wanted.encoding,
            spreadsheet=wanted.spreadsheet,
            key=key_of({**form, FILE: f"{file.tell()} {name}"}),
        )
        wish.check()
        return wish

    return see_other(request, run_path((await begin_import(request, receive)).id))


@get(f"{data.PATH}/imports/{{run_id:str}}", include_in_schema=False)
async def show_import(
    request: PageRequest,
    run_id: FromPath[UUID],
    verdict: FromQuery[Verdict | None] = None,
    kind: FromQuery[AccountKind | None] = None,
    cursor: CursorText = None,
    begun: FromQuery[int | None] = None,
) -> Response[str]:
    """Show how far an import is, or the verdicts; to scripts that ask meanwhile, only how far."""
    run = _shown(await known_run(request, run_id), begun)
    path = run_path(run_id)
    progress_path = changed(path, {"begun": begun})
    if wants_fragment(request) and cursor is None:
        # What is over has more to show than how far it is.
        return (
            render(request, "parts/import_progress.html", shown=run, progress_path=progress_path)
            if run.is_active
            else see_other(request, path)
        )
    address = {name: value for name, value in request.query_params.items() if name != "begun"}
    shown_rows: dict[str, Any] = {"rows": [], "following": None}
    if not run.is_active:
        shown_rows = await _rows(request, run_id, verdict, kind, cursor, address)
    after = run.run.state == "done"
    if wants_fragment(request):
        return render(request, "parts/import_rows.html", after=after, words_of=WORDS, **shown_rows)
    return render(
        request,
        "import.html",
        after=after,
        filters=[
            (f"{number:,} {WORDS[name][after]}", changed(path, {}, verdict=name), name == verdict)
            for name, number in run.totals.items()
            if number
        ],
        is_filtered=verdict is not None or kind is not None,
        progress_path=progress_path,
        run_path=path,
        shown=run,
        tabs=data.TABS,
        words_of=WORDS,
        **shown_rows,
    )


class Change(msgspec.Struct, frozen=True):
    """A field with what is there and what the file says."""

    field: str
    here: str
    there: str


def changes_of(raw: msgspec.Raw | None) -> list[Change]:
    """Return what a record would change, in words."""
    if raw is None:
        return []
    found: dict[str, list[Any]] = decoded(raw, dict[str, list[Any]])
    return [Change(name, *map(_value, pair[:2])) for name, pair in found.items()]


def _value(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


async def _rows(
    request: PageRequest,
    run_id: UUID,
    verdict: Verdict | None,
    kind: AccountKind | None,
    cursor: str | None,
    address: dict[str, str],
) -> dict[str, Any]:
    place = page_request("file", ROWS, cursor, 0, key_type=int)
    rows = await database_of(request).read(
        imports.list_rows,
        user_id=request.user.user_id,
        run_id=run_id,
        verdict=verdict,
        kind=kind,
        after_seq=place.key,
        after_id=place.id,
        page_size=ROWS + 1,
        page_offset=0,
    )
    shown_rows, following = one_page(place, rows, run_path(run_id), address)
    return {
        "rows": [(row, changes_of(row.changes)) for row in shown_rows],
        "following": following,
    }


@get(f"{data.PATH}/imports/{{run_id:str}}/report", include_in_schema=False)
async def get_report(
    request: PageRequest, run_id: FromPath[UUID], form: ReportFormat = "csv"
) -> ExportResponse:
    """Return what became of every record, as a file."""
    await known_run(request, run_id)
    return ExportResponse(request, ImportReport(run_id=run_id, format=form))


@post(f"{data.PATH}/imports/{{run_id:str}}/apply", status_code=200, include_in_schema=False)
async def apply_import(request: PageRequest, run_id: FromPath[UUID]) -> Response[str]:
    """Write what was found; who asks again is shown what becomes of it."""
    try:
        await apply_run(request, run_id)
    except ProblemError as error:
        if error.status is not HTTPStatus.CONFLICT:
            raise
        return see_other(request, run_path(run_id))
    return see_other(request, changed(run_path(run_id), {"begun": int(time.time())}))


@post(f"{data.PATH}/imports/{{run_id:str}}/forget", status_code=200, include_in_schema=False)
async def forget_import(request: PageRequest, run_id: FromPath[UUID]) -> Response[str]:
    """Forget an import and its report; what it brought stays."""
    await forget_run(request, run_id)
    return see_other(request, data.PATH)


HANDLERS = [show_imports, add_import, show_import, get_report, apply_import, forget_import]
