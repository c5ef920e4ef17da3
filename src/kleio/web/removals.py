"""What is removed with a tap, and the way back from it.

A removal is a form with a key, and its answer, which is kept as long as every answer to a key, is
all that was removed. So the way back needs nothing but the key: it works without scripts, from the
address, and trusts nothing that a browser says.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import QueryParameter

from kleio.db.queries import Connection
from kleio.http import idempotency
from kleio.http.auth import database_of
from kleio.http.problems import ProblemError, not_found
from kleio.repositories import cleanings, idempotency_keys, plays
from kleio.repositories.cleanings import RemovedCleaning
from kleio.repositories.plays import RemovedPlay
from kleio.web.forms import KEY_FIELD, fill, key_of, new_key, once, read_form
from kleio.web.query_strings import with_note
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import HOME, PageRequest, own_path

RemovedKey = Annotated[str | None, QueryParameter(pattern=r"^[A-Za-z0-9_-]{16,64}\.[0-9a-f]{32}$")]
"""The key of a removal that a page tells of."""


class Removal(msgspec.Struct, rename="camel"):
    """What one tap removed."""

    play: RemovedPlay | None = None
    cleaning: RemovedCleaning | None = None

    @property
    def says(self) -> str:
        """What it was, in words."""
        found = [("cleaning", self.cleaning), ("play", self.play)]
        return " and ".join(f"the {name}" for name, row in found if row is not None)

    @property
    def title(self) -> str:
        """Of which release."""
        row = self.play or self.cleaning
        return "" if row is None else row.release_title


class RemoveForm(msgspec.Struct):
    """What to remove, and the page to go on with."""

    play: UUID | None = None
    cleaning: UUID | None = None
    back: str = HOME


class PutBackForm(msgspec.Struct):
    """The key of what was removed, and the page to go on with."""

    removed: str
    back: str = HOME


@post("/log/undo", status_code=200, include_in_schema=False)
async def remove(request: PageRequest) -> Response[str]:
    """Remove what was logged, a play, a cleaning or both, and say how it comes back."""
    typed = await read_form(request)
    typed.setdefault(KEY_FIELD, new_key())
    form = fill(RemoveForm, typed)
    user_id = request.user.user_id

    async def work(conn: Connection) -> Removal:
        removal = Removal()
        if form.play is not None:
            removal.play = await plays.delete_play(conn, user_id=user_id, play_id=form.play)
        if form.cleaning is not None:
            removal.cleaning = await cleanings.delete_cleaning(
                conn, user_id=user_id, cleaning_id=form.cleaning
            )
        if removal == Removal():
            raise not_found("play or cleaning")
        return removal

    removal = msgspec.json.decode(await once(request, typed, work), type=Removal)
    key, back = key_of(typed), own_path(form.back)
    if not wants_fragment(request):
        return see_other(request, with_note(back, removed=key))
    return render(
        request,
        "parts/removed.html",
        headers={"HX-Trigger": "logged"},
        back=back,
        removal=removal,
        removed=key,
    )


async def told(request: PageRequest, key: str | None) -> dict[str, Any]:
    """Return what a page says of what was removed under a key, if anything was."""
    kept = None
    if key is not None:
        kept = await database_of(request).read(
            idempotency_keys.get_idempotency_key, user_id=request.user.user_id, key=key
        )
    return {"removal": None if kept is None else _removal(kept.response), "removed": key}


def _removal(kept: bytes) -> Removal | None:
    try:
        removal = msgspec.json.decode(kept, type=Removal)
    except msgspec.MsgspecError:
        return None
    return removal if removal != Removal() else None


@post("/log/put-back", status_code=200, include_in_schema=False)
async def put_back(request: PageRequest) -> Response[str]:
    """Put back what was removed, as it was."""
    form = fill(PutBackForm, await read_form(request))
    user_id, now = request.user.user_id, datetime.now(UTC)

    async def work(conn: Connection) -> list[UUID]:
        kept = await idempotency_keys.get_idempotency_key(conn, user_id=user_id, key=form.removed)
        removal = None if kept is None else _removal(kept.response)
        if removal is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "not-found", "It was removed too long ago to come back."
            )
        ids = []
        if (play := removal.play) is not None:
            ids.append(play.id)
            await plays.insert_removed_play(
                conn,
                user_id=user_id,
                play_id=play.id,
                release_id=play.release_id,
                copy_id=play.copy_id,
                stylus_id=play.stylus_id,
                played_at=play.played_at,
                duration_seconds=play.duration_seconds,
                duration_estimated=play.duration_estimated,
                side=play.side,
                notes=play.notes,
                created_at=play.created_at,
                now=now,
            )
        if (cleaning := removal.cleaning) is not None:
            ids.append(cleaning.id)
            await cleanings.insert_removed_cleaning(
                conn,
                user_id=user_id,
                cleaning_id=cleaning.id,
                release_id=cleaning.release_id,
                copy_id=cleaning.copy_id,
                cleaned_at=cleaning.cleaned_at,
                deep=cleaning.deep,
                notes=cleaning.notes,
                created_at=cleaning.created_at,
                now=now,
            )
        return ids

    # A form that comes once more, after the same was removed anew, brings nothing back.
    body = await idempotency.create_once(request, work, f"{form.removed}.back", b"put back")
    if not wants_fragment(request):
        return see_other(request, with_note(own_path(form.back), restored="true"))
    back_again = {"logged": {}, "put-back": {"ids": msgspec.json.decode(body)}}
    return render(
        request,
        "parts/put_back.html",
        headers={"HX-Trigger": msgspec.json.encode(back_again).decode()},
    )


HANDLERS = [remove, put_back]
