"""The search over everything: `queries/search.sql`."""

from __future__ import annotations

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class Hit(Row, frozen=True):
    """What was found: `artist`, `album`, `song` or `release`, and what a list shows of it."""

    kind: str
    score: float
    item: Raw


@query
async def search_everything(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    kinds: list[str],
    per_kind: int,
) -> list[Hit]:
    """Return the best of each kind whose name is like a text, best first in each."""
