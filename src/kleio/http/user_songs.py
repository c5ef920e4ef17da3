"""Routes of what a user does with songs: plays, stars, ratings; each user's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from kleio.db.queries import Connection, Keyed
from kleio.http import idempotency
from kleio.http.auth import ApiRequest, database_of
from kleio.http.moments import check_moment
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    PageRequest,
    page_request,
    page_response,
)
from kleio.http.problems import documented, invalid_field, not_found
from kleio.http.songs import SongLookup, read_songs
from kleio.repositories import songs, user_songs
from kleio.repositories.songs import Song
from kleio.repositories.user_songs import SongState


class SongStateChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a song's state; a field that is left out stays."""

    starred: bool | UnsetType = UNSET
    rating: Annotated[int, Meta(ge=0, le=5)] | UnsetType = UNSET


class NewSongPlay(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A play of a song, now where no time is given."""

    played_at: datetime | None = None


class SongStates(msgspec.Struct, frozen=True):
    """The states in the order of the ids asked for."""

    items: list[SongState]


class OwnSongPage(Page[Song], frozen=True, kw_only=True):
    """A page of songs that the user starred or played."""


def _untouched(song_id: UUID) -> SongState:
    return SongState(song_id, play_count=0, last_played_at=None, starred_at=None, rating=0)


@get(
    "/songs/{song_id:str}/state",
    responses=documented(400, 401, 404),
    summary="The user's plays, star and rating of a song",
)
async def get_song_state(request: ApiRequest, song_id: FromPath[UUID]) -> SongState:
    """Return the state; one that was never touched is unplayed, unrated and has no star."""
    read = database_of(request).read
    states = await read(
        user_songs.list_song_states, user_id=request.user.user_id, song_ids=[song_id]
    )
    if states:
        return states[0]
    # Only where there is no state it is open whether there is such a song at all.
    if await read(songs.get_song, song_id=song_id) is None:
        raise not_found("song")
    return _untouched(song_id)


@post(
    "/songs/states",
    status_code=200,
    responses=documented(400, 401, 413),
    summary="The user's states of many songs",
)
async def look_up_song_states(request: ApiRequest, data: JSONBody[SongLookup]) -> SongStates:
    """Return the states of up to 1,000 songs, in the order of the ids."""
    rows = await database_of(request).read(
        user_songs.list_song_states,
        user_id=request.user.user_id,
        song_ids=list(dict.fromkeys(data.ids)),
    )
    found = {state.song_id: state for state in rows}
    return SongStates([found.get(id_) or _untouched(id_) for id_ in data.ids])


@patch(
    "/songs/{song_id:str}/state",
    responses=documented(400, 401, 404, 413),
    summary="Star or rate a song",
)
async def update_song_state(
    request: ApiRequest, song_id: FromPath[UUID], data: JSONBody[SongStateChanges]
) -> SongState:
    """Star, unstar or rate a song; a star keeps the time of its first, a rating of 0 is none."""
    if data.starred is UNSET and data.rating is UNSET:
        raise invalid_field("body", "give starred or rating")
    common: dict[str, Any] = {
        "user_id": request.user.user_id,
        "song_id": song_id,
        "now": datetime.now(UTC),
    }
    state: SongState | None = None
    async with database_of(request).transaction() as conn:
        if data.starred is not UNSET:
            state = await user_songs.upsert_song_star(conn, is_starred=data.starred, **common)
        if data.rating is not UNSET:
            state = await user_songs.upsert_song_rating(conn, rating=data.rating, **common)
    if state is None:
        raise not_found("song")
    return state


@post(
    "/songs/{song_id:str}/plays",
    responses={201: ResponseSpec(SongState, generate_examples=False)}
    | documented(400, 401, 404, 413, 422),
    summary="Count a play of a song",
)
async def add_song_play(
    request: ApiRequest, song_id: FromPath[UUID], data: JSONBody[NewSongPlay]
) -> Response[bytes]:
    """Count a play and return the state; plays may come late and in any order.

    Takes an `Idempotency-Key`, so that a player may send one again.
    """
    now = datetime.now(UTC)
    if data.played_at is not None:
        check_moment("playedAt", data.played_at)

    async def work(conn: Connection) -> SongState:
        state = await user_songs.upsert_song_play(
            conn,
            user_id=request.user.user_id,
            song_id=song_id,
            played_at=data.played_at or now,
            now=now,
        )
        if state is None:
            raise not_found("song")
        return state

    return await idempotency.create(request, work)


async def _own_songs(
    request: ApiRequest,
    place: PageRequest,
    list_songs: Callable[..., Awaitable[list[Keyed[Song]]]],
    list_states: Callable[..., Awaitable[list[Keyed[SongState]]]],
    **before: datetime | None,
) -> list[Keyed[Song]]:
    """Return one page of songs by what the user did with them.

    Where songs may lie on another server than the user's rows, the states are read, and then the
    songs by their ids; none is missing, because songs are never deleted.
    """
    database = database_of(request)
    page: dict[str, Any] = {
        "user_id": request.user.user_id,
        **before,
        "before_id": place.id,
        "page_size": place.limit + 1,
        "page_offset": place.offset,
    }
    if not database.is_distributed:
        return await database.read(list_songs, **page)
    states = await database.read(list_states, **page)
    found = {song.id: song for song in await read_songs(database, [one.id for one in states])}
    return [Keyed(one.key, one.id, found[one.id]) for one in states if one.id in found]


_OWN_PAGE = {200: ResponseSpec(OwnSongPage, generate_examples=False)}


@get("/songs/starred", responses=_OWN_PAGE | documented(400, 401), summary="Starred songs")
async def list_starred_songs(
    request: ApiRequest, limit: Limit = 50, cursor: CursorText = None, offset: Offset = 0
) -> Response[Page[Song]]:
    """Return the songs that the user starred, latest star first."""
    place = page_request("starred", limit, cursor, offset, key_type=datetime)
    rows = await _own_songs(
        request,
        place,
        user_songs.list_starred_songs,
        user_songs.list_starred_states,
        before_starred_at=place.key,
    )
    return page_response(request, place, rows, page=OwnSongPage)


@get("/songs/played", responses=_OWN_PAGE | documented(400, 401), summary="Played songs")
async def list_played_songs(
    request: ApiRequest, limit: Limit = 50, cursor: CursorText = None, offset: Offset = 0
) -> Response[Page[Song]]:
    """Return the songs that the user played, last played first."""
    place = page_request("played", limit, cursor, offset, key_type=datetime)
    rows = await _own_songs(
        request,
        place,
        user_songs.list_played_songs,
        user_songs.list_played_states,
        before_played_at=place.key,
    )
    return page_response(request, place, rows, page=OwnSongPage)


router = Router(
    "/",
    route_handlers=[
        list_starred_songs,
        list_played_songs,
        look_up_song_states,
        get_song_state,
        update_song_state,
        add_song_play,
    ],
    tags=["Library"],
)
