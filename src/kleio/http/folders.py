"""Routes of a user's folders, which the copies on the shelf are in."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from kleio.db.errors import Conflict, MissingReference
from kleio.holdings import check_holdings
from kleio.http import fields
from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import Page
from kleio.http.problems import (
    FieldProblem,
    ProblemError,
    documented,
    invalid_field,
    not_found,
)
from kleio.http.responses import check_version, expected_version, version_changed, versioned
from kleio.repositories import folders
from kleio.repositories.folders import FolderCount

UNCATEGORIZED = 1
"""Discogs' number of the folder that every user has and that stays as it is."""

FolderName = Annotated[str, Meta(min_length=1, max_length=200, pattern=fields.NO_NUL)]


class FolderNaming(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The name of a folder, which no other of the user has, whatever its case."""

    name: FolderName


class FolderPage(Page[FolderCount], frozen=True, kw_only=True):
    """All folders of a user, in one page."""


def _name(data: FolderNaming) -> str:
    name = data.name.strip()
    if not name:
        raise invalid_field("name", "needed")
    return name


def _name_taken() -> ProblemError:
    message = "Another folder has the name."
    return ProblemError(
        HTTPStatus.CONFLICT,
        "conflict",
        f"name: {message}",
        errors=[FieldProblem("name", "body", message)],
    )


def _fixed() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT, "folder-fixed", "Folder number 1 keeps its name and stays."
    )


def _not_empty(folder: FolderCount) -> ProblemError:
    held = folder.copies + folder.archived
    archived = f", {folder.archived} of them archived" if folder.archived else ""
    return ProblemError(
        HTTPStatus.CONFLICT,
        "folder-not-empty",
        f"The folder holds {held} {'copy' if held == 1 else 'copies'}{archived}.",
    )


@get("/collection/folders", responses=documented(401), summary="The folders")
async def list_folders(request: ApiRequest) -> FolderPage:
    """Return the user's folders with the number of copies in each."""
    rows = await database_of(request).read(folders.list_folders, user_id=request.user.user_id)
    return FolderPage(items=rows, next=None, total=len(rows))


@post(
    "/collection/folders",
    responses={201: ResponseSpec(FolderCount, generate_examples=False)}
    | documented(400, 401, 409, 413),
    summary="Add a folder",
)
async def add_folder(request: ApiRequest, data: JSONBody[FolderNaming]) -> Response[FolderCount]:
    """Make a folder with the next number; a name that is taken answers 409."""
    user_id, name, now = request.user.user_id, _name(data), datetime.now(UTC)
    try:
        async with database_of(request).transaction() as conn:
            await folders.lock_folders(conn, user_id=user_id)
            await check_holdings(conn, user_id, "folders", more=1)
            folder = await folders.insert_folder(
                conn, user_id=user_id, number=None, name=name, now=now
            )
    except Conflict as error:
        raise _name_taken() from error
    assert folder is not None
    made = FolderCount(folder.id, folder.number, folder.name, copies=0, archived=0, updated_at=now)
    response = versioned(made)
    response.headers["Location"] = f"{request.url.path}/{folder.id}"
    return response


async def _known(request: ApiRequest, folder_id: UUID) -> FolderCount:
    folder = await database_of(request).read(
        folders.get_folder, user_id=request.user.user_id, folder_id=folder_id
    )
    if folder is None:
        raise not_found("folder")
    return folder


@get(
    "/collection/folders/{folder_id:str}",
    responses=documented(400, 401, 404),
    summary="One folder",
)
async def get_folder(request: ApiRequest, folder_id: FromPath[UUID]) -> Response[FolderCount]:
    """Return a folder with the number of copies in it; its `ETag` is its version."""
    return versioned(await _known(request, folder_id))


@patch(
    "/collection/folders/{folder_id:str}",
    responses=documented(400, 401, 404, 409, 412, 413),
    summary="Rename a folder",
)
async def rename_folder(
    request: ApiRequest, folder_id: FromPath[UUID], data: JSONBody[FolderNaming]
) -> Response[FolderCount]:
    """Give a folder another name; number 1, Uncategorized, keeps its own. Takes `If-Match`."""
    name, expected = _name(data), expected_version(request)
    try:
        async with database_of(request).connection() as conn:
            folder = await folders.update_folder(
                conn,
                user_id=request.user.user_id,
                folder_id=folder_id,
                name=name,
                expected_updated_at=expected,
                now=datetime.now(UTC),
            )
    except Conflict as error:
        raise _name_taken() from error
    if folder is not None:
        return versioned(folder)
    known = await _known(request, folder_id)
    check_version(expected, known.updated_at)
    raise _fixed() if known.number == UNCATEGORIZED else version_changed()


@delete(
    "/collection/folders/{folder_id:str}",
    responses=documented(400, 401, 404, 409),
    summary="Delete a folder",
)
async def delete_folder(request: ApiRequest, folder_id: FromPath[UUID]) -> None:
    """Delete a folder that holds no copies, archived ones neither; number 1 stays."""
    user_id = request.user.user_id
    try:
        async with database_of(request).connection() as conn:
            if await folders.delete_folder(conn, user_id=user_id, folder_id=folder_id):
                return
    except MissingReference:
        # Copies refer to it; how many, the answer tells.
        pass
    known = await _known(request, folder_id)
    raise _fixed() if known.number == UNCATEGORIZED else _not_empty(known)


router = Router(
    "/",
    route_handlers=[list_folders, add_folder, get_folder, rename_folder, delete_folder],
    tags=["Collection"],
)
