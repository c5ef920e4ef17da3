"""`python killed_command.py POINT AFTER ARGUMENT...`: a `kleio` that ends itself with -9.

It imports in chunks of 20 records and counts the points at which it speaks with PostgreSQL: each
statement, and of a COPY its beginning, each block that is written or read, and its end. At the
POINT-th it dies, before it is sent or, where AFTER is 1, when its answer has come; where there are
fewer points it ends by itself and prints how many there were.

Processes that it starts read this file too, and count points of their own: the first that reaches
the POINT-th dies, and where KLEIO_KILL_PARENT is set takes its parent with it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import _copy_base
from psycopg.copy import AsyncCopy, AsyncLibpqWriter

from kleio.importers import record_chunks

POINT, IS_AFTER = int(sys.argv[1]), sys.argv[2] == "1"

reached = 0


def _die() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None and "KLEIO_KILL_PARENT" in os.environ:
        os.kill(parent.pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _comes() -> bool:
    """Count a point; return whether it is the one to die after."""
    global reached
    reached += 1
    if reached == POINT and not IS_AFTER:
        _die()
    return reached == POINT


def _counted(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def run(*args: Any, **options: Any) -> Any:
        is_last = _comes()
        result = await method(*args, **options)
        if is_last:
            _die()
        return result

    return run


def _counted_now(method: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **options: Any) -> Any:
        is_last = _comes()
        result = method(*args, **options)
        if is_last:
            _die()
        return result

    return run


_copy = psycopg.AsyncCursor.copy
_write = AsyncLibpqWriter.write


@asynccontextmanager
async def _counted_copy(*args: Any, **options: Any) -> AsyncIterator[AsyncCopy]:
    is_last = _comes()
    async with _copy(*args, **options) as copy:
        if is_last:
            _die()
        yield copy


async def _write_through(writer: AsyncLibpqWriter, data: Any) -> None:
    writer.flush_threshold = 0  # what is written reaches the server before the point is over
    await _write(writer, data)


def prepare() -> None:
    """Count from now on, and have small files make many points."""
    record_chunks.CHUNK_RECORDS = 20
    record_chunks.BATCH_ROWS = 30
    _copy_base.BUFFER_SIZE = 2048
    cursor: Any = psycopg.Cursor
    cursor.execute = _counted_now(psycopg.Cursor.execute)
    cursor = psycopg.AsyncCursor
    cursor.execute = _counted(psycopg.AsyncCursor.execute)
    cursor.copy = _counted_copy
    writer: Any = AsyncLibpqWriter
    writer.write = _counted(_write_through)
    writer.finish = _counted(AsyncLibpqWriter.finish)
    copy: Any = AsyncCopy
    copy.read = _counted(AsyncCopy.read)


prepare()

if __name__ == "__main__":
    from kleio.cli import kleio

    try:
        kleio.main(sys.argv[3:], prog_name="kleio")
    finally:
        print("points", reached)
