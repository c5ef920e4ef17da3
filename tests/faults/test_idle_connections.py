"""Connections that are opened and left: with nothing, with half a head, with a line at a time."""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from kleio.cli.serve import IDLE_SECONDS
from kleio_process import PATIENCE, workers_of

from .conftest import Place, Report, slow

EACH = 150
MORE = 20.0
"""Seconds that a busy machine may take to see that the time is over."""

HEAD = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
BEGINNINGS = {
    "nothing": b"",
    "a letter": b"G",
    "half a head": HEAD,
    "a line at a time": HEAD,
    "the other version": b"PRI * HTTP/2.0\r\n",
    "a whole request, and no other": HEAD + b"\r\n",
}


def sockets_of(pid: int) -> int:
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has just been closed
            count += str(link.readlink()).startswith("socket:")
    return count


@slow
def test_connections_that_are_left_open(place: Place, report: Report) -> None:
    process = place.serve(DATABASE_URL=place.conninfo)
    (worker,) = workers_of(process.process.pid)
    with place.traffic(process) as traffic, ExitStack() as stack:
        before = sockets_of(worker)
        opened = {
            stack.enter_context(socket.create_connection(("127.0.0.1", process.port))): kind
            for kind in BEGINNINGS
            for _ in range(EACH)
        }
        began = time.monotonic()
        for client, kind in opened.items():
            client.settimeout(PATIENCE)
            client.sendall(BEGINNINGS[kind])
        # All but those of the other version, which are refused at once.
        wanted = before + (len(BEGINNINGS) - 1) * EACH
        traffic.until(lambda: sockets_of(worker) >= wanted - 10, "they are not taken")
        while opened and time.monotonic() < began + IDLE_SECONDS + MORE:
            readable, _, _ = select.select(list(opened), [], [], 1.0)
            for client in [
                one for one, kind in opened.items() if not _goes_on(one, kind, readable)
            ]:
                del opened[client]
        assert set(opened.values()) == set()
        traffic.pass_by(100)
        traffic.until(lambda: sockets_of(worker) <= before + 10, "sockets are left")
        traffic.lifted()
    assert traffic.failures() == []
    report(f"{EACH * len(BEGINNINGS)} connections left open", traffic, place.conninfo)


def _goes_on(client: socket.socket, kind: str, readable: list[socket.socket]) -> bool:
    """Send a line more where it is time; return whether the server still keeps the connection."""
    try:
        if client in readable:
            return bool(client.recv(65_536))
        if kind == "a line at a time":
            client.sendall(b"X-More: 1\r\n")
    except OSError:
        return False
    return True
