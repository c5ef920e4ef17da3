"""The `tz` parameter of what counts days, weeks and hours."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter

from kleio.http.fields import NO_NUL
from kleio.http.problems import invalid_field
from kleio.time_zones import known_name, known_zones

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


def check_zone(name: str, *, field: str = "tz", source: str = "query") -> str:
    """Return a time zone by the name that the database knows it by.

    Raises:
        ProblemError: 400, naming the field: there is no such zone.
    """
    name = known_name(name)
    if name not in known_zones():
        raise invalid_field(field, "no such time zone", source=source)
    return name


def zone_or_none(tz: str | None) -> str | None:
    """Return the zone that days are counted in as `check_zone` does; None: by the preferences.

    Raises:
        ProblemError: 400, naming `tz`.
    """
    return None if tz is None else check_zone(tz)
