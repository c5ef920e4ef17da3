"""Routes of the music library's songs: pages, one song, and many by their ids."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from kleio.cache import SONGS, Cache, CachedRows
from kleio.coalescing import Coalescer
from kleio.db.pool import Database
from kleio.db.queries import Keyed
from kleio.db.replica import WROTE_AT
from kleio.http import fields
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.moments import SinceFilter, UntilFilter, check_range
from kleio.http.paging import (
    CountedPage,
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
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.words import read_alternatives
from kleio.repositories import library_stats, songs
from kleio.repositories.songs import Song

MAX_LOOKUP = 1000
"""Ids of one look-up, at most."""

SongIds = Annotated[list[UUID], Meta(min_length=1, max_length=MAX_LOOKUP)]


def _milliseconds(name: str, description: str) -> QueryParameter:
    return QueryParameter(name=name, ge=0, le=fields.MAX_INTEGER, description=description)


SongSort = Annotated[
    Literal["-added", "added"] | None,
    QueryParameter(description="`-added`, the latest added first, or `added`; not with `q`."),
]
LibraryFilter = Annotated[
    UUID | None, QueryParameter(name="libraryId", description="Id of a library.")
]
AlbumFilter = Annotated[
    str | None,
    QueryParameter(
        min_length=1, max_length=300, pattern=fields.NO_NUL, description="Name of an album."
    ),
]
CodecFilter = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=50,
        pattern=fields.NO_NUL,
        description="Codec as the song has it, such as flac.",
    ),
]
MinDurationFilter = Annotated[
    int | None, _milliseconds("minDurationMs", "Shortest length in milliseconds.")
]
MaxDurationFilter = Annotated[
    int | None, _milliseconds("maxDurationMs", "Longest length in milliseconds.")
]


class SongPage(CountedPage[Song], frozen=True, kw_only=True):
    """A page of songs."""


class SongLookup(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The songs to look up, in the order of the answer."""

    ids: SongIds


class FoundSongs(msgspec.Struct, frozen=True):
    """The songs in the order of the ids asked for; null where there is no such song."""

    items: list[Song | None]


class SongReader:
    """Single songs of one worker: asked for together, and through the cache where there is one."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._is_cached = cache.enabled
        share = database.settings.per_worker()
        self._rows = CachedRows(cache, SONGS, Song, lambda song: song.id, self._load)
        self._coalescer = Coalescer(
            self._rows.get_many,
            waiting=share.max_waiting,
            timeout=database.settings.db_pool_timeout,
        )

    async def get(self, song_id: UUID) -> Song | None:
        """Return one song, None where there is no such song."""
        return await self._coalescer.get(song_id)

    async def _load(self, song_ids: list[UUID]) -> list[Song]:
        if self._is_cached:
            # What a replica has not got yet would be kept as what came after the last change. This
            # is the look-up's own task: the requests that wait for it read on as they did.
            WROTE_AT.set(None)
        return await read_songs(self._database, song_ids)


async def read_songs(database: Database, song_ids: list[UUID]) -> list[Song]:
    """Return the songs of these ids that there are, in any order."""
    read = songs.list_songs_among if database.is_distributed else songs.list_songs_by_id
    return await database.read(read, song_ids=song_ids)


def check_years(year_from: int | None, year_to: int | None) -> None:
    """Refuse years that end before they start.

    Raises:
        ProblemError: 400, naming `yearTo`.
    """
    if year_from is not None and year_to is not None and year_from > year_to:
        raise invalid_field("yearTo", "earlier than yearFrom", source="query")


async def read_song_page(
    request: UserRequest,
    place: PageRequest,
    search: str | None,
    words: dict[str, Any],
    filters: dict[str, Any],
) -> list[Keyed[Song]]:
    """Return a page of songs in an order, or like a text, of which `read_alternatives` has told."""
    read = database_of(request).read
    size: dict[str, Any] = {"page_size": place.limit + 1, "page_offset": place.offset}
    if search is not None:
        return await read(
            songs.search_songs,
            search=search,
            **words,
            **filters,
            before_score=place.key,
            before_id=place.id,
            **size,
        )
    is_filtered = any(value is not None for value in filters.values())
    if place.sort == "added":
        if is_filtered:
            return await read(
                songs.list_filtered_songs_oldest, **filters, after_id=place.id, **size
            )
        return await read(songs.list_songs_oldest, after_id=place.id, **size)
    if is_filtered:
        return await read(songs.list_filtered_songs_newest, **filters, before_id=place.id, **size)
    return await read(songs.list_songs_newest, before_id=place.id, **size)


@get(
    "/songs",
    responses={200: ResponseSpec(SongPage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401),
    summary="List or search songs",
)
async def list_songs(
    request: ApiRequest,
    q: fields.SearchFilter = None,
    artist: fields.ArtistFilter = None,
    album: AlbumFilter = None,
    genre: fields.GenreFilter = None,
    codec: CodecFilter = None,
    library_id: LibraryFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    min_duration_ms: MinDurationFilter = None,
    max_duration_ms: MaxDurationFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    sort: SongSort = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[Song]]:
    """Return songs whose file is there, latest added first; with `q` those most like it.

    `since` and `until` are when a song was added. `total` of all songs is there at once, counted
    at `refreshedAt`; of filtered ones, or exactly, with `total=true`. With `q` alone at most 2,000
    songs are ranked.
    """
    check_years(year_from, year_to)
    check_range(since, until)
    if (
        min_duration_ms is not None
        and max_duration_ms is not None
        and min_duration_ms > max_duration_ms
    ):
        raise invalid_field("maxDurationMs", "less than minDurationMs", source="query")
    if q is not None and sort is not None:
        raise invalid_field("sort", "does not go with q", source="query")
    filters: dict[str, Any] = {
        "library_id": library_id,
        "artist": artist,
        "album": album,
        "genre": genre,
        "codec": codec,
        "year_from": year_from,
        "year_to": year_to,
        "min_duration_ms": min_duration_ms,
        "max_duration_ms": max_duration_ms,
        "since": since,
        "until": until,
    }
    place = (
        page_request(sort or "-added", limit, cursor, offset, key_type=UUID)
        if q is None
        else page_request("best", limit, cursor, offset, key_type=float)
    )
    words = await read_alternatives(database_of(request), q)
    rows = await read_song_page(request, place, q, words, filters)
    total, refreshed_at = None, None
    if with_total:
        total = await database_of(request).read(songs.count_songs, **filters, search=q, **words)
    elif q is None and not any(value is not None for value in filters.values()):
        totals = await database_of(request).read(library_stats.get_library_totals)
        if totals is not None:
            total, refreshed_at = totals.songs, totals.refreshed_at
    page: Any = functools.partial(
        SongPage, total_is_estimate=refreshed_at is not None, refreshed_at=refreshed_at
    )
    return page_response(request, place, rows, total=total, page=page, response=CatalogueResponse)


@get(
    "/songs/{song_id:str}",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(400, 401, 404),
    summary="One song",
)
async def get_song(request: ApiRequest, song_id: FromPath[UUID]) -> Song:
    """Return one song, also one whose file is missing."""
    reader: SongReader = request.app.state.songs
    song = await reader.get(song_id)
    if song is None:
        raise not_found("song")
    return song


@post(
    "/songs/lookup",
    status_code=200,
    responses=documented(400, 401, 413),
    summary="Many songs by their ids",
)
async def look_up_songs(request: ApiRequest, data: JSONBody[SongLookup]) -> FoundSongs:
    """Return up to 1,000 songs with their albums' and artists' names, in the order of the ids."""
    rows = await read_songs(database_of(request), list(dict.fromkeys(data.ids)))
    found = {song.id: song for song in rows}
    return FoundSongs([found.get(id_) for id_ in data.ids])


router = Router("/", route_handlers=[list_songs, get_song, look_up_songs], tags=["Library"])
