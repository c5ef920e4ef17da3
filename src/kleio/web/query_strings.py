"""Addresses of the page: what a form that was sent with empty fields leaves in them, taken out.

A filter stands in the address, so that it can be shared and gone back to; one that is not set does
not.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler


class EmptyParameters(Exception):
    """Raised where a query string holds empty values; `path` is the address without them."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


async def no_empty_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let requests pass whose parameters all have values; spaces alone are none.

    Raises:
        EmptyParameters: one has none.
    """
    if b"=" not in connection.scope["query_string"]:
        return
    pairs = list(connection.query_params.multi_items())
    kept = [(name, value) for name, value in pairs if value.strip(" ")]
    if len(kept) != len(pairs):
        path = connection.url.path
        raise EmptyParameters(f"{path}?{urlencode(kept)}" if kept else path)


def changed(path: str, parameters: dict[str, Any], **changes: Any) -> str:
    """Return an address with some parameters changed, None taking one away; the page is the first.

    Args:
        path: without a query.
        parameters: those of the address now, by name.
        changes: by name.
    """
    merged = {**parameters, **changes}
    kept = {
        name: value
        for name, value in merged.items()
        if value is not None and name not in ({"cursor"} - changes.keys())
    }
    return f"{path}?{urlencode(kept)}" if kept else path


def with_note(address: str, **note: str | None) -> str:
    """Return an address of the page that also says something about what was done there.

    Args:
        address: a path with or without a query; one that `own_path` lets pass.
        note: a parameter of that page.
    """
    parts = urlsplit(address)
    query = urlencode({**dict(parse_qsl(parts.query)), **note})
    return urlunsplit(("", "", parts.path, query, parts.fragment))
