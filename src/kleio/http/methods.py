"""HEAD and OPTIONS, which the framework leaves to each handler: here for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from litestar import Litestar

NO_METHOD = "*"
"""Nothing takes it, so that the router answers 405 with the methods that there are."""


class Application(Litestar):
    """An application that answers HEAD as GET without the body, and OPTIONS with all methods."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a request from the server."""
        method = scope["method"] if scope["type"] == "http" else None
        if method not in ("HEAD", "OPTIONS"):
            await super().__call__(scope, receive, send)
            return

        async def send_head(message: Any) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            elif method == "OPTIONS" and message["status"] == 405:
                allowed = [header for header in message["headers"] if header[0] == b"allow"]
                message = {**message, "status": 204, "headers": allowed}
            await send(message)

        # The same scope, because whoever looks at the request finds there what was learnt of it.
        scope["method"] = "GET" if method == "HEAD" else NO_METHOD
        answer: Any = send_head
        await super().__call__(scope, receive, answer)


def allow(methods: Iterable[str]) -> str:
    """Return the Allow header of an address whose handlers take these methods."""
    found = set(methods)
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))
