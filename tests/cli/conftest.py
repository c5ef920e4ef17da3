"""How tests run `kleio`: in this process where that is enough, as a process where it matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kleio.cli import kleio
from kleio_process import Process
from threads import in_thread

Run = Callable[..., Result]


@pytest.fixture
def run(conninfo: str, tmp_path: Path) -> Run:
    """Run a command in this process on a migrated database: `run("user", "list", input=...)`."""
    return runner(conninfo, tmp_path)


@pytest.fixture
def run_empty(empty_conninfo: str, tmp_path: Path) -> Run:
    """Run a command in this process on a database without tables."""
    return runner(empty_conninfo, tmp_path)


def runner(conninfo: str, home: Path) -> Run:
    def invoke(*args: str, input: str | bytes | None = None, **env: str) -> Result:
        variables = {"DATABASE_URL": conninfo, "KLEIO_HOME": str(home), **env}
        # In a thread: a command has an event loop of its own, and so has an async test.
        return in_thread(
            CliRunner().invoke, kleio, args, input=input, env=variables, prog_name="kleio"
        )

    return invoke


def one_line(result: Result) -> str:
    """Return the only line of stderr."""
    (line,) = result.stderr.splitlines()
    return line


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `kleio` as a process: `start("serve", "--workers", "2", DATABASE_URL=...)`."""
    started: list[Process] = []

    def begin(*args: str, **env: str) -> Process:
        directory = tmp_path / f"process{len(started)}"
        process = Process(directory, args, {"KLEIO_HOME": str(tmp_path / "home"), **env})
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.process.poll() is None:
            try:
                process.stop()
            finally:
                process.process.kill()
