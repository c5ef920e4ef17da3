"""A PgBouncer of a test's own, in transaction mode, before the embedded server of the run.

`KLEIO_TEST_POOLER=pgbouncer` has the applications of tests/http go through one.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tcp_proxy import TcpProxy

DEPLOY = Path(__file__).parents[1] / "deploy"
SESSION = (DEPLOY / "session.sql").read_text("utf-8")
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SECONDS = 30.0

needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="no pgbouncer on PATH")


def is_pooled() -> bool:
    """Whether applications are to go through PgBouncer."""
    return os.environ.get("KLEIO_TEST_POOLER") == "pgbouncer"


def set_for_all_databases(admin_conninfo: str, role: str) -> None:
    """Give a role what `deploy/session.sql` gives it in one database."""
    with psycopg.connect(admin_conninfo, autocommit=True) as conn:
        for statement in re.findall("^ALTER ROLE.*?;", SESSION, re.M):
            text = statement.replace(' IN DATABASE :"database"', "")
            conn.execute(text.replace(':"role"', sql.Identifier(role).as_string(conn)))


class PgBouncer:
    """A running one; it takes whoever comes, as the server behind it does."""

    def __init__(self, folder: Path, port: int, role: str, **settings: str) -> None:
        self.folder = folder
        self._target = f"host=127.0.0.1 port={port}"
        self._role = role
        # It refuses to be root.
        nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid} if nobody else {}
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def conninfo(self, direct: str) -> str:
        """Return the way to the same database, as the same role, through the pooler."""
        return make_conninfo(direct, host=str(self.folder), port=6432)

    def start(self) -> None:
        """Run with `deploy/pgbouncer.ini`, but for addresses and passwords."""
        assert PROGRAM is not None
        ini = (DEPLOY / "pgbouncer.ini").read_text("utf-8")
        own = {
            "listen_addr": "",
            "unix_socket_dir": str(self.folder),
            "auth_type": "trust",
            "auth_file": str(self.folder / "users"),
            "pidfile": str(self.folder / "pgbouncer.pid"),
            **self._settings,
        }
        lines = [
            line
            for line in ini.splitlines()
            if line.partition("=")[0].strip() not in {*own, "kleio"}
        ]
        text = "\n".join([*lines, *(f"{name} = {value}" for name, value in own.items() if value)])
        text = text.replace("[databases]", f"[databases]\n* = {self._target}")
        file = self.folder / "pgbouncer.ini"
        file.write_text(text + "\n")
        file.chmod(0o644)
        users = self.folder / "users"
        users.write_text(f'"{self._role}" ""\n')
        users.chmod(0o644)
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-q", str(file)], stdout=log, stderr=log, cwd="/", **self._user
            )
        end = time.monotonic() + SECONDS
        while not (self.folder / ".s.PGSQL.6432").exists():
            said = (self.folder / "log").read_text()
            assert self._process.poll() is None, said
            assert time.monotonic() < end, f"PgBouncer does not answer: {said}"
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(SECONDS)


@contextmanager
def running_pgbouncer(target: str, **settings: str) -> Iterator[PgBouncer]:
    """Run one before a server that listens on a socket, which only this process may reach."""
    parts = conninfo_to_dict(target)
    folder = Path(tempfile.mkdtemp(prefix="kleio-pooler-"))
    with TcpProxy(Path(str(parts["host"])) / f".s.PGSQL.{parts.get('port', 5432)}") as proxy:
        pooler = PgBouncer(folder, proxy.port, str(parts["user"]), **settings)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.stop()
            shutil.rmtree(folder)


def through(pooler: PgBouncer, direct: str) -> Mapping[str, str]:
    """Return the variables of a server that goes through a pooler."""
    return {
        "DATABASE_URL": pooler.conninfo(direct),
        "DATABASE_DIRECT_URL": direct,
        "DB_PREPARE_THRESHOLD": "0",
    }
