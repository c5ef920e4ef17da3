"""Routes that read a user's shelf as a whole: its pages, and a copy off it by chance."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from kleio.db.pool import Database
from kleio.db.queries import Keyed
from kleio.http import fields
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
from kleio.http.responses import version_etag
from kleio.http.schemas import CopyPage, CopyWithRelease
from kleio.repositories import collection, collection_pages
from kleio.repositories.collection import Copy, ShelfCopy

Sort = Literal[
    "-added",
    "added",
    "artist",
    "-artist",
    "title",
    "-title",
    "year",
    "-year",
    "rating",
    "-rating",
    "played",
    "-played",
    "plays",
    "-plays",
    "cleaning",
    "-cleaning",
    "match",
    "-match",
]

SortParameter = Annotated[
    Sort,
    QueryParameter(
        description="Order of the copies; a dash turns it round. `played` is the last play (never "
        "first), `plays` their number, `cleaning` the score from 0 (clean) to 100 (dirty), `match` "
        "how like `q` it is."
    ),
]

ADDED_KEY = "%Y-%m-%dT%H:%M:%S.%fZ"
"""How the keyed queries write a time, so that texts sort as times do."""

FolderFilter = Annotated[
    UUID | None, QueryParameter(name="folderId", description="The folder that copies are in.")
]
RatingFilter = Annotated[
    int | None, QueryParameter(name="minRating", ge=0, le=5, description="Lowest rating.")
]
PlayedSinceFilter = Annotated[
    datetime | None,
    QueryParameter(name="playedSince", description="Last played at that time or after it."),
]
NotPlayedSinceFilter = Annotated[
    datetime | None,
    QueryParameter(
        name="notPlayedSince", description="Last played before that time, or never played."
    ),
]
NeverPlayedFilter = Annotated[
    bool | None,
    QueryParameter(name="neverPlayed", description="Whether it was never played."),
]
NeedsCleaningFilter = Annotated[
    bool | None,
    QueryParameter(
        name="needsCleaning", description="Whether its cleaning score is 60 or more of 100."
    ),
]

ArchivedFilter = Annotated[
    bool,
    QueryParameter(description="Whether to list what is archived instead of what is on the shelf."),
]
WithListening = Annotated[
    bool,
    QueryParameter(
        description="Whether to tell of each copy how often and when its release was played and "
        "cleaned, and whether it needs cleaning, is neglected or was played recently."
    ),
]
SeedText = Annotated[
    str | None,
    QueryParameter(
        max_length=100,
        pattern=fields.NO_NUL,
        description="The same seed finds the same copy again, while the same copies pass.",
    ),
]

NO_FILTERS: dict[str, Any] = dict.fromkeys(
    (
        *("search", "artist", "label", "genre", "style", "format", "country"),
        *("year_from", "year_to", "folder_id", "min_rating"),
        *("played_since", "not_played_since", "never_played", "needs_cleaning"),
    )
) | {"archived": False}
"""The filters of the shelf as it is, which the unfiltered queries read."""


def checked_filters(**filters: Any) -> dict[str, Any]:
    """Return the filters as the queries take them.

    Raises:
        ProblemError: 400, naming `yearTo` where it is before `yearFrom`, or a time without a zone.
    """
    year_from, year_to = filters["year_from"], filters["year_to"]
    if year_from is not None and year_to is not None and year_from > year_to:
        raise invalid_field("yearTo", "earlier than yearFrom", source="query")
    for name, parameter in (
        ("played_since", "playedSince"),
        ("not_played_since", "notPlayedSince"),
    ):
        if filters[name] is not None and filters[name].tzinfo is None:
            raise invalid_field(parameter, "needs a zone, such as Z", source="query")
    return filters


def shelf_place(
    sort: Sort, limit: int, cursor: str | None, offset: int, *, search: str | None
) -> PageRequest:
    """Return the place of a page on the shelf.

    Raises:
        ProblemError: 400, naming `cursor` or `offset`, or `sort` where it needs a search.
    """
    if sort.endswith("match") and search is None:
        raise invalid_field("sort", "match needs q", source="query")
    key_type = datetime if sort.endswith("added") else str
    return page_request(sort, limit, cursor, offset, key_type=key_type)


async def read_page(
    database: Database,
    user_id: UUID,
    sort: Sort,
    place: PageRequest,
    filters: dict[str, Any],
    *,
    marks_at: datetime | None,
) -> list[Keyed[ShelfCopy]]:
    """Return one page of a user's shelf, and one copy more where there is a next one.

    Args:
        database: of the worker.
        user_id: whose shelf it is.
        sort: the order.
        place: where the page stands in it.
        filters: as `checked_filters` returns them.
        marks_at: now, to tell what has been done with each release; None not to.
    """
    read = database.read
    page: dict[str, Any] = {
        "user_id": user_id,
        "marks_at": marks_at,
        "page_size": place.limit + 1,
        "page_offset": place.offset,
    }
    is_descending, order = sort.startswith("-"), sort.removeprefix("-")
    if order == "added" and filters == NO_FILTERS:
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
            collection_pages.list_collection_descending,
            sort=order,
            before_key=key,
            before_id=place.id,
            **filters,
            **page,
        )
    return await read(
        collection_pages.list_collection_ascending,
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
    folder_id: FolderFilter = None,
    min_rating: RatingFilter = None,
    played_since: PlayedSinceFilter = None,
    not_played_since: NotPlayedSinceFilter = None,
    never_played: NeverPlayedFilter = None,
    needs_cleaning: NeedsCleaningFilter = None,
    archived: ArchivedFilter = False,
    listening: WithListening = False,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[ShelfCopy]]:
    """Return the user's copies, each with its release."""
    filters = checked_filters(
        search=q,
        artist=artist,
        label=label,
        genre=genre,
        style=style,
        format=format,
        country=country,
        year_from=year_from,
        year_to=year_to,
        folder_id=folder_id,
        min_rating=min_rating,
        played_since=played_since,
        not_played_since=not_played_since,
        never_played=never_played,
        needs_cleaning=needs_cleaning,
        archived=archived,
    )
    place = shelf_place(sort, limit, cursor, offset, search=q)
    rows = await read_page(
        database_of(request),
        request.user.user_id,
        sort,
        place,
        filters,
        marks_at=datetime.now(UTC) if listening else None,
    )
    total = None
    if with_total:
        total = await database_of(request).read(
            collection_pages.count_collection, user_id=request.user.user_id, **filters
        )
    return page_response(request, place, rows, total=total)


@get(
    "/collection/random",
    responses={200: ResponseSpec(CopyWithRelease, generate_examples=False)}
    | documented(400, 401, 404),
    summary="A copy by chance",
)
async def get_random_copy(
    request: ApiRequest,
    q: fields.SearchFilter = None,
    artist: fields.ArtistFilter = None,
    label: fields.LabelFilter = None,
    genre: fields.GenreFilter = None,
    style: fields.StyleFilter = None,
    format: fields.FormatFilter = None,
    country: fields.CountryFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    folder_id: FolderFilter = None,
    min_rating: RatingFilter = None,
    played_since: PlayedSinceFilter = None,
    not_played_since: NotPlayedSinceFilter = None,
    never_played: NeverPlayedFilter = None,
    needs_cleaning: NeedsCleaningFilter = None,
    seed: SeedText = None,
) -> Response[Copy]:
    """Return one copy on the shelf that passes the filters, each as likely as any other."""
    filters = checked_filters(
        search=q,
        artist=artist,
        label=label,
        genre=genre,
        style=style,
        format=format,
        country=country,
        year_from=year_from,
        year_to=year_to,
        folder_id=folder_id,
        min_rating=min_rating,
        played_since=played_since,
        not_played_since=not_played_since,
        never_played=never_played,
        needs_cleaning=needs_cleaning,
    )
    copy = await database_of(request).read(
        collection.get_random_copy,
        user_id=request.user.user_id,
        seed=secrets.token_hex(16) if seed is None else seed,
        **filters,
    )
    if copy is None:
        raise not_found("copy")
    return Response(
        copy, headers={"ETag": version_etag(copy.updated_at), "Cache-Control": "no-store"}
    )
