"""`kleio demo`: the data once, four lines that work, and no mixing with anybody's own."""

from __future__ import annotations

import json
import shlex
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from kleio.db.queries import Connection
from kleio.demo import DemoError, load_demo
from kleio.repositories import plays, recommendations, stats, stats_reviews, styluses, users
from kleio_process import Process, wait_until

from .conftest import Run, Start, one_line

COUNTED = (
    *("releases", "tracks", "users", "user_releases", "folders", "auth_tokens"),
    *("play_history", "cleaning_history", "styluses", "user_preferences"),
)


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
    shelf, to_play, search, one = (run_curl(line) for line in curl_lines(first))
    assert len(shelf.json()["items"]) == 5
    assert shelf.json()["next"]
    assert [item["reason"] != "" for item in to_play.json()["items"]] == [True] * 3
    assert one.json()["tracks"]
    assert one.json()["id"] in [item["id"] for item in search.json()["items"]]
    assert one.json()["title"] not in curl_lines(first)[2]  # it is found with a typo
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
    assert before["play_history"] > 600
    assert before["user_preferences"] == 3
    second = await load_demo(conn)
    assert (first.is_new, second.is_new) == (True, False)
    assert (second.release_id, second.search) == (first.release_id, first.search)
    assert second.token != first.token
    assert counts(conninfo) == before


@pytest.mark.anyio
async def test_users_of_an_older_version_stay_as_they_are(conn: Connection, conninfo: str) -> None:
    await load_demo(conn)
    for table in ("play_history", "cleaning_history", "styluses", "user_preferences"):
        await conn.execute(f"DELETE FROM {table}")
    before = counts(conninfo)
    assert not (await load_demo(conn)).is_new
    assert counts(conninfo) == before


async def shown(conn: Connection, user_id: UUID, now: datetime) -> dict[str, Any]:
    """Return what each insight tells a user at a time, in the user's own zone."""
    common: dict[str, Any] = {"user_id": user_id, "tz": None}
    always: dict[str, Any] = {**common, "first_day": None, "last_day": None}
    most: dict[str, Any] = {"max_rows": 50}
    lately = now - timedelta(days=180)
    found: dict[str, Any] = {
        "months": await stats.list_play_buckets(conn, **always, bucket="month"),
        "streaks": await stats.get_streaks(conn, **common, now=now),
        "heatmap": await stats.list_heatmap(conn, **always),
        "releases": await stats.list_top_releases(conn, **always, **most, by_minutes=True),
        "on this day": await stats_reviews.list_on_this_day(
            conn, **common, **most, day=None, now=now
        ),
        "year": await stats_reviews.get_year(conn, **common, year=lately.year),
        "collection": await stats_reviews.get_collection_stats(conn, **common),
        "to play": await recommendations.list_recommendations(conn, **common, **most, now=now),
        "neglected": await recommendations.list_neglected(conn, **common, **most, now=now),
        "to clean": await recommendations.list_due_cleanings(conn, user_id=user_id, **most),
        "styluses": await styluses.list_styluses(conn, user_id=user_id),
    }
    for kind in ("artist", "label", "genre", "style", "decade"):
        found[kind] = await stats.list_top_names(
            conn, **always, **most, kind=kind, by_minutes=False
        )
    return found


@pytest.mark.anyio
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
        datetime(2026, 7, 14, 12, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 30, tzinfo=UTC),  # clocks change in Europe
        datetime(2028, 2, 29, 23, 59, tzinfo=UTC),
        datetime(2031, 12, 31, 20, tzinfo=UTC),
    ],
    ids=lambda now: f"{now:%Y-%m-%d}",
)
async def test_every_insight_shows_something_on_any_day(now: datetime, conn: Connection) -> None:
    async with conn.transaction(force_rollback=True):
        result = await load_demo(conn, now=now)
        for name in result.users:
            user = await users.get_user_by_username(conn, username=name)
            found = await shown(conn, user.id, now)
            assert [kind for kind, told in found.items() if not told] == []
            assert found["streaks"].current_days >= 2
            assert sum(cell.plays > 0 for cell in found["heatmap"]) > 30
            assert json.loads(bytes(found["year"]))["plays"] > 20
            assert len(found["months"]) >= 11
            primary, *others = found["styluses"]
            assert primary.primary
            assert primary.hours_used > 0
            assert {stylus.active for stylus in others} >= {False}
            # Why it was retired.
            assert {stylus.warning for stylus in others} & {"soon", "due"}
        late = await conn.execute("SELECT count(*) FROM play_history WHERE played_at > %s", [now])
        assert await late.fetchone() == (0,)


@pytest.mark.anyio
async def test_a_side_takes_as_long_as_the_api_would_say(conn: Connection) -> None:
    async with conn.transaction(force_rollback=True):
        await load_demo(conn)
        sides = (
            "SELECT user_id, id, duration_seconds FROM play_history"
            " WHERE side IS NOT NULL ORDER BY user_id, id"
        )
        before = await (await conn.execute(sides)).fetchall()
        assert len(before) > 20
        for user_id, play_id, _ in before:
            await plays.update_play(
                conn,
                user_id=user_id,
                play_id=play_id,
                changes='{"durationSeconds": null}',
                expected_updated_at=None,
                now=datetime.now(UTC),
            )
        assert await (await conn.execute(sides)).fetchall() == before


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
