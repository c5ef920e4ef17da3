"""Records of a source on their way into the database: checked, and put together in chunks.

The source is read in a thread, a batch ahead of what is written, so that neither a server's loop
nor the database waits for it; memory is bounded by a chunk for each kind.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import msgspec

from kleio.account_records import AccountKind, AccountRecord, ReleaseRecord
from kleio.catalogue import seal
from kleio.importers.record_checks import problem_of
from kleio.importers.sources import Source, SourceRow

CHUNK_RECORDS = 500
CHUNK_BYTES = 512 * 1024
"""A chunk is full with the one or the other; there are at most as many as kinds in memory."""

BATCH_ROWS = 1000
"""How many records are read in the thread before the loop gets to see them."""

# JSON writes NUL as an escape; PostgreSQL can't keep it. An even number of backslashes before it
# are escaped ones.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

_encode = msgspec.json.Encoder().encode


def without_nul(encoded: bytes) -> bytes:
    """Return a JSON text without the NUL characters in its strings."""
    return _NUL.sub(rb"\1", encoded) if b"\\u0000" in encoded else encoded


class Chunk(msgspec.Struct):
    """Records of one kind, as the text of one JSON array."""

    kind: AccountKind
    first_seq: int
    items: str


class _Chunks:
    """Sorts records into chunks by kind; runs in the reading thread."""

    def __init__(self, now: datetime) -> None:
        self.records = 0
        self._now = now
        self._items: dict[AccountKind, list[bytes]] = {}
        self._first: dict[AccountKind, int] = {}
        self._bytes: dict[AccountKind, int] = {}

    def add(self, row: SourceRow) -> Chunk | None:
        """Add a record and return the chunk that it has filled, if it has."""
        self.records += 1
        kind = row.kind
        item = self._encode(row)
        if kind not in self._items:
            self._items[kind], self._first[kind], self._bytes[kind] = [], self.records, 0
        items = self._items[kind]
        items.append(item)
        self._bytes[kind] += len(item)
        if len(items) < CHUNK_RECORDS and self._bytes[kind] < CHUNK_BYTES:
            return None
        return self._take(kind)

    def rest(self) -> list[Chunk]:
        """Return the chunks that are not full."""
        return [self._take(kind) for kind in list(self._items)]

    def _take(self, kind: AccountKind) -> Chunk:
        items = b"[" + b",".join(self._items.pop(kind)) + b"]"
        return Chunk(kind, self._first.pop(kind), items.decode())

    def _encode(self, row: SourceRow) -> bytes:
        record, problem = row.record, row.problem
        text = b"{}"
        if problem is None and record is not None and not row.is_checked:
            problem = problem_of(record, self._now)
        if problem is None and record is not None:
            try:
                text = _encode(_sealed(record))
            except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
                problem = f"can't be written down: {error}"
        head: dict[str, Any] = {"seq": self.records, "place": row.place}
        if problem is not None:
            head["problem"] = problem
        if row.note is not None:
            head["note"] = row.note
        item = _encode(head)[:-1] + (b"," + text[1:] if len(text) > 2 else b"}")
        return without_nul(item)


def _sealed(record: AccountRecord) -> AccountRecord:
    """Return the record with its document's hash, by which the next dump sees what it changes.

    A stub has none: whatever comes next completes it. A whole one with a number of Discogs' counts
    as the API's, whatever the file says: nobody here knows where it has been, so a sync fetches it
    again and a dump replaces it.
    """
    if isinstance(record, ReleaseRecord):
        document = record.document
        is_whole = not (record.is_stub or record.lookup_only)
        document.from_api = is_whole and document.discogs_id is not None
        document.source_hash = None
        if is_whole:
            seal(document)
    return record


class Batch(msgspec.Struct):
    """What was read at once: full chunks, the records so far and the place in the file."""

    chunks: list[Chunk]
    records: int
    position: int
    is_last: bool


async def read_batches(source: Source, now: datetime) -> AsyncGenerator[Batch]:
    """Yield batches, the next one being read while the caller works on this one."""
    loop = asyncio.get_running_loop()
    rows, chunks = iter(source), _Chunks(now)
    # Leaving the block waits for the thread, so that the file is not closed under it.
    with ThreadPoolExecutor(1, thread_name_prefix="kleio-import") as thread:
        coming = loop.run_in_executor(thread, _take, source, rows, chunks)
        while True:
            batch = await coming
            if not batch.is_last:
                coming = loop.run_in_executor(thread, _take, source, rows, chunks)
            yield batch
            if batch.is_last:
                return


def _take(source: Source, rows: Iterator[SourceRow], chunks: _Chunks) -> Batch:
    """Read some records; runs in the thread."""
    full: list[Chunk] = []
    for _ in range(BATCH_ROWS):
        row = next(rows, None)
        if row is None:
            return Batch(full + chunks.rest(), chunks.records, source.position, is_last=True)
        chunk = chunks.add(row)
        if chunk is not None:
            full.append(chunk)
    return Batch(full, chunks.records, source.position, is_last=False)
