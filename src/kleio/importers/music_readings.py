"""What a scan reads of files: in the order that was written down, some ahead, and as rows."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import Any
from uuid import UUID

from kleio.db.queries import Connection
from kleio.importers.music_reader import Reader
from kleio.importers.music_song import Broken, Reading, Song
from kleio.repositories import library_scans
from kleio.repositories.library_scans import ScanRead
from kleio.tasks import end_tasks

CHUNK_FILES = 32
"""How many files a process is given at once."""


async def read_ahead(
    conn: Connection, library_id: UUID, root: bytes, reader: Reader, *, batch_files: int
) -> AsyncGenerator[list[tuple[ScanRead, Reading]]]:
    """Yield what is in the files that a scan is to read, in order.

    Args:
        conn: of the scan, which may use it between what is yielded.
        library_id: whose scan.
        root: the library's folder.
        reader: the processes; they are some chunks ahead, two batches at least.
        batch_files: how many files are listed at once.
    """

    async def read_chunk(files: list[ScanRead]) -> list[tuple[ScanRead, Reading]]:
        found = await reader.read([(os.path.join(root, file.path), len(root)) for file in files])
        return list(zip(files, found, strict=True))

    ahead = max(4 * reader.workers, 2 * batch_files // CHUNK_FILES)
    coming: deque[asyncio.Task[list[tuple[ScanRead, Reading]]]] = deque()
    listed: list[ScanRead] = []
    number = 0
    is_last = False
    try:
        while True:
            while len(coming) < ahead and not (is_last and not listed):
                if not listed:
                    listed = await library_scans.list_scan_reads(
                        conn, library_id=library_id, after_number=number, file_count=batch_files
                    )
                    is_last = len(listed) < batch_files
                    if not listed:
                        break
                    number = listed[-1].number
                chunk, listed = listed[:CHUNK_FILES], listed[CHUNK_FILES:]
                coming.append(asyncio.create_task(read_chunk(chunk)))
            if not coming:
                return
            yield await coming.popleft()
    finally:
        await end_tasks(coming)


async def desk_rows(
    library_id: UUID, pairs: Iterable[tuple[ScanRead, Reading]]
) -> AsyncIterator[tuple[Any, ...]]:
    """Yield what was read as rows of `scan_songs`; a file that is gone has none."""
    for file, reading in pairs:
        if isinstance(reading, Song):
            yield library_id, *_song_row(file.path, reading)
        elif isinstance(reading, Broken):
            yield library_id, *_broken_row(file.path, reading)


def _song_row(path: bytes, song: Song) -> tuple[Any, ...]:
    return (
        *(song.size, song.mtime_ns, song.duration_ms, song.bit_rate, song.sample_rate, song.year),
        *(song.channels, song.disc_number, song.track_number, song.is_compilation, path, None),
        *(song.content_hash, song.codec, song.title, song.artist, song.artists, song.album),
        *(song.album_artist, song.genre, song.tags),
    )


def _broken_row(path: bytes, broken: Broken) -> tuple[Any, ...]:
    # A size that no file has, where the next scan is to look again.
    again = broken.again or broken.size is None
    size, mtime_ns = (-1, 0) if again else (broken.size, broken.mtime_ns)
    return (size, mtime_ns, *(None,) * 8, path, broken.reason, *(None,) * 9)
