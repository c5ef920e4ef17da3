"""Routes of a user's plays: what was played when, on which stylus, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

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
from kleio.http.problems import documented, invalid_field, not_found
from kleio.http.schemas import PlayPage, PlayWithRelease
from kleio.repositories import plays
from kleio.repositories.plays import Play

Seconds = Annotated[int, Meta(ge=0, le=48 * 3600)]
Minutes = Annotated[float, Meta(ge=0, le=48 * 60)]
Side = Annotated[str, Meta(pattern=fields.SIDE)]


class NewPlay(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A play of a release, or of a copy; without a duration it is estimated.

    `stylusId` left out is the primary stylus, where there is one; null is none.
    """

    release_id: UUID | None = None
    copy_id: UUID | None = None
    stylus_id: UUID | UnsetType | None = UNSET
    played_at: datetime | None = None
    duration_seconds: Seconds | None = None
    minutes: Minutes | None = None
    side: Side | None = None
    notes: fields.Text | None = None


class PlayChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a play; a field that is left out stays, null clears it.

    A duration that is null is estimated again, and so is one that was estimated when the side
    changes.
    """

    stylus_id: UUID | UnsetType | None = UNSET
    played_at: datetime | UnsetType = UNSET
    duration_seconds: Seconds | UnsetType | None = UNSET
    minutes: Minutes | UnsetType | None = UNSET
    side: Side | UnsetType | None = UNSET
    notes: fields.Text | UnsetType | None = UNSET


def check_subject(release_id: UUID | None, copy_id: UUID | None) -> None:
    """Refuse what names neither a release nor a copy, or both.

    Raises:
        ProblemError: 400, naming `releaseId`.
    """
    if (release_id is None) == (copy_id is None):
        raise invalid_field("releaseId", "give either releaseId or copyId")


def missing_subject(copy_id: UUID | None) -> Exception:
    """Return the problem of a release or copy that does not exist, naming the field."""
    if copy_id is not None:
        return not_found("copy", field="copyId")
    return not_found("release", field="releaseId")


def seconds_of(duration_seconds: int | None, minutes: float | None) -> int | None:
    """Return the duration that is given in one of two units, None where in none.

    Raises:
        ProblemError: 400, naming `minutes`, where both are given.
    """
    if minutes is None:
        return duration_seconds
    if duration_seconds is not None:
        raise invalid_field("minutes", "give either durationSeconds or minutes")
    return round(minutes * 60)


@get(
    "/plays",
    responses={200: ResponseSpec(PlayPage, generate_examples=False)} | documented(400, 401),
    summary="The plays",
)
async def list_plays(
    request: ApiRequest,
    release_id: Annotated[UUID | None, QueryParameter(name="releaseId")] = None,
    copy_id: Annotated[UUID | None, QueryParameter(name="copyId")] = None,
    stylus_id: Annotated[UUID | None, QueryParameter(name="stylusId")] = None,
    artist: fields.ArtistFilter = None,
    genre: fields.GenreFilter = None,
    since: SinceFilter = None,
    until: UntilFilter = None,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[Play]]:
    """Return the user's plays, newest first, each with its release."""
    check_range(since, until)
    place = page_request("-played", limit, cursor, offset, key_type=datetime)
    filters: dict[str, Any] = {
        "release_id": release_id,
        "copy_id": copy_id,
        "stylus_id": stylus_id,
        "artist": artist,
        "genre": genre,
        "since": since,
        "until": until,
    }
    page: dict[str, Any] = {
        "user_id": request.user.user_id,
        "before_played_at": place.key,
        "before_id": place.id,
        "page_size": limit + 1,
        "page_offset": place.offset,
    }
    read = database_of(request).read
    if all(value is None for value in filters.values()):
        rows = await read(plays.list_plays, **page)
    else:
        rows = await read(plays.list_filtered_plays, **filters, **page)
    total = None
    if with_total:
        total = await read(plays.count_plays, user_id=request.user.user_id, **filters)
    return page_response(request, place, rows, total=total)


async def insert_play(
    conn: Connection,
    user_id: UUID,
    *,
    release_id: UUID | None,
    copy_id: UUID | None,
    stylus_id: UUID | UnsetType | None,
    played_at: datetime,
    duration_seconds: int | None,
    side: str | None,
    notes: str | None,
    now: datetime,
) -> Play:
    """Log a play and return it as it is read.

    Raises:
        ProblemError: 404, naming the field, where there is no such release or copy.
    """
    play_id = await plays.insert_play(
        conn,
        user_id=user_id,
        release_id=release_id,
        copy_id=copy_id,
        stylus_id=None if isinstance(stylus_id, UnsetType) else stylus_id,
        with_primary=stylus_id is UNSET,
        played_at=played_at,
        duration_seconds=duration_seconds,
        side=side,
        notes=notes,
        now=now,
    )
    if play_id is None:
        raise missing_subject(copy_id)
    play = await plays.get_play(conn, user_id=user_id, play_id=play_id)
    if play is None:
        raise RuntimeError("a play that was just written is not there")
    return play


@post(
    "/plays",
    responses={201: ResponseSpec(PlayWithRelease, generate_examples=False)}
    | documented(400, 401, 404, 413, 422),
    summary="Log a play",
)
async def add_play(request: ApiRequest, data: JSONBody[NewPlay]) -> Response[bytes]:
    """Log a play, of now where no time is given; takes an `Idempotency-Key`.

    Without a duration it is the sum of the side's tracks, else the release's playing time (of
    which a side is its share), else its estimate by format, else 40 minutes, and marked as
    estimated.
    """
    check_subject(data.release_id, data.copy_id)
    seconds = seconds_of(data.duration_seconds, data.minutes)
    now = datetime.now(UTC)
    if data.played_at is not None:
        check_moment("playedAt", data.played_at)

    async def work(conn: Connection) -> Play:
        return await insert_play(
            conn,
            request.user.user_id,
            release_id=data.release_id,
            copy_id=data.copy_id,
            stylus_id=data.stylus_id,
            played_at=data.played_at or now,
            duration_seconds=seconds,
            side=data.side,
            notes=data.notes,
            now=now,
        )

    return await idempotency.create(request, work)


_PLAY = {200: ResponseSpec(PlayWithRelease, generate_examples=False)}


@get(
    "/plays/{play_id:str}",
    responses=_PLAY | documented(400, 401, 404),
    summary="One play",
)
async def get_play(request: ApiRequest, play_id: FromPath[UUID]) -> Response[Play]:
    """Return a play; its `ETag` is its version."""
    return await get_row(request, "play", plays.get_play, play_id=play_id)


def _changes(data: PlayChanges) -> str:
    """Return the changes as JSON, with the duration in seconds."""
    if data.minutes is not UNSET:
        if data.duration_seconds is not UNSET:
            raise invalid_field("minutes", "give either durationSeconds or minutes")
        minutes = data.minutes
        data.duration_seconds = None if minutes is None else round(minutes * 60)
        data.minutes = UNSET
    return msgspec.json.encode(data).decode()


@patch(
    "/plays/{play_id:str}",
    responses=_PLAY | documented(400, 401, 404, 412, 413),
    summary="Change a play",
)
async def update_play(
    request: ApiRequest, play_id: FromPath[UUID], data: JSONBody[PlayChanges]
) -> Response[Play]:
    """Change what is given; takes `If-Match`."""
    if isinstance(data.played_at, datetime):
        check_moment("playedAt", data.played_at)
    changes = _changes(data)
    async with database_of(request).transaction() as conn:
        return await update_row(
            conn,
            request,
            "play",
            plays.update_play,
            plays.get_play,
            changes=changes,
            play_id=play_id,
        )


@delete(
    "/plays/{play_id:str}",
    responses=documented(400, 401, 404),
    summary="Delete a play",
)
async def delete_play(request: ApiRequest, play_id: FromPath[UUID]) -> None:
    """Delete a play for good."""
    await delete_row(request, "play", plays.delete_play, play_id=play_id)


router = Router(
    "/",
    route_handlers=[list_plays, add_play, get_play, update_play, delete_play],
    tags=["Plays"],
)
