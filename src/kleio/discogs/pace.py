"""The pace of calls to Discogs, kept in the database for all processes that share it.

This module asks for a moment and waits for it; how moments are given is one statement
(`queries/discogs_pace.sql`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime

from kleio.db.errors import NotMigrated
from kleio.db.queries import Connection
from kleio.repositories import discogs_pace

WINDOW_SECONDS = 61.0
"""Discogs counts the calls of any 60 seconds; the one more is for calls that are late."""

Lender = Callable[[], AbstractAsyncContextManager[Connection]]


class SharedPace:
    """Gives one process its share of the calls.

    Args:
        lend: lends a connection for one statement.
        calls_a_minute: what all processes together may take.
        window_seconds: the length of the sliding window.
        sleep: waits seconds.
        monotonic: seconds of a clock that never jumps.
        now: gives the time that moments are counted from; the database's clock where None.
    """

    def __init__(
        self,
        lend: Lender,
        calls_a_minute: int,
        *,
        window_seconds: float = WINDOW_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._lend = lend
        self._calls_a_minute = calls_a_minute
        self._window_seconds = window_seconds
        self._sleep = sleep
        self._monotonic = monotonic
        self._now = now
        self._seen: tuple[int, int, float] | None = None

    async def take(self) -> None:
        """Wait until one call may be made.

        Raises:
            DatabaseError: the database fails.
        """
        limit = used = ago = None
        if self._seen is not None:
            limit, used, at = self._seen
            ago = self._monotonic() - at
            self._seen = None
        async with self._lend() as conn:
            moment = await discogs_pace.update_pace_taken(
                conn,
                calls_a_minute=self._calls_a_minute,
                window_seconds=self._window_seconds,
                seen_seconds_ago=ago,
                seen_limit=limit,
                seen_used=used,
                now=self._now() if self._now else None,
            )
        if moment is None:
            raise NotMigrated("the row of discogs_pace is missing; migrate again")
        if moment.wait_seconds > 0:
            await self._sleep(moment.wait_seconds)

    def saw(self, limit: int, used: int) -> None:
        """Remember what an answer says of the last minute, for the next `take`."""
        self._seen = (limit, used, self._monotonic())

    async def block(self, seconds: float) -> None:
        """Let no process call for a while."""
        async with self._lend() as conn:
            await discogs_pace.update_pace_blocked(
                conn, seconds=seconds, now=self._now() if self._now else None
            )
