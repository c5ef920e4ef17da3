"""Numbers shared between workers: processes that come and go, and what they leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kleio.sight.cells import SharedCells

# Adds so much to the first cell, says so, and lives until its input ends.
WORKER = """
import sys
from pathlib import Path
from kleio.sight.cells import SharedCells
cells = SharedCells(4, Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    cells.mine[0] += 1
print(cells.mine[0], flush=True)
sys.stdin.read()
"""


def start(directory: Path, count: int) -> tuple[subprocess.Popen[str], float]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, directory, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, float(process.stdout.readline())


def end(process: subprocess.Popen[str], *, kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate(timeout=60)


def test_a_worker_alone_has_its_own() -> None:
    first, second = SharedCells(3), SharedCells(3)
    first.mine[1] += 2.5
    assert [list(worker.cells) for worker in first.workers()] == [[0, 2.5, 0]]
    assert [list(worker.cells) for worker in second.workers()] == [[0, 0, 0]]


def test_each_sees_what_all_count_while_they_live_and_after(tmp_path: Path) -> None:
    own = SharedCells(4, tmp_path)
    own.mine[0] = 1000
    one, _ = start(tmp_path, 30)
    two, _ = start(tmp_path, 7)
    found = [(worker.is_alive, worker.cells[0]) for worker in own.workers()]
    assert sorted(found) == [(True, 7), (True, 30), (True, 1000)]
    end(one, kill=True)
    found = [(worker.is_alive, worker.cells[0]) for worker in own.workers()]
    assert sorted(found) == [(False, 30), (True, 7), (True, 1000)]
    end(two)
    assert sum(worker.cells[0] for worker in own.workers()) == 1037


def test_a_new_worker_goes_on_with_what_a_dead_one_left(tmp_path: Path) -> None:
    own = SharedCells(4, tmp_path)
    one, _ = start(tmp_path, 30)
    two, _ = start(tmp_path, 5)
    end(one, kill=True)
    three, value = start(tmp_path, 2)
    assert value == 32
    assert sum(worker.cells[0] for worker in own.workers()) == 37
    assert len(list(tmp_path.iterdir())) == 3
    end(two)
    end(three)


def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    own = SharedCells(4, tmp_path)
    (tmp_path / "worker-9").touch()
    assert len(list(own.workers())) == 1


@pytest.mark.parametrize("count", [1, 20_000])
def test_cells_begin_at_zero(tmp_path: Path, count: int) -> None:
    assert not any(SharedCells(count, tmp_path).mine)
