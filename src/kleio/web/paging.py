"""Keyset pages of the page: what is shown, and the address of what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from kleio.db.queries import Keyed
from kleio.http.paging import PageRequest, encode_cursor
from kleio.web.query_strings import changed

T = TypeVar("T")


def one_page(
    place: PageRequest, rows: list[Keyed[T]], path: str, address: Mapping[str, Any]
) -> tuple[list[T], str | None]:
    """Return the rows of a page, and the address of the next one, None where there is none.

    Args:
        place: where the page stands.
        rows: at most one more than the page holds, which tells that there is a next page.
        path: of the list.
        address: its other parameters.
    """
    following = None
    if len(rows) > place.limit:
        rows = rows[: place.limit]
        following = changed(path, dict(address), cursor=encode_cursor(place.sort, rows[-1]))
    return [row.row for row in rows], following
