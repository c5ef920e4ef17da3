"""Songs through a real cache, on a server that is killed, frozen and started again under load."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from http_site import API, Site

from cache_server import CacheServer, needs_server
from kleio.cache import Cache
from waiting import until

pytestmark = [pytest.mark.anyio, needs_server]


async def all_ids(site: Site) -> list[str]:
    return [str(id_) for (id_,) in await site.rows("SELECT id FROM songs")]


async def until_ok(cache: Cache) -> None:
    async def is_ok() -> bool:
        return await cache.check() == "ok"

    await until(is_ok)


@pytest.mark.usefixtures("patient_cache")
async def test_a_song_is_read_once(start, cache_server: CacheServer) -> None:
    async with start(CACHE_URL=cache_server.url) as site:
        url = f"{API}/songs/{await site.song_id()}"
        counters = site.app.state.cache.counters
        first = await site.alice.get(url)
        while counters.stored == 0:
            assert (await site.alice.get(url)).content == first.content
        hits = counters.hits
        cached = await site.bob.get(url)
        assert counters.hits == hits + 1
        assert (cached.content, cached.headers["etag"]) == (first.content, first.headers["etag"])
        # Nothing of who asked is in it.
        entry = cache_server.value(f"song:{url.rpartition('/')[2]}")
        assert b"alice" not in entry
        assert b"user" not in entry


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_no_request_fails_when_the_cache_does(
    start, cache_server: CacheServer, fault: str
) -> None:
    async with start(CACHE_URL=cache_server.url) as site:
        cache: Cache = site.app.state.cache
        ids = await all_ids(site)
        found: Counter[int] = Counter()
        stop = asyncio.Event()

        async def client(number: int) -> None:
            client: httpx.AsyncClient = (site.alice, site.bob)[number % 2]
            step = number
            while not stop.is_set():
                id_ = ids[step % len(ids)]
                answer = await client.get(f"{API}/songs/{id_}")
                found[answer.status_code] += 1
                assert answer.json()["id"] == id_
                step += 7

        async def more(count: int) -> None:
            """Let the clients make so many requests."""
            wanted = found.total() + count
            async with asyncio.timeout(60):
                while found.total() < wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0)

        clients = [asyncio.create_task(client(number)) for number in range(8)]
        try:
            for _ in range(2):
                await until_ok(cache)
                hits = cache.counters.hits
                while cache.counters.hits == hits:
                    await more(20)
                if fault == "kill":
                    cache_server.kill()
                else:
                    cache_server.freeze()
                while cache.state != "degraded":
                    await more(20)
                await more(200)
                assert cache.state == "degraded"
                if fault == "kill":
                    cache_server.start()
                else:
                    cache_server.thaw()
                await until_ok(cache)
            await more(200)
        finally:
            stop.set()
            done = await asyncio.gather(*clients, return_exceptions=True)
        assert [one for one in done if one is not None] == []
        assert set(found) == {200}
        assert cache.counters.outages >= 2
        assert cache.counters.broken == 0


async def test_a_cache_that_is_not_there_is_not_waited_for(start, cache_server) -> None:
    cache_server.kill()
    async with start(CACHE_URL=cache_server.url) as site:
        ids = await all_ids(site)
        answers = await asyncio.gather(*(site.alice.get(f"{API}/songs/{id_}") for id_ in ids))
        assert {answer.status_code for answer in answers} == {200}
        assert (await site.anonymous.get("/health")).json()["cache"] == {"status": "degraded"}


@pytest.mark.usefixtures("patient_cache")
async def test_misses_of_one_song_at_once_make_one_query(
    start, cache_server: CacheServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(CACHE_URL=cache_server.url, DB_MAX_OPEN_CONNS="30") as site:
        asked: list[int] = []
        read = site.database.read

        async def counted(function, *args, **parameters):
            if function.__name__ == "list_songs_by_id":
                asked.append(len(parameters["song_ids"]))
                await asyncio.sleep(0)
            return await read(function, *args, **parameters)

        monkeypatch.setattr(site.database, "read", counted)
        song_id = await site.song_id()
        answers = await asyncio.gather(*(site.app.state.songs.get(song_id) for _ in range(50)))
        assert {song.id for song in answers} == {song_id}
        assert asked == [1]
