"""Brings the embedded server back when it ended while it is in use: killed, or out of memory.

The process that serves watches it in a thread and starts it again, as the next `kleio` command
would; PostgreSQL recovers by itself, and the pools of the workers connect again.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kleio.db.embedded import EmbeddedError, embedded_server, server_pid

logger = logging.getLogger("kleio.embedded")

LOOK_SECONDS = 1.0
"""How often the thread looks whether it is to end, and where the kernel tells of no end of a
process also whether the server lives."""

PAUSE_SECONDS = 5.0
"""How long after a start that failed the next one is tried."""


@contextmanager
def watched(home: Path) -> Iterator[None]:
    """Keep the server below `home` running until the block ends.

    The block's process uses the server itself (`embedded_server`), so the watching stops nothing.
    """
    stopped = threading.Event()
    thread = threading.Thread(
        target=_watch, args=(home, stopped), name="kleio embedded", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        # Before its last user stops the server, or it would come back.
        stopped.set()
        thread.join()


def _watch(home: Path, stopped: threading.Event) -> None:
    pause = LOOK_SECONDS
    while not stopped.wait(pause):
        pause = LOOK_SECONDS
        pid = server_pid(home)
        if pid is not None:
            # At once, where the kernel has told of its end.
            pause = 0.0 if _until_ended(pid, stopped) else LOOK_SECONDS
            continue
        logger.error("PostgreSQL ended; it is started again")
        try:
            with embedded_server(home):
                pass  # joining it has started it; this process uses it, so leaving stops nothing
        except EmbeddedError as error:
            logger.error("PostgreSQL does not start: %s", error)
            pause = PAUSE_SECONDS


def _until_ended(pid: int, stopped: threading.Event) -> bool:
    """Wait for the end of the process; False where it can't be waited for."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:  # gone already, or an old kernel: then it is looked for again and again
        return False
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not poll.poll(LOOK_SECONDS * 1000) and not stopped.is_set():
            pass
    finally:
        os.close(fd)
    return True
