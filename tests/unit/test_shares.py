"""Shares of a pool: no user has all connections, and none is lost whoever gives up."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID

import pytest

from kleio.db.errors import Overloaded
from kleio.db.shares import WHOSE, Shares

pytestmark = pytest.mark.anyio

ADA, BEN = UUID(int=1), UUID(int=2)


async def take(shares: Shares, whose: UUID | None) -> UUID | None:
    WHOSE.set(whose)
    return await shares.take()


def taking(shares: Shares, whose: UUID | None) -> asyncio.Task[UUID | None]:
    return asyncio.create_task(take(shares, whose))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def is_empty(shares: Shares) -> bool:
    return not shares._held and not shares._waiting


async def test_who_has_a_share_waits_in_line_and_nobody_else_does() -> None:
    shares = Shares(2, waiting=10, timeout=60)
    assert [await take(shares, ADA) for _ in range(2)] == [ADA, ADA]
    waiting = [taking(shares, ADA) for _ in range(2)]
    await turns()
    assert await take(shares, BEN) == BEN
    assert await take(shares, None) is None
    assert [task.done() for task in waiting] == [False, False]
    shares.give(ADA)
    await turns()
    assert [task.done() for task in waiting] == [True, False]
    for whose in (None, BEN, ADA, ADA, ADA):
        shares.give(whose)
        await turns()
    assert waiting[1].done()
    assert is_empty(shares)


async def test_who_waits_too_long_or_as_one_too_many_is_refused() -> None:
    shares = Shares(1, waiting=2, timeout=0.001)
    await take(shares, ADA)
    answers = await asyncio.gather(*(taking(shares, ADA) for _ in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers if isinstance(answer, Overloaded)] == [
        "connect: a user has too many requests",
        "connect: a user has too many requests",
        "connect: too many requests of one user wait",
    ]
    # They have left the line: the next one may wait.
    with pytest.raises(Overloaded, match="a user has"):
        await take(shares, ADA)
    shares.give(ADA)
    assert is_empty(shares)


@pytest.mark.parametrize("is_given", [False, True])
async def test_who_is_cancelled_takes_nothing_along(is_given: bool) -> None:
    shares = Shares(1, waiting=9, timeout=60)
    await take(shares, ADA)
    first, second = taking(shares, ADA), taking(shares, ADA)
    await turns()
    if is_given:  # and cancelled before it hears of it
        shares.give(ADA)
    first.cancel()
    if not is_given:  # and given before it has left the line
        shares.give(ADA)
    await turns()
    assert first.cancelled()
    assert await second == ADA
    shares.give(ADA)
    assert is_empty(shares)


async def test_nothing_is_lost_in_a_crowd(rng: random.Random) -> None:
    shares = Shares(3, waiting=50, timeout=0.002)
    held, most = 0, 0

    async def work() -> None:
        nonlocal held, most
        try:
            whose = await take(shares, ADA)
        except Overloaded:
            return
        held += 1
        most = max(most, held)
        try:
            await turns(rng.randrange(40))
        finally:
            held -= 1
            shares.give(whose)

    tasks = [asyncio.create_task(work()) for _ in range(500)]
    while not all(task.done() for task in tasks):
        rng.choice(tasks).cancel()
        await turns(3)
    assert most == 3
    assert is_empty(shares)
