"""Numbers that the workers of one server share: each worker writes its own, any reads all.

A request reaches whichever worker takes it, so a scrape of the metrics has to find all workers'
numbers in any of them. Each worker has a file of 8-byte floats below one directory, mapped into its
memory: adding to a cell is an addition in memory, without a lock, because no other writes there.
The worker holds a lock on its file, which the kernel drops when it dies. The next worker goes on
with a file that nobody holds, so that no counter ever goes back.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

DIRECTORY_VARIABLE = "KLEIO_SHARED_METERS"
"""The environment variable by which `kleio serve` tells its workers the directory."""

_CELL_BYTES = 8
Cells: TypeAlias = "memoryview[float]"
"""Floats in memory that may be another process's too."""


class WorkerCells(NamedTuple):
    """One worker's numbers, and whether it still runs."""

    is_alive: bool
    cells: Cells


class SharedCells:
    """A worker's own cells, and a look at the others'.

    Args:
        count: how many cells there are, the same in all workers.
        directory: which the workers share; None for a worker that is alone.
    """

    def __init__(self, count: int, directory: Path | None = None) -> None:
        self._bytes = count * _CELL_BYTES
        self._directory = directory
        self._own: Path | None = None
        self._maps: dict[Path, Cells] = {}
        if directory is None:
            self.mine: Cells = memoryview(bytearray(self._bytes)).cast("d")
        else:
            self._own, self._lock = self._claim(directory)
            self.mine = self._map(self._own)

    def workers(self) -> Iterator[WorkerCells]:
        """Yield the cells of every worker that there is or was, this one's among them."""
        if self._directory is None:
            yield WorkerCells(True, self.mine)
            return
        for path in sorted(self._directory.glob("worker-*")):
            if path.stat().st_size == self._bytes:  # a new one may have no cells yet
                yield WorkerCells(path == self._own or _is_locked(path), self._map(path))

    def _claim(self, directory: Path) -> tuple[Path, int]:
        """Return a file that this worker alone writes, and the descriptor that holds its lock."""
        number = 0
        while True:
            path = directory / f"worker-{number}"
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(fd, self._bytes)
                return path, fd
            os.close(fd)
            number += 1

    def _map(self, path: Path) -> Cells:
        if path not in self._maps:
            with path.open("r+b") as file:
                self._maps[path] = memoryview(mmap.mmap(file.fileno(), self._bytes)).cast("d")
        return self._maps[path]


def _is_locked(path: Path) -> bool:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def shared_directory() -> Path | None:
    """Return the directory that `kleio serve` made for its workers."""
    given = os.environ.get(DIRECTORY_VARIABLE)
    return Path(given) if given else None
