"""Times of what a user did: how they are given, and which are refused.

A time of a request has a zone; nothing was played before there were records, and what is more
than a day ahead was not done yet (a day, because clocks and zones differ).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from litestar.params import QueryParameter

from kleio.http.problems import invalid_field

EARLIEST = datetime(1877, 1, 1, tzinfo=UTC)
"""The year of the phonograph."""

AHEAD = timedelta(days=1)

SinceFilter = Annotated[
    datetime | None, QueryParameter(description="Earliest time, with a zone; itself included.")
]
UntilFilter = Annotated[
    datetime | None, QueryParameter(description="Latest time, with a zone; itself not included.")
]


def check_moment(field: str, moment: datetime) -> None:
    """Refuse a time without a zone, before 1877 or beyond a day from now.

    Raises:
        ProblemError: 400, naming the field.
    """
    if moment.tzinfo is None:
        raise invalid_field(field, "needs a zone, such as Z")
    if moment < EARLIEST:
        raise invalid_field(field, "before 1877")
    if moment > datetime.now(UTC) + AHEAD:
        raise invalid_field(field, "more than a day in the future")


def check_range(since: datetime | None, until: datetime | None) -> None:
    """Refuse limits of a list without a zone, or that end before they start.

    Raises:
        ProblemError: 400, naming `since` or `until`.
    """
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment.tzinfo is None:
            raise invalid_field(name, "needs a zone, such as Z", source="query")
    if since is not None and until is not None and until < since:
        raise invalid_field("until", "earlier than since", source="query")
