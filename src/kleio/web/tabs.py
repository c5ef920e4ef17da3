"""The pages of a place side by side, such as those of Insight."""

from __future__ import annotations

import msgspec


class Tab(msgspec.Struct, frozen=True):
    """A page beside others; the first one of a place has the place's own address."""

    path: str
    name: str
