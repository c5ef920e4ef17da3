"""gzip for clients that ask for it, and `Vary` for caches, whichever way the answer went out."""

from __future__ import annotations

import re

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Message, Receive, Scope, Send

_NONE = re.compile(r"q\s*=\s*0(\.0*)?")


class Compression(CompressionMiddleware):
    """The framework's compression, but `gzip;q=0` means no."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compress the answer where it is long enough and the client takes gzip."""

        async def send_with_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                if "accept-encoding" not in headers.get("vary", "").lower():
                    headers.extend_header_value("vary", "Accept-Encoding")
            await send(message)

        if _takes_gzip(Headers.from_scope(scope).get("accept-encoding", "")):
            compressed = self.create_compression_send_wrapper(send_with_vary, "gzip", scope)
            await self.app(scope, receive, compressed)
        else:
            await self.app(scope, receive, send_with_vary)


def _takes_gzip(accepted: str) -> bool:
    for choice in accepted.lower().split(","):
        coding, _, quality = choice.partition(";")
        if coding.strip() == "gzip":
            return _NONE.fullmatch(quality.strip()) is None
    return False
