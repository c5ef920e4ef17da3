"""The route that logs a play and the cleaning before it in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from litestar import Response, Router, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType

from kleio.db.queries import Connection
from kleio.http import fields, idempotency
from kleio.http.auth import ApiRequest
from kleio.http.cleanings import insert_cleaning
from kleio.http.moments import check_moment
from kleio.http.plays import Minutes, Seconds, Side, check_subject, insert_play, seconds_of
from kleio.http.problems import documented
from kleio.http.schemas import LogEntry

PLAY_AFTER_CLEANING = timedelta(seconds=1)
"""So that the play counts as one since the cleaning."""


class NewLogEntry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A cleaning at a time, and a play one second after it; the notes are both's."""

    release_id: UUID | None = None
    copy_id: UUID | None = None
    cleaned_at: datetime | None = None
    deep: bool = False
    stylus_id: UUID | UnsetType | None = UNSET
    duration_seconds: Seconds | None = None
    minutes: Minutes | None = None
    side: Side | None = None
    notes: fields.Text | None = None


@post(
    "/log",
    responses={201: ResponseSpec(LogEntry, generate_examples=False)}
    | documented(400, 401, 404, 413, 422),
    summary="Log a cleaning and a play",
)
async def add_log_entry(request: ApiRequest, data: JSONBody[NewLogEntry]) -> Response[bytes]:
    """Log both or neither, of now where no time is given; takes an `Idempotency-Key`."""
    check_subject(data.release_id, data.copy_id)
    seconds = seconds_of(data.duration_seconds, data.minutes)
    now = datetime.now(UTC)
    if data.cleaned_at is not None:
        check_moment("cleanedAt", data.cleaned_at)
    cleaned_at = data.cleaned_at or now
    user_id = request.user.user_id

    async def work(conn: Connection) -> dict[str, object]:
        cleaning = await insert_cleaning(
            conn,
            user_id,
            release_id=data.release_id,
            copy_id=data.copy_id,
            cleaned_at=cleaned_at,
            deep=data.deep,
            notes=data.notes,
            now=now,
        )
        play = await insert_play(
            conn,
            user_id,
            release_id=data.release_id,
            copy_id=data.copy_id,
            stylus_id=data.stylus_id,
            played_at=cleaned_at + PLAY_AFTER_CLEANING,
            duration_seconds=seconds,
            side=data.side,
            notes=data.notes,
            now=now,
        )
        return {"cleaning": cleaning, "play": play}

    return await idempotency.create(request, work)


router = Router("/", route_handlers=[add_log_entry], tags=["Plays"])
