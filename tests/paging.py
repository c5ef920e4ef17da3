"""Walks keyset pages to their end, as a client does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from kleio.db.queries import Keyed

Page = Callable[[Any, UUID | None], Awaitable[list[Keyed[Any]]]]


async def walk(page: Page, page_size: int) -> list[Keyed[Any]]:
    """Return the rows of all pages; `page` is called with the key and id of the last row."""
    found: list[Keyed[Any]] = []
    key: Any = None
    last: UUID | None = None
    while True:
        rows = await page(key, last)
        assert len(rows) <= page_size
        found += rows
        if len(rows) < page_size:
            return found
        key, last = rows[-1].key, rows[-1].id
