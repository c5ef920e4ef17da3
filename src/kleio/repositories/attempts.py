"""Guesses at passwords and tokens, of accounts and addresses: `queries/attempts.sql`."""

from __future__ import annotations

from datetime import datetime

from kleio.db.queries import Connection, Row, query


class Wait(Row, frozen=True):
    """How long a subject has to wait for its next attempt; 0 where this one was counted."""

    seconds: float


@query
async def upsert_attempt(
    conn: Connection, *, subject: bytes, gap_seconds: float, window_seconds: float, now: datetime
) -> Wait | None:
    """Count an attempt of a subject that has one left, and tell how long another one waits."""


@query
async def update_attempts_returned(
    conn: Connection, *, subjects: list[bytes], gaps: list[float]
) -> int:
    """Give each subject back an attempt that did not fail; return how many subjects."""


@query
async def delete_old_attempts(conn: Connection, *, now: datetime) -> int:
    """Forget the subjects of which nothing counts any more; return how many."""


@query
async def count_old_attempts(conn: Connection, *, now: datetime) -> int:
    """Return how many subjects have nothing that counts any more."""
