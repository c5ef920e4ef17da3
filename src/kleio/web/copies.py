"""One's copies of a record, changed where they are shown: edited, archived, restored, added."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
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
    Rating,
    SleeveCondition,
)
from kleio.http.problems import not_found
from kleio.http.responses import version_changed
from kleio.repositories import collection
from kleio.repositories.collection import Copy
from kleio.web.cards import card
from kleio.web.errors import Refused, refusals
from kleio.web.forms import fill, once, read_form
from kleio.web.record import Tried, record_page
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import PageRequest


class CopyForm(msgspec.Struct, rename="camel"):
    """A copy as its form has it, whole: what is left empty is nothing. `version` is its ETag."""

    version: datetime
    rating: Rating = 0
    folder_id: UUID | None = None
    media_condition: MediaCondition | None = None
    sleeve_condition: SleeveCondition | None = None
    notes: fields.Text | None = None

    def changes(self) -> str:
        """Return the changes as the query takes them."""
        changed = CopyChanges(
            rating=self.rating,
            media_condition=self.media_condition,
            sleeve_condition=self.sleeve_condition,
            notes=self.notes,
        )
        if self.folder_id is not None:
            changed.folder_id = self.folder_id
        return msgspec.json.encode(changed).decode()


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


async def _changed(
    request: PageRequest, update: Any, copy_id: UUID, version: datetime, **given: Any
) -> Copy:
    """Change a copy of the version that was seen.

    Raises:
        ProblemError: 404; 412 where it was changed meanwhile.
    """
    user_id = request.user.user_id
    async with database_of(request).connection() as conn:
        copy: Copy | None = await update(
            conn,
            user_id=user_id,
            copy_id=copy_id,
            expected_updated_at=version,
            now=datetime.now(UTC),
            **given,
        )
        if copy is not None:
            return copy
        known = await collection.get_copy(conn, user_id=user_id, copy_id=copy_id)
    raise not_found("copy") if known is None else version_changed()


@post("/shelf/{copy_id:str}", status_code=200, include_in_schema=False)
async def edit_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Change a copy to what its form says; where that can't be, without scripts, show it again."""
    typed = await read_form(request)
    try:
        with refusals(request):
            form = fill(CopyForm, typed)
            copy = await _changed(
                request, collection.update_copy, copy_id, form.version, changes=form.changes()
            )
    except Refused as refused:
        known = await database_of(request).read(
            collection.get_copy, user_id=request.user.user_id, copy_id=copy_id
        )
        if known is None:
            raise refused.problem from None
        tried = Tried(copy_id, typed, refused.says, refused.status)
        return await record_page(request, known.release_id, tried=tried)
    if not wants_fragment(request):
        return see_other(request, record_path(copy))
    return render(request, "parts/saved.html", copy=copy, release=card(copy.release))


@post("/shelf/{copy_id:str}/archive", status_code=200, include_in_schema=False)
async def archive_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Take a copy off the shelf and keep its history."""
    form = fill(ArchiveForm, await read_form(request))
    copy = await _changed(
        request,
        collection.update_copy_archived,
        copy_id,
        form.version,
        archive_reason=form.reason,
    )
    return see_other(request, record_path(copy))


@post("/shelf/{copy_id:str}/restore", status_code=200, include_in_schema=False)
async def restore_copy(request: PageRequest, copy_id: FromPath[UUID]) -> Response[str]:
    """Put an archived copy back on the shelf."""
    form = fill(VersionForm, await read_form(request))
    copy = await _changed(request, collection.update_copy_restored, copy_id, form.version)
    return see_other(request, record_path(copy))


@post("/shelf", status_code=200, include_in_schema=False)
async def add_copy(request: PageRequest) -> Response[str]:
    """Put one more copy of a release on the shelf."""
    typed = await read_form(request)
    form, now = fill(AddForm, typed), datetime.now(UTC)

    async def work(conn: Connection) -> Place:
        copy = await collection.insert_copy(
            conn,
            user_id=request.user.user_id,
            release_id=form.release_id,
            discogs_id=None,
            folder_id=None,
            rating=0,
            media_condition=None,
            sleeve_condition=None,
            notes=None,
            custom_fields="{}",
            added_at=now,
            now=now,
        )
        if copy is None:
            raise not_found("record")
        return Place(copy.release_id, copy.id)

    place = msgspec.json.decode(await once(request, typed, work), type=Place)
    return see_other(request, record_path(place))


HANDLERS = [edit_copy, archive_copy, restore_copy, add_copy]
