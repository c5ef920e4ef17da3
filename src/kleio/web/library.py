"""The digital library: a search over everything, and artists, albums and songs to browse."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from kleio.http.albums import MAX_ALBUM_SONGS, read_album_page
from kleio.http.auth import database_of
from kleio.http.paging import CursorText, page_request
from kleio.http.problems import invalid_field, not_found
from kleio.http.search import KINDS, AlbumHit, ArtistHit, Kind, KindFilter, ReleaseHit, SongHit
from kleio.http.songs import read_song_page
from kleio.http.words import read_alternatives
from kleio.repositories import albums, library_artists, library_stats, search, songs
from kleio.web.cards import decoded
from kleio.web.paging import one_page
from kleio.web.query_strings import changed
from kleio.web.rendering import render, wants_fragment
from kleio.web.searches import SearchText, finds_nothing
from kleio.web.sessions import PageRequest
from kleio.web.tabs import Tab

PATH = "/library"
TABS = (
    Tab(PATH, "Search"),
    Tab(f"{PATH}/artists", "Artists", below=f"{PATH}/artists/"),
    Tab(f"{PATH}/albums", "Albums", below=f"{PATH}/albums/"),
    Tab(f"{PATH}/songs", "Songs"),
)
PER_KIND = 6
PER_ONE_KIND = 50
PAGE = 60

KIND_NAMES: dict[Kind, str] = {
    "artist": "Artists",
    "album": "Albums",
    "song": "Songs",
    "release": "Records",
}
_HITS: dict[str, Any] = {
    "artist": ArtistHit,
    "album": AlbumHit,
    "song": SongHit,
    "release": ReleaseHit,
}

AlbumSort = Literal["-added", "added", "name"]
SongSort = Literal["-added", "added"]
ALBUM_SORTS: dict[AlbumSort, str] = {
    "-added": "Latest added",
    "added": "First added",
    "name": "By name",
}
SONG_SORTS: dict[SongSort, str] = {"-added": "Latest added", "added": "First added"}

_NO_ALBUM_FILTERS: dict[str, Any] = dict.fromkeys(("library_id", "year_from", "year_to"))
_NO_SONG_FILTERS: dict[str, Any] = dict.fromkeys(
    ("library_id", "artist", "album", "genre", "codec", "year_from", "year_to",
     "min_duration_ms", "max_duration_ms", "since", "until")
)  # fmt: skip


class Group(msgspec.Struct, frozen=True):
    """What was found of a kind; `more` shows more of it."""

    kind: Kind
    name: str
    hits: list[Any]
    more: str | None


def groups_of(hits: list[search.Hit], q: str, kind: Kind | None) -> list[Group]:
    """Return what was found by kind, that of the best hit first."""
    found: dict[str, list[search.Hit]] = {name: [] for name in KINDS}
    for hit in hits:
        found[hit.kind].append(hit)
    best = {name: max((hit.score for hit in of_kind), default=0) for name, of_kind in found.items()}
    return [
        Group(
            kind=name,
            name=KIND_NAMES[name],
            hits=[decoded(hit.item, _HITS[name]) for hit in found[name]],
            more=(
                changed(PATH, {"q": q, "kind": name})
                if kind is None and len(found[name]) >= PER_KIND
                else None
            ),
        )
        for name in sorted(KINDS, key=lambda name: -best[name])
        if found[name]
    ]


@get(PATH, include_in_schema=False)
async def show_library(
    request: PageRequest, q: SearchText = None, kind: KindFilter = None
) -> Response[str]:
    """Show what the libraries hold, or what was found; to scripts that search, only that."""
    read = database_of(request).read
    if q is not None:
        hits = [] if finds_nothing(q) else await _hits(request, q, kind)
        template = "parts/library_found.html" if wants_fragment(request) else "library.html"
        return render(
            request,
            template,
            groups=groups_of(hits, q, kind),
            kind=kind,
            q=q,
            tabs=TABS,
            totals=None,
        )
    shown: dict[str, Any] = {
        "libraries": await read(library_stats.list_library_stats),
        "q": None,
        "totals": await read(library_stats.get_library_totals),
    }
    if wants_fragment(request):
        return render(request, "parts/library_totals.html", **shown)
    return render(request, "library.html", tabs=TABS, **shown)


async def _hits(request: PageRequest, q: str, kind: Kind | None) -> list[search.Hit]:
    database = database_of(request)
    return await database.read(
        search.search_everything,
        search=q,
        **await read_alternatives(database, q),
        kinds=list(KINDS) if kind is None else [kind],
        per_kind=PER_KIND if kind is None else PER_ONE_KIND,
    )


def _answer(
    request: PageRequest, template: str, part: str, cursor: str | None, **shown: Any
) -> Response[str]:
    """Return a page of a list; with a cursor and scripts, only the rows that come next."""
    if wants_fragment(request) and cursor is not None:
        return render(request, part, **shown)
    return render(request, template, tabs=TABS, **shown)


def _address(request: PageRequest) -> dict[str, str]:
    return {name: value for name, value in request.query_params.items() if name != "cursor"}


@get(f"{PATH}/artists", include_in_schema=False)
async def show_artists(
    request: PageRequest, q: SearchText = None, cursor: CursorText = None
) -> Response[str]:
    """Show artists by name, or those most like a text."""
    read = database_of(request).read
    totals = None
    if q is None:
        place = page_request("name", PAGE, cursor, 0)
        rows = await read(
            library_artists.list_library_artists,
            after_name=place.key,
            after_id=place.id,
            page_size=PAGE + 1,
            page_offset=0,
        )
        if cursor is None:
            totals = await read(library_stats.get_artist_totals)
    else:
        place = page_request("best", PAGE, cursor, 0, key_type=float)
        rows = (
            []
            if finds_nothing(q)
            else await read(
                library_artists.search_library_artists,
                search=q,
                **await read_alternatives(database_of(request), q),
                before_score=place.key,
                before_id=place.id,
                page_size=PAGE + 1,
                page_offset=0,
            )
        )
    artists, following = one_page(place, rows, request.url.path, _address(request))
    return _answer(
        request,
        "library_artists.html",
        "parts/library_artists.html",
        cursor,
        artists=artists,
        following=following,
        q=q,
        totals=totals,
    )


@get(f"{PATH}/albums", include_in_schema=False)
async def show_albums(
    request: PageRequest,
    q: SearchText = None,
    sort: FromQuery[AlbumSort | None] = None,
    cursor: CursorText = None,
) -> Response[str]:
    """Show albums, or those most like a text."""
    order = _order(q, sort)
    key_type = {"best": float, "name": str}.get(order, UUID)
    place = page_request(order, PAGE, cursor, 0, key_type=key_type)
    rows = []
    if not finds_nothing(q):
        words = await read_alternatives(database_of(request), q)
        rows = await read_album_page(request, place, q, words, _NO_ALBUM_FILTERS)
    found, following = one_page(place, rows, request.url.path, _address(request))
    return _answer(
        request,
        "library_albums.html",
        "parts/library_albums.html",
        cursor,
        albums=found,
        following=following,
        q=q,
        sorts=_sorts(request, ALBUM_SORTS, order),
        totals=await _totals(request, q, cursor),
    )


@get(f"{PATH}/songs", include_in_schema=False)
async def show_songs(
    request: PageRequest,
    q: SearchText = None,
    sort: FromQuery[SongSort | None] = None,
    cursor: CursorText = None,
) -> Response[str]:
    """Show songs, or those most like a text."""
    order = _order(q, sort)
    place = page_request(order, PAGE, cursor, 0, key_type=float if order == "best" else UUID)
    rows = []
    if not finds_nothing(q):
        words = await read_alternatives(database_of(request), q)
        rows = await read_song_page(request, place, q, words, _NO_SONG_FILTERS)
    found, following = one_page(place, rows, request.url.path, _address(request))
    return _answer(
        request,
        "library_songs.html",
        "parts/library_songs.html",
        cursor,
        following=following,
        q=q,
        songs=found,
        sorts=_sorts(request, SONG_SORTS, order),
        totals=await _totals(request, q, cursor),
        with_album=True,
    )


def _order(q: str | None, sort: str | None) -> str:
    if q is not None and sort is not None:
        raise invalid_field("sort", "does not go with q", source="query")
    return "best" if q is not None else sort or "-added"


def _sorts(request: PageRequest, sorts: Any, chosen: str) -> list[tuple[str, str, bool]]:
    path = request.url.path
    return [(says, changed(path, {}, sort=name), name == chosen) for name, says in sorts.items()]


async def _totals(
    request: PageRequest, q: str | None, cursor: str | None
) -> library_stats.LibraryTotals | None:
    """Return the totals, which stand above the first page of a whole list."""
    if q is not None or cursor is not None:
        return None
    return await database_of(request).read(library_stats.get_library_totals)


@get(f"{PATH}/artists/{{artist_id:str}}", include_in_schema=False)
async def show_artist(
    request: PageRequest,
    artist_id: FromPath[UUID],
    show: FromQuery[Literal["albums", "songs"]] = "albums",
    cursor: CursorText = None,
) -> Response[str]:
    """Show an artist with their albums, or their songs."""
    read = database_of(request).read
    artist = await read(library_artists.get_library_artist, library_artist_id=artist_id)
    if artist is None:
        raise not_found("artist")
    path, address = request.url.path, _address(request)
    shown: dict[str, Any] = {"albums": [], "songs": []}
    rows: list[Any]
    if show == "albums":
        place = page_request("-year", PAGE, cursor, 0, key_type=int)
        rows = await read(
            albums.list_artist_albums,
            artist_id=artist_id,
            before_year=place.key,
            before_id=place.id,
            page_size=PAGE + 1,
            page_offset=0,
        )
    else:
        place = page_request("-added", PAGE, cursor, 0, key_type=UUID)
        rows = await read(
            songs.list_artist_songs,
            artist_id=artist_id,
            before_id=place.id,
            page_size=PAGE + 1,
            page_offset=0,
        )
    shown[show], following = one_page(place, rows, path, address)
    return _answer(
        request,
        "library_artist.html",
        f"parts/library_{show}.html",
        cursor,
        artist=artist,
        following=following,
        show=show,
        shows=[
            (f"{name.capitalize()} ({number:,})", changed(path, {}, show=name), name == show)
            for name, number in (("albums", artist.albums), ("songs", artist.songs))
        ],
        with_album=True,
        **shown,
    )


@get(f"{PATH}/albums/{{album_id:str}}", include_in_schema=False)
async def show_album(request: PageRequest, album_id: FromPath[UUID]) -> Response[str]:
    """Show an album with all of its songs."""
    read = database_of(request).read
    album = await read(albums.get_album, album_id=album_id)
    if album is None:
        raise not_found("album")
    return render(
        request,
        "library_album.html",
        album=album,
        following=None,
        songs=await read(songs.list_album_songs, album_id=album_id, max_rows=MAX_ALBUM_SONGS),
        tabs=TABS,
        with_album=False,
    )


HANDLERS = [show_library, show_artists, show_albums, show_songs, show_artist, show_album]
