"""Routes of the catalogue's styles."""

from __future__ import annotations

from kleio.http.catalogue_entries import EntryQueries, entry_router
from kleio.http.paging import Page
from kleio.repositories import releases, styles
from kleio.repositories.styles import Style


class StylePage(Page[Style], frozen=True, kw_only=True):
    """A page of styles."""


router = entry_router(
    "style",
    "styles",
    EntryQueries(
        list_entries=styles.list_styles,
        count_entries=styles.count_styles,
        get_entry=styles.get_style,
        list_releases=releases.list_style_releases,
    ),
    detail=Style,
    page=StylePage,
)
