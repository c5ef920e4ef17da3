"""One's copies of a record, changed where they are shown: edited, archived, restored, added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from kleio.db.queries import Connection
from kleio.http import fields
from kleio.http.auth import database_of
from kleio.http.collection import (
    ArchiveReason,
    CopyChanges,
    MediaCondition,
    NewCopy,
    Rating,
    SleeveCondition,
    change_copy,
    insert_copy,
    put_back,
    take_off,
)
from kleio.http.problems import not_found
from kleio.repositories import collection
from kleio.repositories.collection import Copy
from kleio.web.cards import card
from kleio.web.errors import Refused, refusals
from kleio.web.forms import fill, once, read_form
from kleio.web.record import Tried, copy_part, record_page
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import PageRequest

CHANGED = HTTPStatus.PRECONDITION_FAILED
"""The status of what was changed by somebody else, or elsewhere, since the form was drawn."""


class CopyForm(msgspec.Struct, rename="camel"):
    """A copy as its form has it, whole: what is left empty is nothing. `version` is its ETag.

    `again` where it is saved over what was changed meanwhile: it is drawn anew after that.
    """

    version: datetime
    rating: Rating = 0
    folder_id: UUID | None = None
    media_condition: MediaCondition | None = None
    sleeve_condition: SleeveCondition | None = None
    notes: fields.Text | None = None
    again: bool = False

    def changes(self) -> CopyChanges:
        """Return what the form changes: all but the folder, where none is given."""
        changed = CopyChanges(
            rating=self.rating,
            media_condition=self.media_condition,
            sleeve_condition=self.sleeve_condition,
            notes=self.notes,
        )
        if self.folder_id is not None:
            changed.folder_id = self.folder_id
        return changed

    def is_met_by(self, copy: Copy) -> bool:
        """Return whether a copy is as the form wants it, whoever has made it so."""
        return (
            self.folder_id in (None, copy.folder_id)
            and self.rating == copy.rating
            and self.media_condition == copy.media_condition
            and self.sleeve_condition == copy.sleeve_condition
            and self.notes == copy.notes
        )


class ArchiveForm(msgspec.Struct, rename="camel"):
    """Why a copy leaves the shelf, and the version of it that was seen."""

    reason: ArchiveReason
    version: datetime


class VersionForm(msgspec.Struct):
    """The version of a copy that was seen."""

    version: datetime


class AddForm(msgspec.Struct, rename="camel"):
    """A release to put on the shelf."""

    release_id: UUID


class Place(msgspec.Struct, frozen=True):
    """Which copy, and of which release."""

    release_id: UUID
    id: UUID


def record_path(copy: Copy | Place) -> str:
    """Return the address of a copy on its record's page."""
    return f"/records/{copy.release_id}#copy-{copy.id}"


@post("/shelf/{copy_id:str}", status_code=200, include_in_schema=False)
async def edit_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Change a copy to what its form says; where that can't be, show it again as it was typed."""
    typed = await read_form(request)
    form: CopyForm | None = None
    try:
        with refusals(request, always=CHANGED):
            form = fill(CopyForm, typed)
            copy = await change_copy(request, copy_id, form.changes(), form.version)
    except Refused as refused:
        known = await _known(request, copy_id, refused)
        if form is None or refused.status is not CHANGED or not form.is_met_by(known):
            return await _again(request, known, Tried(copy_id, typed, refused.says, refused.status))
        copy = known
    if not wants_fragment(request):
        return see_other(request, record_path(copy))
    if form.again:
        return await copy_part(request, copy.release_id, copy.id)
    return render(request, "parts/saved.html", copy=copy, release=card(copy.release))


async def _known(request: PageRequest, copy_id: UUID, refused: Refused) -> Copy:
    """Return the copy of a form that was refused.

    Raises:
        ProblemError: why it was refused, where there is no such copy.
    """
    known = await database_of(request).read(
        collection.get_copy, user_id=request.user.user_id, copy_id=copy_id
    )
    if known is None:
        raise refused.problem from None
    return known


async def _again(request: PageRequest, known: Copy, tried: Tried) -> Response[str]:
    """Show the form of a copy again: where it is open, with scripts, else with its whole page."""
    if wants_fragment(request):
        return await copy_part(request, known.release_id, known.id, tried)
    return await record_page(request, known.release_id, tried=tried)


@post("/shelf/{copy_id:str}/archive", status_code=200, include_in_schema=False)
async def archive_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Take a copy off the shelf and keep its history."""
    form = fill(ArchiveForm, await read_form(request))
    return await _moved(
        request,
        copy_id,
        take_off(request, copy_id, form.reason, form.version),
        lambda copy: copy.archive_reason == form.reason,
    )


@post("/shelf/{copy_id:str}/restore", status_code=200, include_in_schema=False)
async def restore_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Put an archived copy back on the shelf."""
    form = fill(VersionForm, await read_form(request))
    return await _moved(
        request,
        copy_id,
        put_back(request, copy_id, form.version),
        lambda copy: copy.archived_at is None,
    )


async def _moved(
    request: PageRequest,
    copy_id: UUID,
    move: Awaitable[Copy],
    is_there: Callable[[Copy], bool],
) -> Response[str]:
    """Move a copy between shelf and archive and lead to it.

    Where it was changed meanwhile, it is shown as it is now, unless it is there already: a form
    that is sent twice is answered alike.
    """
    try:
        with refusals(request, always=CHANGED):
            copy = await move
    except Refused as refused:
        copy = await _known(request, copy_id, refused)
        if refused.status is not CHANGED or not is_there(copy):
            return await _again(request, copy, Tried(copy_id, {}, refused.says, refused.status))
    return see_other(request, record_path(copy))


@post("/shelf", status_code=200, include_in_schema=False)
async def add_copy(request: PageRequest) -> Response[str]:
    """Put one more copy of a release on the shelf."""
    typed = await read_form(request)
    form, now = fill(AddForm, typed), datetime.now(UTC)

    async def work(conn: Connection) -> Place:
        wish = NewCopy(release_id=form.release_id)
        copy = await insert_copy(conn, request.user.user_id, wish, now=now)
        if copy is None:
            raise not_found("record")
        return Place(copy.release_id, copy.id)

    place = msgspec.json.decode(await once(request, typed, work), type=Place)
    return see_other(request, record_path(place))


HANDLERS = [edit_copy, archive_copy, restore_copy, add_copy]
