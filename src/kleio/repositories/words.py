"""The words of names: `queries/words.sql`."""

from __future__ import annotations

from collections.abc import Sequence

from kleio.db.queries import Connection, Row, query


class Alternatives(Row, frozen=True):
    """For the three longest words of a text, the words of names that are like each."""

    first_words: list[str] | None
    second_words: list[str] | None
    third_words: list[str] | None


NO_WORDS = Alternatives(None, None, None)
"""Of no text, and where none is looked for."""


@query
async def get_alternatives(conn: Connection, *, search: str) -> Alternatives | None:
    """Return the words of names that are like those of a text; there is always a row."""


@query
async def insert_words(conn: Connection, *, names: Sequence[str], texts: Sequence[str]) -> int:
    """Add the words of names, and of texts without a digit; return how many are new."""


@query
async def insert_normalized_words(conn: Connection, *, words: Sequence[str]) -> int:
    """Add words that are normalised already; return how many are new."""
