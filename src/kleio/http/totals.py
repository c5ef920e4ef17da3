"""How many items a list of the catalogue has: counted as far as that is cheap.

Up to MAX_COUNTED they are counted one by one. Of a longer list that is whole the number is the one
that `mv_catalogue_totals` was last filled with; of one that is filtered or searched it is
MAX_COUNTED, and there are more.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal

import msgspec

from kleio.db.pool import Database
from kleio.http.paging import Page
from kleio.repositories import library_stats

MAX_COUNTED = 10_000

Noun = Literal["artists", "labels", "releases"]


class Total(msgspec.Struct, frozen=True):
    """A list's total; an estimate with a time was counted then, one without is a lower bound."""

    number: int | None = None
    is_estimate: bool = False
    refreshed_at: datetime | None = None

    def of_page(self, page: Callable[..., Page[Any]]) -> Any:
        """Return what makes a page of the Struct, a CountedPage, told of this total."""
        return functools.partial(
            page, total_is_estimate=self.is_estimate, refreshed_at=self.refreshed_at
        )


async def read_total(
    database: Database,
    noun: Noun,
    count: Callable[..., Awaitable[int]],
    *,
    is_whole: bool,
    **parameters: Any,
) -> Total:
    """Return how many items a list has.

    Args:
        database: where they are.
        noun: what they are.
        count: the query that counts them, with `max_rows`.
        is_whole: whether nothing is filtered or searched.
        parameters: the query's others.
    """
    counted = await database.read(count, **parameters, max_rows=MAX_COUNTED + 1)
    if counted <= MAX_COUNTED:
        return Total(counted)
    if is_whole:
        totals = await database.read(library_stats.get_catalogue_totals)
        if totals is not None:
            number: int = getattr(totals, noun)
            # A first import may be newer than the last refresh.
            if number >= counted:
                return Total(number, is_estimate=True, refreshed_at=totals.refreshed_at)
    return Total(MAX_COUNTED, is_estimate=True)
