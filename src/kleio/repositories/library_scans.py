"""Scans of libraries, their record and their desk: `queries/library_scans.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.copy_in import Rows, copy_rows
from kleio.db.queries import Connection, Keyed, Row, query


class Scan(Row, frozen=True):
    """One scan: when it ran and what it found; `finished_at` is None while it runs."""

    id: UUID
    library_id: UUID
    started_at: datetime
    finished_at: datetime | None
    files: int
    read: int
    inserted: int
    updated: int
    unchanged: int
    moved: int
    missing: int
    refused: int
    unread: Raw
    error: str | None


class ScanScope(Row, frozen=True):
    """A folder that is scanned: the files that were found below it, and those that are known."""

    folder: bytes
    found: int
    known: int


class ScanPlan(Row, frozen=True):
    """What a scan would do: numbers of files, and `vanished` of songs."""

    files: int
    new: int
    changed: int
    refused: int
    returned: int
    vanished: int


class ScanRead(Row, frozen=True):
    """A file to be read, and the batch that its folder is in."""

    number: int
    batch: int
    folder_key: UUID
    path: bytes


class ScanResult(Row, frozen=True):
    """What was there in the end: files, those that can't be read, and songs that are gone."""

    files: int
    refused: int
    missing: int


class ScanProblem(Row, frozen=True):
    """A file that can't be read, and why."""

    path: bytes
    reason: str


@query
async def insert_scan(
    conn: Connection, *, library_id: UUID, scopes: list[bytes], now: datetime
) -> UUID | None:
    """Record that a scan begins and return its id."""


@query
async def update_scan(
    conn: Connection,
    *,
    scan_id: UUID,
    files: int,
    read: int,
    inserted: int,
    updated: int,
    unchanged: int,
    moved: int,
    missing: int,
    refused: int,
    unread_report: str,
    error: str | None,
    now: datetime,
) -> int:
    """Record how a scan ended."""


@query
async def list_scans(
    conn: Connection, *, library_id: UUID, before_id: UUID | None, page_size: int
) -> list[Keyed[Scan]]:
    """Return one page of a library's scans, newest first."""


@query
async def delete_desk(conn: Connection, *, library_id: UUID) -> int:
    """Clear away what scans of a library have worked with."""


@copy_rows
async def copy_scan_files(conn: Connection, rows: Rows) -> int:
    """Put the files that a walk finds on the desk."""


@query
async def refresh_scan_statistics(conn: Connection) -> int:
    """Let the planner know how many files there are."""


@query
async def list_scan_scopes(
    conn: Connection, *, library_id: UUID, scopes: list[bytes]
) -> list[ScanScope]:
    """Return for each folder how many files were found and are known there."""


@query
async def get_scan_plan(
    conn: Connection,
    *,
    library_id: UUID,
    scopes: list[bytes],
    unread: list[bytes],
    is_full: bool,
) -> ScanPlan | None:
    """Return what a scan would do, as far as sizes and times tell."""


@query
async def update_missing_files(
    conn: Connection,
    *,
    library_id: UUID,
    scopes: list[bytes],
    unread: list[bytes],
    now: datetime,
) -> int:
    """Mark files that are no longer there, and their songs; return how many songs."""


@query
async def delete_vanished_problems(
    conn: Connection, *, library_id: UUID, scopes: list[bytes], unread: list[bytes]
) -> int:
    """Forget files that never were songs and are no longer there."""


@query
async def update_returned_files(conn: Connection, *, library_id: UUID, now: datetime) -> int:
    """Unmark files that are back as they were, and their songs; return how many songs."""


@query
async def insert_scan_reads(
    conn: Connection, *, library_id: UUID, is_full: bool, batch_size: int
) -> int:
    """Put the files that are to be read in order; return how many there are."""


@query
async def insert_scan_folders(conn: Connection, *, library_id: UUID) -> int:
    """Note the folders whose albums are to be looked at again."""


@query
async def list_scan_reads(
    conn: Connection, *, library_id: UUID, after_number: int, file_count: int
) -> list[ScanRead]:
    """Return the next files to be read."""


@query
async def delete_scan_files(
    conn: Connection, *, library_id: UUID, folder_keys: list[UUID], paths: list[bytes]
) -> int:
    """Take back files that were gone when they were to be read."""


@query
async def get_scan_result(
    conn: Connection, *, library_id: UUID, now: datetime
) -> ScanResult | None:
    """Return what was there in the end."""


@query
async def list_scan_problems(
    conn: Connection, *, library_id: UUID, file_count: int | None
) -> list[ScanProblem]:
    """Return files that can't be read, by path."""
