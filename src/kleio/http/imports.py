"""Routes of imports: a file of one's own data in, what became of it, and the report of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, post
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
    SpreadsheetChoice,
    VerdictFilter,
    WithUpdates,
    ZoneChoice,
    shown,
)
from kleio.http.import_start import (
    ImportWish,
    apply_run,
    begin_import,
    check_length,
    forget_run,
    known_run,
)
from kleio.http.paging import CursorText, Limit, Offset, Page, page_request, page_response
from kleio.http.problems import ProblemError, documented
from kleio.repositories import imports
from kleio.repositories.imports import ImportRow, Run


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


async def _receive(request: ApiRequest, file: BinaryIO) -> None:
    """Write the body to a file.

    Raises:
        ProblemError: 413 where it is longer than it may be, 415 where it is compressed.
    """
    refuse_encoded(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal():
        check_length(request, int(length))
    received = 0
    async for block in request.stream():
        received += len(block)
        check_length(request, received)
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
    source: SourceChoice = None,
    dry_run: DryRun = False,
    update: WithUpdates = False,
    dates: DatesChoice = "iso",
    zone: ZoneChoice = "UTC",
    encoding: EncodingChoice = "utf-8",
    spreadsheet: SpreadsheetChoice = False,
    file_name: FileName = None,
) -> Response[ImportRun]:
    """Take a file and import it after the answer, whose `Location` tells how far it is.

    A CSV of a collection, a whole account as `GET /export/all` gives it, or the history export of
    the older Kleio. What is there already stays as it is, so that the same file again adds nothing.
    """
    wish = ImportWish(
        source=_source_name(request, source),
        file_name=file_name,
        dry_run=dry_run,
        update=update,
        dates=dates,
        zone=zone,
        encoding=encoding,
        spreadsheet=spreadsheet,
    )
    wish.check()

    async def receive(file: BinaryIO) -> ImportWish:
        await _receive(request, file)
        return wish

    return _accepted(request.url.path, await begin_import(request, receive))


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


@get("/imports/{run_id:str}", responses=documented(400, 401, 404), summary="One import")
async def get_import(request: ApiRequest, run_id: FromPath[UUID]) -> ImportDetail:
    """Return how far an import is, its counts, and the first records that could not be kept."""
    run = await known_run(request, run_id)
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
        await known_run(request, run_id)
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
    await known_run(request, run_id)
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
async def apply_import(request: ApiRequest, run_id: FromPath[UUID]) -> Response[ImportRun]:
    """Do what a dry run found, or go on with an import that was cut short when it was applied."""
    run = await apply_run(request, run_id)
    return _accepted(request.url.path.removesuffix(f"/{run_id}/apply"), run)


@delete(
    "/imports/{run_id:str}", responses=documented(400, 401, 404, 409), summary="Forget an import"
)
async def delete_import(request: ApiRequest, run_id: FromPath[UUID]) -> None:
    """Delete a run with its report; what it brought stays."""
    await forget_run(request, run_id)


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
