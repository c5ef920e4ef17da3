"""What plays and shelf tell: a year, all of the time, the most played, the shelf and the styluses.

Everything shown is counted by PostgreSQL; here it becomes words and pictures.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from kleio.http.auth import database_of
from kleio.http.insight_schemas import CollectionStats, Growth, Year
from kleio.http.problems import not_found
from kleio.http.stats import (
    EARLIEST,
    LATEST,
    Bucket,
    Measure,
    Since,
    TopKind,
    Until,
    day_range,
    read_top,
)
from kleio.repositories import stats, stats_reviews, styluses
from kleio.repositories.stats import PlayBucket
from kleio.web import heatmaps, year_picture
from kleio.web.cards import card, decoded
from kleio.web.charts import Bar, Point
from kleio.web.query_strings import changed
from kleio.web.rendering import render, zone_of
from kleio.web.sessions import PageRequest
from kleio.web.tabs import Tab
from kleio.web.words import count, minutes

TABS = (
    Tab("/insight", "The year"),
    Tab("/insight/time", "Over time"),
    Tab("/insight/top", "Most played"),
    Tab("/insight/shelf", "Shelf and styluses"),
)

Range = Literal["30d", "90d", "1y", "all"]
Within = Annotated[Range, QueryParameter(name="range")]
RANGES: dict[Range, tuple[str, int | None]] = {
    "30d": ("30 days", 30),
    "90d": ("90 days", 90),
    "1y": ("A year", 365),
    "all": ("All of it", None),
}
"""What each is called, and its days, today included."""

KINDS: dict[TopKind, str] = {
    "release": "Records",
    "artist": "Artists",
    "genre": "Genres",
    "style": "Styles",
    "label": "Labels",
    "decade": "Decades",
}
MEASURES: dict[Measure, str] = {"plays": "Plays", "minutes": "Time"}
TOP = 25

Choices = list[tuple[str, str, bool]]
"""What there is to choose from: its name, its address, and whether it is chosen."""


def _today(request: PageRequest) -> date:
    return datetime.now(UTC).astimezone(zone_of(request.user)).date()


def _choices(path: str, address: dict[str, str], name: str, named: Any, chosen: Any) -> Choices:
    """Return the choices of a parameter, the rest of the address as it is."""
    return [
        (says, changed(path, address, **{name: value}), value == chosen)
        for value, says in named.items()
    ]


@get("/insight", include_in_schema=False)
async def show_year(
    request: PageRequest,
    year: Annotated[int | None, QueryParameter(ge=EARLIEST.year, le=LATEST.year)] = None,
) -> Response[str]:
    """Show a year: its days, its months, and what was played most in it."""
    today = _today(request)
    year = year or today.year
    found, days = await _year(request, year)
    streaks = await database_of(request).read(
        stats.get_streaks, user_id=request.user.user_id, tz=None, now=datetime.now(UTC)
    )
    return render(
        request,
        "insight_year.html",
        days=days,
        halves=heatmaps.halves(days, today),
        months=[
            Bar(
                label=calendar.month_name[month.month],
                value=month.plays,
                says=f"{calendar.month_name[month.month]}: {_said(month)}",
                tick=calendar.month_abbr[month.month],
            )
            for month in found.months
        ],
        month_rows=[(calendar.month_name[month.month], month) for month in found.months],
        picture_says=year_picture.says(found),
        streaks=streaks,
        tabs=TABS,
        this_year=today.year,
        year=found,
    )


async def _year(request: PageRequest, year: int) -> tuple[Year, list[PlayBucket]]:
    """Return a year in review, and all of its days."""
    read, user_id = database_of(request).read, request.user.user_id
    found = await read(stats_reviews.get_year, user_id=user_id, year=year, tz=None)
    assert found is not None
    days = await read(
        stats.list_play_buckets,
        user_id=user_id,
        bucket="day",
        **day_range(None, date(year, 1, 1), date(year, 12, 31)),
    )
    return decoded(found, Year), days


def _said(bucket: Any) -> str:
    says = count(bucket.plays, "play")
    return f"{says}, {minutes(bucket.minutes)}" if bucket.plays else says


@get("/insight/years/{year:int}/picture.svg", include_in_schema=False)
async def show_year_picture(
    request: PageRequest,
    year: FromPath[int],
    download: FromQuery[bool] = False,
) -> Response[str]:
    """Return a year as one picture, with all that it needs in it."""
    if not EARLIEST.year <= year <= LATEST.year:
        raise not_found("year")
    found, days = await _year(request, year)
    name = f"kleio-{request.user.username}-{year}.svg"
    return Response(
        year_picture.draw(found, days, request.user.username),
        media_type="image/svg+xml",
        headers={
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'{"attachment" if download else "inline"}; filename="{name}"',
            "Content-Security-Policy": year_picture.policy(),
            "X-Content-Type-Options": "nosniff",
        },
    )


class Span(msgspec.Struct, frozen=True):
    """The days that are looked at, None where open, and what they are summed by."""

    first: date | None
    last: date | None
    bucket: Bucket
    offered: tuple[Bucket, ...]


def span_of(
    chosen: Range, bucket: Bucket | None, since: date | None, until: date | None, today: date
) -> Span:
    """Return the days that a request asks for; `since` and `until` go before a range.

    Sums that would make some hundred columns are not offered.
    """
    first, last = since, until
    if since is None and until is None:
        days = RANGES[chosen][1]
        first = None if days is None else today - timedelta(days=days - 1)
        last = None if days is None else today
    length = None if first is None else ((last or today) - first).days
    offered: tuple[Bucket, ...] = ("month", "year")
    if length is not None and length <= 100:
        offered = ("day", "week")
    elif length is not None and length <= 800:
        offered = ("week", "month")
    return Span(first, last, bucket if bucket in offered else offered[0], offered)


def _tick(start: date, bucket: Bucket) -> str:
    if bucket in ("day", "week"):
        return f"{start.day} {start:%b}"
    return f"{start:%b %Y}" if bucket == "month" else f"{start:%Y}"


def _name(start: date, bucket: Bucket) -> str:
    if bucket in ("day", "week"):
        on = f"{start.day} {start:%b %Y}"
        return f"{start:%a} {on}" if bucket == "day" else f"Week of {on}"
    return f"{start:%B %Y}" if bucket == "month" else f"{start:%Y}"


def time_bars(buckets: list[PlayBucket], bucket: Bucket, measure: Measure) -> list[Bar]:
    """Return a column for each sum."""
    return [
        Bar(
            label=_name(found.start, bucket),
            value=found.plays if measure == "plays" else found.minutes,
            says=f"{_name(found.start, bucket)}: {_said(found)}",
            tick=_tick(found.start, bucket),
        )
        for found in buckets
    ]


@get("/insight/time", include_in_schema=False)
async def show_time(
    request: PageRequest,
    within: Within = "90d",
    bucket: FromQuery[Bucket | None] = None,
    measure: FromQuery[Measure] = "plays",
    since: Since = None,
    until: Until = None,
) -> Response[str]:
    """Show plays and minutes over time, and by weekday and hour."""
    address = dict(request.query_params)
    span = span_of(within, bucket, since, until, _today(request))
    days = day_range(None, span.first, span.last)
    read, user_id = database_of(request).read, request.user.user_id
    buckets = await read(stats.list_play_buckets, user_id=user_id, bucket=span.bucket, **days)
    cells = await read(stats.list_heatmap, user_id=user_id, **days)
    is_own = since is not None or until is not None
    path = request.url.path
    most = max(buckets, key=lambda found: found.minutes, default=None)
    if measure == "plays":
        most = max(buckets, key=lambda found: found.plays, default=None)
    return render(
        request,
        "insight_time.html",
        bars=time_bars(buckets, span.bucket, measure),
        bucket=span.bucket,
        buckets=buckets,
        by=_choices(
            path, address, "bucket", {name: f"By {name}" for name in span.offered}, span.bucket
        ),
        cells=[cells[start : start + 24] for start in range(0, len(cells), 24)],
        measure=measure,
        measures=_choices(path, address, "measure", MEASURES, measure),
        minutes=sum(found.minutes for found in buckets),
        most="" if most is None else _most(most, measure),
        plays=sum(found.plays for found in buckets),
        ranges=_ranges(path, address, None if is_own else within),
        since=since,
        tabs=TABS,
        until=until,
        week=heatmaps.week(cells),
        weekdays=heatmaps.WEEKDAYS,
    )


def _most(bucket: PlayBucket, measure: Measure) -> str:
    return count(bucket.plays, "play") if measure == "plays" else minutes(bucket.minutes)


def _ranges(path: str, address: dict[str, str], chosen: Range | None) -> Choices:
    """Return the ranges; choosing one takes away days and sums that were for another."""
    rest = {
        name: value for name, value in address.items() if name not in ("since", "until", "bucket")
    }
    return _choices(path, rest, "range", {name: says for name, (says, _) in RANGES.items()}, chosen)


@get("/insight/top", include_in_schema=False)
async def show_top(
    request: PageRequest,
    by: FromQuery[TopKind] = "release",
    measure: FromQuery[Measure] = "plays",
    within: Within = "all",
    since: Since = None,
    until: Until = None,
) -> Response[str]:
    """Show what was played most."""
    address = dict(request.query_params)
    span = span_of(within, None, since, until, _today(request))
    rows = await read_top(request, by, measure, day_range(None, span.first, span.last), TOP)
    path = request.url.path
    most = max((getattr(row, measure) for row in rows), default=0) or 1
    return render(
        request,
        "insight_top.html",
        by=by,
        kind=KINDS[by],
        kinds=_choices(path, address, "by", KINDS, by),
        measure=measure,
        measures=_choices(path, address, "measure", MEASURES, measure),
        ranges=_ranges(path, address, None if since or until else within),
        rows=[
            (row, card(row.release) if by == "release" else None, getattr(row, measure) / most)
            for row in rows
        ],
        since=since,
        tabs=TABS,
        until=until,
    )


@get("/insight/shelf", include_in_schema=False)
async def show_shelf_insight(request: PageRequest) -> Response[str]:
    """Show what the shelf is made of, how it grew, and how worn the styluses are."""
    read, user_id = database_of(request).read, request.user.user_id
    found = await read(stats_reviews.get_collection_stats, user_id=user_id, tz=None)
    assert found is not None
    shelf = decoded(found, CollectionStats)
    points, ticks = growth_points(shelf.growth, _today(request))
    return render(
        request,
        "insight_shelf.html",
        groups=composition(shelf),
        points=points,
        shelf=shelf,
        styluses=await read(styluses.list_styluses, user_id=user_id),
        tabs=TABS,
        ticks=ticks,
    )


class Part(msgspec.Struct, frozen=True):
    """A part of the shelf; `path` shows its copies, where a filter of the shelf does."""

    name: str
    copies: int
    path: str | None = None


def composition(shelf: CollectionStats) -> list[tuple[str, list[Part]]]:
    """Return what a shelf is made of, each way of parting it with its heading."""
    decades = [
        Part(
            f"{part.decade}s" if part.decade else "Not known",
            part.copies,
            _shelf(yearFrom=part.decade, yearTo=part.decade + 9) if part.decade else None,
        )
        for part in shelf.by_decade
    ]
    return [
        ("Format", [Part(p.name, p.copies, _shelf(format=p.name)) for p in shelf.by_format]),
        ("Genre", [Part(p.name, p.copies, _shelf(genre=p.name)) for p in shelf.by_genre]),
        ("Decade", decades),
        ("Folder", [Part(p.name, p.copies, _shelf(folderId=p.id)) for p in shelf.by_folder]),
        ("Condition", [Part(p.condition or "Not said", p.copies) for p in shelf.by_condition]),
        (
            "Rating",
            [
                Part(count(p.rating, "star") if p.rating else "Not rated", p.copies)
                for p in shelf.by_rating
            ],
        ),
    ]


def _shelf(**parameters: Any) -> str:
    return changed("/shelf", parameters)


def growth_points(growth: list[Growth], today: date) -> tuple[list[Point], list[tuple[float, str]]]:
    """Return how a shelf grew until this month, and the years below it."""
    if not growth:
        return [], []
    first = growth[0].month.year * 12 + growth[0].month.month - 1
    months = max(today.year * 12 + today.month - first, 1)
    points = [
        Point((found.month.year * 12 + found.month.month - 1 - first) / months, found.copies)
        for found in growth
    ]
    years = range(growth[0].month.year, today.year + 1)
    ticks = [((year * 12 - first) / months, str(year)) for year in years if year * 12 >= first]
    return points, ticks or [(0.0, f"{growth[0].month:%b %Y}")]


HANDLERS = [show_year, show_year_picture, show_time, show_top, show_shelf_insight]
