"""What tests use to wait for threads."""

from __future__ import annotations

import threading

import pytest

from threads import Thread, in_thread


def test_a_thread_that_goes_on_is_shown() -> None:
    may_end = threading.Event()
    thread = Thread(may_end.wait)
    thread.start()
    with pytest.raises(AssertionError, match=r"(?s)goes on after 0 s:\n.* in wait"):
        thread.end(0.01)
    may_end.set()
    thread.end()


def test_a_result_and_an_error_come_out() -> None:
    assert in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        in_thread(divmod, 7, 0)
