"""The routes that artists, labels, genres and styles have in common.

Each is a list by name, some with a search; one entry; and the releases that credit it. The nouns'
modules say which queries and Structs these are.
"""

# Without deferred annotations: the handlers are closures, whose types the framework resolves.

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from msgspec import Raw

from kleio.db.queries import Keyed, Row
from kleio.http import fields
from kleio.http.auth import ApiRequest, database_of
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    PageRequest,
    WithTotal,
    page_request,
    page_response,
)
from kleio.http.problems import documented, not_found
from kleio.http.responses import NOT_MODIFIED, CatalogueResponse
from kleio.http.schemas import ReleasePage
from kleio.http.totals import Noun, Total, read_total
from kleio.http.words import read_alternatives


class EntryQueries(msgspec.Struct, frozen=True, kw_only=True):
    """The repository functions of one noun; `search_entries` is None where there is none.

    A `counted_noun` is counted as `read_total` does, and its page is a CountedPage.
    """

    list_entries: Callable[..., Awaitable[list[Keyed[Any]]]]
    search_entries: Callable[..., Awaitable[list[Keyed[Any]]]] | None = None
    counted_noun: Noun | None = None
    count_entries: Callable[..., Awaitable[int]]
    get_entry: Callable[..., Awaitable[Any]]
    list_releases: Callable[..., Awaitable[list[Keyed[Raw]]]]


def entry_router(
    noun: str, plural: str, queries: EntryQueries, *, detail: type[Row], page: type[Page[Any]]
) -> Router:
    """Return the routes of one noun.

    Args:
        noun: `artist`; the queries' parameter is `artist_id`.
        plural: `artists`; the first part of the path.
        queries: what reads them.
        detail: the Struct of one entry.
        page: the Struct of a page of entries.
    """
    title = noun.capitalize()

    async def read_page(
        request: ApiRequest, place: PageRequest, search: str | None, words: dict[str, Any]
    ) -> list[Keyed[Any]]:
        size = {"page_size": place.limit + 1, "page_offset": place.offset}
        read = database_of(request).read
        if search is None or queries.search_entries is None:
            return await read(queries.list_entries, after_name=place.key, after_id=place.id, **size)
        return await read(
            queries.search_entries,
            search=search,
            **words,
            before_score=place.key,
            before_id=place.id,
            **size,
        )

    async def answer_page(
        request: ApiRequest,
        search: str | None,
        limit: int,
        cursor: str | None,
        offset: int,
        with_total: bool,
    ) -> Response[Page[Any]]:
        place = (
            page_request("name", limit, cursor, offset)
            if search is None
            else page_request("best", limit, cursor, offset, key_type=float)
        )
        database = database_of(request)
        words = await read_alternatives(database, search)
        rows = await read_page(request, place, search, words)
        if queries.counted_noun is None:
            number = await database.read(queries.count_entries) if with_total else None
            return page_response(
                request, place, rows, total=number, page=page, response=CatalogueResponse
            )
        total = Total()
        if with_total:
            total = await read_total(
                database,
                queries.counted_noun,
                queries.count_entries,
                is_whole=search is None,
                search=search,
                **words,
            )
        return page_response(
            request,
            place,
            rows,
            total=total.number,
            page=total.of_page(page),
            response=CatalogueResponse,
        )

    list_options: dict[str, Any] = {
        "path": f"/{plural}",
        "responses": {200: ResponseSpec(page, generate_examples=False)}
        | NOT_MODIFIED
        | documented(400, 401),
        "operation_id": f"list{plural.capitalize()}",
    }

    @get(**list_options, summary=f"All {plural}")
    async def list_entries(
        request: ApiRequest,
        limit: Limit = 50,
        cursor: CursorText = None,
        offset: Offset = 0,
        with_total: WithTotal = False,
    ) -> Response[Page[Any]]:
        """Return the entries by name."""
        return await answer_page(request, None, limit, cursor, offset, with_total)

    @get(**list_options, summary=f"List or search {plural}")
    async def search_entries(
        request: ApiRequest,
        q: fields.SearchFilter = None,
        limit: Limit = 50,
        cursor: CursorText = None,
        offset: Offset = 0,
        with_total: WithTotal = False,
    ) -> Response[Page[Any]]:
        """Return the entries by name; with `q` those most like it, best first.

        `total` is exact up to 10,000; of more it is an estimate, counted at `refreshedAt`, or with
        `q` 10,000. With `q` some thousand are ranked.
        """
        return await answer_page(request, q, limit, cursor, offset, with_total)

    @get(
        f"/{plural}/{{id:str}}",
        response_class=CatalogueResponse,
        responses={200: ResponseSpec(detail, generate_examples=False)}
        | NOT_MODIFIED
        | documented(400, 401, 404),
        operation_id=f"get{title}",
        summary=f"One {noun}",
    )
    async def get_entry(request: ApiRequest, id: FromPath[UUID]) -> Any:
        """Return one entry with all that is known of it."""
        entry = await database_of(request).read(queries.get_entry, **{f"{noun}_id": id})
        if entry is None:
            raise not_found(noun)
        return entry

    @get(
        f"/{plural}/{{id:str}}/releases",
        responses={200: ResponseSpec(ReleasePage, generate_examples=False)}
        | NOT_MODIFIED
        | documented(400, 401, 404),
        operation_id=f"list{title}Releases",
        summary=f"Releases by {noun}",
    )
    async def list_releases(
        request: ApiRequest,
        id: FromPath[UUID],
        limit: Limit = 50,
        cursor: CursorText = None,
        offset: Offset = 0,
    ) -> Response[Page[Raw]]:
        """Return the releases that credit the entry, newest entry of the catalogue first."""
        owner = {f"{noun}_id": id}
        place = page_request("newest", limit, cursor, offset, key_type=UUID)
        rows = await database_of(request).read(
            queries.list_releases,
            **owner,
            before_id=place.id,
            page_size=limit + 1,
            page_offset=place.offset,
        )
        # Only an empty page leaves open whether there is such an entry at all.
        if not rows and await database_of(request).read(queries.get_entry, **owner) is None:
            raise not_found(noun)
        return page_response(request, place, rows, response=CatalogueResponse)

    listing = list_entries if queries.search_entries is None else search_entries
    return Router("/", route_handlers=[listing, get_entry, list_releases], tags=["Catalogue"])
