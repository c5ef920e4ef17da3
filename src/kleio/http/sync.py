"""Routes of syncs with Discogs: begun here, worked on beside the requests."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from kleio.db.queries import Connection
from kleio.discogs import runs
from kleio.discogs.credentials import read_token
from kleio.discogs.errors import NoToken
from kleio.discogs.progress import SyncCounts, SyncReport
from kleio.discogs.runs import AlreadyRunning
from kleio.discogs.worker import SyncWorker
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    page_request,
    page_response,
)
from kleio.http.problems import ProblemError, documented, not_found
from kleio.http.session import settings_of
from kleio.repositories import sync_runs
from kleio.repositories.sync_runs import SyncRun

Status = Literal["pending", "running", "completed", "failed", "cancelled"]
Phase = Literal["identity", "pages", "checking", "shelf", "releases", "done"]


class SyncWish(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """How to sync: `dryRun` only tells what would change, `withDetails` fetches tracks too."""

    dry_run: bool = False
    with_details: bool = True


class SyncRunDetail(msgspec.Struct, frozen=True, rename="camel"):
    """A run; `remainingSeconds` is an estimate, null unless it runs."""

    id: UUID
    status: Status
    phase: Phase
    dry_run: bool
    with_details: bool
    pages_done: int
    pages_total: int | None
    releases_done: int
    releases_total: int | None
    calls: int
    remaining_seconds: int | None
    counts: SyncCounts
    report: SyncReport
    error_code: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


class SyncRunPage(Page[SyncRunDetail], frozen=True, kw_only=True):
    """A page of runs."""


async def known_sync(request: UserRequest, run_id: UUID) -> SyncRun:
    """Return a sync of the request's user.

    Raises:
        ProblemError: 404.
    """
    run = await database_of(request).read(
        sync_runs.get_run,
        user_id=request.user.user_id,
        run_id=run_id,
        calls_a_minute=settings_of(request).discogs_rate,
    )
    if run is None:
        raise not_found("sync")
    return run


def _accepted(run: SyncRun) -> Response[SyncRun]:
    place = f"/api/v1/sync/{run.id}"
    return Response(run, status_code=HTTPStatus.ACCEPTED.value, headers={"Location": place})


@post(
    "/sync/discogs",
    status_code=HTTPStatus.ACCEPTED.value,
    responses={202: ResponseSpec(SyncRunDetail, generate_examples=False)}
    | documented(400, 401, 409, 413),
    summary="Sync the collection with Discogs",
)
async def sync_discogs(request: ApiRequest, data: JSONBody[SyncWish]) -> Response[SyncRun]:
    """Begin a sync of the user's collection; `Location` tells how far it is.

    Copies, folders, ratings, conditions, notes and custom fields come from Discogs; what the user
    has changed here since the last sync stays. Copies that are gone at Discogs are archived. One
    sync of a user at a time: another one answers 409, with the running one as `Location`; so does
    a user without a Discogs token.
    """
    return _accepted(await begin_sync(request, data))


async def begin_sync(request: UserRequest, wish: SyncWish) -> SyncRun:
    """Begin a sync of the request's user, and return its run.

    Raises:
        ProblemError: 409 where one is running, or there is no token.
    """
    async with database_of(request).connection() as conn:
        run_id = await insert_sync(request, conn, wish)
    call_worker(request)
    return await known_sync(request, run_id)


def call_worker(request: UserRequest) -> None:
    """Have the sync that was begun, and is committed, worked on at once."""
    worker: SyncWorker = request.app.state.sync_worker
    worker.call()


async def insert_sync(request: UserRequest, conn: Connection, wish: SyncWish) -> UUID:
    """Let a sync of the request's user wait for a worker, and return its run's id.

    Raises:
        ProblemError: 409 where one is running, or there is no token.
    """
    user_id = request.user.user_id
    try:
        await read_token(conn, user_id, settings_of(request))
        return await runs.begin(
            conn,
            user_id=user_id,
            dry_run=wish.dry_run,
            with_details=wish.with_details,
            now=runs.utc_now(),
        )
    except NoToken as error:
        raise ProblemError(HTTPStatus.CONFLICT, error.code, f"{error}.") from error
    except AlreadyRunning as error:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "sync-running",
            "A sync is running already.",
            headers={"Location": f"/api/v1/sync/{error.run_id}"},
        ) from error


@get(
    "/sync",
    responses={200: ResponseSpec(SyncRunPage, generate_examples=False)} | documented(400, 401),
    summary="One's syncs",
)
async def list_syncs(
    request: ApiRequest, limit: Limit = 50, cursor: CursorText = None, offset: Offset = 0
) -> Response[Page[SyncRun]]:
    """Return one's syncs, newest first."""
    place = page_request("newest", limit, cursor, offset, key_type=UUID)
    rows = await database_of(request).read(
        sync_runs.list_runs,
        user_id=request.user.user_id,
        calls_a_minute=settings_of(request).discogs_rate,
        before_id=place.id,
        page_size=place.limit + 1,
        page_offset=place.offset,
    )
    return page_response(request, place, rows)


@get(
    "/sync/{run_id:str}",
    responses={200: ResponseSpec(SyncRunDetail, generate_examples=False)}
    | documented(400, 401, 404),
    summary="One sync",
)
async def get_sync(request: ApiRequest, run_id: FromPath[UUID]) -> SyncRun:
    """Return how far a sync is, or how it ended, with what there is to look at."""
    return await known_sync(request, run_id)


@post(
    "/sync/{run_id:str}/cancel",
    status_code=HTTPStatus.ACCEPTED.value,
    responses={202: ResponseSpec(SyncRunDetail, generate_examples=False)}
    | documented(400, 401, 404, 409),
    summary="Stop a sync",
)
async def cancel_sync(request: ApiRequest, run_id: FromPath[UUID]) -> Response[SyncRun]:
    """Stop a sync within seconds; what it has written stays, and the next one goes on from there.

    409 where it has ended.
    """
    return _accepted(await cancel(request, run_id))


async def cancel(request: UserRequest, run_id: UUID) -> SyncRun:
    """Ask a sync of the request's user to stop, and return its run.

    Raises:
        ProblemError: 404, 409 where it has ended.
    """
    async with database_of(request).connection() as conn:
        is_asked = await runs.cancel(
            conn, user_id=request.user.user_id, run_id=run_id, now=runs.utc_now()
        )
    run = await known_sync(request, run_id)
    if not is_asked:
        raise ProblemError(HTTPStatus.CONFLICT, "sync-ended", "The sync has ended.")
    return run


router = Router(
    "/", route_handlers=[sync_discogs, list_syncs, get_sync, cancel_sync], tags=["Sync"]
)
