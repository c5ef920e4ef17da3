"""What a scan of music is asked and what it answers: options, progress, counts, and why it ended.

This module holds the words that the scan and its callers share, and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from kleio.importers.music_walk import Unread


class ScanError(Exception):
    """A scan that can't begin, or would do what nobody wants."""


class ScanReport(msgspec.Struct, kw_only=True):
    """How a scan ended.

    `files` were found; they are the sum of `inserted`, `updated`, `moved`, `unchanged` and
    `refused`. `read` were opened. `missing` songs have no file any more. Of a dry run, `inserted`
    and `updated` are what would be read, and `missing` what has vanished from its place.
    """

    library: str
    files: int = 0
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    returned: int = 0
    missing: int = 0
    refused: int = 0
    unread: list[Unread] = []
    seconds: float = 0.0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a scan is after `seconds`: files found, or read of those that are to be."""

    reading: bool
    done: int
    total: int | None
    seconds: float


ProgressCallback = Callable[[Progress], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to scan.

    `allow_empty` believes a folder in which nothing is found where songs were; `is_full` reads
    every file; `dry_run` reads and writes nothing; `workers` is the number of reading processes.
    """

    allow_empty: bool = False
    is_full: bool = False
    dry_run: bool = False
    workers: int | None = None
