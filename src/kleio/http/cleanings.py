"""Routes of a user's cleanings: what was cleaned when, and how thoroughly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kleio.db.queries import Connection
from kleio.http import fields, idempotency
from kleio.http.auth import ApiRequest, database_of
from kleio.http.moments import SinceFilter, UntilFilter, check_moment, check_range
from kleio.http.own_rows import delete_row, get_row, update_row
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    WithTotal,
    page_request,
    page_response,
)
from kleio.http.plays import check_subject, missing_subject
from kleio.http.problems import documented
from kleio.http.schemas import CleaningPage, CleaningWithRelease
from kleio.repositories import cleanings
from kleio.repositories.cleanings import Cleaning


class NewCleaning(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A cleaning of a release, or of a copy."""

    release_id: UUID | None = None
    copy_id: UUID | None = None
    cleaned_at: datetime | None = None
    deep: bool = False
    notes: fields.Text | None = None


class CleaningChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a cleaning; a field that is left out stays, null clears it."""

    cleaned_at: datetime | UnsetType = UNSET
    deep: bool | UnsetType = UNSET
    notes: fields.Text | UnsetType | None = UNSET


@get(
    "/cleanings",
    responses={200: ResponseSpec(CleaningPage, generate_examples=False)} | documented(400, 401),
    summary="The cleanings",
)
async def list_cleanings(
    request: ApiRequest,
    release_id: Annotated[UUID | None, QueryParameter(name="releaseId")] = None,
    copy_id: Annotated[UUID | None, QueryParameter(name="copyId")] = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[Cleaning]]:
    """Return the user's cleanings, newest first, each with its release."""
    check_range(since, until)
    place = page_request("-cleaned", limit, cursor, offset, key_type=datetime)
    filters: dict[str, Any] = {
        "user_id": request.user.user_id,
        "release_id": release_id,
        "copy_id": copy_id,
        "since": since,
        "until": until,
    }
    read = database_of(request).read
    rows = await read(
        cleanings.list_cleanings,
        **filters,
        before_cleaned_at=place.key,
        before_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    total = await read(cleanings.count_cleanings, **filters) if with_total else None
    return page_response(request, place, rows, total=total)


async def insert_cleaning(
    conn: Connection,
    user_id: UUID,
    *,
    release_id: UUID | None,
    copy_id: UUID | None,
    cleaned_at: datetime,
    deep: bool,
    notes: str | None,
    now: datetime,
) -> Cleaning:
    """Log a cleaning and return it as it is read.

    Raises:
        ProblemError: 404, naming the field, where there is no such release or copy.
    """
    cleaning_id = await cleanings.insert_cleaning(
        conn,
        user_id=user_id,
        release_id=release_id,
        copy_id=copy_id,
        cleaned_at=cleaned_at,
        deep=deep,
        notes=notes,
        now=now,
    )
    if cleaning_id is None:
        raise missing_subject(copy_id)
    cleaning = await cleanings.get_cleaning(conn, user_id=user_id, cleaning_id=cleaning_id)
    if cleaning is None:
        raise RuntimeError("a cleaning that was just written is not there")
    return cleaning


@post(
    "/cleanings",
    responses={201: ResponseSpec(CleaningWithRelease, generate_examples=False)}
    | documented(400, 401, 404, 413, 422),
    summary="Log a cleaning",
)
async def add_cleaning(request: ApiRequest, data: JSONBody[NewCleaning]) -> Response[bytes]:
    """Log a cleaning, of now where no time is given; takes an `Idempotency-Key`."""
    check_subject(data.release_id, data.copy_id)
    now = datetime.now(UTC)
    if data.cleaned_at is not None:
        check_moment("cleanedAt", data.cleaned_at)

    async def work(conn: Connection) -> Cleaning:
        return await insert_cleaning(
            conn,
            request.user.user_id,
            release_id=data.release_id,
            copy_id=data.copy_id,
            cleaned_at=data.cleaned_at or now,
            deep=data.deep,
            notes=data.notes,
            now=now,
        )

    return await idempotency.create(request, work)


_CLEANING = {200: ResponseSpec(CleaningWithRelease, generate_examples=False)}


@get(
    "/cleanings/{cleaning_id:str}",
    responses=_CLEANING | documented(400, 401, 404),
    summary="One cleaning",
)
async def get_cleaning(request: ApiRequest, cleaning_id: FromPath[UUID]) -> Response[Cleaning]:
    """Return a cleaning; its `ETag` is its version."""
    return await get_row(request, "cleaning", cleanings.get_cleaning, cleaning_id=cleaning_id)


@patch(
    "/cleanings/{cleaning_id:str}",
    responses=_CLEANING | documented(400, 401, 404, 412, 413),
    summary="Change a cleaning",
)
async def update_cleaning(
    request: ApiRequest, cleaning_id: FromPath[UUID], data: JSONBody[CleaningChanges]
) -> Response[Cleaning]:
    """Change what is given; takes `If-Match`."""
    if isinstance(data.cleaned_at, datetime):
        check_moment("cleanedAt", data.cleaned_at)
    changes = msgspec.json.encode(data).decode()
    async with database_of(request).transaction() as conn:
        return await update_row(
            conn,
            request,
            "cleaning",
            cleanings.update_cleaning,
            cleanings.get_cleaning,
            changes=changes,
            cleaning_id=cleaning_id,
        )


@delete(
    "/cleanings/{cleaning_id:str}",
    responses=documented(400, 401, 404),
    summary="Delete a cleaning",
)
async def delete_cleaning(request: ApiRequest, cleaning_id: FromPath[UUID]) -> None:
    """Delete a cleaning for good."""
    await delete_row(request, "cleaning", cleanings.delete_cleaning, cleaning_id=cleaning_id)


router = Router(
    "/",
    route_handlers=[list_cleanings, add_cleaning, get_cleaning, update_cleaning, delete_cleaning],
    tags=["Cleanings"],
)
