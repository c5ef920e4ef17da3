"""Request bodies that come too slowly, or break off: no bug of the server's, and no place held.

Who sends one too slowly is sent away. Who takes some time is looked at again when it is whole: a
token that was revoked in between must not do what it was let in for.

Slow headers are the server's own business (Granian gives them 30 s).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from time import monotonic
from typing import Any

from kleio.http.problems import ProblemError

FIRST_SECONDS = 30.0
"""How long a body may take, whatever it brings."""

BYTES_A_SECOND = 4096.0
"""What it has to bring on the average to take longer: a modem does."""

LATE_SECONDS = 1.0
"""How long after its sender was let in a body may be whole without the sender being looked at
again: about as long as any request takes."""

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods whose requests may have a body."""


_CHECK = "kleio_late_check"


def when_late(scope: Any, check: Callable[[], Awaitable[None]]) -> None:
    """Have it checked again whether a request may be made, should its body be whole late.

    Args:
        scope: of the request.
        check: raises where it may not be made any more.
    """
    scope[_CHECK] = monotonic() + LATE_SECONDS, check


async def _check_if_late(scope: Any) -> None:
    late, check = scope.get(_CHECK, (None, None))
    if late is not None and monotonic() > late:
        await check()


def in_time(scope: Any, receive: Any) -> Any:
    """Return an ASGI `receive` that raises where a body comes too slowly or is cut off.

    So it does at the end of one that is late, where `when_late`'s check does.

    Only the time in which somebody waits for it counts: a database that hangs while the token is
    looked up is not the client's fault. After the body's end it waits as long as anybody likes, for
    the client to go.
    """
    waited, received, has_ended = 0.0, 0, False

    async def receive_in_time() -> Any:
        nonlocal waited, received, has_ended
        if has_ended:
            return await receive()
        began = monotonic()
        try:
            async with asyncio.timeout(FIRST_SECONDS + received / BYTES_A_SECOND - waited):
                message = await receive()
        except TimeoutError:
            has_ended = True  # nobody waits for it a second time
            raise _too_slow() from None
        if message["type"] == "http.disconnect":
            has_ended = True
            # Nobody reads it, but it is what the log and the metrics say.
            raise ProblemError(HTTPStatus.BAD_REQUEST, "cut-off", "The body was cut off.")
        waited += monotonic() - began
        received += len(message.get("body", b""))
        has_ended = not message.get("more_body", False)
        if has_ended:
            await _check_if_late(scope)
        return message

    return receive_in_time


def _too_slow() -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_TIMEOUT,
        "too-slow",
        "The body came too slowly.",
        headers={"Connection": "close"},
    )
