"""What an answer costs beside time: bytes on the way, memory while it is made, nothing afterwards.

The bounds are what was found, and half as much again for another version of Python or a library.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator

import pytest
from http_site import API, Site

from pgbouncer import is_pooled

pytestmark = pytest.mark.anyio

Ask = Callable[[int], Awaitable[int]]
"""Makes the n-th request of its kind and returns the bytes of the answer."""

WARM, WARM_EACH, ASKED = 30, 1100, 100
"""What each new address needs: the framework remembers a thousand of them."""
EACH = ("search", "no such page", "no such parameter")


@pytest.fixture(autouse=True)
def no_records() -> Iterator[None]:
    """Have nothing logged: what a test logs is kept until its end."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


async def asks(site: Site) -> dict[str, Ask]:
    """Return the hot requests; each is another address every time where it can be."""
    song, release = await site.song_id(), await site.release_id()

    def get(path: str, status: int = 200) -> Ask:
        async def ask(number: int) -> int:
            answer = await site.alice.get(f"{API}{path.format(number=number)}")
            assert answer.status_code == status
            return len(answer.content)

        return ask

    return {
        "song": get(f"/songs/{song}"),
        "release": get(f"/releases/{release}"),
        "shelf": get("/collection?limit=50"),
        "shelf by artist": get("/collection?sort=artist&limit=50"),
        "plays": get("/plays?limit=50"),
        "search": get("/releases?q=nothing+{number}"),
        "statistics": get("/collection/stats"),
        "no such page": get("/nothing/{number}", 404),
        "no such parameter": get("/collection?nothing{number}=1", 400),
    }


MOST_BYTES = {
    "song": 800,
    "release": 3_100,
    "shelf": 80_000,
    "shelf by artist": 80_000,
    "plays": 29_000,
    "search": 100,
    "statistics": 1_300,
    "no such page": 300,
    "no such parameter": 450,
}
MOST_KIBIBYTES = {
    "song": 50,
    "release": 50,
    "shelf": 250,
    "shelf by artist": 250,
    "plays": 120,
    "search": 50,
    "statistics": 70,
    "no such page": 40,
    "no such parameter": 50,
}


async def blocks() -> int:
    """Return how many blocks of memory are in use, but for what nobody holds any more.

    A cancelled timer, of a wait that was not needed, holds its request's scope until the loop has
    more than a hundred timers and half of them are cancelled; these here make it look.
    """
    loop = asyncio.get_running_loop()
    for timer in [loop.call_later(3600, print) for _ in range(500)]:
        timer.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()
    return sys.getallocatedblocks()


async def test_nothing_is_left_of_a_request(reading: Site) -> None:
    left = {}
    for name, ask in (await asks(reading)).items():
        warm = WARM_EACH if name in EACH else WARM
        for number in range(warm):
            await ask(number)
        rounds = []
        for turn in range(3):
            before = await blocks()
            for number in range(ASKED):
                await ask(warm + turn * ASKED + number)
            rounds.append(await blocks() - before)
        left[name] = min(rounds)
    assert {name: blocks for name, blocks in left.items() if blocks >= ASKED} == {}


@pytest.mark.skipif(is_pooled(), reason="the proxy to PgBouncer is in the process that is measured")
async def test_bytes_and_memory_of_an_answer(reading: Site) -> None:
    found_bytes, found_kibibytes = {}, {}
    for name, ask in (await asks(reading)).items():
        peaks = []
        for number in range(3):
            gc.collect()
            tracemalloc.start()
            try:
                found_bytes[name] = await ask(number)
                peaks.append(tracemalloc.get_traced_memory()[1] // 1024)
            finally:
                tracemalloc.stop()
        found_kibibytes[name] = min(peaks)
    assert {name: n for name, n in found_bytes.items() if n > MOST_BYTES[name]} == {}
    assert {name: n for name, n in found_kibibytes.items() if n > MOST_KIBIBYTES[name]} == {}
