"""Routes of the catalogue's genres."""

from __future__ import annotations

from kleio.http.catalogue_entries import EntryQueries, entry_router
from kleio.http.paging import Page
from kleio.repositories import genres, releases
from kleio.repositories.genres import Genre


class GenrePage(Page[Genre], frozen=True, kw_only=True):
    """A page of genres."""


router = entry_router(
    "genre",
    "genres",
    EntryQueries(
        list_entries=genres.list_genres,
        count_entries=genres.count_genres,
        get_entry=genres.get_genre,
        list_releases=releases.list_genre_releases,
    ),
    detail=Genre,
    page=GenrePage,
)
