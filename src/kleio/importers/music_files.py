"""Music folders into a library: one scan, from the walk over the files to the last album.

This module owns the order of a scan's steps, its batches and its counts. It finds no file
(`music_walk`), reads none (`music_readings`) and decides nothing about songs and albums, which the
statements of `scan_songs`, `scan_artists` and `scan_albums` do, set by set.

The walk is compared with what is known by size and time, in SQL, so only new and changed files are
read. What has vanished is marked before anything is read, and what is read is looked for among it:
so a file that was moved or renamed stays the song that it was, with all that users know of it. A
batch is a transaction; a scan that was cut short is begun anew and finds done what was done.
Memory is bounded by the batch size, whatever the number of files.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, nullcontext, suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.importers.music_paths import path_text
from kleio.importers.music_reader import Reader
from kleio.importers.music_readings import desk_rows, read_ahead
from kleio.importers.music_report import Options, Progress, ProgressCallback, ScanError, ScanReport
from kleio.importers.music_song import Gone, Reading
from kleio.importers.music_walk import Found, Unread, Walk
from kleio.partitions import healing
from kleio.repositories import libraries, library_scans, scan_albums, scan_artists, scan_songs
from kleio.repositories.library_scans import ScanProblem, ScanRead
from kleio.repositories.scan_songs import ScanWritten

BATCH_FILES = 2000
"""How many files' songs a transaction writes, but for the rest of the last folder."""

DESK_FILES = 500
"""How many files that were found or read are put on the desk at once."""

UNREAD_KEPT = 1000
"""How many folders that could not be read a scan's record names."""


async def scan(
    conn: Connection,
    *,
    library_id: UUID,
    root: bytes,
    folders: Sequence[bytes],
    report: ScanReport,
    options: Options,
    progress: ProgressCallback | None = None,
    problem_count: int | None = 0,
    reader: Reader | None = None,
) -> list[ScanProblem]:
    """Scan folders of a library and return files that can't be read, by path.

    Args:
        conn: an autocommit connection, straight to the server: its session holds a lock.
        library_id: the library.
        root: its folder.
        folders: what to scan, below the root; `b""` is all of it. None lies in another.
        report: is filled while the scan goes on.
        options: how to scan.
        progress: called now and then.
        problem_count: how many files that can't be read to return; None for all.
        reader: what reads the files; by default processes of its own.

    Raises:
        ScanError: another scan of the library runs, or a folder is empty where songs were.
        DatabaseError: the database failed; what was written before is kept.
    """
    if not await libraries.lock_library(conn, library_id=library_id):
        raise ScanError(f"another scan of the library {report.library} is running")
    try:
        async with reader or Reader(options.workers) as running:
            run = _Scan(conn, library_id, root, list(folders), report, options, progress, running)
            run.problem_count = problem_count
            await run.run()
            return run.problems
    finally:
        if not conn.closed:
            await libraries.delete_library_lock(conn, library_id=library_id)


class _Scan:
    """One scan while it runs."""

    def __init__(
        self,
        conn: Connection,
        library_id: UUID,
        root: bytes,
        folders: list[bytes],
        report: ScanReport,
        options: Options,
        progress: ProgressCallback | None,
        reader: Reader,
    ) -> None:
        self.conn = conn
        self.library_id = library_id
        self.root = root
        self.folders = folders
        self.report = report
        self.options = options
        self.reader = reader
        self.now = datetime.now(UTC)
        self.started = time.monotonic()
        self.problem_count: int | None = 0
        self.problems: list[ScanProblem] = []
        self._progress = progress
        self._to_read = 0

    async def run(self) -> None:
        """Do a dry run inside a transaction that is rolled back, any other in many."""
        try:
            if self.options.dry_run:
                async with self.conn.transaction(force_rollback=True):
                    await self._look()
                    await self._plan()
                    await self._list_problems()
            else:
                await self._record()
        finally:
            self.report.seconds = time.monotonic() - self.started

    async def _record(self) -> None:
        scan_id = await library_scans.insert_scan(
            self.conn, library_id=self.library_id, scopes=self.folders, now=self.now
        )
        assert scan_id is not None
        error: str | None = "it was cut short"
        try:
            await library_scans.delete_desk(self.conn, library_id=self.library_id)
            await self._look()
            await self._plan()
            await self._mark()
            await self._read()
            await self._count()
            await self._list_problems()
            await library_scans.delete_desk(self.conn, library_id=self.library_id)
            if self.folders == [b""] and not self.report.unread:
                await libraries.update_library(
                    self.conn, library_id=self.library_id, scanned_at=self.now
                )
            error = None
        except Exception as caught:
            error = str(caught)
            raise
        finally:
            # What ended the scan is what is to be said, not that its end could not be written.
            with suppress(DatabaseError) if error is not None else nullcontext():
                await self._finish(scan_id, error)

    async def _finish(self, scan_id: UUID, error: str | None) -> None:
        report = self.report
        unread = [
            {"path": path_text(item.path), "reason": item.reason}
            for item in report.unread[:UNREAD_KEPT]
        ]
        await library_scans.update_scan(
            self.conn,
            scan_id=scan_id,
            files=report.files,
            read=report.read,
            inserted=report.inserted,
            updated=report.updated,
            unchanged=report.unchanged,
            moved=report.moved,
            missing=report.missing,
            refused=report.refused,
            unread_report=msgspec.json.encode(unread).decode(),
            error=error,
            now=datetime.now(UTC),
        )

    # --- the walk --------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Put every file that is there on the desk."""
        await library_scans.copy_scan_files(self.conn, self._found())
        await library_scans.refresh_scan_statistics(self.conn)

    async def _found(self) -> AsyncIterator[tuple[Any, ...]]:
        roots = [
            os.path.join(self.root, folder) if folder else self.root for folder in self.folders
        ]
        walk = iter(Walk(roots, self.root))
        while items := await asyncio.to_thread(_take, walk, DESK_FILES):
            for item in items:
                if isinstance(item, Unread):
                    self.report.unread.append(item)
                    continue
                self.report.files += 1
                path = self._relative(item.path)
                yield self.library_id, item.size, item.mtime_ns, path
            self._tell(reading=False, done=self.report.files, total=None)

    def _relative(self, path: bytes) -> bytes:
        return path[len(self.root) :].lstrip(b"/")

    @property
    def _scope(self) -> dict[str, Any]:
        unread = [self._relative(item.path) for item in self.report.unread]
        return {"library_id": self.library_id, "scopes": self.folders, "unread": unread}

    async def _plan(self) -> None:
        """Count what there is to do, and refuse to believe in a folder that is not mounted."""
        if not self.options.allow_empty:
            scopes = await library_scans.list_scan_scopes(
                self.conn, library_id=self.library_id, scopes=self.folders
            )
            for scope in scopes:
                if scope.known and not scope.found:
                    path = path_text(os.path.join(self.root, scope.folder).rstrip(b"/"))
                    raise ScanError(
                        f"{path}: no music is found where {scope.known:,} files were; if its disk "
                        "is not mounted, mount it; if they are gone, say --allow-empty"
                    )
        plan = await library_scans.get_scan_plan(
            self.conn, **self._scope, is_full=self.options.is_full
        )
        assert plan is not None
        report = self.report
        report.files = plan.files
        report.returned = plan.returned
        report.inserted, report.updated, report.refused = plan.new, plan.changed, plan.refused
        report.missing = plan.vanished
        report.unchanged = plan.files - plan.new - plan.changed - plan.refused

    # --- what has vanished, what is new ----------------------------------------------------------

    async def _mark(self) -> None:
        """Mark what has vanished and what is back, and put in order what is to be read."""
        report = self.report
        report.inserted = report.updated = report.unchanged = report.missing = report.refused = 0
        async with self.conn.transaction():
            await library_scans.update_missing_files(self.conn, **self._scope, now=self.now)
            await library_scans.delete_vanished_problems(self.conn, **self._scope)
            await library_scans.update_returned_files(
                self.conn, library_id=self.library_id, now=self.now
            )
            self._to_read = await library_scans.insert_scan_reads(
                self.conn,
                library_id=self.library_id,
                is_full=self.options.is_full,
                batch_size=BATCH_FILES,
            )
            await library_scans.insert_scan_folders(self.conn, library_id=self.library_id)
            await self._derive()

    async def _derive(self) -> None:
        """Bring the albums on the desk up to date, and clear it."""
        scope = {"library_id": self.library_id}
        await scan_albums.update_scan_albums(self.conn, **scope, now=self.now)
        await scan_albums.update_album_songs(self.conn, **scope, now=self.now)
        await scan_albums.delete_scan_albums(self.conn, **scope)
        await scan_songs.delete_scan_batch(self.conn, **scope)

    # --- reading ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        batch: int | None = None
        pairs: list[tuple[ScanRead, Reading]] = []
        readings = read_ahead(
            self.conn, self.library_id, self.root, self.reader, batch_files=BATCH_FILES
        )
        async with aclosing(readings):
            async for some in readings:
                for file, reading in some:
                    if batch is not None and file.batch != batch:
                        await self._put(pairs)
                        await self._apply(batch)
                        pairs = []
                    batch = file.batch
                    pairs.append((file, reading))
                if len(pairs) >= DESK_FILES:
                    await self._put(pairs)
                    pairs = []
        if batch is not None:
            await self._put(pairs)
            await self._apply(batch)

    async def _put(self, pairs: list[tuple[ScanRead, Reading]]) -> None:
        """Put what was read on the desk, and take off it what is gone."""
        self.report.read += len(pairs)
        gone = [file for file, reading in pairs if isinstance(reading, Gone)]
        if gone:
            await library_scans.delete_scan_files(
                self.conn,
                library_id=self.library_id,
                folder_keys=[file.folder_key for file in gone],
                paths=[file.path for file in gone],
            )
        await scan_songs.copy_scan_songs(self.conn, desk_rows(self.library_id, pairs))
        self._tell(reading=True, done=self.report.read, total=self._to_read)

    async def _apply(self, batch: int | None) -> None:
        """Write the songs of a batch and all that follows from them, all or nothing."""
        written = await healing(self.conn, lambda: self._write(batch))
        self.report.inserted += written.inserted
        self.report.updated += written.updated
        self.report.moved += written.moved

    async def _write(self, batch: int | None) -> ScanWritten:
        scope = {"library_id": self.library_id}
        now = self.now
        await scan_songs.update_scan_songs(self.conn, **scope)
        await scan_songs.insert_scan_members(self.conn, **scope, batch=batch)
        await scan_artists.insert_scan_artists(self.conn, **scope, now=now)
        await scan_albums.insert_scan_albums(self.conn, **scope, now=now)
        await scan_songs.update_scan_members(self.conn, **scope)
        await scan_songs.insert_scanned_songs(self.conn, **scope, now=now)
        written = await scan_songs.update_scanned_songs(self.conn, **scope, now=now)
        await scan_songs.insert_scan_words(self.conn, **scope)
        await scan_songs.update_member_songs(self.conn, **scope, now=now)
        await scan_artists.delete_song_artists(self.conn, **scope)
        await scan_artists.insert_song_artists(self.conn, **scope)
        await scan_songs.update_displaced_files(self.conn, **scope, now=now)
        await scan_songs.delete_scanned_files(self.conn, **scope)
        await scan_songs.upsert_scanned_files(self.conn, **scope)
        await self._derive()
        assert written is not None
        return written

    # --- the end ---------------------------------------------------------------------------------

    async def _count(self) -> None:
        async with self.conn.transaction():
            # What was there for the walk and gone for the reader.
            await library_scans.update_missing_files(self.conn, **self._scope, now=self.now)
            await library_scans.insert_scan_folders(self.conn, library_id=self.library_id)
            await self._derive()
        await self._apply(None)
        await scan_artists.update_artist_links(self.conn, now=self.now)
        result = await library_scans.get_scan_result(
            self.conn, library_id=self.library_id, now=self.now
        )
        assert result is not None
        report = self.report
        report.files, report.refused, report.missing = result.files, result.refused, result.missing
        written = report.inserted + report.updated + report.moved
        report.unchanged = report.files - written - report.refused

    async def _list_problems(self) -> None:
        self.problems = await library_scans.list_scan_problems(
            self.conn, library_id=self.library_id, file_count=self.problem_count
        )

    def _tell(self, *, reading: bool, done: int, total: int | None) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self.started
            self._progress(Progress(reading=reading, done=done, total=total, seconds=seconds))


def _take(walk: Iterable[Found | Unread], number: int) -> list[Found | Unread]:
    """Look at some more files; runs in a thread."""
    return list(islice(walk, number))
