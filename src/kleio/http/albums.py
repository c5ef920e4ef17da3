"""Routes of the music library's albums, and of the songs on one."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from kleio.db.queries import Keyed
from kleio.http import fields
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.paging import (
    CountedPage,
    CursorText,
    Limit,
    Offset,
    Page,
    PageRequest,
    page_request,
    page_response,
)
from kleio.http.problems import documented, invalid_field, not_found
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.songs import LibraryFilter, check_years
from kleio.http.words import read_alternatives
from kleio.repositories import albums, library_stats, songs
from kleio.repositories.albums import Album
from kleio.repositories.songs import Song

MAX_ALBUM_SONGS = 2000
"""More songs than any album has; a folder of untagged files may."""

AlbumSort = Annotated[
    Literal["-added", "added", "name"] | None,
    QueryParameter(
        description="`-added`, the latest added first, `added` or `name`; not with `q`."
    ),
]


class AlbumPage(CountedPage[Album], frozen=True, kw_only=True):
    """A page of albums."""


class AlbumSongPage(Page[Song], frozen=True, kw_only=True):
    """The songs of an album, in one page."""


async def read_album_page(
    request: UserRequest,
    place: PageRequest,
    search: str | None,
    words: dict[str, Any],
    filters: dict[str, Any],
) -> list[Keyed[Album]]:
    """Return a page of albums in an order, or like a text that `read_alternatives` was asked of."""
    read = database_of(request).read
    size: dict[str, Any] = {"page_size": place.limit + 1, "page_offset": place.offset}
    if search is not None:
        return await read(
            albums.search_albums,
            search=search,
            **words,
            **filters,
            before_score=place.key,
            before_id=place.id,
            **size,
        )
    if place.sort == "name":
        return await read(
            albums.list_albums_by_name, **filters, after_name=place.key, after_id=place.id, **size
        )
    if place.sort == "added":
        return await read(albums.list_albums_oldest, **filters, after_id=place.id, **size)
    return await read(albums.list_albums_newest, **filters, before_id=place.id, **size)


@get(
    "/albums",
    responses={200: ResponseSpec(AlbumPage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401),
    summary="List or search albums",
)
async def list_albums(
    request: ApiRequest,
    q: fields.SearchFilter = None,
    library_id: LibraryFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    sort: AlbumSort = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
) -> Response[Page[Album]]:
    """Return albums that have songs, latest added first; with `q` those most like it.

    `total` is that of all albums, counted at `refreshedAt`; with a filter there is none.
    """
    check_years(year_from, year_to)
    if q is not None and sort is not None:
        raise invalid_field("sort", "does not go with q", source="query")
    filters = {"library_id": library_id, "year_from": year_from, "year_to": year_to}
    if q is not None:
        place = page_request("best", limit, cursor, offset, key_type=float)
    else:
        order = sort or "-added"
        place = page_request(
            order, limit, cursor, offset, key_type=str if order == "name" else UUID
        )
    words = await read_alternatives(database_of(request), q)
    rows = await read_album_page(request, place, q, words, filters)
    total, refreshed_at = None, None
    if q is None and not any(value is not None for value in filters.values()):
        totals = await database_of(request).read(library_stats.get_library_totals)
        if totals is not None:
            total, refreshed_at = totals.albums, totals.refreshed_at
    page: Any = functools.partial(
        AlbumPage, total_is_estimate=refreshed_at is not None, refreshed_at=refreshed_at
    )
    return page_response(request, place, rows, total=total, page=page, response=CatalogueResponse)


@get(
    "/albums/{album_id:str}",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(400, 401, 404),
    summary="One album",
)
async def get_album(request: ApiRequest, album_id: FromPath[UUID]) -> Album:
    """Return one album with the number and the length of its songs."""
    album = await database_of(request).read(albums.get_album, album_id=album_id)
    if album is None:
        raise not_found("album")
    return album


@get(
    "/albums/{album_id:str}/songs",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(400, 401, 404),
    summary="The songs of an album",
)
async def list_album_songs(request: ApiRequest, album_id: FromPath[UUID]) -> AlbumSongPage:
    """Return the songs of an album in the order of the record, all of them in one page."""
    read = database_of(request).read
    rows = await read(songs.list_album_songs, album_id=album_id, max_rows=MAX_ALBUM_SONGS)
    # Only an empty answer leaves open whether there is such an album at all.
    if not rows and await read(albums.get_album, album_id=album_id) is None:
        raise not_found("album")
    return AlbumSongPage(items=rows, next=None, total=len(rows))


router = Router("/", route_handlers=[list_albums, get_album, list_album_songs], tags=["Library"])
