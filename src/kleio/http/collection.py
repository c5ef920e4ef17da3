"""Routes of a user's shelf: copies of releases, and the folders they are in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from kleio.db.queries import Connection, Keyed
from kleio.http import fields, idempotency
from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    PageRequest,
    WithTotal,
    page_request,
    page_response,
)
from kleio.http.problems import documented, invalid_field, not_found
from kleio.http.responses import expected_version, version_changed, version_etag
from kleio.http.schemas import CopyPage, CopyWithRelease
from kleio.repositories import collection, folders
from kleio.repositories.collection import Copy
from kleio.repositories.folders import FolderCount

MediaCondition = Literal["M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded"]
SleeveCondition = Literal[
    "M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded", "Generic", "No Cover"
]
Rating = Annotated[int, Meta(ge=0, le=5)]
CustomFields = Annotated[dict[fields.Line, fields.Text], Meta(max_length=100)]
Sort = Literal[
    "-added", "added", "artist", "-artist", "title", "-title", "year", "-year", "rating", "-rating"
]

SortParameter = Annotated[
    Sort, QueryParameter(description="Order of the copies; a dash turns it round.")
]

ADDED_KEY = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How the keyed queries write a time, so that texts sort as times do."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


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


class FolderPage(Page[FolderCount], frozen=True, kw_only=True):
    """All folders of a user, in one page."""


def check_added_at(added_at: datetime) -> None:
    """Refuse a time without a zone, before 1900 or beyond a day from now.

    Raises:
        ProblemError: 400, naming `addedAt`.
    """
    if added_at.tzinfo is None:
        raise invalid_field("addedAt", "needs a zone, such as Z")
    if not EARLIEST <= added_at <= datetime.now(UTC) + timedelta(days=1):
        raise invalid_field("addedAt", "before 1900 or in the future")


async def _read_page(
    request: ApiRequest, sort: Sort, place: PageRequest, filters: dict[str, Any]
) -> list[Keyed[Copy]]:
    read = database_of(request).read
    page: dict[str, Any] = {
        "user_id": request.user.user_id,
        "page_size": place.limit + 1,
        "page_offset": place.offset,
    }
    is_descending, order = sort.startswith("-"), sort.removeprefix("-")
    if order == "added" and all(value is None for value in filters.values()):
        if is_descending:
            return await read(
                collection.list_collection_newest,
                before_added_at=place.key,
                before_id=place.id,
                **page,
            )
        return await read(
            collection.list_collection_oldest,
            after_added_at=place.key,
            after_id=place.id,
            **page,
        )
    key = place.key
    if isinstance(key, datetime):
        key = key.strftime(ADDED_KEY)
    if is_descending:
        return await read(
            collection.list_collection_descending,
            sort=order,
            before_key=key,
            before_id=place.id,
            **filters,
            **page,
        )
    return await read(
        collection.list_collection_ascending,
        sort=order,
        after_key=key,
        after_id=place.id,
        **filters,
        **page,
    )


@get(
    "/collection",
    responses={200: ResponseSpec(CopyPage, generate_examples=False)} | documented(400, 401),
    summary="The shelf",
)
async def list_collection(
    request: ApiRequest,
    sort: SortParameter = "-added",
    q: fields.SearchFilter = None,
    artist: fields.ArtistFilter = None,
    label: fields.LabelFilter = None,
    genre: fields.GenreFilter = None,
    style: fields.StyleFilter = None,
    format: fields.FormatFilter = None,
    country: fields.CountryFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    folder_id: Annotated[UUID | None, QueryParameter(name="folderId")] = None,
    min_rating: Annotated[int | None, QueryParameter(name="minRating", ge=0, le=5)] = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[Copy]]:
    """Return the user's copies, each with its release."""
    if year_from is not None and year_to is not None and year_from > year_to:
        raise invalid_field("yearTo", "earlier than yearFrom", source="query")
    filters: dict[str, Any] = {
        "search": q,
        "artist": artist,
        "label": label,
        "genre": genre,
        "style": style,
        "format": format,
        "country": country,
        "year_from": year_from,
        "year_to": year_to,
        "folder_id": folder_id,
        "min_rating": min_rating,
    }
    key_type = datetime if sort.endswith("added") else str
    place = page_request(sort, limit, cursor, offset, key_type=key_type)
    rows = await _read_page(request, sort, place, filters)
    total = None
    if with_total:
        total = await database_of(request).read(
            collection.count_collection, user_id=request.user.user_id, **filters
        )
    return page_response(request, place, rows, total=total)


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
    now = datetime.now(UTC)
    if data.added_at is not None:
        check_added_at(data.added_at)

    async def work(conn: Connection) -> Copy:
        copy = await collection.insert_copy(
            conn,
            user_id=request.user.user_id,
            release_id=data.release_id,
            discogs_id=data.discogs_id,
            folder_id=data.folder_id,
            rating=data.rating,
            media_condition=data.media_condition,
            sleeve_condition=data.sleeve_condition,
            notes=data.notes,
            custom_fields=msgspec.json.encode(data.custom_fields).decode(),
            added_at=data.added_at or now,
            now=now,
        )
        if copy is None:
            raise not_found("release")
        return copy

    return await idempotency.create(request, work)


def _copy_response(copy: Copy) -> Response[Copy]:
    return Response(copy, headers={"ETag": version_etag(copy.updated_at)})


_COPY = {200: ResponseSpec(CopyWithRelease, generate_examples=False)}


@get(
    "/collection/{copy_id:str}",
    responses=_COPY | documented(400, 401, 404),
    summary="One copy",
)
async def get_copy(request: ApiRequest, copy_id: FromPath[UUID]) -> Response[Copy]:
    """Return a copy; its `ETag` is its version."""
    copy = await database_of(request).read(
        collection.get_copy, user_id=request.user.user_id, copy_id=copy_id
    )
    if copy is None:
        raise not_found("copy")
    return _copy_response(copy)


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
    expected = expected_version(request)
    user_id = request.user.user_id
    async with database_of(request).transaction() as conn:
        copy = await collection.update_copy(
            conn,
            user_id=user_id,
            copy_id=copy_id,
            changes=msgspec.json.encode(data).decode(),
            expected_updated_at=expected,
            now=datetime.now(UTC),
        )
        if copy is None and expected is not None:
            known = await collection.get_copy(conn, user_id=user_id, copy_id=copy_id)
            if known is not None:
                raise version_changed()
    if copy is None:
        raise not_found("copy")
    return _copy_response(copy)


@delete(
    "/collection/{copy_id:str}",
    responses=documented(400, 401, 404),
    summary="Remove a copy",
)
async def delete_copy(request: ApiRequest, copy_id: FromPath[UUID]) -> None:
    """Take a copy off the shelf for good."""
    async with database_of(request).connection() as conn:
        deleted = await collection.delete_copy(conn, user_id=request.user.user_id, copy_id=copy_id)
    if not deleted:
        raise not_found("copy")


@get("/collection/folders", responses=documented(401), summary="The folders")
async def list_folders(request: ApiRequest) -> FolderPage:
    """Return the user's folders with the number of copies in each."""
    rows = await database_of(request).read(folders.list_folders, user_id=request.user.user_id)
    return FolderPage(items=rows, next=None, total=len(rows))


router = Router(
    "/",
    route_handlers=[
        list_collection,
        add_copy,
        list_folders,
        get_copy,
        update_copy,
        delete_copy,
    ],
    tags=["Collection"],
)
