"""Routes of imports: a file of one's own data in, what became of it, and the report of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, Router, delete, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from kleio.export import ImportReport
from kleio.http.auth import ApiRequest, database_of
from kleio.http.bodies import refuse_encoded
from kleio.http.exports import ExportResponse
from kleio.http.import_schemas import (
    BY_MEDIA_TYPE,
    DatesChoice,
    DryRun,
    EncodingChoice,
    FileName,
    FileOperation,
    ImportDetail,
    ImportPage,
    ImportProblem,
    ImportRowPage,
    ImportRun,
    KindFilter,
    ReportFormat,
    SourceChoice,
    SourceName,
    VerdictFilter,
    WithUpdates,
    ZoneChoice,
    is_alive,
    shown,
)
from kleio.http.import_tasks import ImportTasks
from kleio.http.paging import CursorText, Limit, Offset, Page, page_request, page_response
from kleio.http.problems import ProblemError, documented, invalid_field, not_found
from kleio.http.zones import known_zones
from kleio.importers import account_import
from kleio.importers.account_json import AccountJson
from kleio.importers.collection_csv import CollectionCsv
from kleio.importers.kleio_json import KleioJson
from kleio.importers.sources import Source, SourceError
from kleio.repositories import imports
from kleio.repositories.imports import ImportRow, Run, RunReport
from kleio.settings import Settings

MEMORY_BYTES = 1024 * 1024
"""How much of a file is kept in memory before it goes to the disk."""


def _going_on() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "import-running",
        "Another import of yours is going on.",
        headers={"Retry-After": "5"},
    )


def _unreadable(error: SourceError) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "unreadable-file", f"The file: {error}.")


def _too_large(settings: Settings) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too-large",
        f"A file may have {settings.max_import_bytes:,} bytes.",
    )


def _source_name(request: ApiRequest, chosen: SourceName | None) -> SourceName:
    media_type, _ = request.content_type
    name = chosen or BY_MEDIA_TYPE.get(media_type)
    if name is None:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            f"Send the file as {' or '.join(BY_MEDIA_TYPE)}, or name its source.",
        )
    return name


async def _receive(request: ApiRequest, file: SpooledTemporaryFile[bytes]) -> None:
    """Write the body to a file.

    Raises:
        ProblemError: 413 where it is longer than it may be, 415 where it is compressed.
    """
    refuse_encoded(request)
    settings: Settings = request.app.state.settings
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > settings.max_import_bytes:
        raise _too_large(settings)
    received = 0
    async for block in request.stream():
        received += len(block)
        if received > settings.max_import_bytes:
            raise _too_large(settings)
        file.write(block)


@post(
    "/imports",
    status_code=HTTPStatus.ACCEPTED.value,
    request_max_body_size=None,
    operation_class=FileOperation,
    responses={202: ResponseSpec(ImportRun, generate_examples=False)}
    | documented(400, 401, 409, 413),
    summary="Import a file",
)
async def add_import(
    request: ApiRequest,
    state: State,
    source: SourceChoice = None,
    dry_run: DryRun = False,
    update: WithUpdates = False,
    dates: DatesChoice = "iso",
    zone: ZoneChoice = "UTC",
    encoding: EncodingChoice = "utf-8",
    file_name: FileName = None,
) -> Response[ImportRun]:
    """Take a file and import it after the answer, whose `Location` tells how far it is.

    A CSV of a collection, a whole account as `GET /export/all` gives it, or the history export of
    the older Kleio. What is there already stays as it is, so that the same file again adds nothing.
    """
    name = _source_name(request, source)
    if zone not in known_zones():
        raise invalid_field("zone", "no such time zone", source="query")
    options: dict[str, Any] = {}
    open_source: Callable[[BinaryIO, str], Source] = (
        KleioJson if name == "kleio-json" else AccountJson
    )
    if name == "collection-csv":
        options = {"dates": dates, "zone": zone, "encoding": encoding}
        open_source = partial(CollectionCsv, dates=dates, zone=ZoneInfo(zone), encoding=encoding)
    user_id = request.user.user_id
    tasks: ImportTasks = state.import_tasks
    if tasks.is_sending(user_id):
        raise _going_on()
    async with tasks.slot(sender=user_id) as slot:
        latest = await database_of(request).read(
            imports.list_runs, user_id=user_id, before_id=None, page_size=1, page_offset=0
        )
        if latest and latest[0].row.state in ("reading", "applying") and is_alive(latest[0].row):
            raise _going_on()
        # Closed when the import has ended, or here where there is none.
        file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115
        try:
            await _receive(request, file)
            try:
                opened = open_source(cast(BinaryIO, file), file_name or name)
            except SourceError as error:
                raise _unreadable(error) from error
            async with database_of(request).connection() as conn:
                run_id = await account_import.begin(
                    conn, user_id, opened, dry_run=dry_run, with_updates=update, options=options
                )
                run = await imports.get_run(conn, user_id=user_id, run_id=run_id)
            assert run is not None
            slot.start(
                user_id,
                run_id,
                lambda conn: account_import.carry_out(conn, user_id, run_id, opened),
                opened.close,
            )
        except BaseException:
            file.close()
            raise
    return _accepted(request.url.path, run)


def _accepted(path: str, run: Run) -> Response[ImportRun]:
    return Response(
        shown(run),
        status_code=HTTPStatus.ACCEPTED.value,
        headers={"Location": f"{path.rstrip('/')}/{run.id}"},
    )


@get("/imports", responses=documented(400, 401), summary="One's imports")
async def list_imports(
    request: ApiRequest, limit: Limit = 50, cursor: CursorText = None, offset: Offset = 0
) -> Response[Page[ImportRun]]:
    """Return imports, latest first."""
    place = page_request("latest", limit, cursor, offset, key_type=UUID)
    rows = await database_of(request).read(
        imports.list_runs,
        user_id=request.user.user_id,
        before_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    items: Any = [msgspec.structs.replace(keyed, row=shown(keyed.row)) for keyed in rows]
    return page_response(request, place, items, page=ImportPage)


async def _known(request: ApiRequest, run_id: UUID) -> RunReport:
    run = await database_of(request).read(
        imports.get_run_report, user_id=request.user.user_id, run_id=run_id
    )
    if run is None:
        raise not_found("import")
    return run


@get("/imports/{run_id:str}", responses=documented(400, 401, 404), summary="One import")
async def get_import(request: ApiRequest, run_id: FromPath[UUID]) -> ImportDetail:
    """Return how far an import is, its counts, and the first records that could not be kept."""
    run = await _known(request, run_id)
    detail: ImportDetail = shown(
        run, ImportDetail, problems=msgspec.json.decode(run.problems, type=list[ImportProblem])
    )
    return detail


@get(
    "/imports/{run_id:str}/rows",
    responses=documented(400, 401, 404),
    summary="What became of each record",
)
async def list_import_rows(
    request: ApiRequest,
    run_id: FromPath[UUID],
    verdict: VerdictFilter = None,
    kind: KindFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
) -> Response[Page[ImportRow]]:
    """Return the verdicts in the order of the file.

    `new`: added. `known`: there already. `changed`: there and different, and `changes` has each
    field with what is there and what the file says. `unmatched`: of a release that is nowhere.
    `invalid`: `reason` says why.
    """
    place = page_request("file", limit, cursor, offset, key_type=int)
    rows = await database_of(request).read(
        imports.list_rows,
        user_id=request.user.user_id,
        run_id=run_id,
        verdict=verdict,
        kind=kind,
        after_seq=place.key,
        after_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    if not rows:
        await _known(request, run_id)
    return page_response(request, place, rows, page=ImportRowPage)


@get(
    "/imports/{run_id:str}/report",
    responses={
        200: ResponseSpec(
            str,
            description="The report; with `format`, application/x-ndjson",
            media_type="text/csv",
            generate_examples=False,
        )
    }
    | documented(400, 401, 404),
    summary="The report as a file",
)
async def get_import_report(
    request: ApiRequest,
    run_id: FromPath[UUID],
    form: ReportFormat = "csv",
    verdict: VerdictFilter = None,
    kind: KindFilter = None,
) -> ExportResponse:
    """Return what became of every record, as a file."""
    await _known(request, run_id)
    return ExportResponse(
        request, ImportReport(run_id=run_id, format=form, verdict=verdict, kind=kind)
    )


@post(
    "/imports/{run_id:str}/apply",
    status_code=HTTPStatus.ACCEPTED.value,
    responses={202: ResponseSpec(ImportRun, generate_examples=False)}
    | documented(400, 401, 404, 409),
    summary="Apply a dry run",
)
async def apply_import(
    request: ApiRequest, state: State, run_id: FromPath[UUID]
) -> Response[ImportRun]:
    """Do what a dry run found, or go on with an import that was cut short when it was applied."""
    user_id = request.user.user_id
    tasks: ImportTasks = state.import_tasks
    async with tasks.slot() as slot:
        run = await _known(request, run_id)
        if run.state not in ("judged", "applying"):
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "not-applicable",
                f"The import is {run.state}; only one that is judged or applying can be applied.",
            )
        if run.state == "applying" and is_alive(run):
            raise _going_on()
        slot.start(user_id, run_id, lambda conn: account_import.apply(conn, user_id, run_id))
    return _accepted(request.url.path.removesuffix(f"/{run_id}/apply"), run)


@delete(
    "/imports/{run_id:str}", responses=documented(400, 401, 404, 409), summary="Forget an import"
)
async def delete_import(request: ApiRequest, run_id: FromPath[UUID]) -> None:
    """Delete a run with its report; what it brought stays."""
    run = await _known(request, run_id)
    if run.state in ("reading", "applying") and is_alive(run):
        raise _going_on()
    async with database_of(request).connection() as conn:
        await imports.delete_run(conn, user_id=request.user.user_id, run_id=run_id)


router = Router(
    "/",
    route_handlers=[
        add_import,
        list_imports,
        get_import,
        list_import_rows,
        get_import_report,
        apply_import,
        delete_import,
    ],
    tags=["Imports"],
)
