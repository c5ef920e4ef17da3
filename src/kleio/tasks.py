"""The end of tasks: asked for until it comes.

`asyncio.Task.cancel` asks once, and a task may miss it: under Python 3.11 `asyncio.wait_for` loses
a cancellation that comes together with the result (python/cpython#86296), also inside libraries. A
task that works for ever then goes on for ever, and who waits for its end waits as long. Nothing
here knows what the tasks do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

logger = logging.getLogger("kleio.tasks")

AGAIN_SECONDS = 5.0
"""How long a task may take to clean up before it is cancelled again."""


async def end_tasks(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks, and return when all of them have ended, however they did.

    One that goes on is cancelled again every AGAIN_SECONDS.

    Raises:
        asyncio.CancelledError: of the caller's task; the tasks have ended nevertheless.
    """
    everyone = set(tasks)
    pending = everyone
    cancelled: asyncio.CancelledError | None = None
    while pending := {task for task in pending if not task.done()}:
        for task in pending:
            task.cancel()
        try:
            _, late = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
        except asyncio.CancelledError as error:
            cancelled = error
        else:
            for task in late:
                logger.info("a task goes on and is cancelled again: %r", task)
    for task in everyone:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio doesn't report it
    if cancelled is not None:
        raise cancelled
