"""A case of a plan, and the parameters that many cases share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

PAGE = {"page_size": 50, "page_offset": 0}
FIRST = {"before_id": None, "before_added_at": None, "before_key": None, "before_score": None}
FIRST |= {"before_played_at": None, "before_cleaned_at": None}
FIRST |= {"after_id": None, "after_added_at": None, "after_key": None, "after_name": None}
ENDED = {
    "before": datetime(2100, 1, 1, tzinfo=UTC),
    "kept": 5,
    "after_created_at": None,
    "after_id": None,
}
"""Old runs, whenever the rows were made."""

MIDDLE = datetime(2020, 2, 1, tzinfo=UTC)
LATER = datetime(2020, 2, 10, tzinfo=UTC)
UUID_MAX = UUID(int=2**128 - 1)


def searched(name: str) -> dict[str, Any]:
    """Return what a search is told of a name of the facts: itself and its two longest words."""
    return {
        "search": f"@{name}",
        "first_words": f"@{name}_first_words",
        "second_words": f"@{name}_second_words",
        "third_words": None,
    }


class Case(msgspec.Struct):
    """A query with parameters (a text `@x` is a fact), the indexes it must use, its bound."""

    query: str
    parameters: dict[str, Any]
    indexes: set[str]
    buffers: int
    rows: int | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.query + (f" {self.name}" if self.name else "")
