"""gzip for clients that ask for it, and `Vary` for caches, whichever way the answer went out."""

from __future__ import annotations

import re
from typing import Literal

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.middleware.compression import CompressionMiddleware
from litestar.types import Message, Receive, Scope, Send
from zlib_ng.zlib_ng import DEFLATED, MAX_WBITS, Z_FINISH, Z_SYNC_FLUSH, compressobj

_NONE = re.compile(r"q\s*=\s*0(\.0*)?")
_GZIP = MAX_WBITS + 16


class Compression(CompressionMiddleware):
    """The framework's compression, but by zlib-ng, and `gzip;q=0` means no."""

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

    def create_compression_send_wrapper(
        self,
        send: Send,
        compression_encoding: Literal["gzip"] | str,
        scope: Scope,  # noqa: ARG002
    ) -> Send:
        """Return what compresses an answer: whole at once, or block by block where it streams."""
        start: Message | None = None
        packer = None

        async def packed(message: Message) -> None:
            nonlocal start, packer
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body, more = message["body"], message.get("more_body", False)
            if start is not None and (more or len(body) >= self.config.minimum_size):
                packer = compressobj(self.config.gzip_compress_level, DEFLATED, _GZIP)
            if packer is not None:
                body = packer.compress(body) + packer.flush(Z_SYNC_FLUSH if more else Z_FINISH)
                message["body"] = body
            if start is not None:
                if packer is not None:
                    headers = MutableScopeHeaders.from_message(start)
                    headers["Content-Encoding"] = compression_encoding
                    if more:
                        del headers["Content-Length"]
                    else:
                        headers["Content-Length"] = str(len(body))
                first, start = start, None
                await send(first)
            await send(message)

        return packed


def _takes_gzip(accepted: str) -> bool:
    for choice in accepted.lower().split(","):
        coding, _, quality = choice.partition(";")
        if coding.strip() == "gzip":
            return _NONE.fullmatch(quality.strip()) is None
    return False
