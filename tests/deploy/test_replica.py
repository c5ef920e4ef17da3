"""Reads from a replica made with `deploy/replica.sh`: whose, when, and when not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from http_site import PASSWORD, SECRET_KEY, TOKENS, Site, fill, open_site

from cache_server import CacheServer, needs_server
from embedded_processes import ask, end_postmaster
from kleio.accounts import hash_token
from kleio.cache import SONGS, forget
from kleio.db import replica as replicas
from kleio.db.replica import WROTE_AT, Replica, Writes
from kleio.settings import load_settings
from kleio.web.sessions import COOKIE, csrf_token
from replicas import Pair, pair_of_servers
from waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pair_of_servers() as made:
        fill(made.first.conninfo)
        yield made


Start = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def start(pair: Pair, tmp_path: Path) -> Start:
    """Start an application that reads from the replica, with further variables."""

    @asynccontextmanager
    async def started(**variables: str) -> AsyncIterator[Site]:
        settings = load_settings(
            {
                "DATABASE_URL": pair.first.conninfo,
                "DATABASE_REPLICA_URL": pair.second.conninfo,
                "KLEIO_HOME": str(tmp_path),
                "KLEIO_SECRET_KEY": SECRET_KEY,
                "KLEIO_MAINTAIN_INTERVAL": "0",
                "DB_MAX_OPEN_CONNS": "4",
                "DB_MAX_IDLE_CONNS": "1",
                **variables,
            }
        )
        async with open_site(settings) as running:
            await until(lambda: replica_of(running).lag < 1, 60)
            yield running

    return started


@pytest.fixture
async def site(start: Start, anyio_backend: str) -> AsyncIterator[Site]:
    async with start() as running:
        yield running


def replica_of(site: Site) -> Replica:
    replica = site.database.replica
    assert replica is not None
    return replica


async def until_read(site: Site, who: str) -> None:
    """Wait until the replica is read from for a user."""
    await until(lambda: reads(site, who), 60)


async def reads(site: Site, who: str = "alice", path: str = "/api/v1/plays?limit=1") -> bool:
    """Make a request and return whether the replica has done its read."""
    before = replica_of(site).reads
    answer = await getattr(site, who).get(path)
    assert answer.status_code == 200
    return replica_of(site).reads > before


async def log_play(site: Site, who: str, notes: str) -> None:
    body = {"releaseId": str(await site.release_id()), "notes": notes}
    assert (await getattr(site, who).post("/api/v1/plays", json=body)).status_code == 201


async def newest(site: Site, who: str) -> str:
    answer = await getattr(site, who).get("/api/v1/plays?limit=1")
    return str(answer.json()["items"][0]["notes"])


async def test_reads_go_to_the_replica_and_own_writes_are_there_at_once(
    pair: Pair, site: Site
) -> None:
    assert ask(pair.second.conninfo, "SELECT pg_is_in_recovery()") is True
    assert await reads(site)
    pair.replay(goes_on=False)
    try:
        await until(lambda: replica_of(site).lag < 1, 60)  # nothing was written since
        for number in range(5):
            await log_play(site, "alice", f"play {number}")
            assert await newest(site, "alice") == f"play {number}"
        assert not await reads(site, "alice")
        assert await reads(site, "bob")  # who has written nothing
    finally:
        pair.replay(goes_on=True)
    await until_read(site, "alice")
    assert await newest(site, "alice") == "play 4"


async def test_one_far_behind_is_left_out_until_it_has_caught_up(
    pair: Pair, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "MAX_LAG_SECONDS", 1.0)
    pair.replay(goes_on=False)
    try:
        await log_play(site, "bob", "late")
        await until(lambda: replica_of(site).lag > 1, 60)
        assert not await reads(site, "alice")
    finally:
        pair.replay(goes_on=True)
    await until_read(site, "alice")


async def test_a_token_that_was_revoked_is_so_at_once(pair: Pair, site: Site) -> None:
    issued = (await site.alice.post("/api/v1/auth/tokens", json={"name": "phone"})).json()
    phone = site.client(issued["token"])
    pair.replay(goes_on=False)
    try:
        assert (await phone.get("/api/v1/me")).status_code == 200
        path = f"/api/v1/auth/tokens/{issued['id']}"
        assert (await site.alice.delete(path)).status_code == 204
        assert (await phone.get("/api/v1/me")).status_code == 401
    finally:
        pair.replay(goes_on=True)


async def test_who_has_just_come_reads_what_was_written_for_them(pair: Pair, site: Site) -> None:
    await until_read(site, "alice")
    pair.replay(goes_on=False)
    try:
        await until(lambda: replica_of(site).lag < 1, 60)
        login = {"username": "alice", "password": PASSWORD}
        issued = (await site.anonymous.post("/api/v1/auth/login", json=login)).json()
        listed = await site.client(issued["token"]).get("/api/v1/auth/tokens")
        assert issued["id"] in {token["id"] for token in listed.json()["items"]}
        added = {"username": "carol", "email": "carol@example.org"}
        carol = (await site.root.post("/api/v1/users", json=added)).json()
        # What she would do next, had she no password to sign in with.
        await site.rows(
            "INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at)"
            " VALUES (%s, %s, 'hers', 'kleio_', now())",
            hash_token("kleio_of_carol"),
            carol["id"],
        )
        me = await site.client("kleio_of_carol").get("/api/v1/me")
        assert me.json().get("username") == "carol"
        assert await reads(site, "bob")  # all the while
    finally:
        pair.replay(goes_on=True)


async def test_the_page_notes_for_whom_it_writes(site: Site) -> None:
    writes: Writes = site.app.state.writes
    alice = await site.user_id("alice")
    before = writes.last(alice)
    form = {"username": "alice", "password": PASSWORD}
    assert (await site.client().post("/sign-in", data=form)).status_code == 303
    assert writes.last(alice) > before
    root = site.client()
    root.cookies.set(COOKIE, TOKENS["root"])
    form = {"username": "dora", "email": "dora@example.org", "csrf": csrf_token(TOKENS["root"])}
    assert (await root.post("/admin/users", data=form)).status_code == 303
    assert writes.last(await site.user_id("dora")) > 0


@needs_server
@pytest.mark.usefixtures("patient_cache")
async def test_what_is_cached_is_no_older_than_the_last_change(
    pair: Pair, start: Start, cache_server: CacheServer
) -> None:
    async with start(CACHE_URL=cache_server.url) as site:
        song_id = await site.song_id()
        url = f"/api/v1/songs/{song_id}"
        counters = site.app.state.cache.counters

        async def is_stored() -> bool:
            await site.alice.get(url)
            return counters.stored > stored

        stored = counters.stored
        await until(is_stored)
        pair.replay(goes_on=False)
        try:
            await until(lambda: replica_of(site).lag < 1, 60)
            await site.rows("UPDATE songs SET name = 'renamed' WHERE id = %s", song_id)
            assert await forget(site.settings.cache_url, SONGS)
            assert await reads(site, "bob")
            stored = counters.stored
            await until(is_stored)
            hits = counters.hits
            assert (await site.bob.get(url)).json()["name"] == "renamed"
            assert counters.hits > hits
        finally:
            pair.replay(goes_on=True)


async def test_a_primary_that_is_overloaded_takes_no_reads_off_the_replica(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "MAX_LAG_SECONDS", 60.0)  # on a machine that is busy too
    async with start(DB_POOL_TIMEOUT="0.1s") as site, AsyncExitStack() as stack:
        for _ in range(site.settings.db_max_open_conns):
            await stack.enter_async_context(site.database.connection(wait=30))

        def refused() -> int:
            return site.database.stats().get("requests_errors", 0)

        before = refused()
        await until(lambda: refused() >= before + 3, 60)
        WROTE_AT.set(0.0)
        assert replica_of(site).may_serve()


async def test_a_replica_that_is_gone_fails_no_request(pair: Pair, site: Site) -> None:
    assert await reads(site)
    end_postmaster(pair.second_home)
    for _ in range(20):
        assert (await site.alice.get("/api/v1/plays?limit=1")).status_code == 200
    assert not await reads(site)
    health = (await site.anonymous.get("/health")).json()
    assert (health["status"], health["replica"]["status"]) == ("degraded", "degraded")


def test_workers_share_who_wrote_when(tmp_path: Path) -> None:
    user = uuid4()
    one, other = Writes(tmp_path), Writes(tmp_path)
    assert other.last(user) == 0
    one.note(user)
    assert other.last(user) == one.last(user) > 0
