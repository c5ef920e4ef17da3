"""The life of a run: one a user, found dead, gone on with, cancelled, given up."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from discogs_standin import Discogs, Fault
from factories import Account, make_user
from kleio.db.connections import own_connection
from kleio.db.queries import Connection
from kleio.discogs import runs
from kleio.discogs.runs import AlreadyRunning, Keeper, RunCancelled, RunLost
from kleio.discogs.sync import work
from kleio.repositories import sync_jobs, sync_runs
from kleio.settings import Settings, load_settings
from shelf_at_discogs import Shelf
from syncing import copies, counts, give_token, picture, rows, value

from .conftest import Sync

pytestmark = pytest.mark.anyio

REAL = {"dry_run": False, "with_details": True}


async def begin(conn: Connection, account: Account) -> object:
    return await runs.begin(conn, user_id=account.id, now=runs.utc_now(), **REAL)


async def cut_off(working: asyncio.Future[Any], discogs: Discogs, *, at_call: int) -> None:
    """Cancel a sync while a call of it is under way; it may end before."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    discogs.before_call[at_call] = lambda: loop.call_soon_threadsafe(told.set)
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait((waiting, working), return_when=asyncio.FIRST_COMPLETED)
    discogs.before_call.clear()
    waiting.cancel()
    working.cancel()
    await asyncio.gather(working, waiting, return_exceptions=True)


async def test_a_user_has_one_run_at_a_time_and_others_have_theirs(
    conn: Connection, ada: Account
) -> None:
    ben = await make_user(conn, "ben")
    run_id = await begin(conn, ada)
    with pytest.raises(AlreadyRunning) as raised:
        await begin(conn, ada)
    assert raised.value.run_id == run_id
    assert await begin(conn, ben) != run_id
    assert await value(conn, "SELECT count(*) FROM sync_runs") == 2


async def test_of_many_who_begin_at_once_one_does(
    settings: Settings, conninfo: str, conn: Connection, ada: Account
) -> None:
    async def one() -> bool:
        async with own_connection(settings, conninfo) as own:
            try:
                await begin(own, ada)
            except AlreadyRunning:
                return False
            return True

    assert sum(await asyncio.gather(*(one() for _ in range(8)))) == 1
    assert await value(conn, "SELECT count(*) FROM sync_runs") == 1


async def test_a_run_has_one_owner_and_the_oldest_comes_first(
    settings: Settings, conninfo: str, conn: Connection, ada: Account
) -> None:
    ben = await make_user(conn, "ben")
    await begin(conn, ada)
    await begin(conn, ben)
    async with own_connection(settings, conninfo) as one, own_connection(settings, conninfo) as two:
        first, second, third = [
            await runs.claim(each, user_id=None, now=runs.utc_now()) for each in (one, two, two)
        ]
        assert first is not None
        assert second is not None
        assert [first.user_id, second.user_id, third] == [ada.id, ben.id, None]


async def test_an_owner_whose_connection_is_gone_is_dead_at_once(
    settings: Settings, conninfo: str, conn: Connection, ada: Account
) -> None:
    await begin(conn, ada)
    async with own_connection(settings, conninfo) as own:
        first = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert await runs.claim(conn, user_id=ada.id, now=runs.utc_now()) is None
        gone = own.info.backend_pid
    with psycopg.connect(conninfo, autocommit=True) as look:
        while look.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (gone,)).fetchone():
            pass
    second = await runs.claim(conn, user_id=None, now=runs.utc_now())
    assert first is not None
    assert second is not None
    assert (second.run_id, second.attempts) == (first.run_id, 2)
    assert second.owner != first.owner


async def test_behind_a_pooler_a_silent_owner_is_dead_after_a_while(
    conn: Connection, ada: Account
) -> None:
    await begin(conn, ada)
    now = runs.utc_now()
    await runs.claim(conn, user_id=ada.id, now=now)
    # What a pooler's connection is said to be is not what the server knows it as.
    await conn.execute("UPDATE sync_jobs SET backend_pid = NULL, backend_started_at = NULL")
    just = timedelta(seconds=runs.DEAD_SECONDS)
    assert await runs.claim(conn, user_id=ada.id, now=now + just) is None
    late = now + just + timedelta(milliseconds=1)
    assert await runs.claim(conn, user_id=ada.id, now=late) is not None


async def test_who_lost_the_run_writes_nothing_more(
    settings: Settings, conninfo: str, conn: Connection, ada: Account
) -> None:
    await begin(conn, ada)
    async with own_connection(settings, conninfo) as own:
        owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert owned is not None
        keeper = Keeper(own, owned)
        async with keeper.writing() as writing:
            await writing.execute("UPDATE sync_runs SET calls = 1")
            # Nobody can take it over meanwhile: the row is locked, and passed over.
            far = runs.utc_now() + timedelta(days=1)
            assert await runs.claim(conn, user_id=ada.id, now=far) is None
        assert await runs.claim(conn, user_id=ada.id, now=far) is not None
        with pytest.raises(RunLost):
            async with keeper.writing() as writing:
                await writing.execute("UPDATE sync_runs SET calls = 2")
    assert await value(conn, "SELECT calls FROM sync_runs") == 1


async def test_a_run_goes_on_after_each_call_that_was_its_owner_s_last(
    settings: Settings,
    conninfo: str,
    conn: Connection,
    sync: Sync,
    ada: Account,
    large_shelf: Shelf,
    discogs: Discogs,
) -> None:
    """It is cut off at its first call, at its second and so on, until it has ended."""
    del large_shelf.items[120:]
    await begin(conn, ada)
    calls: list[str] = []
    for turn in range(1000):
        async with own_connection(settings, conninfo) as own:
            owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
            if owned is None:
                break
            owned = msgspec.structs.replace(owned, attempts=1)
            discogs.calls.clear()
            working = asyncio.ensure_future(work(own, owned, settings))
            await cut_off(working, discogs, at_call=1 + turn % 9)
            calls += discogs.paths()
            await conn.execute("UPDATE sync_jobs SET owner = NULL")
    (run,) = await rows(conn, "SELECT status, phase FROM sync_runs")
    assert run == ("completed", "done")
    resumed = await picture(conn)
    assert len(await copies(conn, ada)) == 120
    # The first three calls count together; no page is read again that had been stored.
    assert calls.count("/oauth/identity") <= 5
    for table in ("discogs_copies", "sync_runs", "user_releases", "tracks"):
        await conn.execute(f"DELETE FROM {table}")
    await conn.execute("DELETE FROM folders WHERE number > 1")
    await conn.execute("TRUNCATE releases CASCADE")
    await conn.execute("TRUNCATE artists, labels CASCADE")
    await sync(ada, with_details=True)
    assert await picture(conn) == resumed


async def test_a_run_that_paused_for_long_reads_the_shelf_anew(
    settings: Settings,
    conninfo: str,
    conn: Connection,
    ada: Account,
    large_shelf: Shelf,
    discogs: Discogs,
) -> None:
    await begin(conn, ada)
    async with own_connection(settings, conninfo) as own:
        owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert owned is not None
        working = asyncio.ensure_future(work(own, owned, settings))
        await cut_off(working, discogs, at_call=5)
    assert await value(conn, "SELECT count(*) FROM sync_items") == 100
    await conn.execute("UPDATE sync_runs SET updated_at = updated_at - interval '31 minutes'")
    await conn.execute("UPDATE sync_jobs SET owner = NULL")
    discogs.calls.clear()
    async with own_connection(settings, conninfo) as own:
        owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert owned is not None
        await work(own, owned, settings)
    assert discogs.paths()[0] == "/oauth/identity"
    assert len(await copies(conn, ada)) == 250


async def test_a_run_that_keeps_killing_its_owners_is_given_up(
    settings: Settings, conn: Connection, ada: Account, discogs: Discogs
) -> None:
    await begin(conn, ada)
    for _ in range(runs.MOST_ATTEMPTS + 1):
        owned = await runs.claim(conn, user_id=None, now=runs.utc_now())
        await conn.execute("UPDATE sync_jobs SET owner = NULL")
    assert owned is not None
    failed = await work(conn, owned, settings)
    assert failed is not None
    assert failed.code == "sync-interrupted"
    assert discogs.calls == []
    assert await rows(conn, "SELECT status, error_code FROM sync_runs") == [
        ("failed", "sync-interrupted")
    ]


async def test_a_run_that_waits_is_cancelled_at_once(conn: Connection, ada: Account) -> None:
    run_id = await begin(conn, ada)
    assert await runs.cancel(conn, user_id=ada.id, run_id=run_id, now=runs.utc_now())
    assert await rows(conn, "SELECT status FROM sync_runs") == [("cancelled",)]
    assert await value(conn, "SELECT count(*) FROM sync_jobs") == 0
    assert not await runs.cancel(conn, user_id=ada.id, run_id=run_id, now=runs.utc_now())


async def test_a_run_at_work_stops_when_it_is_told_to(
    settings: Settings,
    conninfo: str,
    conn: Connection,
    ada: Account,
    large_shelf: Shelf,
    discogs: Discogs,
) -> None:
    run_id = await begin(conn, ada)
    async with own_connection(settings, conninfo) as own:
        owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert owned is not None
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        discogs.before_call[5] = lambda: loop.call_soon_threadsafe(told.set)
        discogs.latency = 0.05
        working = asyncio.ensure_future(work(own, owned, settings))
        await told.wait()
        assert await runs.cancel(conn, user_id=ada.id, run_id=run_id, now=runs.utc_now())
        with pytest.raises(RunCancelled):
            await working
    run = await sync_runs.get_run(conn, user_id=ada.id, run_id=run_id, calls_a_minute=50)
    assert run is not None
    assert (run.status, run.remaining_seconds) == ("cancelled", None)
    assert run.calls >= 5
    assert await value(conn, "SELECT count(*) FROM sync_items") == 0
    assert await copies(conn, ada) == []


async def test_a_silent_run_still_says_that_it_lives_and_hears_when_to_stop(
    settings: Settings,
    conninfo: str,
    conn: Connection,
    ada: Account,
    discogs: Discogs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that hangs for a minute does not make the owner look dead, or deaf."""
    monkeypatch.setattr(runs, "ALIVE_SECONDS", 0.01)
    discogs.faults.append(Fault("slow", times=99, value=30))
    run_id = await begin(conn, ada)
    async with own_connection(settings, conninfo) as own:
        owned = await runs.claim(own, user_id=ada.id, now=runs.utc_now())
        assert owned is not None
        called = asyncio.Event()
        loop = asyncio.get_running_loop()
        discogs.before_call[1] = lambda: loop.call_soon_threadsafe(called.set)
        working = asyncio.ensure_future(work(own, owned, settings))
        await called.wait()
        first = await value(conn, "SELECT alive_at FROM sync_jobs")
        while await value(conn, "SELECT alive_at FROM sync_jobs") == first:
            pass
        await runs.cancel(conn, user_id=ada.id, run_id=run_id, now=runs.utc_now())
        with pytest.raises(RunCancelled):
            await working
    assert len(discogs.calls) == 1


async def test_the_remaining_time_is_the_calls_that_are_left(
    conn: Connection, ada: Account
) -> None:
    run_id = await begin(conn, ada)

    async def remaining() -> int | None:
        run = await sync_runs.get_run(conn, user_id=ada.id, run_id=run_id, calls_a_minute=50)
        assert run is not None
        return run.remaining_seconds

    assert await remaining() is None  # it does not run
    await conn.execute(
        "UPDATE sync_runs SET status = 'running', phase = 'releases', pages_done = 26,"
        " pages_total = 26, releases_done = 0, releases_total = 2500,"
        " phase_started_at = '2026-01-01 00:00Z', updated_at = '2026-01-01 00:00Z'"
    )
    assert await remaining() == 3000
    # Others use the same minute: half of the pace means twice the time.
    await conn.execute("UPDATE sync_runs SET releases_done = 500, updated_at = '2026-01-01 00:20Z'")
    assert await remaining() == 4800


async def test_a_user_who_is_erased_takes_all_along(
    sync: Sync, conn: Connection, ada: Account, shelf: Shelf
) -> None:
    shelf.add(10)
    await sync(ada)
    await begin(conn, ada)
    await conn.execute("DELETE FROM users WHERE id = %s", (ada.id,))
    for table in ("sync_runs", "sync_jobs", "sync_items", "discogs_copies"):
        assert await value(conn, f"SELECT count(*) FROM {table}") == 0


# --- who may sync -------------------------------------------------------------------------------


async def test_without_a_token_nobody_is_called(
    sync: Sync, conn: Connection, ada: Account, discogs: Discogs
) -> None:
    ben = await make_user(conn, "ben")
    run = await sync(ben)
    assert (run.status, run.error_code) == ("failed", "discogs-token-missing")
    assert discogs.calls == []


@pytest.mark.parametrize("broken", ["{}\n", "{}\r\n", " {}", "{}\u00e9", "{}\x7f"])
async def test_a_token_that_no_header_can_hold_is_not_used(
    sync: Sync,
    ada: Account,
    shelf: Shelf,
    discogs: Discogs,
    conn: Connection,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    await give_token(conn, ada, broken.format(shelf.token), settings)
    run = await sync(ada)
    assert (run.status, run.error_code) == ("failed", "discogs-token-missing")
    assert "set it again" in (run.error or "")
    assert discogs.calls == []
    assert shelf.token not in f"{run} {caplog.text}"


async def test_a_token_of_another_key_is_told(
    sync: Sync, ada: Account, settings: Settings, discogs: Discogs
) -> None:
    other = load_settings({"KLEIO_SECRET_KEY": "A" * 43 + "=", "KLEIO_HOME": "/nowhere"})
    run = await sync(ada, settings=msgspec.structs.replace(settings, secret_key=other.secret_key))
    assert (run.status, run.error_code) == ("failed", "discogs-token-missing")
    assert "KLEIO_SECRET_KEY" in (run.error or "")
    assert discogs.calls == []


async def test_a_token_that_was_copied_from_another_user_opens_nothing(
    sync: Sync, conn: Connection, ada: Account, discogs: Discogs
) -> None:
    eve = await make_user(conn, "eve")
    await conn.execute(
        "INSERT INTO discogs_credentials SELECT %s, token_encrypted, updated_at"
        "  FROM discogs_credentials",
        (eve.id,),
    )
    assert (await sync(eve)).error_code == "discogs-token-missing"
    assert discogs.calls == []


async def test_a_token_that_discogs_refuses(
    sync: Sync, conn: Connection, ada: Account, settings: Settings, discogs: Discogs
) -> None:
    await give_token(conn, ada, "wrong-token", settings)
    run = await sync(ada)
    assert (run.status, run.error_code) == ("failed", "discogs-token-refused")
    assert "wrong-token" not in (run.error or "")
    assert len(discogs.calls) == 1


async def test_a_token_of_another_account_touches_nothing(
    sync: Sync, conn: Connection, ada: Account, settings: Settings, shelf: Shelf, discogs: Discogs
) -> None:
    shelf.add(10)
    await sync(ada)
    discogs.add_shelf(Shelf("somebody", "token-of-somebody"))
    await give_token(conn, ada, "token-of-somebody", settings)
    before = await picture(conn)
    run = await sync(ada)
    assert (run.status, run.error_code) == ("failed", "discogs-wrong-account")
    assert run.error == (
        "The token is of 'somebody' at Discogs, and this account is 'collector' there"
    )
    assert await picture(conn) == before


async def test_the_name_at_discogs_may_differ_in_case(
    sync: Sync, conn: Connection, ada: Account, shelf: Shelf
) -> None:
    await conn.execute("UPDATE users SET discogs_username = 'COLLECTOR'")
    assert (await sync(ada)).status == "completed"
    assert await value(conn, "SELECT discogs_username FROM users") == "COLLECTOR"


async def test_discogs_fails_in_the_middle_of_the_releases(
    sync: Sync, conn: Connection, ada: Account, large_shelf: Shelf, discogs: Discogs
) -> None:
    """What came is kept, the shelf is whole, and the next sync fetches the rest alone."""
    discogs.faults.append(Fault("status", "/releases/10350$", times=99, value=401))
    run = await sync(ada, with_details=True)
    assert (run.status, run.error_code) == ("failed", "discogs-token-refused")
    fetched = counts(run)["fetched"]
    assert 0 < fetched < 249
    assert len(await copies(conn, ada)) == 250
    discogs.faults.clear()
    discogs.calls.clear()
    run = await sync(ada, with_details=True)
    assert run.status == "completed"
    again = sum(path.startswith("/releases/") for path in discogs.paths())
    assert again == len({item["id"] for item in large_shelf.items}) - fetched
    assert await sync_jobs.get_job(conn, user_id=ada.id) is None


async def test_two_users_share_the_catalogue_and_nothing_else(
    sync: Sync,
    conn: Connection,
    ada: Account,
    settings: Settings,
    large_shelf: Shelf,
    discogs: Discogs,
) -> None:
    ben = await make_user(conn, "ben")
    theirs = discogs.add_shelf(Shelf("ben-at-discogs", "token-of-ben", folders={1: "U", 501: "B"}))
    theirs.next_instance = large_shelf.next_instance + 1000
    for item in large_shelf.items[:40]:
        theirs.add(item["id"], folder_id=501)
    await give_token(conn, ben, "token-of-ben", settings)
    first, second = await asyncio.gather(sync(ada, with_details=True), sync(ben, with_details=True))
    assert (first.status, second.status) == ("completed", "completed")
    assert counts(first)["added"] == 250
    assert counts(second)["added"] == 40
    assert {row["folder"] for row in await copies(conn, ben)} == {"B"}
    # Hardly any release was fetched twice, though both began at the same time.
    fetched = [path for path in discogs.paths() if path.startswith("/releases/")]
    assert len(set(fetched)) == len({item["id"] for item in large_shelf.items})
