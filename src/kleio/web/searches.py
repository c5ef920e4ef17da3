"""Searches as people type them: one for what has no letter finds nothing, and is no error."""

from __future__ import annotations

import re
from typing import Annotated

from litestar.params import QueryParameter

from kleio.http import fields

SearchText = Annotated[
    str | None, QueryParameter(min_length=1, max_length=300, pattern=fields.NO_NUL)
]
"""What stands in the field of a search; the API's own refuses what `finds_nothing` knows."""

_SEARCHABLE = re.compile(fields.SEARCHABLE)


def finds_nothing(text: str | None) -> bool:
    """Return whether a search is for a text without what searches go by: a letter or a digit."""
    return text is not None and _SEARCHABLE.search(text) is None
