"""Servers told to stop, killed, replaced; clients that leave, dawdle, or are many."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg

from embedded_processes import until
from kleio_process import PATIENCE, Process, workers_of
from tcp_proxy import TcpProxy

from .conftest import IS_CHAOS, Place, Report, slow

ROOT = Path(__file__).parents[2]
DRAIN = "1s"


def stop(process: Process) -> None:
    """Tell a server to stop, as systemd or an administrator does, and wait for its end."""
    assert process.stop() == 0


@slow
def test_told_to_stop_under_load(place: Place, report: Report) -> None:
    env = {"DATABASE_URL": place.conninfo, "KLEIO_DRAIN": DRAIN}
    first = place.serve("--workers", "2", **env)
    with place.traffic(first, clients=8, pause=0.0) as traffic:
        stop(first)
        place.serve("--workers", "2", port=first.port, **env)
        traffic.lifted()
    assert traffic.failed_requests() == []
    report("SIGTERM under load, then started again", traffic, place.conninfo)


@slow
def test_a_worker_killed(place: Place, report: Report) -> None:
    process = place.serve("--workers", "2", DATABASE_URL=place.conninfo)
    with place.traffic(process, clients=8) as traffic:
        killed = workers_of(process.process.pid)[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in (now := workers_of(process.process.pid)) and len(now) == 2)
        traffic.lifted()
    # Only what that worker was just doing, or was sent to it before it was known to be dead; where
    # the other one has not yet begun to listen, connections are refused.
    assert len(traffic.failed_requests()) <= 8 * 2
    report("a worker killed (-9)", traffic, place.conninfo)


def newer_version(folder: Path) -> dict[str, str]:
    """Make a Kleio with one migration more, and return the environment that runs it."""
    for name in ("src", "queries", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    migrations = folder / "migrations"
    last = sorted(p.stem for p in migrations.glob("*.sql") if ".rollback" not in p.name)[-1]
    (migrations / "9999_of_a_newer_version.sql").write_text(
        f"-- depends: {last}\nALTER TABLE play_history ADD COLUMN of_a_newer_version text;\n"
    )
    (migrations / "9999_of_a_newer_version.rollback.sql").write_text(
        "ALTER TABLE play_history DROP COLUMN of_a_newer_version;\n"
    )
    return {"PYTHONPATH": str(folder / "src")}


@slow
def test_a_rolling_restart_with_a_migration_in_between(
    place: Place, report: Report, tmp_path: Path
) -> None:
    old = {"DATABASE_URL": place.conninfo, "KLEIO_DRAIN": DRAIN}
    new = old | newer_version(tmp_path / "newer")
    servers = [place.serve(**old), place.serve(**old)]
    with (
        TcpProxy(*(server.port for server in servers)) as balancer,
        place.traffic(f"http://127.0.0.1:{balancer.port}") as traffic,
    ):
        command = [sys.executable, "-m", "kleio", "migrate"]
        migrated = subprocess.run(
            command, env={**os.environ, **new}, capture_output=True, text=True, timeout=PATIENCE
        )
        assert "9999_of_a_newer_version" in migrated.stdout + migrated.stderr
        for number in (0, 1):
            leaving, servers[number] = servers[number], place.serve(**new)
            balancer.targets = [server.port for server in servers]
            stop(leaving)
        traffic.pass_by(100)
        traffic.lifted()
    assert traffic.failures() == []
    report("rolling restart with a migration in between", traffic, place.conninfo)


def busy_sessions(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        (count,) = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state <> 'idle' AND pid <> pg_backend_pid()"
        ).fetchone()
    return count


@slow
def test_clients_that_leave_or_do_not_read(place: Place, report: Report) -> None:
    with psycopg.connect(place.conninfo) as conn:
        conn.execute(
            "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
            "                          duration_estimated, created_at, updated_at, notes)"
            " SELECT u.id, r.id, now(), 60, false, now(), now(), repeat('x', 500)"
            "   FROM users AS u, releases AS r, generate_series(1, 2500)"
        )
    process = place.serve(DATABASE_URL=place.conninfo, DB_MAX_OPEN_CONNS="6")
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {place.token}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
    asked = [
        *[f"GET /api/v1/export/plays?format=ndjson {head}\r\n"] * 6,  # never read
        *[f"POST /api/v1/plays {head}{body}"] * 6,  # never ended
        *[f"GET /api/v1/collection/stats {head}\r\n"] * 20,  # left at once
    ]
    with place.traffic(process) as traffic:
        sockets = []
        for text in asked:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(PATIENCE)
            client.connect(("127.0.0.1", process.port))
            client.sendall(text.encode())
            sockets.append(client)
        for client in sockets[12:]:
            client.close()
        traffic.pass_by(200)
        for client in sockets:
            client.close()
        traffic.lifted()
    # Exports that nobody reads keep their place to the end; the others go on as if they were not.
    assert traffic.failures() == []
    until(lambda: busy_sessions(place.conninfo) == 0)
    report("clients that leave, or read slowly", traffic, place.conninfo)


def test_many_more_clients_than_connections(place: Place, report: Report) -> None:
    process = place.serve(
        DATABASE_URL=place.conninfo,
        DB_MAX_OPEN_CONNS="2",
        DB_MAX_WAITING="4",
        DB_POOL_TIMEOUT="30s",
        KLEIO_LOG_REQUESTS="on",
    )
    with place.traffic(process, clients=24, pause=0.0) as traffic:
        traffic.pass_by(600)
        traffic.lifted_at = traffic.samples[-1].ended
    refused = traffic.failures()
    assert {sample.status for sample in refused} == {503}
    assert all('urn:kleio:problem:overloaded"' in sample.why for sample in refused)
    # Told at once, and not after waiting for a connection. By the server's own clock: clients that
    # keep all processors busy hear of it later.
    told = sorted(map(float, re.findall(r" 503 ([\d.]+) ms", process.stderr)))
    assert len(told) >= len(refused)
    assert told[-1] < 30_000
    if IS_CHAOS:
        assert told[len(told) * 99 // 100] < 250
    report("24 clients on 2 connections", traffic, place.conninfo)
