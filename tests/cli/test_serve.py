"""`kleio serve` as real processes: ready line, signals, requests in flight, shared servers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import psycopg
import pytest

from embedded_processes import postmaster
from kleio_process import Process, wait_until, workers_of
from threads import Thread

from .conftest import Run, Start, one_line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(start: Start, conninfo: str, number: int) -> None:
    process = start("serve", "--workers", "2", DATABASE_URL=conninfo)
    process.until_ready()
    (line,) = process.stdout.splitlines()
    assert line.startswith(f"Kleio serves on {process.url} (2 workers), ")
    assert process.get("/health/live").status_code == 200
    health = process.get("/health").json()
    assert health["status"] == "ok", health
    assert process.get("/api/v1/collection").status_code == 401
    assert len(workers_of(process.process.pid)) == 2
    assert process.stop(number) == 0
    assert process.stderr == ""


def test_signal_to_the_whole_group_as_a_terminal_sends_it(start: Start, conninfo: str) -> None:
    process = start("serve", "--workers", "2", DATABASE_URL=conninfo)
    process.until_ready()
    wait_until(lambda: len(workers_of(process.process.pid)) == 2, lambda: process.stderr)
    for pid in [process.process.pid, *workers_of(process.process.pid)]:
        os.kill(pid, signal.SIGINT)
    assert process.process.wait(60) == 0
    assert "Killing" not in process.stderr


def test_request_in_flight_is_answered(start: Start, run: Run, conninfo: str) -> None:
    token = run("user", "add", "ada", "--email", "ada@example.org").stdout.strip()
    process = start("serve", DATABASE_URL=conninfo)
    process.until_ready()
    answers: list[httpx.Response] = []
    thread = Thread(lambda: answers.append(process.get("/api/v1/collection", token)))
    with psycopg.connect(conninfo, autocommit=True) as watcher, psycopg.connect(conninfo) as conn:
        conn.execute("LOCK TABLE user_releases IN ACCESS EXCLUSIVE MODE")
        thread.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        wait_until(lambda: watcher.execute(waiting).fetchone() == (1,), lambda: process.stderr)
        process.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(process.port), lambda: "it still takes new connections")
        conn.rollback()
    thread.end()
    assert answers[0].status_code == 200
    assert process.process.wait(60) == 0


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_port_in_use_is_one_line(start: Start, run: Run, conninfo: str) -> None:
    process = start("serve", DATABASE_URL=conninfo)
    process.until_ready()
    result = run("serve", "--port", str(process.port))
    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result) == (
        f"kleio: port {process.port} on 127.0.0.1 is in use; choose another --port"
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a\u2028b"])
def test_host_that_can_not_be_listened_on_is_one_line(run: Run, host: str) -> None:
    result = run("serve", "--host", host)
    assert result.exit_code == 1
    assert one_line(result)


def test_killed_server_leaves_no_worker_behind(start: Start, conninfo: str) -> None:
    process = start("serve", "--workers", "2", DATABASE_URL=conninfo)
    process.until_ready()
    assert process.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: refuses(process.port), lambda: "a worker still answers")


def test_crashed_worker_is_replaced(start: Start, conninfo: str) -> None:
    process = start("serve", DATABASE_URL=conninfo)
    process.until_ready()
    (worker,) = workers_of(process.process.pid)
    os.kill(worker, signal.SIGKILL)

    def answers() -> bool:
        try:
            return process.get("/health/live").status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(answers, lambda: process.stderr)
    assert worker not in workers_of(process.process.pid)


def test_working_directory_does_not_shadow_modules(
    start: Start, conninfo: str, tmp_path: Path
) -> None:
    directory = tmp_path / "process0"
    directory.mkdir()
    (directory / "__init__.py").touch()
    (directory / "uuid6.py").write_text("raise SystemExit('imported from the working directory')")
    process = start("serve", DATABASE_URL=conninfo, PYTHONSAFEPATH="1")
    process.until_ready()
    assert process.stop() == 0


def test_embedded_server_is_shared_and_stopped_by_the_last(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home with space"
    process = start("serve", "--workers", "2", KLEIO_HOME=str(home))
    process.until_ready()
    assert f"(2 workers), embedded PostgreSQL 18 in {home}" in process.stdout
    added = subprocess.run(
        [sys.executable, "-m", "kleio", "user", "add", "ada", "--email", "ada@example.org"],
        env={**os.environ, "KLEIO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = process.get("/api/v1/me", added.stdout.strip())
    assert (answer.status_code, answer.json()["username"]) == (200, "ada")
    second = start("serve", KLEIO_HOME=str(home))
    second.until_ready()
    assert process.stop() == 0
    assert second.get("/health").json()["status"] == "ok"
    assert second.stop(signal.SIGINT) == 0
    assert process.stderr == second.stderr == ""
    assert list(home.rglob("postmaster.pid")) == []


def test_killed_embedded_server_comes_back_by_itself(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = start("serve", "--workers", "2", KLEIO_HOME=str(home))
    process.until_ready()
    for _ in range(2):
        killed = postmaster(home)
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda killed=killed: postmaster(home) not in (None, killed), lambda: process.stderr
        )
        wait_until(lambda: process.get("/health").json()["status"] == "ok", lambda: process.stderr)
        assert process.get("/api/v1/me").status_code == 401
    assert process.stop() == 0
    assert "PostgreSQL ended; it is started again" in process.stderr
    assert postmaster(home) is None


def metric(process: Process, name: str) -> float:
    (line,) = re.findall(rf"^{re.escape(name)} (\S+)$", process.get("/metrics").text, re.MULTILINE)
    return float(line)


def test_any_worker_tells_the_metrics_of_all_also_of_the_dead(start: Start, conninfo: str) -> None:
    process = start("serve", "--workers", "2", DATABASE_URL=conninfo)
    process.until_ready()
    workers = workers_of(process.process.pid)
    wait_until(lambda: metric(process, "kleio_workers") == 2, lambda: process.stderr)
    name = 'kleio_http_requests_total{method="GET",route="/api/v1/me",status="401"}'
    for _ in range(40):  # each on a connection of its own, so both workers get some
        assert process.get("/api/v1/me").status_code == 401
    assert {metric(process, name) for _ in range(10)} == {40}
    os.kill(workers[0], signal.SIGKILL)
    wait_until(
        lambda: (
            len(workers_of(process.process.pid)) == 2
            and workers[0] not in workers_of(process.process.pid)
        ),
        lambda: process.stderr,
    )
    wait_until(lambda: metric(process, "kleio_workers") == 2, lambda: process.stderr)
    assert {metric(process, name) for _ in range(10)} == {40}
    directories = set(Path(tempfile.gettempdir()).glob("kleio-meters-*"))
    assert process.stop() == 0
    assert len(directories - set(Path(tempfile.gettempdir()).glob("kleio-meters-*"))) == 1


def test_logs_as_json(start: Start, conninfo: str) -> None:
    process = start(
        "serve",
        DATABASE_URL=conninfo,
        KLEIO_LOG_FORMAT="json",
        KLEIO_LOG_REQUESTS="on",
        KLEIO_LOG_LEVEL="info",
    )
    process.until_ready()
    (worker,) = workers_of(process.process.pid)
    answer = process.get("/api/v1/me")
    os.kill(worker, signal.SIGKILL)  # of which Granian tells
    wait_until(lambda: "Unexpected exit" in process.stderr, lambda: process.stderr)
    assert process.stop() == 0
    lines = [json.loads(line) for line in process.stderr.splitlines()]
    ids = [line.get("requestId") for line in lines if line["logger"] == "kleio.requests"]
    assert answer.headers["x-request-id"] in ids
    assert "_granian" in {line["logger"] for line in lines}
