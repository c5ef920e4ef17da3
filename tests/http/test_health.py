"""Health: what the server says of itself, with the database there, gone, and back again."""

from __future__ import annotations

import re
from contextlib import suppress

import anyio
import pytest
from http_site import TOKENS, Site, problem
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cache_server import CacheServer, needs_server
from kleio import __version__
from kleio.db.errors import Overloaded
from kleio.web.sessions import COOKIE
from pgbouncer import is_pooled
from servers import Server

pytestmark = pytest.mark.anyio


async def test_health_is_public_and_not_cached(reading: Site) -> None:
    response = await reading.anonymous.get("/health")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == "ok"
    assert body["version"] == __version__
    assert body["db"]["status"] == "ok"
    assert body["db"]["latencyMs"] >= 0
    assert body["cache"] == {"status": "disabled"}
    assert body["pool"]["max"] == 4
    assert set(body["pool"]) == {"status", "size", "available", "max", "waiting"}


async def test_live_asks_nothing(reading: Site) -> None:
    response = await reading.anonymous.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["cache-control"] == "no-store"


async def test_health_ignores_a_wrong_token(reading: Site) -> None:
    response = await reading.anonymous.get("/health", headers={"Authorization": "Bearer x"})
    assert response.status_code == 200


async def test_a_database_that_goes_and_comes_back(
    start, server: Server, site_conninfo: str
) -> None:
    name = conninfo_to_dict(site_conninfo)["dbname"]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    # Long enough for a first try that fails at once, short enough not to wait for the second.
    async with start(DB_POOL_TIMEOUT="0.3s") as site:
        assert (await site.anonymous.get("/health")).status_code == 200
        assert (await site.alice.get("/api/v1/me")).status_code == 200
        server.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )
            down = await site.anonymous.get("/health")
            assert down.status_code == 503
            assert down.json()["status"] == "unavailable"
            assert down.json()["db"] == {"status": "unavailable", "latencyMs": None}
            assert (await site.anonymous.get("/health/live")).status_code == 200
            refused = await site.alice.get("/api/v1/me")
            problem(refused, 503)
            assert int(refused.headers["retry-after"]) >= 1
        finally:
            server.execute(allow.format(sql.Identifier(name), sql.SQL("true")))
        # The pool tries again by itself, after a second or two; a request may wait for it.
        site.database.pool.timeout = 30
        if is_pooled():  # PgBouncer tells of its last failure until it tries again
            with anyio.fail_after(30):
                while (await site.alice.get("/api/v1/me")).status_code != 200:
                    await anyio.lowlevel.checkpoint()
        assert (await site.alice.get("/api/v1/me")).json()["username"] == "alice"
        assert (await site.anonymous.get("/health")).json()["status"] == "ok"


async def test_connections_cut_by_the_server_are_not_seen(
    site: Site, server: Server, site_conninfo: str
) -> None:
    assert (await site.alice.get("/api/v1/me")).status_code == 200
    server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
        (conninfo_to_dict(site_conninfo)["dbname"],),
    )
    assert (await site.alice.get("/api/v1/me")).status_code == 200


async def test_an_exhausted_pool_says_when_to_try_again(start) -> None:
    async with start(DB_MAX_OPEN_CONNS="1", DB_POOL_TIMEOUT="0.1s", DB_MAX_WAITING="1") as site:
        async with site.database.connection():
            response = await site.alice.get("/api/v1/releases")
            problem(response, 503, "overloaded")
            assert int(response.headers["retry-after"]) >= 1
            health = await site.anonymous.get("/health")
            assert health.status_code == 503
            assert health.json()["pool"]["available"] == 0
        assert (await site.alice.get("/api/v1/releases")).status_code == 200


async def test_a_full_queue_is_told_before_anything_is_done(start, statements: list[str]) -> None:
    async with start(
        DB_MAX_OPEN_CONNS="1", DB_MAX_WAITING="1", DB_POOL_TIMEOUT="60s", KLEIO_METRICS="open"
    ) as site:
        page = site.client()
        page.cookies.set(COOKIE, TOKENS["alice"])

        async def wait() -> None:
            # Unless the worker for syncs waits already, which looks for work now and then.
            with suppress(Overloaded):
                async with site.database.connection():
                    pass

        async with anyio.create_task_group() as group, site.database.connection():
            group.start_soon(wait)
            with anyio.fail_after(30):
                while not site.database.stats()["requests_waiting"]:
                    await anyio.lowlevel.checkpoint()
            statements.clear()
            refused = await site.alice.get("/api/v1/collection")
            problem(refused, 503, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
            assert (await page.get("/")).status_code == 503
            assert statements == []
            # Who looks after the server is told how it is.
            assert (await site.anonymous.get("/health/live")).status_code == 200
            site.database.pool.timeout = 0.1  # metrics are without the database's own
            metrics = (await site.anonymous.get("/metrics")).text
            site.database.pool.timeout = 60
            assert re.search(r"^kleio_pool_waiting_requests [1-9]", metrics, re.MULTILINE)
            assert re.search(r"^kleio_pool_refused_total [1-9]", metrics, re.MULTILINE)
        assert (await site.alice.get("/api/v1/collection")).status_code == 200
        assert (await page.get("/")).status_code < 400


@needs_server
async def test_a_cache_that_goes_is_told_and_stops_nothing(
    start, cache_server: CacheServer
) -> None:
    async with start(CACHE_URL=cache_server.url) as site:
        health = (await site.anonymous.get("/health")).json()
        assert (health["status"], health["cache"]) == ("ok", {"status": "ok"})
        cache_server.kill()
        down = await site.anonymous.get("/health")
        assert down.status_code == 200
        assert down.json()["status"] == "degraded"
        assert down.json()["cache"] == {"status": "degraded"}
        assert down.json()["db"]["status"] == "ok"
