"""Request bodies that come too slowly, or break off: no bug of the server's, and no place held.

Who sends one too slowly is sent away.

Slow headers are the server's own business (Granian gives them 30 s).
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from time import monotonic
from typing import Any

from kleio.http.problems import ProblemError

FIRST_SECONDS = 30.0
"""How long a body may take, whatever it brings."""

BYTES_A_SECOND = 4096.0
"""What it has to bring on the average to take longer: a modem does."""

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods whose requests may have a body."""


def in_time(receive: Any) -> Any:
    """Return an ASGI `receive` that raises where a body comes too slowly or is cut off.

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
        return message

    return receive_in_time


def _too_slow() -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_TIMEOUT,
        "too-slow",
        "The body came too slowly.",
        headers={"Connection": "close"},
    )
