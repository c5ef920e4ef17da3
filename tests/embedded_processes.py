"""Processes that use the embedded server, and ways to look at it: for the tests in db/."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import kleio

FAST = {"fsync": "off", "shared_buffers": "16MB"}
SECONDS = 30.0
PATIENCE = 100.0
"""How long a process may take to start the server, or to stop it, on a busy machine."""
ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not ROOT, reason="needs root, to run PostgreSQL as another user")

# Uses the server until its standard input ends; SIGTERM leaves the block too.
USER = """
import signal, sys
from pathlib import Path
from kleio.db.embedded import embedded_server
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
fast = {"fsync": "off", "shared_buffers": "16MB"}
with embedded_server(Path(sys.argv[1]), settings=fast) as server:
    print(server.conninfo, flush=True)
    sys.stdin.read()
"""


def environment() -> dict[str, str]:
    source = str(Path(kleio.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}


class Process:
    """A Python process whose first line of output is waited for."""

    def __init__(self, script: str, *arguments: object, **options: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        settings = {"env": environment(), "text": True, **pipes, **options}
        self.popen: subprocess.Popen[str] = subprocess.Popen(command, **settings)

    def line(self) -> str:
        ready, _, _ = select.select([self.popen.stdout], [], [], PATIENCE)
        assert ready, f"no line after {PATIENCE:.0f} s"
        line = self.popen.stdout.readline().strip()
        if not line:
            raise AssertionError(self.errors())
        return line

    def errors(self) -> str:
        """Close its input, wait for its end and return what it wrote to stderr.

        Every process that holds its pipes has to end, not it alone.
        """
        return self.popen.communicate(timeout=PATIENCE)[1]

    def leave(self) -> None:
        errors = self.errors()
        assert self.popen.returncode == 0, errors

    def end(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)
        self.errors()


def end_postmaster(home: Path) -> None:
    pid = postmaster(home)
    if pid is not None:
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not alive(pid))


def postmaster(home: Path) -> int | None:
    try:
        text = (home / "postgres" / "data" / "postmaster.pid").read_text()
        pid = int(text.split()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError, IndexError):
        return None
    return pid if name == "postgres" and alive(pid) else None


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def ask(conninfo: str, query: str) -> object:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def modes(path: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for one in (path, *path.parents):
        status = one.stat()
        found[one] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def service_user(home: Path) -> dict[str, object]:
    """Options that run a process as the owner of the data."""
    status = (home / "postgres" / "data").stat()
    return {"user": status.st_uid, "group": status.st_gid, "extra_groups": []} if ROOT else {}
