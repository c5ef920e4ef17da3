"""Fixtures of the embedded server: processes and homes that are ended whatever a test leaves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded_processes import FAST, Process, end_postmaster
from kleio.db.embedded import (
    EmbeddedServer,
    embedded_server,
)


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(script: str, *arguments: object, **options: object) -> Process:
        started.append(Process(script, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
        one.errors()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home to be made; whatever a test left running on it is ended."""
    path = tmp_path / "home"
    yield path
    end_postmaster(path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with embedded_server(tmp_path_factory.mktemp("embedded"), settings=FAST) as server:
        yield server
