"""`kleio demo`: the data once, three lines that work, and no mixing with anybody's own."""

from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path

import httpx
import psycopg
import pytest

from kleio.db.queries import Connection
from kleio.demo import DemoError, load_demo

from .conftest import Process, Run, Start, one_line, wait_until

COUNTED = ("releases", "tracks", "users", "user_releases", "folders", "auth_tokens")


def counts(conninfo: str) -> dict[str, int]:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        return {
            name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in COUNTED
        }


def run_curl(line: str) -> httpx.Response:
    """Do what the pasted line does."""
    command, silent, option, header, url = shlex.split(line)
    assert (command, silent, option) == ("curl", "-s", "-H")
    name, _, value = header.partition(": ")
    return httpx.get(url, headers={name: value}, timeout=60)


def curl_lines(process: Process) -> list[str]:
    return [line for line in process.stdout.splitlines() if line.lstrip().startswith("curl ")]


def token_of(process: Process) -> str:
    (token,) = {line.strip() for line in process.stdout.splitlines() if line.startswith("  kleio_")}
    return token


def test_two_starts_on_the_embedded_server(start: Start) -> None:
    first = start("demo")
    first.until_ready()
    shelf, search, one = (run_curl(line) for line in curl_lines(first))
    assert len(shelf.json()["items"]) == 5
    assert shelf.json()["next"]
    assert one.json()["tracks"]
    assert one.json()["id"] in [item["id"] for item in search.json()["items"]]
    assert one.json()["title"] not in curl_lines(first)[1]  # it is found with a typo
    assert first.stop(signal.SIGINT) == 0

    second = start("demo", "--workers", "2")
    second.until_ready()
    assert run_curl(curl_lines(second)[0]).json() == shelf.json()
    assert second.get("/api/v1/me", token_of(second)).json()["role"] == "admin"
    assert second.get("/api/v1/me", token_of(first)).status_code == 401
    assert second.stop() == 0


@pytest.mark.anyio
async def test_loading_twice_writes_once(conn: Connection, conninfo: str) -> None:
    first = await load_demo(conn)
    before = counts(conninfo)
    assert before["releases"] >= 300
    assert before["users"] == 3
    assert before["user_releases"] > 400
    second = await load_demo(conn)
    assert (first.is_new, second.is_new) == (True, False)
    assert (second.release_id, second.search) == (first.release_id, first.search)
    assert second.token != first.token
    assert counts(conninfo) == before


@pytest.mark.anyio
async def test_start_that_was_killed_is_completed_by_the_next(
    start: Start, conn: Connection, conninfo: str
) -> None:
    process = start("demo", "--here", DATABASE_URL=conninfo)
    writing = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'kleio' AND backend_xid IS NOT NULL"
    )
    with psycopg.connect(conninfo, autocommit=True) as watcher:
        wait_until(lambda: watcher.execute(writing).fetchone() == (1,), lambda: process.stderr)
        assert process.stop(signal.SIGKILL) == -signal.SIGKILL
        wait_until(lambda: watcher.execute(writing).fetchone() == (0,), lambda: "still writing")
    assert set(counts(conninfo).values()) == {0}
    assert (await load_demo(conn)).is_new
    assert counts(conninfo)["users"] == 3


def test_configured_database_is_left_alone(run: Run, conninfo: str) -> None:
    result = run("demo")
    assert result.exit_code == 2
    assert "--here" in one_line(result)
    assert set(counts(conninfo).values()) == {0}


@pytest.mark.anyio
async def test_users_of_ones_own_are_not_mixed_with_the_demos(run: Run, conn: Connection) -> None:
    run("user", "add", "zoe", "--email", "zoe@example.org")
    with pytest.raises(DemoError, match="users of its own"):
        await load_demo(conn)
    assert len(json.loads(run("user", "list", "--json").stdout)) == 1
    assert (await load_demo(conn, beside_others=True)).is_new


@pytest.mark.anyio
async def test_name_of_the_demos_that_is_taken(run: Run, conn: Connection) -> None:
    run("user", "add", "Ada", "--email", "ada@real.example")
    with pytest.raises(DemoError, match="not the demo's"):
        await load_demo(conn, beside_others=True)


@pytest.mark.anyio
async def test_one_removed_user_comes_back(run: Run, conn: Connection, conninfo: str) -> None:
    await load_demo(conn)
    before = counts(conninfo)
    assert run("user", "remove", "ben", "--yes").exit_code == 0
    assert (await load_demo(conn)).is_new
    assert counts(conninfo) == before


def test_stop_files_nothing_outside_home(start: Start, tmp_path: Path) -> None:
    process = start("demo")
    process.until_ready()
    assert process.stop() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"home", "process0"}
