"""Routes of "also on your shelf": albums that a user owns as records, and the other way round."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import Page
from kleio.http.problems import documented, not_found
from kleio.http.schemas import ReleaseCard
from kleio.repositories import albums, collection, shelf_matches
from kleio.repositories.shelf_matches import AlbumCopy, CopyAlbum


class AlbumCopyItem(msgspec.Struct, frozen=True, rename="camel"):
    """A copy on the user's shelf that is the same record as an album."""

    id: UUID
    release_id: UUID
    added_at: datetime
    release: ReleaseCard


class AlbumCopyPage(Page[AlbumCopyItem], frozen=True, kw_only=True):
    """All such copies, in one page."""


class CopyAlbumPage(Page[CopyAlbum], frozen=True, kw_only=True):
    """All albums that are the same record as a copy, in one page."""


@get(
    "/albums/{album_id:str}/copies",
    responses={200: ResponseSpec(AlbumCopyPage, generate_examples=False)}
    | documented(400, 401, 404),
    summary="An album on the user's shelf",
)
async def list_album_copies(request: ApiRequest, album_id: FromPath[UUID]) -> Page[AlbumCopy]:
    """Return the user's copies of the same record, of any pressing, latest added first.

    They match where the album's artist is linked to the release's and the titles agree.
    """
    read = database_of(request).read
    rows = await read(
        shelf_matches.list_album_copies, user_id=request.user.user_id, album_id=album_id
    )
    if not rows and await read(albums.get_album, album_id=album_id) is None:
        raise not_found("album")
    return Page(items=rows, next=None, total=len(rows))


@get(
    "/collection/{copy_id:str}/albums",
    responses=documented(400, 401, 404),
    summary="A copy in the digital library",
)
async def list_copy_albums(request: ApiRequest, copy_id: FromPath[UUID]) -> CopyAlbumPage:
    """Return the library's albums that are the same record as a copy, most songs first."""
    read, user_id = database_of(request).read, request.user.user_id
    rows = await read(shelf_matches.list_copy_albums, user_id=user_id, copy_ids=[copy_id])
    if not rows and await read(collection.get_copy, user_id=user_id, copy_id=copy_id) is None:
        raise not_found("copy")
    return CopyAlbumPage(items=rows, next=None, total=len(rows))


router = Router("/", route_handlers=[list_album_copies, list_copy_albums], tags=["Library"])
