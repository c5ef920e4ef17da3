"""What searches are told of the words that somebody typed."""

from __future__ import annotations

from typing import Any

import msgspec

from kleio.db.pool import Database
from kleio.repositories import words


async def read_alternatives(database: Database, search: str | None) -> dict[str, Any]:
    """Return the parameters of searches that stand for the words of a text; None is no text."""
    if search is None:
        return msgspec.structs.asdict(words.NO_WORDS)
    found = await database.read(words.get_alternatives, search=search)
    return msgspec.structs.asdict(found or words.NO_WORDS)
