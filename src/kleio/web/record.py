"""A record: its tracks, one's copies of it, and its plays and cleanings over time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from kleio.http.auth import database_of
from kleio.http.problems import not_found
from kleio.repositories import records, releases, shelf_matches
from kleio.web import copies
from kleio.web.cards import (
    CleaningOfRecord,
    MonthOfRecord,
    OwnCopy,
    PlayOfRecord,
    choices,
    decoded,
    detail,
)
from kleio.web.charts import Bar
from kleio.web.rendering import render, wants_fragment, zone_of
from kleio.web.sessions import PageRequest
from kleio.web.words import count

LATEST = 50
MONTHS = 24


@get("/records/{release_id:str}", include_in_schema=False)
async def show_record(request: PageRequest, release_id: FromPath[UUID]) -> Response[str]:
    """Show a record, owned or not."""
    read, user_id = database_of(request).read, request.user.user_id
    found = await read(releases.get_release, release_id=release_id)
    if found is None:
        raise not_found("record")
    now = datetime.now(UTC)
    own = await read(
        records.get_record, user_id=user_id, release_id=release_id, now=now, max_rows=LATEST
    )
    assert own is not None  # one row, whatever there is
    history = history_of(
        decoded(own.plays, list[PlayOfRecord]), decoded(own.cleanings, list[CleaningOfRecord])
    )
    return render(
        request,
        "record.html",
        archive_reasons=copies.REASONS,
        bars=month_bars(
            decoded(own.months, list[MonthOfRecord]), now.astimezone(zone_of(request.user))
        ),
        copies=decoded(own.copies, list[OwnCopy]),
        folders=choices(own.folders),
        history=history,
        media_conditions=copies.MEDIA,
        own=own,
        release=detail(found),
        sides=decoded(own.sides, list[str]),
        sleeve_conditions=copies.SLEEVE,
        styluses=choices(own.styluses),
        subject=f"release:{release_id}",
    )


def history_of(
    plays: list[PlayOfRecord], cleanings: list[CleaningOfRecord]
) -> list[PlayOfRecord | CleaningOfRecord]:
    """Return the latest plays and cleanings together, the latest first."""
    both: list[PlayOfRecord | CleaningOfRecord] = [*plays, *cleanings]
    return sorted(both, key=lambda entry: entry.at, reverse=True)[:LATEST]


def month_bars(months: list[MonthOfRecord], today: datetime) -> list[Bar]:
    """Return a column for each of the last two years' months, with or without plays."""
    by_month = {month.month: month for month in months}
    bars = []
    for back in range(MONTHS - 1, -1, -1):
        year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
        first = datetime(year, month + 1, 1)
        found = by_month.get(f"{first:%Y-%m}")
        plays, cleanings = (found.plays, found.cleanings) if found else (0, 0)
        says = f"{first:%B %Y}: {count(plays, 'play')}"
        if cleanings:
            says += f", {count(cleanings, 'cleaning')}"
        bars.append(
            Bar(
                label=f"{first:%B %Y}",
                value=plays,
                says=says,
                tick=f"{first:%Y}" if month == 0 else "",
                mark=cleanings > 0,
            )
        )
    return bars


CopyId = Annotated[UUID, QueryParameter(name="copyId")]


@get("/records/{release_id:str}/library", include_in_schema=False)
async def show_library(
    request: PageRequest, release_id: FromPath[UUID], copy_id: CopyId
) -> Response[str]:
    """Show the albums of the digital library that are the same record as a copy."""
    albums: list[Any] = await database_of(request).read(
        shelf_matches.list_copy_albums, user_id=request.user.user_id, copy_ids=[copy_id]
    )
    template = "parts/library.html" if wants_fragment(request) else "library_of_record.html"
    return render(request, template, albums=albums, release_id=release_id)


HANDLERS = [show_record, show_library]
