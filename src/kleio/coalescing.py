"""Concurrent look-ups of one kind become one query: under load a round trip serves many requests.

Knows no noun and no query: what it calls takes many keys and returns what it found.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Generic, TypeVar

from kleio.db.admission import WHOSE
from kleio.db.errors import Overloaded

K = TypeVar("K")
T = TypeVar("T")


class Coalescer(Generic[K, T]):
    """Gathers the keys that requests ask for and looks them up together.

    What is asked for in one turn of the event loop is one batch; while as many batches as may be
    are under way, the next one grows. A key that is being looked up already is not asked for
    again, unless `fresh`: the answer may then be as old as that look-up, so it is for rows that
    this process does not write.

    Args:
        load: looks up keys, each once, and returns what it found.
        batch: keys of one look-up, at most.
        in_flight: look-ups at once, at most.
        waiting: keys that may wait; the next one is refused.
        timeout: seconds that a key may wait for its look-up to begin.
        fresh: a look-up never answers what was asked after it began, so that what was written
            before the question counts.
    """

    def __init__(
        self,
        load: Callable[[list[K]], Awaitable[Mapping[K, T]]],
        *,
        batch: int = 100,
        in_flight: int = 2,
        waiting: int = 1000,
        timeout: float = 3.0,
        fresh: bool = False,
    ) -> None:
        self._load = load
        self._batch = batch
        self._in_flight = in_flight
        self._waiting = waiting
        self._timeout = timeout
        self._fresh = fresh
        self._asked: dict[K, list[asyncio.Future[T | None]]] = {}
        self._queue: deque[tuple[float, K]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._start_is_due = False
        self._expiry: asyncio.TimerHandle | None = None

    async def get(self, key: K) -> T | None:
        """Return what is found for a key, None where there is nothing.

        Raises:
            Overloaded: too many keys wait already, or this one waited too long.
            DatabaseError: of what `load` raises.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T | None] = loop.create_future()
        if (others := self._asked.get(key)) is not None:
            others.append(future)
            return await future
        if len(self._queue) >= self._waiting:
            raise Overloaded("too many look-ups wait", operation="connect")
        self._asked[key] = [future]
        self._queue.append((loop.time(), key))
        if len(self._running) >= self._in_flight:
            if self._expiry is None:
                self._expiry = loop.call_later(self._timeout, self._expire)
        elif not self._start_is_due:
            self._start_is_due = True
            loop.call_soon(self._start)
        return await future

    def _start(self) -> None:
        self._start_is_due = False
        while self._queue and len(self._running) < self._in_flight:
            count = min(self._batch, len(self._queue))
            keys = [self._queue.popleft()[1] for _ in range(count)]
            asked: MutableMapping[K, list[asyncio.Future[T | None]]] = self._asked
            if self._fresh:
                asked = {key: self._asked.pop(key) for key in keys}
            task = asyncio.get_running_loop().create_task(self._look_up(keys, asked))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _look_up(
        self, keys: list[K], asked: MutableMapping[K, list[asyncio.Future[T | None]]]
    ) -> None:
        WHOSE.set(None)  # nobody's: it must not wait for what the one who asked first is doing
        try:
            found = await self._load(keys)
        except BaseException as error:
            for key in keys:
                _fail(asked.pop(key), error)
            if not isinstance(error, Exception):
                raise
            return
        for key in keys:
            for future in asked.pop(key):
                if not future.done():
                    future.set_result(found.get(key))

    def _expire(self) -> None:
        """Refuse what has waited too long, and look again when the next one will have."""
        loop = asyncio.get_running_loop()
        self._expiry = None
        while self._queue and self._queue[0][0] + self._timeout <= loop.time():
            _fail(
                self._asked.pop(self._queue.popleft()[1]),
                Overloaded("a look-up waited too long", operation="connect"),
            )
        if self._queue:
            self._expiry = loop.call_at(self._queue[0][0] + self._timeout, self._expire)


def _fail(futures: list[asyncio.Future[T | None]], error: BaseException) -> None:
    for future in futures:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
