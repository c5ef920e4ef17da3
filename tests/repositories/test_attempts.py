"""Attempts: so many in a window, however many ask at once; what did not fail is given back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from factories import NOW
from kleio.db.errors import InvalidData
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.repositories import attempts

pytestmark = pytest.mark.anyio

ADA, BEN = b"a" * 32, b"b" * 32
WINDOW, LIMIT = 600.0, 5
GAP = WINDOW / LIMIT


async def attempt(conn: Connection, subject: bytes = ADA, *, seconds: float = 0) -> float:
    wait = await attempts.upsert_attempt(
        conn,
        subject=subject,
        gap_seconds=GAP,
        window_seconds=WINDOW,
        now=NOW + timedelta(seconds=seconds),
    )
    assert wait is not None
    return wait.seconds


async def test_a_subject_has_so_many_and_then_one_a_gap(tx: Connection) -> None:
    assert [await attempt(tx) for _ in range(LIMIT)] == [0] * LIMIT
    assert await attempt(tx) == GAP
    # What is refused moves nothing on.
    assert await attempt(tx, seconds=20) == GAP - 20
    assert await attempt(tx, seconds=GAP - 1) == 1
    assert await attempt(tx, seconds=GAP) == 0
    assert await attempt(tx, seconds=GAP) == GAP
    assert [await attempt(tx, seconds=GAP + WINDOW) for _ in range(LIMIT + 1)] == [0] * LIMIT + [
        GAP
    ]


async def test_subjects_count_apart(tx: Connection) -> None:
    for _ in range(LIMIT + 1):
        await attempt(tx)
    assert await attempt(tx, BEN) == 0


async def test_what_is_given_back_counts_no_more(tx: Connection) -> None:
    for _ in range(LIMIT):
        await attempt(tx)
    back = await attempts.update_attempts_returned(tx, subjects=[BEN, ADA], gaps=[GAP, GAP])
    assert back == 1
    assert [await attempt(tx), await attempt(tx)] == [0, GAP]


async def test_of_many_at_once_as_many_pass_as_may(database: Database) -> None:
    async def one() -> float:
        async with database.connection() as conn:
            return await attempt(conn)

    waits = await asyncio.gather(*(one() for _ in range(LIMIT * 6)))
    assert waits.count(0) == LIMIT
    assert all(wait in (0, GAP) for wait in waits)


async def test_only_what_counts_no_more_is_forgotten(tx: Connection) -> None:
    await attempt(tx)
    await attempt(tx, BEN, seconds=1)
    later = NOW + timedelta(seconds=GAP)
    assert await attempts.count_old_attempts(tx, now=later) == 1
    assert await attempts.delete_old_attempts(tx, now=later) == 1
    assert await attempts.count_old_attempts(tx, now=later + timedelta(seconds=1)) == 1


async def test_a_subject_is_a_hash(tx: Connection) -> None:
    with pytest.raises(InvalidData):
        async with tx.transaction():
            await attempt(tx, b"ada")
