"""`CACHE_URL`: what is allowed in it, and what the client library makes of it.

It may hold a password: no message here quotes any part of it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

CACHE_ADDRESSES = (
    "redis://user:password@host:port/0, rediss://... for TLS, or unix:///path/to.sock?db=0; "
    "special characters percent-encoded"
)

_SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "unix": "unix",
    "valkey": "redis",
    "valkeys": "rediss",
}
_OPTIONS = frozenset({"db", "username", "password"})
_TLS_OPTIONS = frozenset(
    {"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)


def check_cache_address(url: str) -> None:
    """Check an address without connecting to it.

    Raises:
        ValueError: it is not one that a cache server can have.
    """
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, "")
    if not scheme or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("scheme")
    options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    if not options.keys() <= (_OPTIONS | _TLS_OPTIONS if scheme == "rediss" else _OPTIONS):
        raise ValueError("option")
    if options.get("ssl_cert_reqs", "required") not in ("none", "optional", "required"):
        raise ValueError("ssl_cert_reqs")
    _check_database(options.get("db", "0"))
    if scheme == "unix":
        if parts.hostname or not parts.path.startswith("/"):
            raise ValueError("path")
        return
    if not parts.hostname or parts.port == 0:  # a port that is no number raises by itself
        raise ValueError("host")
    _check_database(parts.path.removeprefix("/") or "0")


def _check_database(text: str) -> None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise ValueError("database")


def connection_options(url: str) -> dict[str, Any]:
    """Return the client library's options of an address that `check_cache_address` accepts."""
    from redis.asyncio.connection import parse_url

    parts = urlsplit(url)
    known = SplitResult(_SCHEMES[parts.scheme], *parts[1:])
    return dict(parse_url(known.geturl()))
