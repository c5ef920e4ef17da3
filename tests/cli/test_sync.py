"""`kleio sync`: as a process that is killed, twice at once, on a terminal, and used wrongly."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from discogs_standin import Discogs, Fault, serving
from factories import Account, make_user, settings_for
from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio_process import PATIENCE
from servers import Server
from shelf_at_discogs import FIRST_FOLDER, Shelf
from syncing import SECRET_KEY, give_token, picture, rows, value

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio

RATE = "100000"


@pytest.fixture
def discogs() -> Discogs:
    return Discogs(limit=int(RATE))


@pytest.fixture
def discogs_url(discogs: Discogs) -> Iterator[str]:
    with serving(discogs) as url:
        yield url


@pytest.fixture
def env(discogs_url: str) -> dict[str, str]:
    return {
        "KLEIO_DISCOGS_URL": discogs_url,
        "KLEIO_DISCOGS_RATE": RATE,
        "KLEIO_SECRET_KEY": SECRET_KEY,
    }


@pytest.fixture
def shelf(discogs: Discogs) -> Shelf:
    return discogs.add_shelf(Shelf.generated(130, random.Random(5)))


@pytest.fixture
async def ada(
    conn: Connection, conninfo: str, tmp_path: Path, env: dict[str, str], shelf: Shelf
) -> Account:
    account = await make_user(conn, "ada")
    await give_token(conn, account, shelf.token, settings_for(conninfo, tmp_path, **env))
    return account


Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin(tmp_path: Path, conninfo: str, env: dict[str, str]) -> Iterator[Begin]:
    """Begin a sync as a process of its own."""
    begun: list[subprocess.Popen[str]] = []

    def start(*args: str, user: str = "ada", **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "kleio", "sync", "--user", user, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={
                **os.environ,
                "DATABASE_URL": conninfo,
                "KLEIO_HOME": str(tmp_path),
                **env,
                **more,
            },
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)


def kill_at(discogs: Discogs, number: int, after: float, process: subprocess.Popen[str]) -> None:
    """Kill a process some time after its next call of a number came in."""

    def kill() -> None:
        threading.Timer(after, lambda: process.send_signal(signal.SIGKILL)).start()

    discogs.before_call[len(discogs.calls) + number] = kill


async def test_kill_9_at_ten_random_points_changes_nothing_in_the_end(
    begin: Begin,
    ada: Account,
    shelf: Shelf,
    discogs: Discogs,
    conn: Connection,
    rng: random.Random,
    server: Server,
    template_database: str,
    tmp_path: Path,
    env: dict[str, str],
) -> None:
    """Five times in a first sync, five times in one that finds changes of every kind."""

    def change() -> None:
        shelf.items[0]["rating"] = 1
        shelf.items[1]["folder_id"] = FIRST_FOLDER + 1
        shelf.set_note(shelf.items[2]["instance_id"], 3, "changed")
        shelf.folders[FIRST_FOLDER] = "Renamed"
        shelf.folders[700] = "New"
        del shelf.items[10:40]
        for number in range(40):
            shelf.add(900_000 + number, folder_id=700, added=datetime(2025, 2, 3, tzinfo=UTC))

    killed = 0
    for stage in range(2):
        for _ in range(5):
            process = begin()
            kill_at(discogs, rng.randint(1, 12), rng.random() * 0.05, process)
            killed += process.wait(PATIENCE) == -signal.SIGKILL
            discogs.before_call.clear()
        process = begin("--json")
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        assert json.loads(out)["status"] == "completed"
        if stage == 0:
            change()
    assert killed >= 8, "nearly all of them met a running sync"
    disturbed = await picture(conn)
    assert len(disturbed["copies"]) == 170

    # The same, undisturbed, on a database of its own.
    shelf_before = Shelf.generated(130, random.Random(5))
    discogs.shelves = {shelf_before.token: shelf_before}
    shelf = shelf_before
    with server.database(template_database) as other:
        settings = settings_for(other, tmp_path, **env)
        own = await connect(settings, other)
        async with own:
            account = await make_user(own, "ada")
            await give_token(own, account, shelf_before.token, settings)
            for stage in range(2):
                process = begin(DATABASE_URL=other)
                process.communicate(timeout=PATIENCE)
                assert process.returncode == 0
                if stage == 0:
                    change()
            undisturbed = await picture(own)
    for name, found in undisturbed.items():
        assert disturbed[name] == found, name


async def test_two_processes_at_once_share_the_limit(
    begin: Begin,
    ada: Account,
    shelf: Shelf,
    discogs: Discogs,
    conn: Connection,
    conninfo: str,
    tmp_path: Path,
    env: dict[str, str],
) -> None:
    ben = await make_user(conn, "ben")
    theirs = discogs.add_shelf(Shelf("ben-at-discogs", "token-of-ben"))
    for number in range(60):
        theirs.add(500_000 + number)
    await give_token(conn, ben, theirs.token, settings_for(conninfo, tmp_path, **env))
    processes = [begin(), begin(user="ben")]
    for process in processes:
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    # Every call of both took its moment from the one row, in one order.
    (taken,) = (await rows(conn, "SELECT calls FROM discogs_pace"))[0]
    assert len(taken) == len(discogs.calls) == await value(conn, "SELECT sum(calls) FROM sync_runs")
    assert taken == sorted(taken)
    assert {call.token for call in discogs.calls} == {shelf.token, theirs.token}


async def test_a_second_process_of_one_user_is_refused(
    begin: Begin, ada: Account, discogs: Discogs, run: Run, env: dict[str, str]
) -> None:
    discogs.faults.append(Fault("slow", times=1, value=60))
    called = threading.Event()
    discogs.before_call[1] = called.set
    first = begin()
    assert called.wait(PATIENCE)
    result = run("sync", "--user", "ada", **env)
    assert result.exit_code == 1
    assert re.fullmatch(
        r"kleio: a sync is running already, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", one_line(result)
    )
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=PATIENCE)
    assert (first.returncode, err.splitlines()[-1]) == (130, "kleio: interrupted")


async def test_ctrl_c_ends_the_run_and_the_next_sync_is_a_new_one(
    begin: Begin, ada: Account, discogs: Discogs, conn: Connection
) -> None:
    discogs.faults.append(Fault("slow", "/releases/", times=9, value=60))
    called = threading.Event()
    discogs.before_call[7] = called.set
    process = begin()
    assert called.wait(PATIENCE)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert await rows(conn, "SELECT status FROM sync_runs") == [("cancelled",)]
    assert await value(conn, "SELECT count(*) FROM sync_jobs") == 0
    # The shelf was whole by then.
    assert await value(conn, "SELECT count(*) FROM user_releases") == 130


def test_plain_lines_and_json(run: Run, ada: Account, env: dict[str, str], shelf: Shelf) -> None:
    releases = len({item["id"] for item in shelf.items})
    dry = run("sync", "--user", "ADA", "--dry-run", **env)
    assert (dry.exit_code, dry.stdout) == (0, "")
    assert dry.stderr.splitlines() == [
        "copies: 130 at Discogs; would be 130 added, 0 adopted, 0 returned, 0 changed, "
        "0 unchanged, 0 archived",
        f"releases: {releases} to fetch",
    ]
    real = run("sync", "--user", "ada", "--json", **env)
    assert real.exit_code == 0, real.stderr
    assert real.stderr.splitlines() == [
        "copies: 130 at Discogs; 130 added, 0 adopted, 0 returned, 0 changed, 0 unchanged, "
        "0 archived",
        f"releases: {releases} fetched, 0 refused; {releases + 5} calls to Discogs",
    ]
    found = json.loads(real.stdout)
    assert found["status"] == "completed"
    assert found["counts"] == {
        "items": 130,
        "added": 130,
        "toFetch": releases,
        "fetched": releases,
    }
    assert found["calls"] == releases + 5


def test_a_bar_with_the_remaining_time_on_a_terminal(
    run: Run, ada: Account, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("sync", "--user", "ada", **env, FORCE_COLOR="1", COLUMNS="160", TERM="xterm")
    assert result.exit_code == 0, result.stderr
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.stderr)
    assert "releases" in text
    assert re.search(r"\d+/\d+", text)


def test_no_details_leaves_stubs(
    run: Run, ada: Account, env: dict[str, str], discogs: Discogs
) -> None:
    result = run("sync", "--user", "ada", "--no-details", **env)
    assert result.exit_code == 0
    assert [path for path in discogs.paths() if path.startswith("/releases/")] == []


async def test_a_run_of_another_kind_that_was_cut_short_is_ended(
    begin: Begin, ada: Account, discogs: Discogs, run: Run, env: dict[str, str], conn: Connection
) -> None:
    process = begin()
    kill_at(discogs, 5, 0, process)
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert run("sync", "--user", "ada", "--dry-run", **env).exit_code == 0
    assert await rows(conn, "SELECT dry_run, status FROM sync_runs ORDER BY id") == [
        (False, "cancelled"),
        (True, "completed"),
    ]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "--user"),
        (("--user", "eve"), 1, "kleio: user 'eve' does not exist"),
        (("--user", "ada", "--page", "3"), 2, "--page"),
    ],
)
def test_wrong_usage_is_told(
    args: tuple[str, ...], code: int, said: str, run: Run, ada: Account, env: dict[str, str]
) -> None:
    result = run("sync", *args, **env)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in one_line(result)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("status", times=9, value=401), "Discogs refuses the token"),
        (Fault("status", times=9, value=429, retry_after="9999"), "Discogs asks to wait"),
        (Fault("moved", times=9, value="http://elsewhere.example"), "Discogs answers 302"),
        (Fault("body", times=9, value=b"[]"), "/oauth/identity makes no sense"),
    ],
    ids=["401", "429", "302", "other"],
)
def test_what_discogs_refuses_is_one_line_and_exit_code_1(
    fault: Fault,
    said: str,
    run: Run,
    ada: Account,
    env: dict[str, str],
    discogs: Discogs,
    monkeypatch: pytest.MonkeyPatch,
    shelf: Shelf,
) -> None:
    monkeypatch.setattr("kleio.discogs.client.FIRST_WAIT_SECONDS", 0.0)
    discogs.faults.append(fault)
    result = run("sync", "--user", "ada", "--json", **env)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("kleio: ")
    assert said in last
    assert shelf.token not in result.stderr + result.stdout
    assert json.loads(result.stdout)["status"] == "failed"


def test_a_wrong_setting_is_named(run: Run, ada: Account, env: dict[str, str]) -> None:
    for url in ("ftp://discogs", "https://user:secret@host", "https://", "https://a b", "x"):
        result = run("sync", "--user", "ada", **{**env, "KLEIO_DISCOGS_URL": url})
        assert result.exit_code == 2
        assert "KLEIO_DISCOGS_URL" in one_line(result)
    for contact in ("a\tb", "ü", "x" * 201):
        result = run("sync", "--user", "ada", **env, KLEIO_DISCOGS_CONTACT=contact)
        assert (result.exit_code, "KLEIO_DISCOGS_CONTACT" in one_line(result)) == (2, True)
