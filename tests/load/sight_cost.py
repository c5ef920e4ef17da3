"""What counting, logging and tracing cost a request: CPU time, side by side in one run.

    .venv/bin/python tests/load/sight_cost.py

Each way answers the same requests in turn, in this process and without a socket, on an embedded
server below a temporary directory; the table has the medians over the rounds. It is the CPU time of
this process alone, so a busy machine disturbs it little. Traces go to an address where nobody
listens, which costs the making of the spans and not their sending.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "http")]

import http_site  # noqa: E402

from kleio.db import queries  # noqa: E402
from kleio.db.embedded import embedded_server  # noqa: E402
from kleio.db.migrate import migrate  # noqa: E402
from kleio.http.app import create_app  # noqa: E402
from kleio.http.methods import Application  # noqa: E402
from kleio.settings import load_settings  # noqa: E402

ROUNDS, REQUESTS = 60, 50
PATHS = ("/health/live", "/api/v1/me", "/api/v1/collection?limit=50")
WAYS: dict[str, dict[str, str]] = {
    "nothing": {},
    "counted (default)": {},
    "and requests logged as JSON": {"KLEIO_LOG_REQUESTS": "on", "KLEIO_LOG_FORMAT": "json"},
    "and traced": {"KLEIO_TRACES": "otlp"},
}


def scope_of(path: str) -> dict[str, Any]:
    address, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": address,
        "raw_path": address.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"kleio.test"),
            (b"authorization", f"Bearer {http_site.TOKENS['alice']}".encode()),
        ],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def answer(app: Any, path: str, count: int, *, bare: bool) -> float:
    """Return the CPU microseconds of one request."""
    statuses = set()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.add(message["status"])

    call = Application.__call__ if bare else type(app).__call__
    started = time.process_time()
    for _ in range(count):
        await call(app, scope_of(path), receive, send)
    seconds = time.process_time() - started
    assert statuses == {200}, statuses
    return seconds / count * 1e6


async def measure(conninfo: str, home: Path) -> None:
    await http_site._fill(conninfo)
    apps, observers = {}, {}
    for way, variables in WAYS.items():
        if way == "nothing":
            continue
        settings = load_settings(
            {
                "DATABASE_URL": conninfo,
                "KLEIO_HOME": str(home),
                "KLEIO_SECRET_KEY": http_site.SECRET_KEY,
                "KLEIO_MAINTAIN_INTERVAL": "0",
                "DB_MAX_OPEN_CONNS": "2",
                "KLEIO_LOG_LEVEL": "info",
                **variables,
            }
        )
        apps[way] = create_app(settings)
        observers[way] = queries._observer
    # The same connection and the same prepared statements, without the eyes.
    apps = {"nothing": apps["counted (default)"], **apps}
    observers["nothing"] = None
    times: dict[tuple[str, str], list[float]] = {}
    for app in set(apps.values()):
        await app.state.database.open()
    for round_number in range(ROUNDS + 1):
        for path in PATHS:
            for way in random.sample(list(WAYS), len(WAYS)):
                queries.observe(observers[way])
                took = await answer(apps[way], path, REQUESTS, bare=way == "nothing")
                if round_number:  # the first one prepares statements
                    times.setdefault((path, way), []).append(took)
    print(f"{'request':<28} {'way':<30} {'us CPU':>8} {'more':>8}")
    for path in PATHS:
        least = times[path, "nothing"]
        for way in WAYS:
            took = times[path, way]
            more = statistics.median(a - b for a, b in zip(took, least, strict=True))
            base = statistics.median(least)
            middle = statistics.median(took)
            print(f"{path:<28} {way:<30} {middle:8.1f} {more:+8.1f} {more / base:+7.1%}")
    for app in set(apps.values()):
        await app.state.database.close()


def main() -> None:
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    logging.basicConfig(stream=open(os.devnull, "w"), level="INFO")  # noqa: SIM115
    from kleio.sight.logs import formatter

    logging.getLogger().handlers[0].setFormatter(formatter("json"))
    logging.getLogger("opentelemetry").setLevel("CRITICAL")
    logging.getLogger("urllib3").setLevel("CRITICAL")
    with tempfile.TemporaryDirectory(prefix="kleio-cost-") as directory:
        home = Path(directory) / "home"
        with embedded_server(home) as server:
            migrate(server.conninfo)
            asyncio.run(measure(server.conninfo, home))
    os._exit(0)  # the exporter would try its address again and again


if __name__ == "__main__":
    main()
