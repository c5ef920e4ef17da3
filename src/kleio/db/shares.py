"""How many connections of a pool one user has at once: never all of them.

Who asks for more waits for their own to come back, so that whatever one account does, others find a
connection free. What is asked for nobody in particular is not counted: look-ups of tokens, look-ups
for several users together, work beside the requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar
from uuid import UUID

from kleio.db.errors import Overloaded

WHOSE: ContextVar[UUID | None] = ContextVar("kleio_whose", default=None)
"""Whose connections this task asks for; None for nobody's."""


class Shares:
    """Who has how many connections, and who waits for one of their own.

    Args:
        most: connections of one user at once.
        waiting: requests of one user that may wait; the next one is refused.
        timeout: seconds that they wait.
    """

    def __init__(self, most: int, *, waiting: int, timeout: float) -> None:
        self._most = most
        self._most_waiting = waiting
        self._timeout = timeout
        self._held: dict[UUID, int] = {}
        self._waiting: dict[UUID, deque[asyncio.Future[None]]] = {}

    async def take(self) -> UUID | None:
        """Count one more connection of the task's user, and return whose it is, for `give`.

        Raises:
            Overloaded: none of the user's came back in time, or too many wait already.
        """
        whose = WHOSE.get()
        if whose is not None:
            held = self._held.get(whose, 0)
            if held < self._most:
                self._held[whose] = held + 1
            else:
                await self._wait(whose)
        return whose

    def give(self, whose: UUID | None) -> None:
        """Count one connection less, or let the user's next one in line have it."""
        if whose is None:
            return
        queue = self._waiting.get(whose, deque())
        while queue:
            future = queue.popleft()
            if not future.done():  # else it has given up in this very moment
                future.set_result(None)
                return
        if (held := self._held[whose]) > 1:
            self._held[whose] = held - 1
        else:
            del self._held[whose]
            self._waiting.pop(whose, None)  # nobody is in it

    async def _wait(self, whose: UUID) -> None:
        queue = self._waiting.setdefault(whose, deque())
        if len(queue) >= self._most_waiting:
            raise Overloaded("too many requests of one user wait", operation="connect")
        future = asyncio.get_running_loop().create_future()
        queue.append(future)
        try:
            async with asyncio.timeout(self._timeout):
                await future
        except BaseException as error:
            if not future.cancelled():  # it was given in this very moment
                self.give(whose)
            elif future in queue:
                queue.remove(future)
            if isinstance(error, TimeoutError):
                raise Overloaded("a user has too many requests", operation="connect") from None
            raise
