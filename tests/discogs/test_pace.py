"""The limit that all processes share: one row, one statement a call, a sliding window."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from discogs_standin import busiest
from factories import NOW
from kleio.db.errors import NotMigrated
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.discogs.pace import SharedPace
from kleio.repositories import discogs_pace

pytestmark = pytest.mark.anyio

WINDOW = 60.0


async def take(
    conn: Connection,
    seconds: float,
    *,
    rate: int = 50,
    seen: tuple[int, int, float] | tuple[None, None, None] = (None, None, None),
) -> float:
    """Take a moment at a time in seconds, and return when it is."""
    limit, used, ago = seen
    moment = await discogs_pace.update_pace_taken(
        conn,
        calls_a_minute=rate,
        window_seconds=WINDOW,
        seen_seconds_ago=ago,
        seen_limit=limit,
        seen_used=used,
        now=NOW + timedelta(seconds=seconds),
    )
    assert moment is not None
    return seconds + moment.wait_seconds


async def test_calls_go_at_once_until_the_window_is_full(tx: Connection) -> None:
    taken = [await take(tx, second / 10) for second in range(50)]
    assert taken == [second / 10 for second in range(50)]
    assert await take(tx, 6.0) == 60.0
    assert await take(tx, 6.0) == pytest.approx(60.1)


async def test_no_window_ever_holds_more_and_little_is_wasted(
    tx: Connection, rng: random.Random
) -> None:
    """Callers that come when they like, some late, some early."""
    now, taken = 0.0, []
    for _ in range(500):
        taken.append(await take(tx, now))
        # The next one asks when this one has been made, or has waited a while more.
        now = taken[-1] + rng.choice((0, 0, 0, 0.3, 2))
    # Times are microseconds there and floats here.
    assert busiest(taken, WINDOW - 0.001) == 50
    idle = taken[-1] - (len(taken) - 1) // 50 * WINDOW
    assert idle < WINDOW


async def test_those_who_wait_are_served_in_the_order_of_asking(tx: Connection) -> None:
    taken = [await take(tx, 0.0, rate=2) for _ in range(7)]
    assert taken == [0, 0, 60, 60, 120, 120, 180]


async def test_the_row_forgets_what_is_past(tx: Connection) -> None:
    for minute in range(20):
        await take(tx, minute * 30.0)
    cursor = await tx.execute("SELECT cardinality(calls) FROM discogs_pace")
    assert await cursor.fetchone() == (2,)


async def test_other_programs_within_the_reserve_cost_nothing(tx: Connection) -> None:
    for _ in range(10):
        await take(tx, 0.0)
    # Discogs has counted 18: 8 are not ours, and there is room for 50 of ours still.
    taken = [await take(tx, 1.0, seen=(60, 18, 0.0)) for _ in range(40)]
    assert taken == [1.0] * 40
    assert await take(tx, 1.0) == 60.0


async def test_what_other_programs_use_beyond_the_reserve_is_left_to_them(tx: Connection) -> None:
    for _ in range(10):
        await take(tx, 0.0)
    # 30 are others': of 60, less 2, 28 are ours.
    assert await take(tx, 1.0, seen=(60, 40, 0.5)) == 1.0
    taken = [await take(tx, 1.0) for _ in range(17)]
    assert taken == [1.0] * 17
    assert await take(tx, 1.0) == 60.0
    # It stays so until an answer tells something newer, or for three minutes.
    assert await take(tx, 61.5) == 61.5
    assert await take(tx, 200.0) == 200.0
    taken = [await take(tx, 200.0) for _ in range(49)]
    assert taken == [200.0] * 49
    assert await take(tx, 200.0) == 260.0


async def test_one_call_a_minute_is_made_even_where_others_take_all(tx: Connection) -> None:
    assert await take(tx, 0.0, seen=(60, 60, 0.0)) == 0.0
    assert await take(tx, 0.0, seen=(60, 60, 0.0)) == 60.0


async def test_our_own_calls_are_not_taken_for_others(tx: Connection) -> None:
    for number in range(30):
        await take(tx, number / 10)
    taken = [await take(tx, 3 + number / 10, seen=(60, 30 + number, 0.05)) for number in range(20)]
    assert taken == [3 + number / 10 for number in range(20)]


async def test_a_smaller_limit_of_discogs_counts(tx: Connection) -> None:
    """25 a minute is what callers without a token get."""
    taken = [await take(tx, 0.0, seen=(25, number, 0.0)) for number in range(23)]
    assert taken == [0.0] * 23
    assert await take(tx, 0.0) == 60.0


async def test_nobody_calls_before_the_end_of_a_block(tx: Connection) -> None:
    await discogs_pace.update_pace_blocked(tx, seconds=40.0, now=NOW)
    await discogs_pace.update_pace_blocked(tx, seconds=10.0, now=NOW)
    assert [await take(tx, 1.0), await take(tx, 2.0), await take(tx, 50.0)] == [40.0, 40.0, 50.0]


async def test_racing_processes_never_take_one_moment_twice(database: Database) -> None:
    """Four connections at once, by the server's clock: as many processes as there may be."""

    async def one() -> float:
        async with database.connection() as conn:
            moment = await discogs_pace.update_pace_taken(
                conn,
                calls_a_minute=5,
                window_seconds=1000.0,
                seen_seconds_ago=None,
                seen_limit=None,
                seen_used=None,
                now=None,
            )
        assert moment is not None
        return moment.wait_seconds

    waits = sorted(await asyncio.gather(*(one() for _ in range(40))))
    # Eight windows of five, whatever the order was.
    assert [round(wait / 1000.0) for wait in waits] == [n for n in range(8) for _ in range(5)]


async def test_a_pace_waits_and_passes_on_what_it_saw(tx: Connection) -> None:
    slept: list[float] = []
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    @asynccontextmanager
    async def lend() -> AsyncIterator[Connection]:
        yield tx

    def now() -> datetime:
        return NOW + timedelta(seconds=clock[0])

    pace: Any = SharedPace(
        lend, 2, window_seconds=WINDOW, sleep=sleep, monotonic=lambda: clock[0], now=now
    )
    for _ in range(3):
        await pace.take()
    assert slept == [60.0]
    pace.saw(60, 59)
    await pace.take()
    cursor = await tx.execute("SELECT others, call_limit FROM discogs_pace")
    assert await cursor.fetchone() == (58, 60)
    await pace.block(90)
    await pace.take()
    assert slept[-1] == pytest.approx(90.0)


async def test_a_row_that_is_gone_is_told(tx: Connection) -> None:
    await tx.execute("DELETE FROM discogs_pace")

    @asynccontextmanager
    async def lend() -> AsyncIterator[Connection]:
        yield tx

    with pytest.raises(NotMigrated, match="discogs_pace"):
        await SharedPace(lend, 50).take()
