"""Time zones: which there are, and the `tz` parameter of what counts days, weeks and hours."""

from __future__ import annotations

import functools
from typing import Annotated
from zoneinfo import available_timezones

from litestar.params import QueryParameter

from kleio.http.fields import NO_NUL
from kleio.http.problems import invalid_field

ZoneName = Annotated[
    str | None,
    QueryParameter(
        name="tz",
        min_length=1,
        max_length=64,
        pattern=NO_NUL,
        description="IANA time zone that days are counted in; by default that of the preferences.",
    ),
]


@functools.cache
def known_zones() -> frozenset[str]:
    """Return the names that this system and PostgreSQL both know."""
    # Some systems have a file of this name among the zones; it is none that PostgreSQL knows.
    return frozenset(available_timezones()) - {"localtime"}


def check_zone(tz: str | None) -> None:
    """Refuse a time zone that does not exist.

    Raises:
        ProblemError: 400, naming `tz`.
    """
    if tz is not None and tz not in known_zones():
        raise invalid_field("tz", "no such time zone", source="query")
