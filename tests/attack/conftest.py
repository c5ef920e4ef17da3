"""A running server with everybody's data, for what attacks it over the network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# `import http_site`: at the end of the path, so that nothing there hides another module.
sys.path.append(str(Path(__file__).parents[1] / "http"))

from http_site import SECRET_KEY, fill

from kleio_process import Process
from servers import RUN, Server

Serve = Callable[..., Process]


@pytest.fixture
def serve(
    server: Server, template_database: str, tmp_path: Path
) -> Iterator[Callable[..., Process]]:
    """Start `kleio serve` on a filled database of its own: `serve(KLEIO_WORKERS="2")`."""
    name = server.ensure_database(f"kleio_test_{RUN}_http", fill, template=template_database)
    started: list[Process] = []
    with server.database(name) as conninfo:

        def begin(**variables: str) -> Process:
            env = {
                "DATABASE_URL": conninfo,
                "KLEIO_HOME": str(tmp_path / "home"),
                "KLEIO_SECRET_KEY": SECRET_KEY,
                "KLEIO_MAINTAIN_INTERVAL": "0",
                # Nothing listens there: a sync that somebody starts ends at once.
                "KLEIO_DISCOGS_URL": "http://127.0.0.1:9",
                **variables,
            }
            process = Process(tmp_path / f"process{len(started)}", ("serve",), env)
            started.append(process)
            process.until_ready()
            return process

        yield begin
        for process in started:
            if process.process.poll() is None:
                process.stop()
