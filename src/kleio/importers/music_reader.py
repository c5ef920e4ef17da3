"""Music files read by processes beside this one, so that a bad file costs no more than itself.

This module owns the processes: their number, what a file may take in them, and what happens when
one dies. What is read of a file is `music_song`'s. Only bytes go to and fro: paths there, songs in
msgpack back.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import FrameType, TracebackType
from typing import Self

import msgspec

from kleio.importers.music_song import Broken, Reading, read_song
from kleio.processes import end_with_parent

FILE_SECONDS = 60.0
"""How long one file may take: a reader that a file sends in circles ends."""

MEMORY_BYTES = 2 * 1024**3
"""What a process may take: a tag that unpacks to more makes its file a broken one."""

File = tuple[bytes, int]
"""A path, and how many bytes of it are the root folder."""

ReadFile = Callable[[bytes, int], Reading]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Reading]).decode


class Reader:
    """Processes that read files; none is started before there is something to read.

    A file in whose reading a process dies is found by reading those that were with it one by one,
    and reported as broken; the others are read again.
    """

    def __init__(self, workers: int | None = None, *, read: ReadFile = read_song) -> None:
        """Take the number of processes, by default one a CPU, and what they do with a file."""
        self.workers = workers or len(os.sched_getaffinity(0))
        self._read = read
        self._pool: ProcessPoolExecutor | None = None
        self._single: ProcessPoolExecutor | None = None
        self._one_by_one = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return the reader itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes, without waiting for what nobody wants any more."""
        for pool in (self._pool, self._single):
            if pool is not None:
                await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def read(self, files: Sequence[File]) -> list[Reading]:
        """Return what is in some files, in their order."""
        if self._pool is None:
            self._pool = _make_pool(self.workers)
        pool = self._pool
        try:
            return await self._submit(pool, files)
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
        async with self._one_by_one:
            return [await self._read_alone(file) for file in files]

    async def _read_alone(self, file: File) -> Reading:
        if self._single is None:
            self._single = _make_pool(1)
        try:
            (reading,) = await self._submit(self._single, [file])
        except BrokenProcessPool:
            self._single = None
            return Broken("ended the process that read it", again=True)
        return reading

    async def _submit(self, pool: ProcessPoolExecutor, files: Sequence[File]) -> list[Reading]:
        loop = asyncio.get_running_loop()
        return _decode(await loop.run_in_executor(pool, _read_files, self._read, list(files)))


def _make_pool(workers: int) -> ProcessPoolExecutor:
    # Not forked from this process, which has threads and connections; and from a server that has
    # imported the formats once, so that a new process costs a few milliseconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start)


# --- in the processes ----------------------------------------------------------------------------


class _TooSlow(BaseException):
    """Not an Exception, which a format's code might take for one of its own."""


def _start() -> None:
    """Leave Ctrl-C to the parent, end with it however it ends, and take no more than is right."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, _raise_too_slow)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or hard > MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
    end_with_parent()


def _raise_too_slow(_signal: int, _frame: FrameType | None) -> None:
    raise _TooSlow


def _read_files(read: ReadFile, files: list[File]) -> bytes:
    return _encode([_read_in_time(read, *file) for file in files])


def _read_in_time(read: ReadFile, path: bytes, root_length: int) -> Reading:
    try:
        signal.setitimer(signal.ITIMER_REAL, FILE_SECONDS)
        try:
            return read(path, root_length)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TooSlow:
        return Broken(f"took longer than {FILE_SECONDS:.0f} s", again=True)
