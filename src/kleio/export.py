"""Exports of a user's data as files: collection, plays, cleanings, and the whole account.

PostgreSQL writes each row's text (`queries/exports.sql`, `account_exports.sql`); this module puts
what belongs around the rows and passes them on in blocks, so that memory does not grow with the
data. The command line and the API both go through here; it knows neither.

A JSON document is written an item a line. One that was cut short lacks its end and is no JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from kleio.account_records import FORMAT, VERSION
from kleio.db.copy_out import BLOCK_BYTES, Blocks
from kleio.db.queries import Connection
from kleio.repositories import account_exports, exports, imports, preferences

Noun = Literal["collection", "plays", "cleanings", "all"]
Format = Literal["csv", "json", "ndjson"]

MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; header=present",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}

APOSTROPHE = "'"
"""What makes a spreadsheet take a text that begins like a formula for a text."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What makes a spreadsheet read a CSV file as UTF-8."""


class Download(Protocol):
    """Something of a user's that is sent as a file."""

    @property
    def format(self) -> Format:
        """What the file is written as."""

    def file_name(self, username: str, now: datetime) -> str:
        """Return a name of letters, digits, dots, dashes and underscores, as usernames have."""

    def blocks(self, conn: Connection, *, user_id: UUID, username: str, now: datetime) -> Blocks:
        """Yield the file in blocks; the first one comes after the first rows."""


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each record of an import: CSV for people, or an item a line.

    Attributes:
        run_id: which import.
        verdict, kind: records of these alone, None for any.
    """

    run_id: UUID
    format: Literal["csv", "ndjson"] = "csv"
    verdict: str | None = None
    kind: str | None = None

    def file_name(self, username: str, now: datetime) -> str:
        """Return the file's name."""
        return f"kleio-{username}-import-{now:%Y-%m-%d}.{self.format}"

    def blocks(self, conn: Connection, *, user_id: UUID, username: str, now: datetime) -> Blocks:
        """Yield the report in blocks."""
        del username, now
        export = imports.export_rows_csv if self.format == "csv" else imports.export_rows
        return export(
            conn, user_id=user_id, run_id=self.run_id, verdict=self.verdict, kind=self.kind
        )


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What to export and how.

    Attributes:
        noun: what; `all` is one JSON and takes no other choice.
        format: CSV, one JSON object with `items`, or an item a line.
        archived: of the collection: archived copies alone, None for all copies.
        spreadsheet: CSV that a spreadsheet opens without harm: texts that begin like a formula
            get an apostrophe, and the file a mark that it is UTF-8. Without it, nothing is changed.
    """

    noun: Noun
    format: Format = "json"
    archived: bool | None = False
    spreadsheet: bool = False

    def file_name(self, username: str, now: datetime) -> str:
        """Return a name of letters, digits, dots, dashes and underscores, as usernames have."""
        what = "account" if self.noun == "all" else self.noun
        return f"kleio-{username}-{what}-{now:%Y-%m-%d}.{self.format}"

    async def blocks(
        self, conn: Connection, *, user_id: UUID, username: str, now: datetime
    ) -> Blocks:
        """Yield the export in blocks; the first one comes after the first rows.

        Args:
            conn: inside a `snapshot`, for itself alone until the generator is closed.
            user_id: whose data.
            username: their name, for the JSON's head.
            now: the time of the export, for the same.

        Raises:
            DatabaseError: the server failed, or the export took longer than a snapshot may.
        """
        block = bytearray()
        async with aclosing(self._pieces(conn, user_id, username, now)) as pieces:
            async for piece in pieces:
                block += piece
                if len(block) >= BLOCK_BYTES:
                    yield bytes(block)
                    block.clear()
        if block:
            yield bytes(block)

    def _pieces(self, conn: Connection, user_id: UUID, username: str, now: datetime) -> Blocks:
        if self.noun == "all":
            return _account(conn, user_id, username, now)
        if self.format == "csv":
            return self._csv(conn, user_id)
        if self.format == "ndjson":
            return self._lines(conn, user_id)
        head = {"exportedAt": now, "username": username}
        return json_document(head, {"items": lambda: self._lines(conn, user_id)})

    async def _csv(self, conn: Connection, user_id: UUID) -> Blocks:
        guard = APOSTROPHE if self.spreadsheet else ""
        if self.noun == "collection":
            rows = exports.export_collection_csv(
                conn, user_id=user_id, archived=self.archived, guard=guard
            )
        elif self.noun == "plays":
            rows = exports.export_plays_csv(conn, user_id=user_id, guard=guard)
        else:
            rows = exports.export_cleanings_csv(conn, user_id=user_id, guard=guard)
        if self.spreadsheet:
            yield BYTE_ORDER_MARK
        async with aclosing(rows):
            async for block in rows:
                yield block

    def _lines(self, conn: Connection, user_id: UUID) -> Blocks:
        if self.noun == "collection":
            return exports.export_copies(conn, user_id=user_id, archived=self.archived)
        if self.noun == "plays":
            return exports.export_plays(conn, user_id=user_id)
        return exports.export_cleanings(conn, user_id=user_id)


async def _account(conn: Connection, user_id: UUID, username: str, now: datetime) -> Blocks:
    stored = await preferences.get_preferences(conn, user_id=user_id)
    document = json_document(
        {
            "format": FORMAT,
            "version": VERSION,
            "exportedAt": now,
            "username": username,
            "preferences": msgspec.Raw(b"{}") if stored is None else stored,
        },
        {name: partial(lines, conn, user_id=user_id) for name, lines in _ACCOUNT.items()},
    )
    async with aclosing(document):
        async for piece in document:
            yield piece


_ACCOUNT: dict[str, Callable[..., Blocks]] = {
    "releases": account_exports.export_account_releases,
    "folders": account_exports.export_account_folders,
    "styluses": account_exports.export_account_styluses,
    "copies": account_exports.export_account_copies,
    "plays": account_exports.export_account_plays,
    "cleanings": account_exports.export_account_cleanings,
}
"""The lists of the whole account, what is referred to before what refers to it."""


async def json_document(head: dict[str, object], lists: dict[str, Callable[[], Blocks]]) -> Blocks:
    """Yield one JSON object: the members of `head`, then lists with an item a line.

    Args:
        head: at least one member.
        lists: what opens the lines of each; one is open at a time.
    """
    yield msgspec.json.encode(head)[:-1]
    for name, open_lines in lists.items():
        yield b',\n"%b":[' % name.encode()
        separator = b"\n"
        async with aclosing(open_lines()) as lines:
            async for block in lines:
                # JSON text has no line feeds of its own: each ends an item.
                yield separator
                yield block[:-1].replace(b"\n", b",\n")
                separator = b",\n"
        yield b"\n]"
    yield b"}\n"
