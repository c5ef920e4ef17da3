"""Rows through a real cache server: what is kept, forgotten, broken; a server that goes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import pytest
from uuid6 import uuid7

from cache_server import CacheServer, needs_server
from kleio.cache import Cache, CachedRows, forget
from kleio.db.queries import Row
from kleio.settings import Secret
from waiting import until

pytestmark = [pytest.mark.anyio, needs_server]

KIND = "item"

SHORT = 0.05
"""The limit of an operation where a test waits for it."""

QUICK = (0.01, 0.02)
"""Pauses that don't make a test wait."""


@pytest.fixture(autouse=True)
def patient(patient_cache: None) -> None:
    """See `patient_cache`."""


@pytest.fixture
def short_limit(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kleio.cache.OPERATION_SECONDS", SHORT)


class Item(Row, frozen=True):
    """A row with what PostgreSQL gives as JSON."""

    id: UUID
    name: str
    tags: msgspec.Raw


class Shelf:
    """A table: what it holds, and what was asked of it."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Item] = {}
        self.asked: list[list[UUID]] = []

    def add(self, name: str) -> UUID:
        item = Item(uuid7(), name, msgspec.Raw(b'{"mood": ["calm"]}'))
        self.rows[item.id] = item
        return item.id

    async def load(self, ids: list[UUID]) -> list[Item]:
        self.asked.append(ids)
        return [self.rows[id_] for id_ in ids if id_ in self.rows]


def cached(cache: Cache, shelf: Shelf) -> CachedRows[UUID, Item]:
    return CachedRows(cache, KIND, Item, lambda item: item.id, shelf.load)


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[tuple[Cache, Shelf, CachedRows[UUID, Item]]]:
    cache, shelf = Cache(None if url is None else Secret(url), pauses=QUICK), Shelf()
    rows = cached(cache, shelf)
    try:
        yield cache, shelf, rows
    finally:
        await rows.settle()
        await cache.close()


async def read(rows: CachedRows[UUID, Item], *ids: UUID) -> dict[UUID, Item]:
    """Read rows and wait until they are kept."""
    found = await rows.get_many(list(ids))
    await rows.settle()
    return found


async def test_the_second_read_asks_no_database(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one, two, nothing = shelf.add("one"), shelf.add("two"), uuid7()
        await read(rows, nothing)  # begins the generation
        shelf.asked.clear()
        first = await read(rows, one, two, nothing)
        assert shelf.asked == [[one, two, nothing]]
        second = await read(rows, one, two, nothing)
        # What does not exist is asked for again: it may exist a moment later.
        assert shelf.asked == [[one, two, nothing], [nothing]]
        assert first.keys() == {one, two}
        assert json.loads(msgspec.json.encode(list(first.values()))) == json.loads(
            msgspec.json.encode(list(second.values()))
        )
        assert (cache.counters.hits, cache.counters.misses) == (2, 5)
        assert sum(cache.counters.latencies) == 3
        assert cache.counters.read_seconds > 0
        assert f"item:{one}".encode() in cache_server.names()
        assert int(cache_server.command("TTL", f"item:{one}").strip(b":\r\n")) in range(3500, 3601)


@pytest.mark.parametrize("place", ["url", "socket_url"])
async def test_it_connects(cache_server: CacheServer, place: str) -> None:
    async with opened(getattr(cache_server, place)) as (cache, _, _):
        assert await cache.check() == "ok"


async def test_without_a_server_it_is_disabled() -> None:
    async with opened(None) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(2):
            assert (await read(rows, one))[one].name == "one"
        assert shelf.asked == [[one], [one]]
        assert (cache.state, cache.enabled, await cache.forget(KIND)) == ("disabled", False, True)


async def test_a_change_is_seen_after_invalidation(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (_, shelf, rows):
        one = shelf.add("old")
        for _ in range(3):
            await read(rows, one)
        shelf.rows[one] = Item(one, "new", msgspec.Raw(b"{}"))
        assert (await read(rows, one))[one].name == "old"
        # Another process says so, an import for one.
        async with opened(cache_server.url) as (others, _, _):
            assert await others.forget(KIND)
        assert (await read(rows, one))[one].name == "new"
        assert (await read(rows, one))[one].name == "new"


async def test_a_row_read_before_a_change_is_not_kept_after_it(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("old")
        await read(rows, uuid7())  # begins the generation
        may_go_on = asyncio.Event()

        async def slow(ids: list[UUID]) -> list[Item]:
            found = await shelf.load(ids)
            await may_go_on.wait()
            return found

        reader = CachedRows(cache, KIND, Item, lambda item: item.id, slow)
        reading = asyncio.create_task(read(reader, one))
        await until(lambda: bool(shelf.asked[1:]))
        shelf.rows[one] = Item(one, "new", msgspec.Raw(b"{}"))
        assert await forget(Secret(cache_server.url), KIND)
        may_go_on.set()
        assert (await reading)[one].name == "old"
        assert (await read(rows, one))[one].name == "new"


async def broken(server: CacheServer, id_: UUID, content: bytes | None) -> None:
    """Put something behind the head of an entry, or in the place of all of it."""
    name = f"item:{id_}"
    head = server.value(name)[:9]
    server.command("SET", name, head + content if content is not None else b"\xff")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b'{"id":1}',
        b'{"id":"x","name":"y","tags":{}}',
        b"\xff\xfe\x00",
        b'{"id":"01900000-0000-7000-8000-000000000000","name":"another row","tags":{}}',
    ],
)
async def test_a_broken_entry_is_a_warning_and_a_read(
    cache_server: CacheServer, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)
        await broken(cache_server, one, content)
        shelf.asked.clear()
        with caplog.at_level(logging.WARNING, "kleio.cache"):
            assert (await read(rows, one))[one].name == "one"
        assert shelf.asked == [[one]]
        assert cache.counters.broken == 1
        assert f"item:{one} is broken" in caplog.text
        assert cache.state == "ok"
        # It was written again.
        await read(rows, one)
        assert shelf.asked == [[one]]


async def test_an_entry_of_another_version_is_a_miss(
    cache_server: CacheServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)

        class Newer(Row, frozen=True):
            id: UUID
            name: str
            tags: msgspec.Raw
            more: int = 0

        async def load(ids: list[UUID]) -> list[Newer]:
            return [Newer(id_, "newer", msgspec.Raw(b"{}")) for id_ in ids]

        newer = CachedRows(cache, KIND, Newer, lambda item: item.id, load)
        assert (await newer.get_many([one]))[one].name == "newer"
        await newer.settle()
        shelf.asked.clear()
        assert (await read(rows, one))[one].name == "one"
        assert shelf.asked == [[one]]
        assert cache.counters.broken == 0
        assert caplog.text == ""


async def test_an_entry_of_another_kind_of_value_is_a_miss(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)
        cache_server.command("DEL", f"item:{one}")
        cache_server.command("LPUSH", f"item:{one}", "x")
        assert (await read(rows, one))[one].name == "one"
        assert cache.state == "ok"


async def test_a_killed_server_is_skipped_and_comes_back(
    cache_server: CacheServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)
        cache_server.kill()
        shelf.asked.clear()
        for _ in range(5):
            assert (await read(rows, one))[one].name == "one"
        assert shelf.asked == [[one]] * 5
        assert cache.state == "degraded"
        assert await cache.check() == "degraded"
        assert cache.counters.bypassed == 5
        assert cache.counters.outages == 1
        assert caplog.text.count("skipped until it answers again") == 1
        cache_server.start()
        # By itself: nobody reads anything.
        await until(lambda: cache.state == "ok")
        for _ in range(3):
            await read(rows, one)
        assert cache.counters.hits > 0
        assert shelf.asked[5:] == [[one], [one]]


@pytest.mark.usefixtures("short_limit")
async def test_a_hanging_server_costs_one_limit_and_then_nothing(
    cache_server: CacheServer,
) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)
        cache_server.freeze()
        failures = cache.counters.failures
        found = await asyncio.gather(*(rows.get_many([one]) for _ in range(20)))
        assert all(answer[one].name == "one" for answer in found)
        assert cache.counters.failures - failures <= 20
        assert cache.counters.outages == 1
        shelf.asked.clear()
        # Not a measurement: with the limit for each, 1,000 would take almost a minute.
        async with asyncio.timeout(1000 * SHORT / 2):
            for _ in range(1000):
                await rows.get_many([one])
        assert len(shelf.asked) == 1000
        cache_server.thaw()
        await until(lambda: cache.state == "ok")
        # The answers that came too late are nobody's.
        assert (await read(rows, one))[one].id == one


@pytest.mark.usefixtures("short_limit")
async def test_late_answers_are_not_those_of_the_next_question(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        ids = [shelf.add(f"item {number}") for number in range(50)]
        for _ in range(3):
            await read(rows, *ids)
        for _ in range(3):
            cache_server.freeze()
            await asyncio.gather(*(rows.get_many([id_]) for id_ in ids[:10]))
            cache_server.thaw()
            await until(lambda: cache.state == "ok")
            found = await asyncio.gather(*(rows.get_many([id_]) for id_ in ids))
            for id_, answer in zip(ids, found, strict=True):
                assert answer[id_].id == id_
        assert cache.counters.broken == 0


async def serve(answer: bytes | None, told: list[bytes]) -> asyncio.Server:
    """Start a server that answers everything with the same bytes, or never."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            told.append(data)
            if answer is not None:
                writer.write(answer)
        writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


NONSENSE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x00" * 100,
    b"*-1\r\n",
    b"*2\r\n$3\r\nabc\r\n:5\r\n",
    b"*1\r\n$-1\r\n",
    b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
    b"$5\r\nhello\r\n",
    b"-ERR this is no cache\r\n",
    b"-NOAUTH Authentication required.\r\n",
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"+OK\r\n",
    b"*100000000000\r\n",
    b"$99999999999999999999\r\n",
    None,
]


@pytest.mark.parametrize("answer", NONSENSE)
@pytest.mark.usefixtures("short_limit")
async def test_a_server_that_answers_nonsense_is_skipped(answer: bytes | None) -> None:
    told: list[bytes] = []
    server = await serve(answer, told)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(f"redis://127.0.0.1:{port}/0") as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            assert (await read(rows, one))[one].name == "one"
        assert cache.state == "degraded"
        assert told
        assert len(shelf.asked) == 3


async def test_a_wrong_password_is_no_error_of_a_request(
    tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    locked = CacheServer(tmp_path, "--requirepass", "open sesame")
    locked.start()
    try:
        right = locked.url.replace("://", "://:open%20sesame@")
        async with opened(right) as (cache, _, _):
            assert await cache.check() == "ok"
        async with opened(locked.url.replace("://", "://:guess@")) as (cache, shelf, rows):
            one = shelf.add("one")
            assert (await read(rows, one))[one].name == "one"
            assert cache.state == "degraded"
        assert "guess" not in caplog.text
    finally:
        locked.kill()


async def test_a_full_server_still_gives_what_it_has(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(3):
            await read(rows, one)
        cache_server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        cache_server.command("CONFIG", "SET", "maxmemory", "1")
        two = shelf.add("two")
        for _ in range(3):
            assert (await read(rows, one, two))[two].name == "two"
        assert cache.state == "ok"
        assert cache.counters.failures == 3
        assert cache.counters.hits >= 3


async def test_a_write_that_can_not_be_told_says_so(
    cache_server: CacheServer, caplog: pytest.LogCaptureFixture
) -> None:
    cache_server.kill()
    async with opened(cache_server.url) as (cache, _, _):
        assert not await cache.forget(KIND)
        assert "could not be told of a change" in caplog.text


async def test_closing_ends_the_search_for_a_server_that_is_away(
    cache_server: CacheServer,
) -> None:
    async with opened(cache_server.url) as (cache, _, rows):
        cache_server.kill()
        await read(rows, uuid7())
        assert cache.state == "degraded"
    await until(lambda: not [task for task in asyncio.all_tasks() if "_recover" in repr(task)])


async def test_what_is_written_after_closing_begins_no_search(cache_server: CacheServer) -> None:
    async with opened(cache_server.url) as (cache, shelf, rows):
        one = shelf.add("one")
        for _ in range(2):
            await read(rows, one)
        two = shelf.add("two")
        await rows.get_many([two])  # its entry is still being written
        cache_server.kill()
        await cache.close()
        await rows.settle()
        await cache.forget(KIND)
        assert cache.state == "ok"
        assert not [task for task in asyncio.all_tasks() if "_recover" in repr(task)]
