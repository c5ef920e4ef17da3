"""Routes of what the library and the catalogue hold, counted a while ago."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec

from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import CountedPage, CursorText, Limit, Offset, Page, page_request
from kleio.http.paging import page_response as answer_page
from kleio.http.problems import documented
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.schemas import ReleaseCard
from kleio.repositories import library_stats
from kleio.repositories.library_stats import GenreCount, LibraryStats, LibraryTotals, PopularRelease


class LibraryOverview(msgspec.Struct, frozen=True, rename="camel"):
    """All libraries together and each by itself; `durationMs` is in milliseconds."""

    totals: LibraryTotals
    libraries: list[LibraryStats]


class GenreCountPage(CountedPage[GenreCount], frozen=True, kw_only=True):
    """All genres, in one page."""


class PopularReleaseItem(msgspec.Struct, frozen=True, rename="camel"):
    """How many users own and play a release."""

    owners: int
    copies: int
    listeners: int
    plays: int
    last_played_at: datetime | None
    refreshed_at: datetime | None
    release: ReleaseCard


class PopularReleasePage(Page[PopularReleaseItem], frozen=True, kw_only=True):
    """A page of releases."""


@get(
    "/library/stats",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(401),
    summary="What the libraries hold",
)
async def get_library_stats(request: ApiRequest) -> LibraryOverview:
    """Return the numbers of songs, albums, artists and bytes, counted at `totals.refreshedAt`."""
    read = database_of(request).read
    totals = await read(library_stats.get_library_totals)
    assert totals is not None, "the view has a row of totals"
    return LibraryOverview(totals, await read(library_stats.list_library_stats))


@get(
    "/library/genres",
    response_class=CatalogueResponse,
    responses=NOT_MODIFIED | documented(401),
    summary="Genres of the catalogue and of files",
)
async def list_genre_counts(request: ApiRequest) -> GenreCountPage:
    """Return all genres, most frequent first, counted at `refreshedAt`."""
    rows = await database_of(request).read(library_stats.list_genre_counts)
    return GenreCountPage(
        items=rows,
        next=None,
        total=len(rows),
        total_is_estimate=True,
        refreshed_at=rows[0].refreshed_at if rows else None,
    )


@get(
    "/releases/popular",
    responses={200: ResponseSpec(PopularReleasePage, generate_examples=False)}
    | NOT_MODIFIED
    | documented(400, 401),
    summary="What most users own",
)
async def list_popular_releases(
    request: ApiRequest, limit: Limit = 50, cursor: CursorText = None, offset: Offset = 0
) -> Response[Page[PopularRelease]]:
    """Return the releases that most users have on their shelves, counted at `refreshedAt`."""
    place = page_request("owners", limit, cursor, offset, key_type=int)
    rows = await database_of(request).read(
        library_stats.list_popular_releases,
        before_owners=place.key,
        before_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    return answer_page(request, place, rows, response=CatalogueResponse)


router = Router(
    "/",
    route_handlers=[get_library_stats, list_genre_counts, list_popular_releases],
    tags=["Library"],
)
