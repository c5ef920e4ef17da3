"""Routes of a user's copies of releases; `kleio.http.shelf` reads the shelf as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from kleio.account_records import MAX_CUSTOM_BYTES, custom_bytes
from kleio.db.queries import Connection
from kleio.http import fields, idempotency, shelf
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.own_rows import delete_row, get_row
from kleio.http.problems import ProblemError, documented, invalid_field, not_found
from kleio.http.responses import check_version, expected_version, version_changed, versioned
from kleio.http.schemas import CopyWithRelease
from kleio.repositories import collection
from kleio.repositories.collection import Copy

MediaCondition = Literal["M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded"]
SleeveCondition = Literal[
    "M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded", "Generic", "No Cover"
]
Rating = Annotated[int, Meta(ge=0, le=5)]
CustomFields = Annotated[dict[fields.Line, fields.Text], Meta(max_length=100)]
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


ArchiveReason = Literal[
    "sold", "given away", "lost", "duplicate", "mistake", "removed at Discogs", "other"
]


class NewCopy(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A copy to put on the shelf, of the release with an id or with a Discogs number."""

    release_id: UUID | None = None
    discogs_id: fields.DiscogsId | None = None
    folder_id: UUID | None = None
    rating: Rating = 0
    media_condition: MediaCondition | None = None
    sleeve_condition: SleeveCondition | None = None
    notes: fields.Text | None = None
    custom_fields: CustomFields = {}
    added_at: datetime | None = None


class CopyChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a copy; a field that is left out stays, null clears it."""

    folder_id: UUID | UnsetType = UNSET
    rating: Rating | UnsetType = UNSET
    media_condition: MediaCondition | UnsetType | None = UNSET
    sleeve_condition: SleeveCondition | UnsetType | None = UNSET
    notes: fields.Text | UnsetType | None = UNSET
    custom_fields: CustomFields | UnsetType = UNSET
    added_at: datetime | UnsetType = UNSET


class Archiving(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Why a copy leaves the shelf."""

    reason: ArchiveReason


def check_added_at(added_at: datetime) -> None:
    """Refuse a time without a zone, before 1900 or beyond a day from now.

    Raises:
        ProblemError: 400, naming `addedAt`.
    """
    if added_at.tzinfo is None:
        raise invalid_field("addedAt", "needs a zone, such as Z")
    if not EARLIEST <= added_at <= datetime.now(UTC) + timedelta(days=1):
        raise invalid_field("addedAt", "before 1900 or in the future")


def check_custom_fields(custom_fields: dict[str, str]) -> None:
    """Refuse custom fields that a page of copies could not show.

    Raises:
        ProblemError: 400, naming `customFields`.
    """
    if custom_fields and custom_bytes(custom_fields) > MAX_CUSTOM_BYTES:
        raise invalid_field("customFields", f"more than {MAX_CUSTOM_BYTES:,} bytes")


@post(
    "/collection",
    responses={201: ResponseSpec(CopyWithRelease, generate_examples=False)}
    | documented(400, 401, 404, 413, 422),
    summary="Add a copy",
)
async def add_copy(request: ApiRequest, data: JSONBody[NewCopy]) -> Response[bytes]:
    """Put one more copy of a release on the shelf; takes an `Idempotency-Key`."""
    if (data.release_id is None) == (data.discogs_id is None):
        raise invalid_field("releaseId", "give either releaseId or discogsId")
    check_custom_fields(data.custom_fields)
    now = datetime.now(UTC)
    if data.added_at is not None:
        check_added_at(data.added_at)

    async def work(conn: Connection) -> Copy:
        copy = await insert_copy(conn, request.user.user_id, data, now=now)
        if copy is None:
            raise not_found("release")
        return copy

    return await idempotency.create(request, work)


async def insert_copy(
    conn: Connection, user_id: UUID, wish: NewCopy, *, now: datetime
) -> Copy | None:
    """Put one more copy on a user's shelf; None where the catalogue has no such release."""
    return await collection.insert_copy(
        conn,
        user_id=user_id,
        release_id=wish.release_id,
        discogs_id=wish.discogs_id,
        folder_id=wish.folder_id,
        rating=wish.rating,
        media_condition=wish.media_condition,
        sleeve_condition=wish.sleeve_condition,
        notes=wish.notes,
        custom_fields=msgspec.json.encode(wish.custom_fields).decode(),
        added_at=wish.added_at or now,
        now=now,
    )


_COPY = {200: ResponseSpec(CopyWithRelease, generate_examples=False)}


@get(
    "/collection/{copy_id:str}",
    responses=_COPY | documented(400, 401, 404),
    summary="One copy",
)
async def get_copy(request: ApiRequest, copy_id: FromPath[UUID]) -> Response[Copy]:
    """Return a copy; its `ETag` is its version."""
    return await get_row(request, "copy", collection.get_copy, copy_id=copy_id)


@patch(
    "/collection/{copy_id:str}",
    responses=_COPY | documented(400, 401, 404, 412, 413),
    summary="Change a copy",
)
async def update_copy(
    request: ApiRequest, copy_id: FromPath[UUID], data: JSONBody[CopyChanges]
) -> Response[Copy]:
    """Change what is given; takes `If-Match`."""
    if isinstance(data.added_at, datetime):
        check_added_at(data.added_at)
    return versioned(await change_copy(request, copy_id, data, expected_version(request)))


async def change_copy(
    request: UserRequest, copy_id: UUID, changes: CopyChanges, expected: datetime | None
) -> Copy:
    """Change what is given of a copy of the request's user.

    Raises:
        ProblemError: 404; 412 where it is not of the expected version.
    """
    if isinstance(changes.custom_fields, dict):
        check_custom_fields(changes.custom_fields)
    user_id = request.user.user_id
    async with database_of(request).transaction() as conn:
        copy = await collection.update_copy(
            conn,
            user_id=user_id,
            copy_id=copy_id,
            changes=msgspec.json.encode(changes).decode(),
            expected_updated_at=expected,
            now=datetime.now(UTC),
        )
        if copy is None and expected is not None:
            known = await collection.get_copy(conn, user_id=user_id, copy_id=copy_id)
            if known is not None:
                raise version_changed()
    if copy is None:
        raise not_found("copy")
    return copy


@delete(
    "/collection/{copy_id:str}",
    responses=documented(400, 401, 404),
    summary="Remove a copy",
)
async def delete_copy(request: ApiRequest, copy_id: FromPath[UUID]) -> None:
    """Take a copy off the shelf for good; archive it to keep it in the records."""
    await delete_row(request, "copy", collection.delete_copy, copy_id=copy_id)


@post(
    "/collection/{copy_id:str}/archive",
    status_code=200,
    responses=_COPY | documented(400, 401, 404, 409, 412, 413),
    summary="Archive a copy",
)
async def archive_copy(
    request: ApiRequest, copy_id: FromPath[UUID], data: JSONBody[Archiving]
) -> Response[Copy]:
    """Take a copy off the shelf and keep it and its history; 409 where it is archived already.

    Takes `If-Match`.
    """
    return versioned(await take_off(request, copy_id, data.reason, expected_version(request)))


async def take_off(
    request: UserRequest, copy_id: UUID, reason: ArchiveReason, expected: datetime | None
) -> Copy:
    """Archive a copy of the request's user.

    Raises:
        ProblemError: 404; 409 where it is archived already; 412 where it is not of the expected
            version.
    """
    copy = await _moved(
        request, copy_id, expected, collection.update_copy_archived, archive_reason=reason
    )
    if copy is None:
        raise ProblemError(HTTPStatus.CONFLICT, "already-archived", "The copy is archived already.")
    return copy


@post(
    "/collection/{copy_id:str}/restore",
    status_code=200,
    responses=_COPY | documented(400, 401, 404, 409, 412),
    summary="Restore a copy",
)
async def restore_copy(request: ApiRequest, copy_id: FromPath[UUID]) -> Response[Copy]:
    """Put an archived copy back into its folder on the shelf; 409 where it is not archived.

    Takes `If-Match`.
    """
    return versioned(await put_back(request, copy_id, expected_version(request)))


async def put_back(request: UserRequest, copy_id: UUID, expected: datetime | None) -> Copy:
    """Restore a copy of the request's user.

    Raises:
        ProblemError: 404; 409 where it is not archived; 412 where it is not of the expected
            version.
    """
    copy = await _moved(request, copy_id, expected, collection.update_copy_restored)
    if copy is None:
        raise ProblemError(HTTPStatus.CONFLICT, "not-archived", "The copy is not archived.")
    return copy


async def _moved(
    request: UserRequest,
    copy_id: UUID,
    expected: datetime | None,
    update: Callable[..., Awaitable[Copy | None]],
    **given: str,
) -> Copy | None:
    """Archive or restore a copy; None where it is so already."""
    user_id, database = request.user.user_id, database_of(request)
    async with database.connection() as conn:
        copy = await update(
            conn,
            user_id=user_id,
            copy_id=copy_id,
            expected_updated_at=expected,
            now=datetime.now(UTC),
            **given,
        )
    if copy is None:
        known = await database.read(collection.get_copy, user_id=user_id, copy_id=copy_id)
        if known is None:
            raise not_found("copy")
        check_version(expected, known.updated_at)
    return copy


router = Router(
    "/",
    route_handlers=[
        shelf.list_collection,
        shelf.get_random_copy,
        add_copy,
        get_copy,
        update_copy,
        delete_copy,
        archive_copy,
        restore_copy,
    ],
    tags=["Collection"],
)
