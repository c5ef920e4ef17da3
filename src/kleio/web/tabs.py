"""The pages of a place side by side, such as those of Insight."""

from __future__ import annotations

import msgspec


class Tab(msgspec.Struct, frozen=True):
    """A page beside others, and where the pages below it are."""

    path: str
    name: str
    below: str = ""
