"""Coalesced look-ups: what becomes one batch, its bounds, failures, and who gives up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kleio.coalescing import Coalescer
from kleio.db.errors import Overloaded, StatementTimeout

pytestmark = pytest.mark.anyio


class Loads:
    """Look-ups that wait until they are let go, and what they were asked for."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.most_at_once = 0
        self.error: BaseException | None = None
        self._running = 0
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def __call__(self, keys: list[int]) -> dict[int, str]:
        self.batches.append(keys)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            await self.go.wait()
            if self.error is not None:
                raise self.error
            return {key: f"row {key}" for key in keys if key >= 0}
        finally:
            self._running -= 1


async def turn() -> None:
    """Let everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


def ask(coalescer: Coalescer[int, str], *keys: int) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(coalescer.get(key)) for key in keys]


async def test_one_turn_is_one_batch_of_different_keys() -> None:
    load = Loads()
    coalescer = Coalescer(load)
    found = await asyncio.gather(*ask(coalescer, 1, 2, 2, -1, 1))
    assert found == ["row 1", "row 2", "row 2", None, "row 1"]
    assert load.batches == [[1, 2, -1]]
    assert await coalescer.get(1) == "row 1"
    assert load.batches == [[1, 2, -1], [1]]


async def test_batches_and_those_at_once_are_bounded() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, batch=3, in_flight=2)
    tasks = ask(coalescer, *range(20))
    await turn()
    assert load.batches == [[0, 1, 2], [3, 4, 5]]
    load.go.set()
    assert await asyncio.gather(*tasks) == [f"row {key}" for key in range(20)]
    assert load.most_at_once == 2
    assert [len(batch) for batch in load.batches] == [3, 3, 3, 3, 3, 3, 2]


async def test_what_waits_grows_into_one_batch() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, in_flight=1)
    tasks = ask(coalescer, 1)
    await turn()
    for key in range(2, 6):
        tasks += ask(coalescer, key)
        await turn()
    load.go.set()
    await asyncio.gather(*tasks)
    assert load.batches == [[1], [2, 3, 4, 5]]


async def test_a_key_under_way_is_not_asked_for_again() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, in_flight=5)
    tasks = ask(coalescer, 1)
    await turn()
    tasks += ask(coalescer, 1, 1)
    await turn()
    assert load.batches == [[1]]
    load.go.set()
    assert await asyncio.gather(*tasks) == ["row 1"] * 3


async def test_a_fresh_answer_is_to_a_look_up_that_began_after_the_question() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, in_flight=2, fresh=True)
    tasks = ask(coalescer, 1)
    await turn()
    tasks += ask(coalescer, 1, 1, 2)
    await turn()
    tasks += ask(coalescer, 1, 2)
    await turn()
    assert load.batches == [[1], [1, 2]]
    load.go.set()
    found = await asyncio.gather(*tasks)
    assert found == ["row 1", "row 1", "row 1", "row 2", "row 1", "row 2"]
    assert load.batches == [[1], [1, 2], [1, 2]]


async def test_a_fresh_look_up_that_fails_leaves_the_next_one_alone() -> None:
    go = asyncio.Event()

    async def load(keys: list[int]) -> dict[int, str]:
        if not go.is_set():
            await go.wait()
            raise StatementTimeout("too long")
        return {key: f"row {key}" for key in keys}

    coalescer = Coalescer(load, in_flight=1, fresh=True)
    first = ask(coalescer, 1)
    await turn()
    second = ask(coalescer, 1)
    await turn()
    go.set()
    failed = await asyncio.gather(*first, return_exceptions=True)
    assert [type(error) for error in failed] == [StatementTimeout]
    assert await asyncio.gather(*second) == ["row 1"]


async def test_a_failure_is_that_of_its_batch_alone() -> None:
    load = Loads()
    load.error = StatementTimeout("too long")
    coalescer = Coalescer(load)
    failed = await asyncio.gather(*ask(coalescer, 1, 2, 2), return_exceptions=True)
    assert [type(error) for error in failed] == [StatementTimeout] * 3
    load.error = None
    assert await coalescer.get(1) == "row 1"


async def test_one_that_gives_up_does_not_take_the_others_along() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load)
    first, second, third = ask(coalescer, 1, 1, 2)
    await turn()
    first.cancel()
    await turn()
    load.go.set()
    assert await second == "row 1"
    assert await third == "row 2"
    assert first.cancelled()


async def test_too_many_that_wait_are_refused() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, batch=1, in_flight=1, waiting=2)
    tasks = ask(coalescer, 1)
    await turn()
    tasks += ask(coalescer, 2, 3)
    await turn()
    with pytest.raises(Overloaded):
        await coalescer.get(4)
    tasks += ask(coalescer, 3)  # is looked up anyway
    load.go.set()
    assert await asyncio.gather(*tasks) == ["row 1", "row 2", "row 3", "row 3"]


async def test_one_that_waits_too_long_is_refused() -> None:
    load = Loads(held=True)
    coalescer = Coalescer(load, in_flight=1, timeout=0.02)
    running = ask(coalescer, 1)
    await turn()
    waiting = ask(coalescer, 2, 3)
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in refused] == [Overloaded] * 2
    load.go.set()
    assert await running[0] == "row 1"
    assert await coalescer.get(2) == "row 2"


async def test_many_at_once_get_what_is_theirs() -> None:
    load = Loads()
    coalescer = Coalescer(load, batch=7, in_flight=3)

    async def client(number: int) -> None:
        for step in range(50):
            key = (number * 31 + step * 17) % 17
            assert await coalescer.get(key) == f"row {key}"
            if step % 3 == number % 3:
                await asyncio.sleep(0)

    await asyncio.gather(*(client(number) for number in range(40)))
    assert load.most_at_once <= 3
    assert max(map(len, load.batches)) <= 7
    assert sum(map(len, load.batches)) < 40 * 50
