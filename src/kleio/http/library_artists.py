"""Routes of the artists that files name, of their songs and albums, and of their links."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from kleio.db.errors import MissingReference
from kleio.http import fields
from kleio.http.albums import AlbumPage
from kleio.http.auth import ApiRequest, database_of, require_admin
from kleio.http.paging import (
    CountedPage,
    CursorText,
    Limit,
    Offset,
    Page,
    page_request,
    page_response,
)
from kleio.http.problems import documented, not_found
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.songs import SongPage
from kleio.http.words import read_alternatives
from kleio.repositories import albums, artists, library_artists, library_stats, songs
from kleio.repositories.albums import Album
from kleio.repositories.library_artists import LibraryArtist
from kleio.repositories.songs import Song


class LibraryArtistPage(CountedPage[LibraryArtist], frozen=True, kw_only=True):
    """A page of artists of the library."""


class ArtistLink(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The same artist in the catalogue; null: none, and no scan links it again."""

    artist_id: UUID | None


async def _check_artist(request: ApiRequest, rows: list[Any], artist_id: UUID) -> None:
    """Only an empty page leaves open whether there is such an artist at all."""
    if rows:
        return
    read = database_of(request).read
    if await read(library_artists.get_library_artist, library_artist_id=artist_id) is None:
        raise not_found("artist")


@get(
    "/library/artists",
    responses={200: ResponseSpec(LibraryArtistPage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401),
    summary="List or search artists of the library",
)
async def list_library_artists(
    request: ApiRequest,
    q: fields.SearchFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
) -> Response[Page[LibraryArtist]]:
    """Return artists by name, with how many songs and albums they have; with `q` the most like.

    The counts, and `total`, are as old as `refreshedAt`.
    """
    read = database_of(request).read
    size: dict[str, Any] = {"page_size": limit + 1}
    if q is not None:
        place = page_request("best", limit, cursor, offset, key_type=float)
        rows = await read(
            library_artists.search_library_artists,
            search=q,
            **await read_alternatives(database_of(request), q),
            before_score=place.key,
            before_id=place.id,
            page_offset=place.offset,
            **size,
        )
        return page_response(
            request, place, rows, page=LibraryArtistPage, response=CatalogueResponse
        )
    place = page_request("name", limit, cursor, offset)
    rows = await read(
        library_artists.list_library_artists,
        after_name=place.key,
        after_id=place.id,
        page_offset=place.offset,
        **size,
    )
    totals = await read(library_stats.get_artist_totals)
    refreshed_at = None if totals is None else totals.refreshed_at
    page: Any = functools.partial(
        LibraryArtistPage, total_is_estimate=refreshed_at is not None, refreshed_at=refreshed_at
    )
    return page_response(
        request,
        place,
        rows,
        total=None if totals is None else totals.artists,
        page=page,
        response=CatalogueResponse,
    )


@get(
    "/library/artists/{artist_id:str}",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(400, 401, 404),
    summary="One artist of the library",
)
async def get_library_artist(request: ApiRequest, artist_id: FromPath[UUID]) -> LibraryArtist:
    """Return one artist with its counts and the same artist in the catalogue, where known."""
    artist = await database_of(request).read(
        library_artists.get_library_artist, library_artist_id=artist_id
    )
    if artist is None:
        raise not_found("artist")
    return artist


@get(
    "/library/artists/{artist_id:str}/songs",
    responses={200: ResponseSpec(SongPage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401, 404),
    summary="Songs by an artist of the library",
)
async def list_artist_songs(
    request: ApiRequest,
    artist_id: FromPath[UUID],
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
) -> Response[Page[Song]]:
    """Return the songs that credit the artist, first or further, latest added first."""
    place = page_request("-added", limit, cursor, offset, key_type=UUID)
    rows = await database_of(request).read(
        songs.list_artist_songs,
        artist_id=artist_id,
        before_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    await _check_artist(request, rows, artist_id)
    return page_response(request, place, rows, page=SongPage, response=CatalogueResponse)


@get(
    "/library/artists/{artist_id:str}/albums",
    responses={200: ResponseSpec(AlbumPage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401, 404),
    summary="Albums by an artist of the library",
)
async def list_artist_albums(
    request: ApiRequest,
    artist_id: FromPath[UUID],
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
) -> Response[Page[Album]]:
    """Return the artist's albums, latest year first; those without a year last."""
    place = page_request("-year", limit, cursor, offset, key_type=int)
    rows = await database_of(request).read(
        albums.list_artist_albums,
        artist_id=artist_id,
        before_year=place.key,
        before_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    await _check_artist(request, rows, artist_id)
    return page_response(request, place, rows, page=AlbumPage, response=CatalogueResponse)


@put(
    "/library/artists/{artist_id:str}/link",
    guards=[require_admin],
    responses=documented(400, 401, 403, 404, 413),
    summary="Say which artist of the catalogue it is",
)
async def link_library_artist(
    request: ApiRequest, artist_id: FromPath[UUID], data: JSONBody[ArtistLink]
) -> LibraryArtist:
    """Link an artist to one of the catalogue, or undo its link, for good; no song changes."""
    database = database_of(request)
    async with database.transaction() as conn:
        if (
            database.is_distributed
            and data.artist_id is not None
            and await artists.get_artist(conn, artist_id=data.artist_id) is None
        ):
            # There the library has no foreign key to the catalogue (deploy/citus.sql).
            raise MissingReference("no such artist", constraint="library_artists_artist_id_fkey")
        await library_artists.update_library_artist_link(
            conn, library_artist_id=artist_id, artist_id=data.artist_id, now=datetime.now(UTC)
        )
        artist = await library_artists.get_library_artist(conn, library_artist_id=artist_id)
    if artist is None:
        raise not_found("artist")
    return artist


router = Router(
    "/",
    route_handlers=[
        list_library_artists,
        get_library_artist,
        list_artist_songs,
        list_artist_albums,
        link_library_artist,
    ],
    tags=["Library"],
)
