"""Threads of tests: none is waited for without end, and one that does not end is shown."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 120.0
"""How long a thread may take: longer than anything that a test does, shorter than its limit."""


class Thread(threading.Thread):
    """A thread that keeps no process alive."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        super().__init__(target=function, args=args, daemon=True)

    def end(self, seconds: float = PATIENCE) -> None:
        """Wait for its end; one that goes on is a failure that shows where it is."""
        self.join(seconds)
        if self.is_alive():
            frame = sys._current_frames().get(self.ident or 0)
            where = "".join(traceback.format_stack(frame)) if frame else "nowhere"
            raise AssertionError(f"a thread goes on after {seconds:.0f} s:\n{where}")


def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread of its own, and return what it returns or raise its error."""
    result: Future[T] = Future()

    def call() -> None:
        try:
            result.set_result(function(*args, **kwargs))
        except BaseException as error:
            result.set_exception(error)

    thread = Thread(call)
    thread.start()
    thread.end()
    return result.result(timeout=0)
