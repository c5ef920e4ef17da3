"""Discogs dump files into the shared catalogue.

This module owns the order of the files, the batches, what happens to a file that fails, and the
counts. It neither parses (`discogs_xml`) nor stores (`discogs_batches`).

With workers (`discogs_workers`) each of them parses and stores a batch. Without, one batch is
parsed in a thread while the one before it is stored. Never more batches exist than these, so memory
is bounded by the batch size. Each batch is one transaction; a run that was killed is repeated from
the start, and what it had stored counts as unchanged then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path

import msgspec

from kleio.catalogue import Document
from kleio.db.queries import Connection
from kleio.importers.discogs_batches import Outcome, store_batch
from kleio.importers.discogs_workers import Workers
from kleio.importers.discogs_xml import KINDS, Dump, DumpError, Refused, open_dump

DEFAULT_BATCH_SIZE = 1000


class ImportCounts(msgspec.Struct, kw_only=True):
    """How entries ended; `read` is always the sum of the other four."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


class ImportReport(ImportCounts, kw_only=True):
    """The counts of a whole run, the same by kind, and one sentence for each damaged file."""

    seconds: float = 0.0
    kinds: dict[str, ImportCounts] = {}
    errors: list[str] = []

    def add(self, kind: str, **counts: int) -> None:
        """Add numbers, named as the fields are, to the totals and to their kind."""
        of_kind = self.kinds.setdefault(kind, ImportCounts())
        for name, number in counts.items():
            setattr(self, name, getattr(self, name) + number)
            setattr(of_kind, name, getattr(of_kind, name) + number)


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run is after `seconds`; bytes are those of all files as they lie on the disk."""

    path: Path
    kind: str
    read: int
    seconds: float
    bytes_done: int
    bytes_total: int


ProgressCallback = Callable[[Progress], None]
RefusedCallback = Callable[[Path, Refused], None]


class _Batch(msgspec.Struct):
    entries: list[Document | Refused]
    position: int
    damage: DumpError | None
    is_last: bool


async def import_dump(
    conn: Connection,
    paths: Sequence[Path],
    *,
    batch_size: int = DEFAULT_BATCH_SIZE,
    progress: ProgressCallback | None = None,
    refused: RefusedCallback | None = None,
    report: ImportReport | None = None,
    workers: Workers | None = None,
) -> ImportReport:
    """Import dump files, artists first, then labels, masters and releases.

    Of an entry that stands in the files twice the last counts, and one that the database refuses
    is refused alone (`store_batch`). A damaged file gives what was whole before the damage and a
    line in `report.errors`; the other files go on.

    Args:
        conn: an autocommit connection; every batch is a transaction of its own.
        paths: the files in any order.
        batch_size: entries a transaction, at least 1.
        progress: called after each batch.
        refused: called for each entry that is not kept.
        report: is filled while the run goes on, so that the caller has the counts of a run that
            fails; made anew by default.
        workers: processes that parse and store; without them this one does.

    Returns:
        The report; `seconds` is the time of the whole run.

    Raises:
        DumpError: a file cannot be opened or is not a dump; nothing has been written.
        DatabaseError: the database failed otherwise than over an entry's data; the batches before
            are stored.
        WorkerDied: a worker was ended from outside; what was stored stays.
        ValueError: the batch size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1, not {batch_size}")
    report = ImportReport() if report is None else report
    started = time.monotonic()
    with ExitStack() as stack:
        dumps = [stack.enter_context(open_dump(path)) for path in paths]
        dumps.sort(key=lambda dump: KINDS.index(dump.kind))
        files = _Files(report, started, sum(dump.size for dump in dumps), progress, refused)
        try:
            for dump in dumps:
                report.kinds.setdefault(dump.kind, ImportCounts())
                if workers is not None:
                    await workers.store(dump, batch_size, partial(files.stored, dump))
                async with aclosing(_batches(dump, batch_size)) as batches:
                    async for batch in batches:
                        outcome = Outcome()
                        try:
                            await store_batch(conn, dump.kind, batch.entries, outcome)
                        finally:
                            files.stored(dump, outcome, batch.position)
                        if batch.damage is not None:
                            report.errors.append(str(batch.damage))
                files.done += dump.size
        finally:
            report.seconds = time.monotonic() - started
    return report


class _Files(msgspec.Struct):
    """Counts outcomes and tells of them; `done` is the bytes of the files that are finished."""

    report: ImportReport
    started: float
    total: int
    progress: ProgressCallback | None
    refused: RefusedCallback | None
    done: int = 0

    def stored(self, dump: Dump, outcome: Outcome, position: int) -> None:
        """Count a batch of a dump, which has been read up to a position."""
        refused = len(outcome.refused)
        self.report.add(
            dump.kind,
            read=outcome.inserted + outcome.updated + outcome.unchanged + refused,
            inserted=outcome.inserted,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            refused=refused,
        )
        self.report.seconds = time.monotonic() - self.started
        if self.refused is not None:
            for entry in outcome.refused:
                self.refused(dump.path, entry)
        if self.progress is not None:
            self.progress(
                Progress(
                    path=dump.path,
                    kind=dump.kind,
                    read=self.report.read,
                    seconds=self.report.seconds,
                    bytes_done=self.done + position,
                    bytes_total=self.total,
                )
            )


async def _batches(dump: Dump, size: int) -> AsyncGenerator[_Batch, None]:
    """Yield batches, the next one being parsed while the caller works on this one."""
    loop = asyncio.get_running_loop()
    entries = iter(dump)
    # One thread for the whole file: lxml keeps its tag names by thread. Leaving the block waits
    # for it (one batch at most), so that the file is not closed under it.
    with ThreadPoolExecutor(1, thread_name_prefix="kleio-dump") as thread:
        coming = loop.run_in_executor(thread, _take, dump, entries, size)
        while True:
            batch = await coming
            if not batch.is_last:
                coming = loop.run_in_executor(thread, _take, dump, entries, size)
            yield batch
            if batch.is_last:
                return


def _take(dump: Dump, entries: Iterator[Document | Refused], size: int) -> _Batch:
    """Parse up to `size` entries; runs in the thread."""
    batch = _Batch([], 0, None, is_last=False)
    try:
        for _ in range(size):
            entry = next(entries, None)
            if entry is None:
                batch.is_last = True
                break
            batch.entries.append(entry)
    except DumpError as error:
        batch.damage = error
        batch.is_last = True
    batch.position = dump.position
    return batch
