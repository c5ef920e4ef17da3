"""Routes of what to play next, what was neglected, and what wants cleaning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec

from kleio.http.auth import ApiRequest, database_of
from kleio.http.insight_schemas import CleaningDuePage, NeglectedPage, RecommendationPage
from kleio.http.paging import Page
from kleio.http.problems import documented
from kleio.http.stats import Most
from kleio.http.zones import ZoneName, zone_or_none
from kleio.repositories import recommendations


async def _of_today(
    request: ApiRequest, query: Callable[..., Awaitable[list[Any]]], tz: str | None, limit: int
) -> Response[Page[Any]]:
    tz = zone_or_none(tz)
    rows = await database_of(request).read(
        query, user_id=request.user.user_id, tz=tz, now=datetime.now(UTC), max_rows=limit
    )
    return Response(Page(items=rows, next=None))


@get(
    "/recommendations",
    responses={200: ResponseSpec(RecommendationPage, generate_examples=False)}
    | documented(400, 401),
    summary="What to play now",
)
async def list_recommendations(
    request: ApiRequest, tz: ZoneName = None, limit: Most = 10
) -> Response[Page[Any]]:
    """Return what to play now with its weight and the reason; the same for the whole day."""
    return await _of_today(request, recommendations.list_recommendations, tz, limit)


@get(
    "/recommendations/neglected",
    responses={200: ResponseSpec(NeglectedPage, generate_examples=False)} | documented(400, 401),
    summary="What was neglected",
)
async def list_neglected(
    request: ApiRequest, tz: ZoneName = None, limit: Most = 50
) -> Response[Page[Any]]:
    """Return what was not played for more days than the preferences say, the longest first."""
    return await _of_today(request, recommendations.list_neglected, tz, limit)


@get(
    "/recommendations/cleaning",
    responses={200: ResponseSpec(CleaningDuePage, generate_examples=False)} | documented(400, 401),
    summary="What is due for cleaning",
)
async def list_due_cleanings(request: ApiRequest, limit: Most = 50) -> Response[Page[Any]]:
    """Return what scores 60 or more, the dirtiest first."""
    rows = await database_of(request).read(
        recommendations.list_due_cleanings, user_id=request.user.user_id, max_rows=limit
    )
    return Response(Page(items=rows, next=None))


router = Router(
    "/",
    route_handlers=[list_recommendations, list_neglected, list_due_cleanings],
    tags=["Insight"],
)
