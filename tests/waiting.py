"""Waiting in a test's event loop for what other tasks or the server do in their own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(
    holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 30.0
) -> None:
    """Give way to other tasks until something holds; what never does is a failure."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if isinstance(found, bool):
                if found:
                    return
            elif await found:
                return
            await asyncio.sleep(0)
