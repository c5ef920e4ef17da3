"""The evening: find a record, log it in two taps, take it back, and what to play now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery
from msgspec import UNSET, Raw, UnsetType

from kleio.db.queries import Connection
from kleio.http import fields
from kleio.http.auth import database_of
from kleio.http.cleanings import insert_cleaning
from kleio.http.log import PLAY_AFTER_CLEANING
from kleio.http.moments import check_moment
from kleio.http.paging import CursorText, page_request
from kleio.http.plays import Minutes, Side, insert_play, seconds_of
from kleio.http.problems import invalid_field
from kleio.http.shelf import NO_FILTERS, read_page, shelf_place
from kleio.http.words import read_alternatives
from kleio.repositories import plays, recommendations, releases, styluses
from kleio.repositories.collection import ShelfCopy
from kleio.web import words
from kleio.web.cards import card
from kleio.web.forms import fill, once, read_form
from kleio.web.paging import one_page
from kleio.web.query_strings import changed
from kleio.web.removals import RemovedKey, told
from kleio.web.rendering import render, see_other, wants_fragment, zone_of
from kleio.web.searches import SearchText, finds_nothing
from kleio.web.sessions import PageRequest

FOUND_OWN = 12
FOUND_ELSEWHERE = 8
TO_PLAY = 8
LATELY = 8
PLAYS = 50
NO_STYLUS = "none"

DEEDS = ("play", "clean", "both")

SAME_TAP = timedelta(minutes=1)
"""How long after a log the same form is surely no wish for another one."""


class LogForm(msgspec.Struct, rename="camel"):
    """What a tap logs; `log` is a deed, a subject and its id, `when` of the user's zone."""

    log: str
    stylus: str | None = None
    side: Side | None = None
    when: str | None = None
    minutes: Minutes | None = None
    deep: bool = False
    notes: fields.Text | None = None


class LogIds(msgspec.Struct):
    """What was logged, to take it back."""

    play: UUID | None = None
    cleaning: UUID | None = None


class Logged(msgspec.Struct):
    """What a tap wrote and when, and the release that it is of."""

    ids: LogIds
    release: Raw
    written_at: datetime


@get("/log", include_in_schema=False)
async def show_log(
    request: PageRequest,
    q: SearchText = None,
    play: FromQuery[UUID | None] = None,
    cleaning: FromQuery[UUID | None] = None,
    again: FromQuery[bool] = False,
    removed: RemovedKey = None,
    restored: FromQuery[bool] = False,
) -> Response[str]:
    """Show what to play now, or what was found; where only that is asked for, that alone."""
    shown = await (_to_play(request) if q is None else _find(request, q))
    if wants_fragment(request):
        return render(
            request, "parts/to_play.html" if q is None else "parts/found.html", q=q, **shown
        )
    return render(
        request,
        "log.html",
        again=again,
        back="/log",
        logged=LogIds(play, cleaning) if play or cleaning else None,
        q=q,
        styluses=await database_of(request).read(
            styluses.list_styluses, user_id=request.user.user_id
        ),
        restored=restored,
        **await told(request, removed),
        **shown,
    )


async def _to_play(request: PageRequest) -> dict[str, Any]:
    rows = await database_of(request).read(
        recommendations.list_recommendations,
        user_id=request.user.user_id,
        tz=None,
        now=datetime.now(UTC),
        max_rows=TO_PLAY,
    )
    return {"to_play": [(row, card(row.release)) for row in rows]}


async def _find(request: PageRequest, q: str) -> dict[str, Any]:
    """Return what is like the words: on the shelf first, and then elsewhere."""
    if finds_nothing(q):
        return {"own": [], "elsewhere": []}
    database, user_id = database_of(request), request.user.user_id
    place = shelf_place("-match", FOUND_OWN, None, 0, search=q)
    own = await read_page(
        database, user_id, "-match", place, {**NO_FILTERS, "search": q}, marks_at=datetime.now(UTC)
    )
    copies: list[ShelfCopy] = [row.row for row in own[:FOUND_OWN]]
    known = {copy.release_id for copy in copies}
    catalogued = await database.read(
        releases.search_releases,
        search=q,
        **await read_alternatives(database, q),
        before_score=None,
        before_id=None,
        page_size=FOUND_ELSEWHERE + len(known),
        page_offset=0,
        **dict.fromkeys(
            ("artist", "label", "genre", "style", "format", "country", "catno", "barcode")
        ),
        year_from=None,
        year_to=None,
    )
    elsewhere = [card(row.row) for row in catalogued if row.id not in known]
    return {
        "own": [(copy, card(copy.release)) for copy in copies],
        "elsewhere": elsewhere[:FOUND_ELSEWHERE],
    }


@post("/log", status_code=200, include_in_schema=False)
async def add_log(request: PageRequest) -> Response[str]:
    """Log a play, a cleaning, or a cleaning and the play after it, in one transaction.

    A form that is sent again, by a second tap or because its answer was lost, is done once; who
    sends it much later is told when that was.
    """
    typed = await read_form(request)
    form = fill(LogForm, typed)
    deed, subject = _subject(form.log)
    stylus_id = _stylus(form.stylus)
    seconds = seconds_of(None, form.minutes)
    now = datetime.now(UTC)
    at = now if form.when is None else local_moment(form.when, zone_of(request.user))

    async def work(conn: Connection) -> Logged:
        ids, release = LogIds(), Raw()
        if deed != "play":
            cleaning = await insert_cleaning(
                conn,
                request.user.user_id,
                **subject,
                cleaned_at=at,
                deep=form.deep,
                notes=form.notes,
                now=now,
            )
            ids.cleaning, release = cleaning.id, cleaning.release
        if deed != "clean":
            play = await insert_play(
                conn,
                request.user.user_id,
                **subject,
                stylus_id=stylus_id,
                played_at=at if deed == "play" else at + PLAY_AFTER_CLEANING,
                duration_seconds=seconds,
                side=form.side,
                notes=form.notes,
                now=now,
            )
            ids.play, release = play.id, play.release
        return Logged(ids, release, now)

    logged = msgspec.json.decode(await once(request, typed, work), type=Logged)
    is_old = logged.written_at < now - SAME_TAP
    if not wants_fragment(request):
        ids = {name: value for name, value in msgspec.to_builtins(logged.ids).items() if value}
        return see_other(request, changed("/log", ids, again="true" if is_old else None))
    return render(
        request,
        "parts/logged.html",
        headers={"HX-Trigger": "logged"},
        deed=deed,
        again=is_old,
        at=(logged.written_at if is_old else None) if form.when is None else at,
        logged=logged.ids,
        release=card(logged.release),
    )


def _subject(text: str) -> tuple[str, dict[str, UUID | None]]:
    """Return what is to be logged, and of what.

    Raises:
        ProblemError: 400, naming `log`.
    """
    deed, _, rest = text.partition(":")
    subject, _, id_ = rest.partition(":")
    try:
        found = UUID(id_)
    except ValueError as error:
        raise invalid_field("log", "not a record") from error
    if deed not in DEEDS or subject not in ("copy", "release"):
        raise invalid_field("log", "neither a play nor a cleaning")
    is_copy = subject == "copy"
    return deed, {
        "copy_id": found if is_copy else None,
        "release_id": None if is_copy else found,
    }


def _stylus(text: str | None) -> UUID | UnsetType | None:
    """Return which stylus: UNSET for the primary one, None for none."""
    if text is None:
        return UNSET
    if text == NO_STYLUS:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise invalid_field("stylus", "no such stylus") from error


def local_moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the moment that a browser's field for date and time holds, in UTC.

    Raises:
        ProblemError: 400, naming `when`.
    """
    try:
        local = datetime.fromisoformat(text)
        moment = (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid_field("when", "not a date and time") from error
    check_moment("when", moment)
    return moment


@get("/plays", include_in_schema=False)
async def show_plays(
    request: PageRequest,
    cursor: CursorText = None,
    removed: RemovedKey = None,
    restored: FromQuery[bool] = False,
) -> Response[str]:
    """Show what was played, the latest first; as a part of the page, one page of it."""
    size = LATELY if wants_fragment(request) else PLAYS
    place = page_request("-played", size, cursor, 0, key_type=datetime)
    rows = await database_of(request).read(
        plays.list_plays,
        user_id=request.user.user_id,
        before_played_at=place.key,
        before_id=place.id,
        page_size=size + 1,
        page_offset=0,
    )
    now = datetime.now(UTC).astimezone(zone_of(request.user))
    played, following = one_page(place, rows, "/plays", {})
    return render(
        request,
        "parts/plays.html" if wants_fragment(request) else "plays.html",
        back=changed("/plays", {}, cursor=cursor),
        days=[
            (day, list(entries))
            for day, entries in groupby(
                ((play, card(play.release)) for play in played),
                key=lambda entry: words.weekday(entry[0].played_at, now),
            )
        ],
        following=following,
        is_first=cursor is None,
        restored=restored,
        **await told(request, removed),
    )


HANDLERS = [show_log, add_log, show_plays]
