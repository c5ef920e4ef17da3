"""Processes that parse and store a dump's blocks, each on a connection of its own.

This module owns the processes and the order between them; what a block is stands in
`discogs_blocks`, what becomes of its entries in `discogs_batches`.

Blocks are parsed in any order, but none is stored before all blocks ahead of it have been parsed
and found whole, nor together with one of the same numbers: so a damaged file gives what was whole
before the damage, and of an entry that stands in a file twice the last counts, as with one process.
Artists and labels that only releases name get the name of whichever block comes first; releases
spell some in several ways.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from kleio.catalogue import Document
from kleio.db.connections import connect
from kleio.db.errors import DatabaseError
from kleio.importers.discogs_batches import Outcome, store_batch
from kleio.importers.discogs_blocks import Block, parse_block
from kleio.importers.discogs_elements import Refused
from kleio.importers.discogs_xml import Dump, Kind
from kleio.importers.release_rows import Texts
from kleio.settings import Settings

STOP_SECONDS = 10.0
"""How long a process that was told to end has for it."""

SMALL_BYTES = 4 * 1024 * 1024
"""Files of less are stored before the processes have started."""

OutcomeCallback = Callable[[Outcome, int], None]
"""Told of each block in the order of the file, with the position behind it."""


def suitable_workers(paths: Sequence[Path]) -> int:
    """Return how many processes to use for some files.

    One more than there are CPUs: while one waits for the disk or its turn, another works.
    """
    size = sum(path.stat().st_size for path in paths if path.is_file())
    return 0 if size < SMALL_BYTES else len(os.sched_getaffinity(0)) + 1


class WorkerDied(Exception):
    """A process ended before its work; what it had stored stays."""


class _Parsed(msgspec.Struct, frozen=True):
    """The lowest and the highest number of a block's entries; 0 where it has none."""

    low: int
    high: int

    def overlaps(self, other: _Parsed) -> bool:
        return self.low <= other.high and other.low <= self.high


class Workers:
    """So many processes, started with the block and ended with it."""

    def __init__(self, number: int, settings: Settings, conninfo: str) -> None:
        """Take the number of processes and the database that they connect to."""
        self._number = number
        self._settings = settings
        self._conninfo = conninfo
        self._workers: list[_Worker] = []

    async def __aenter__(self) -> Self:
        """Return the object itself; processes start with the first file that is cut for them."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes; after an error without waiting for what they do."""
        for worker in self._workers:
            worker.stop(at_once=error is not None)
        for worker in self._workers:
            await asyncio.to_thread(worker.join)

    def pids(self) -> list[int]:
        """Return the numbers of the processes that run."""
        return [worker.pid for worker in self._workers]

    async def store(self, dump: Dump, size: int, told: OutcomeCallback) -> None:
        """Store what a dump can be cut into; afterwards iterating it gives the rest.

        Args:
            dump: not iterated yet.
            size: entries a block.
            told: called for each block that was stored.

        Raises:
            DatabaseError: of the first process that failed.
            WorkerDied: a process was ended from outside.
        """
        # Spawned, not forked: a child must not share the parent's connections.
        context = multiprocessing.get_context("spawn")
        while len(self._workers) < self._number:
            self._workers.append(_Worker(context, self._settings, self._conninfo))
        course = _Course(dump, size, told)
        failed: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers:
                    group.create_task(course.follow(worker))
        except BaseExceptionGroup as errors:
            failed = errors.exceptions[0]
        if failed is not None:
            raise failed
        course.end()


class _Course:
    """One dump's way through the workers."""

    def __init__(self, dump: Dump, size: int, told: OutcomeCallback) -> None:
        self._dump = dump
        self._blocks = dump.blocks(size)
        self._told = told
        self._reading = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._read = 0
        self._cleared = 0
        self._stopped = False
        self._unused: list[Block] = []
        self._storing: dict[int, _Parsed] = {}
        self._outcomes: dict[int, tuple[Outcome, int]] = {}
        self._reported = 0

    def end(self) -> None:
        self._blocks.close()
        self._dump.go_on(self._unused)

    async def follow(self, worker: _Worker) -> None:
        while True:
            async with self._reading:
                block = None if self._stopped else await asyncio.to_thread(next, self._blocks, None)
                if block is None:
                    return
                number, position = self._read, self._dump.position
                self._read += 1
            parsed: _Parsed | None = await worker.ask((self._dump.kind, block))
            if not await self._clear(number, block, parsed):
                return
            outcome: Outcome = await worker.ask(None)
            async with self._changed:
                del self._storing[number]
                self._changed.notify_all()
            self._outcomes[number] = (outcome, position)
            while (first := self._outcomes.pop(self._reported, None)) is not None:
                self._reported += 1
                self._told(*first)

    async def _clear(self, number: int, block: Block, parsed: _Parsed | None) -> bool:
        """Wait until a block may be stored; return whether it may."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._cleared == number)
            if parsed is None or self._stopped:
                self._stopped = True
                self._unused.append(block)
            else:
                await self._changed.wait_for(
                    lambda: not any(map(parsed.overlaps, self._storing.values()))
                )
                self._storing[number] = parsed
            self._cleared += 1
            self._changed.notify_all()
            return not self._stopped


class _Worker:
    """One process, as its parent sees it: asked one thing after the other."""

    def __init__(
        self, context: multiprocessing.context.SpawnContext, settings: Settings, conninfo: str
    ) -> None:
        self._pipe, child = context.Pipe()
        self._process = context.Process(
            target=_work, args=(child, settings, conninfo), name="kleio-dump", daemon=True
        )
        self._process.start()
        child.close()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kleio-dump")

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid or 0

    async def ask(self, question: object) -> Any:
        """Return the answer.

        Raises:
            DatabaseError: the process could not do it.
            WorkerDied: the process is gone.
        """
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._thread, self._ask, question)
        if isinstance(answer, _Failed):
            raise answer.raised()
        if isinstance(answer, WorkerDied):
            raise answer
        return answer

    def _ask(self, question: object) -> object:
        try:
            self._pipe.send(question)
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(STOP_SECONDS)
            return WorkerDied(
                f"a process of the import ended by itself (exit code {self._process.exitcode}); "
                "repeat the import, it goes on where this one ended"
            )

    def stop(self, *, at_once: bool) -> None:
        """Tell it to end."""
        if at_once:
            self._process.kill()
        else:
            self._pipe.close()

    def join(self) -> None:
        """Wait for its end, which comes in any case."""
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._thread.shutdown()


# --- in the processes ----------------------------------------------------------------------------


def _work(pipe: Pipe, settings: Settings, conninfo: str) -> None:
    """Answer until the parent hangs up, however it ends; Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    spare_the_collector()
    try:
        asyncio.run(_answer(pipe, settings, conninfo))
    except (EOFError, OSError):
        os._exit(0)


def spare_the_collector() -> None:
    """Have the collector look less often: documents form no cycles, and looking costs a tenth."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


async def _answer(pipe: Pipe, settings: Settings, conninfo: str) -> None:
    # Nothing else runs in this process, so it may wait for the pipe without the loop.
    kind, block = pipe.recv()
    try:
        conn = await connect(settings, conninfo, application_name="kleio import")
    except DatabaseError as error:
        pipe.send(_failed(error))
        return
    texts = Texts()
    async with conn:
        while True:
            entries = parse_block(kind, block)
            pipe.send(None if entries is None else _numbers(entries))
            question = pipe.recv()
            if question is None and entries is not None:
                pipe.send(await _store(conn, kind, entries, texts))
                question = pipe.recv()
            kind, block = question


def _numbers(entries: list[Document | Refused]) -> _Parsed:
    numbers = [
        entry.discogs_id
        for entry in entries
        if not isinstance(entry, Refused) and entry.discogs_id is not None
    ]
    return _Parsed(min(numbers, default=0), max(numbers, default=0))


async def _store(
    conn: Any, kind: Kind, entries: list[Document | Refused], texts: Texts
) -> Outcome | _Failed:
    outcome = Outcome()
    try:
        await store_batch(conn, kind, entries, outcome, texts)
    except DatabaseError as error:
        return _failed(error)
    return outcome


class _Failed(msgspec.Struct):
    """An error on its way to the parent, with its cause's words, which pickle leaves behind."""

    error: DatabaseError
    cause: str

    def raised(self) -> DatabaseError:
        if self.cause:
            self.error.__cause__ = Exception(self.cause)
        return self.error


def _failed(error: DatabaseError) -> _Failed:
    return _Failed(error, "" if error.__cause__ is None else str(error.__cause__))
