"""Routes of a user's data as files: streamed in bounded memory, from one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from kleio.account_records import (
    CleaningRecord,
    CopyRecord,
    FolderRecord,
    PlayRecord,
    ReleaseRecord,
    StylusRecord,
)
from kleio.db.copy_out import Blocks
from kleio.export import MEDIA_TYPES, Download, Export, Format, Noun
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.problems import ProblemError, documented, invalid_field

STALL_SECONDS = 30.0
"""How long a client may leave a block unread; it holds a connection of the pool meanwhile."""

Archived = Annotated[
    Literal["false", "true", "all"],
    QueryParameter(description="Copies on the shelf, archived ones, or all of them."),
]
FormatChoice = Annotated[
    Format,
    QueryParameter(
        name="format", description="CSV, a JSON object with `items`, or a line of JSON an item."
    ),
]
Spreadsheet = Annotated[
    bool,
    QueryParameter(
        description="With csv: an apostrophe before texts that begin like a formula, and a mark"
        " that the file is UTF-8."
    ),
]
_ARCHIVED = {"false": False, "true": True, "all": None}


class AccountFile(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The whole account; `id` and what refers to ids are names within the file."""

    format: str
    version: int
    exported_at: datetime
    username: str
    preferences: dict[str, Any]
    releases: list[ReleaseRecord]
    folders: list[FolderRecord]
    styluses: list[StylusRecord]
    copies: list[CopyRecord]
    plays: list[PlayRecord]
    cleanings: list[CleaningRecord]


class ExportResponse(Stream):
    """An export as an attachment; the database is asked when the server sends the response.

    Until the first block is there nothing is sent, so an error up to then is a problem like any
    other. After it, an error ends the connection without the end of the body.
    """

    def __init__(self, request: UserRequest, chosen: Download) -> None:
        now = datetime.now(UTC)
        user = request.user
        super().__init__(
            (),
            media_type=MEDIA_TYPES[chosen.format],
            headers={
                "Content-Disposition": (
                    f'attachment; filename="{chosen.file_name(user.username, now)}"'
                ),
                "Cache-Control": "no-store",
            },
        )
        self._database = database_of(request)
        self._exporting: set[UUID] = request.app.state.exporting
        self._chosen = chosen
        self._user = user
        self._now = now

    def to_asgi_response(  # type: ignore[override]
        self, app: Any, request: Request[Any, Any, Any], **options: Any
    ) -> ASGIApp:
        """Return what sends the export."""
        response: Any = super().to_asgi_response(app, request, **options)

        async def send_export(_scope: Scope, receive: Receive, send: Send) -> None:
            # Everything that is opened here is closed here, however the sending ends.
            with _one_of(self._user.user_id, self._exporting):
                async with self._database.snapshot() as conn:
                    blocks = self._chosen.blocks(
                        conn,
                        user_id=self._user.user_id,
                        username=self._user.username,
                        now=self._now,
                    )
                    async with aclosing(blocks):
                        first = await anext(blocks, b"")
                        await response.start_response(send)
                        is_whole = await _send_blocks(first, blocks, receive, send)
            # Only now: who has read the end and asks for the next one finds the place free.
            if is_whole:
                await _send(send, b"")

        return send_export


@contextmanager
def _one_of(user_id: UUID, exporting: set[UUID]) -> Iterator[None]:
    """Keep a user from a second export at once: a worker has few snapshots for all.

    Raises:
        ProblemError: 429.
    """
    if user_id in exporting:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "export-running",
            "Another export of yours is going on.",
            headers={"Retry-After": "5"},
        )
    exporting.add(user_id)
    try:
        yield
    finally:
        exporting.discard(user_id)


async def _send(send: Send, block: bytes) -> None:
    """Send a block; an empty one is the end."""
    async with asyncio.timeout(STALL_SECONDS):
        await send({"type": "http.response.body", "body": block, "more_body": bool(block)})


async def _send_blocks(block: bytes, blocks: Blocks, receive: Receive, send: Send) -> bool:
    """Send blocks until they end, or the client goes or stops reading; return whether all went.

    Nothing is cancelled while the database is read, so its connection always comes back whole.
    """
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        while not gone.done():
            if not block:
                return True
            await _send(send, block)
            block = await anext(blocks, b"")
    finally:
        gone.cancel()
    return False


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def choose_export(
    noun: Noun, form: Format, spreadsheet: bool, archived: Literal["false", "true", "all"] = "false"
) -> Export:
    """Return an export with its choices.

    Raises:
        ProblemError: 400, naming `spreadsheet`.
    """
    if spreadsheet and form != "csv":
        raise invalid_field("spreadsheet", "only for csv", source="query")
    return Export(noun=noun, format=form, spreadsheet=spreadsheet, archived=_ARCHIVED[archived])


def _csv_or_items(what: str) -> dict[int, ResponseSpec]:
    return {
        200: ResponseSpec(
            str,
            description=f"{what}; with `format`, application/json or application/x-ndjson",
            media_type="text/csv",
            generate_examples=False,
        )
    } | documented(400, 401)


@get(
    "/export/collection",
    responses=_csv_or_items("One's copies"),
    summary="One's collection as a file",
)
async def export_collection(
    request: ApiRequest,
    form: FormatChoice = "csv",
    archived: Archived = "false",
    spreadsheet: Spreadsheet = False,
) -> ExportResponse:
    """Return copies, latest added first: CSV in Discogs' own columns, or items of GET /collection.

    Of the CSV, times are UTC, a rating of 0 is empty, and a release that Discogs does not have
    has no `release_id`.
    """
    return ExportResponse(request, choose_export("collection", form, spreadsheet, archived))


@get(
    "/export/plays",
    responses=_csv_or_items("One's plays"),
    summary="One's plays as a file",
)
async def export_plays(
    request: ApiRequest, form: FormatChoice = "csv", spreadsheet: Spreadsheet = False
) -> ExportResponse:
    """Return plays, newest first: flat CSV columns, or items of GET /plays."""
    return ExportResponse(request, choose_export("plays", form, spreadsheet))


@get(
    "/export/cleanings",
    responses=_csv_or_items("One's cleanings"),
    summary="One's cleanings as a file",
)
async def export_cleanings(
    request: ApiRequest, form: FormatChoice = "csv", spreadsheet: Spreadsheet = False
) -> ExportResponse:
    """Return cleanings, newest first: flat CSV columns, or items of GET /cleanings."""
    return ExportResponse(request, choose_export("cleanings", form, spreadsheet))


@get(
    "/export/all",
    responses={200: ResponseSpec(AccountFile, generate_examples=False)} | documented(400, 401),
    summary="One's account as a file",
)
async def export_all(request: ApiRequest) -> ExportResponse:
    """Return everything of one's own as one JSON that an import reads again.

    Copies (archived ones too), plays, cleanings, folders, styluses, preferences, and the whole
    entry of each release. No password and no token is in it.
    """
    return ExportResponse(request, Export(noun="all", format="json"))


router = Router(
    "/",
    route_handlers=[export_collection, export_plays, export_cleanings, export_all],
    tags=["Exports"],
)
