"""The shelf: covers or a list, by the API's filters and orders, which stand in the address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from kleio.http import fields, shelf
from kleio.http.auth import database_of
from kleio.http.paging import CursorText
from kleio.http.shelf import Sort
from kleio.repositories import folders
from kleio.web import shelf_filters
from kleio.web.cards import card
from kleio.web.paging import one_page
from kleio.web.query_strings import changed
from kleio.web.rendering import render, wants_fragment
from kleio.web.searches import SearchText, finds_nothing
from kleio.web.sessions import PageRequest

PATH = "/shelf"
PAGE = 48
"""Copies a page: whole rows of 2, 3, 4, 6 and 8."""

View = Literal["covers", "list"]
OwnSort = Annotated[Sort | None, QueryParameter()]


@get(PATH, include_in_schema=False)
async def show_shelf(
    request: PageRequest,
    view: FromQuery[View] = "covers",
    sort: OwnSort = None,
    q: SearchText = None,
    artist: fields.ArtistFilter = None,
    label: fields.LabelFilter = None,
    genre: fields.GenreFilter = None,
    style: fields.StyleFilter = None,
    format: fields.FormatFilter = None,
    country: fields.CountryFilter = None,
    year_from: fields.YearFromFilter = None,
    year_to: fields.YearToFilter = None,
    folder_id: shelf.FolderFilter = None,
    min_rating: shelf.RatingFilter = None,
    played_since: shelf.PlayedSinceFilter = None,
    not_played_since: shelf.NotPlayedSinceFilter = None,
    never_played: shelf.NeverPlayedFilter = None,
    needs_cleaning: shelf.NeedsCleaningFilter = None,
    archived: shelf.ArchivedFilter = False,
    cursor: CursorText = None,
    panel: FromQuery[Literal["filters"] | None] = None,
) -> Response[str]:
    """Show a page of the shelf; with a cursor and scripts, only what comes next."""
    filters = shelf.checked_filters(
        search=q,
        artist=artist,
        label=label,
        genre=genre,
        style=style,
        format=format,
        country=country,
        year_from=year_from,
        year_to=year_to,
        folder_id=folder_id,
        min_rating=min_rating,
        played_since=played_since,
        not_played_since=not_played_since,
        never_played=never_played,
        needs_cleaning=needs_cleaning,
        archived=archived,
    )
    address = {
        name: value
        for name, value in request.query_params.items()
        if name not in ("cursor", "panel")
    }
    if panel is not None:
        return await _filters(request, address, folder_id)
    preset: Sort = "-added" if q is None else "-match"
    if sort is None or (sort.endswith("match") and q is None):
        # Without a search there is nothing to match, so its order goes with it.
        address.pop("sort", None)
        sort = preset
    shown = await _page(request, sort, filters, cursor, address)
    shown |= {
        "address": address,
        "filters_path": changed(PATH, address, panel="filters"),
        "q": q,
        "quick": shelf_filters.quick(PATH, address, datetime.now(UTC)),
        "sorts": shelf_filters.sorts(preset, sort),
        "view": view,
        "views": [
            (name, changed(PATH, address, view=None if name == "covers" else name))
            for name in ("covers", "list")
        ],
    }
    if wants_fragment(request):
        return render(
            request, "parts/shelf.html" if cursor is None else "parts/copies.html", **shown
        )
    return render(request, "shelf.html", **shown)


async def _page(
    request: PageRequest,
    sort: Sort,
    filters: dict[str, Any],
    cursor: str | None,
    address: dict[str, str],
) -> dict[str, Any]:
    place = shelf.shelf_place(sort, PAGE, cursor, 0, search=filters["search"])
    rows = (
        []
        if finds_nothing(filters["search"])
        else await shelf.read_page(
            database_of(request),
            request.user.user_id,
            sort,
            place,
            filters,
            marks_at=datetime.now(UTC),
        )
    )
    copies, following = one_page(place, rows, PATH, address)
    return {
        "active": shelf_filters.active(PATH, address, None),
        "copies": [(copy, card(copy.release)) for copy in copies],
        "following": following,
        "is_filtered": filters != shelf.NO_FILTERS,
        "is_first": cursor is None,
        "whole_shelf": PATH,
    }


async def _filters(
    request: PageRequest, address: dict[str, str], folder_id: UUID | None
) -> Response[str]:
    """Show the folders and all filters, filled as the address has them."""
    rows = await database_of(request).read(folders.list_folders, user_id=request.user.user_id)
    return render(
        request,
        "parts/filters.html" if wants_fragment(request) else "filters.html",
        address=address,
        folders=[
            (
                folder,
                changed(PATH, address, folderId=None if is_chosen else folder.id),
                is_chosen,
            )
            for folder in rows
            for is_chosen in [folder.id == folder_id]
        ],
        formats=shelf_filters.FORMATS,
        genres=shelf_filters.GENRES,
        kept=[(name, value) for name, value in address.items() if name not in shelf_filters.FIELDS],
        whole_shelf=PATH,
    )


HANDLERS = [show_shelf]
