"""Routes of what plays and shelf tell: over time, most played, streaks, a year, the shelf."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter
from msgspec import Raw

from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.insight_schemas import (
    CollectionStats,
    EarlierPlayPage,
    HeatmapPage,
    PlayBucketPage,
    TopPage,
    Year,
)
from kleio.http.paging import MAX_PAGE, Page
from kleio.http.problems import documented, invalid_field
from kleio.http.zones import ZoneName, zone_or_none
from kleio.repositories import stats, stats_reviews
from kleio.repositories.stats import Streaks

EARLIEST = date(1900, 1, 1)
LATEST = date(2199, 12, 31)
"""Days of ranges; with them a chart by day stays bounded."""

Bucket = Literal["day", "week", "month", "year"]
TopKind = Literal["artist", "release", "genre", "style", "label", "decade"]
Measure = Literal["plays", "minutes"]


Since = Annotated[
    date | None, QueryParameter(description="First day, from 1900 on; open where left out.")
]
Until = Annotated[
    date | None, QueryParameter(description="Last day, included, to 2199; open where left out.")
]
OnDay = Annotated[
    date | None, QueryParameter(name="date", description="The day; today where left out.")
]
Most = Annotated[
    int, QueryParameter(ge=1, le=MAX_PAGE, description="How many items to return at most.")
]
BucketParameter = Annotated[Bucket, QueryParameter(description="What a sum is for.")]
KindParameter = Annotated[TopKind, QueryParameter(description="What is counted.")]
MeasureParameter = Annotated[
    Measure, QueryParameter(description="What comes first: plays, or minutes listened.")
]


def day_range(tz: str | None, since: date | None, until: date | None) -> dict[str, Any]:
    """Return the parameters of a range of days after a look at them."""
    tz = zone_or_none(tz)
    for name, day in (("since", since), ("until", until)):
        if day is not None and not EARLIEST <= day <= LATEST:
            raise invalid_field(name, f"not from {EARLIEST} to {LATEST}", source="query")
    if since is not None and until is not None and until < since:
        raise invalid_field("until", "earlier than since", source="query")
    return {"tz": tz, "first_day": since, "last_day": until}


@get("/stats/plays", responses=documented(400, 401), summary="Plays over time")
async def list_play_buckets(
    request: ApiRequest,
    bucket: BucketParameter = "day",
    tz: ZoneName = None,
    since: Since = None,
    until: Until = None,
) -> PlayBucketPage:
    """Return plays and minutes for each day, week (from Monday), month or year, empty ones too."""
    rows = await database_of(request).read(
        stats.list_play_buckets,
        user_id=request.user.user_id,
        bucket=bucket,
        **day_range(tz, since, until),
    )
    return PlayBucketPage(items=rows, next=None, total=len(rows))


@get("/stats/calendar", responses=documented(400, 401), summary="Every day of a year")
async def get_calendar(
    request: ApiRequest,
    year: Annotated[int, QueryParameter(ge=EARLIEST.year, le=LATEST.year, description="The year.")],
    tz: ZoneName = None,
) -> PlayBucketPage:
    """Return plays and minutes for each day of a year."""
    rows = await database_of(request).read(
        stats.list_play_buckets,
        user_id=request.user.user_id,
        bucket="day",
        **day_range(tz, date(year, 1, 1), date(year, 12, 31)),
    )
    return PlayBucketPage(items=rows, next=None, total=len(rows))


@get(
    "/stats/top",
    responses={200: ResponseSpec(TopPage, generate_examples=False)} | documented(400, 401),
    summary="What was played most",
)
async def list_top(
    request: ApiRequest,
    by: KindParameter = "artist",
    measure: MeasureParameter = "plays",
    tz: ZoneName = None,
    since: Since = None,
    until: Until = None,
    limit: Most = 10,
) -> Response[Page[Any]]:
    """Return what was played most, by plays or by minutes; a release of two genres is in both."""
    rows = await read_top(request, by, measure, day_range(tz, since, until), limit)
    return Response(Page(items=rows, next=None))


async def read_top(
    request: UserRequest, by: TopKind, measure: Measure, days: dict[str, Any], max_rows: int
) -> list[Any]:
    """Return what the request's user played most within a `day_range`."""
    read = database_of(request).read
    given: dict[str, Any] = {
        "user_id": request.user.user_id,
        "by_minutes": measure == "minutes",
        "max_rows": max_rows,
        **days,
    }
    if by == "release":
        return await read(stats.list_top_releases, **given)
    return await read(stats.list_top_names, kind=by, **given)


@get("/stats/streaks", responses=documented(400, 401), summary="Days in a row")
async def get_streaks(request: ApiRequest, tz: ZoneName = None) -> Streaks:
    """Return the current and the longest run of days with a play; today may still be empty."""
    tz = zone_or_none(tz)
    found = await database_of(request).read(
        stats.get_streaks, user_id=request.user.user_id, tz=tz, now=datetime.now(UTC)
    )
    assert found is not None
    return found


@get("/stats/heatmap", responses=documented(400, 401), summary="Weekdays and hours")
async def list_heatmap(
    request: ApiRequest, tz: ZoneName = None, since: Since = None, until: Until = None
) -> HeatmapPage:
    """Return plays and minutes for each hour of each weekday; 1 is Monday."""
    rows = await database_of(request).read(
        stats.list_heatmap, user_id=request.user.user_id, **day_range(tz, since, until)
    )
    return HeatmapPage(items=rows, next=None, total=len(rows))


@get(
    "/stats/years/{year:int}",
    responses={200: ResponseSpec(Year, generate_examples=False)} | documented(400, 401, 404),
    summary="A year in review",
)
async def get_year(request: ApiRequest, year: FromPath[int], tz: ZoneName = None) -> Response[Raw]:
    """Return a year in review: what was played, when, what was new, and what was added."""
    if not 1 <= year <= 9999:
        raise invalid_field("year", "from 1 to 9999", source="path")
    tz = zone_or_none(tz)
    found = await database_of(request).read(
        stats_reviews.get_year, user_id=request.user.user_id, year=year, tz=tz
    )
    assert found is not None
    return Response(found)


@get(
    "/stats/on-this-day",
    responses={200: ResponseSpec(EarlierPlayPage, generate_examples=False)} | documented(400, 401),
    summary="On this day",
)
async def list_on_this_day(
    request: ApiRequest, day: OnDay = None, tz: ZoneName = None, limit: Most = 50
) -> Response[Page[Any]]:
    """Return what was played on this day of earlier years, the latest first.

    On the 28th of February of a common year that includes the 29ths.
    """
    tz = zone_or_none(tz)
    rows = await database_of(request).read(
        stats_reviews.list_on_this_day,
        user_id=request.user.user_id,
        tz=tz,
        day=day,
        now=datetime.now(UTC),
        max_rows=limit,
    )
    return Response(Page(items=rows, next=None))


@get(
    "/collection/stats",
    responses={200: ResponseSpec(CollectionStats, generate_examples=False)} | documented(400, 401),
    summary="What the shelf is made of",
)
async def get_collection_stats(request: ApiRequest, tz: ZoneName = None) -> Response[Raw]:
    """Return copies by format, decade, genre, folder, condition and rating, and their growth."""
    tz = zone_or_none(tz)
    found = await database_of(request).read(
        stats_reviews.get_collection_stats, user_id=request.user.user_id, tz=tz
    )
    assert found is not None
    return Response(found)


router = Router(
    "/",
    route_handlers=[
        list_play_buckets,
        get_calendar,
        list_top,
        get_streaks,
        list_heatmap,
        get_year,
        list_on_this_day,
        get_collection_stats,
    ],
    tags=["Insight"],
)
