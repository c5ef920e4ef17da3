"""How tests run `kleio`: in this process where that is enough, as a process where it matters."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from kleio.cli import kleio
from threads import in_thread

PATIENCE = 60.0

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Process:
    """A running `kleio`; its output is in files, so that nothing blocks on a full pipe."""

    def __init__(self, directory: Path, args: tuple[str, ...], env: dict[str, str]) -> None:
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self._out, self._err = directory / "stdout", directory / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kleio", *args, "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **env},
                cwd=directory,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stdout(self) -> str:
        return self._out.read_text()

    @property
    def stderr(self) -> str:
        return self._err.read_text()

    def until_ready(self) -> None:
        """Wait for the line that tells of the address."""
        wait_until(
            lambda: self.url in self.stdout or self.process.poll() is not None,
            lambda: f"not ready: {self.stdout} {self.stderr}",
        )
        assert self.process.poll() is None, self.stderr

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE)


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


def wait_until(condition: Callable[[], bool], problem: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, problem()
        time.sleep(0.02)
