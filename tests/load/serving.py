"""Servers under load: started, asked whether they answer, looked at, and ended.

Kleio is served by `kleio serve`, a peer by the server that its documentation teaches. Each is a
process group of its own on a port of its own; what it uses of processors and memory is read from
the kernel, so it holds on a busy machine as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PEERS = Path(__file__).parent / "peers"
START_SECONDS = 60.0
STOP_SECONDS = 40.0
_POLL_SECONDS = 0.01


class CannotRun(Exception):
    """A server or a program can't be had on this machine; says why."""


class Memory(NamedTuple):
    """Mebibytes of one process: resident, and its own share of what several have in common."""

    resident: float
    proportional: float


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return what processes have used; one that is not of this machine, or gone, counts nothing."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Return the processes below a process, without itself."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def memory_of(pid: int) -> Memory:
    """Return the memory of a process; zeros where it is gone."""
    found = {"Rss": 0.0, "Pss": 0.0}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) / 1024
    return Memory(found["Rss"], found["Pss"])


class Serving:
    """A server process, answering from when this is made until `stop`.

    Attributes:
        name: as the report calls it.
        port: on 127.0.0.1.
        seconds: from the start of the process to its first answer.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], port: int,
        *, folder: Path | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.port = port
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        began = time.monotonic()
        self.process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            self._wait(began + START_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.seconds = time.monotonic() - began

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def _wait(self, end: float) -> None:
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health/live", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return  # it answers
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise CannotRun(f"{self.name} did not start: {self.output()[-2000:]}") from None
                time.sleep(_POLL_SECONDS)

    def output(self) -> str:
        """Return what it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def pids(self) -> list[int]:
        """Return the server's processes, the first one first."""
        return [self.process.pid, *descendants(self.process.pid)]

    def memory(self) -> list[Memory]:
        """Return the memory of each process that answers requests."""
        workers = descendants(self.process.pid) or [self.process.pid]
        found = [memory_of(pid) for pid in workers]
        # Not the helpers of multiprocessing, which hold next to nothing.
        return [memory for memory in found if memory.resident > 20] or found

    def stop(self) -> None:
        """End it, and its workers where it does not see to that."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        self._log.close()


def backends(database: Any) -> list[int]:
    """Return the processes of PostgreSQL that serve a database, but for who asks."""
    rows = database.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    return [pid for (pid,) in rows.fetchall()]


def kleio(program: Path, conninfo: str, workers: int, home: Path, **environment: str) -> Serving:
    """Serve Kleio as everybody does."""
    port = free_port()
    return Serving(
        "kleio",
        [str(program), "serve", "--port", str(port), "--workers", str(workers)],
        {
            "DATABASE_URL": conninfo,
            "KLEIO_HOME": str(home / "kleio"),
            "KLEIO_SECRET_KEY": "bG9hZGxvYWRsb2FkbG9hZGxvYWRsb2FkbG9hZGxvYWQ=",
            "KLEIO_MAINTAIN_INTERVAL": "0",
            # All of them come from one address here, those who guess and those who don't.
            "KLEIO_ADDRESS_ATTEMPTS": "0",
            "KLEIO_LOG_LEVEL": "warning",
            **environment,
        },
        port,
    )


def python_peer(name: str, conninfo: str, workers: int, programs: Path) -> Serving:
    """Serve one of `peers/*_app.py` by uvicorn, with as many workers."""
    port = free_port()
    return Serving(
        name,
        [str(programs / "uvicorn"), f"{name}_app:app", "--host", "127.0.0.1", "--port", str(port),
         "--workers", str(workers), "--log-level", "warning", "--no-access-log"],
        {"DATABASE_URL": sqlalchemy_url(conninfo), "PEER_WORKERS": str(workers)},
        port,
        folder=PEERS,
    )  # fmt: skip


def sqlalchemy_url(conninfo: str) -> str:
    """Return libpq's connection string as SQLAlchemy wants it, for asyncpg."""
    parts = conninfo_to_dict(conninfo)
    user = quote(str(parts.get("user") or ""), safe="")
    password = f":{quote(str(parts['password']), safe='')}" if parts.get("password") else ""
    query = {name: parts[name] for name in ("host", "port") if parts.get(name)}
    return f"postgresql+asyncpg://{user}{password}@/{parts['dbname']}?{urlencode(query)}"


def gorm_peer(conninfo: str, built: Path) -> Serving:
    """Serve `peers/gorm`, built by Debian's Go from Debian's packages of GORM and fasthttp."""
    go = shutil.which("go")
    if go is None:
        raise CannotRun(
            "no Go: apt-get install golang-go golang-github-jinzhu-gorm-dev"
            " golang-github-valyala-fasthttp-dev golang-github-lib-pq-dev"
        )
    program = built / "gorm-peer"
    done = subprocess.run(
        [go, "build", "-o", str(program), "."],
        cwd=PEERS / "gorm",
        env={
            **os.environ,
            "GO111MODULE": "off",
            "GOPATH": f"{built / 'go'}:/usr/share/gocode",
            "GOCACHE": str(built / "go-cache"),
            "GOFLAGS": "",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise CannotRun(f"the Go peer can't be built: {done.stderr.strip()[:500]}")
    port = free_port()
    environment = {
        "DATABASE_URL": make_conninfo(conninfo, sslmode="disable"),
        "PORT": str(port),
    }
    return Serving("gorm", [str(program)], environment, port)
