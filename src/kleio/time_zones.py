"""The names of time zones that Python and PostgreSQL take for the same zone."""

from __future__ import annotations

import functools
from zoneinfo import available_timezones

_SAME = {
    "CET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "MET": "Europe/Brussels",
    "WET": "Europe/Lisbon",
}
"""To PostgreSQL these names are abbreviations first (its `timezone_abbreviations`), of an offset
that knows no summer time; beside each the zone that it is a link to in the tz database of today."""


@functools.cache
def known_zones() -> frozenset[str]:
    """Return the names that this system and PostgreSQL both know, for the same zone."""
    # Some systems have a file of this name among the zones; it is none that PostgreSQL knows.
    return frozenset(available_timezones()) - {"localtime"} - _SAME.keys()


def known_name(name: str) -> str:
    """Return the name by which both know a zone, which may be no zone: see `known_zones`."""
    return _SAME.get(name, name)
