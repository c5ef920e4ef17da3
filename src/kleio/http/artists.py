"""Routes of the catalogue's artists."""

from __future__ import annotations

from kleio.http.catalogue_entries import EntryQueries, entry_router
from kleio.http.paging import CountedPage
from kleio.repositories import artists, releases
from kleio.repositories.artists import Artist, ArtistDetail


class ArtistPage(CountedPage[Artist], frozen=True, kw_only=True):
    """A page of artists."""


router = entry_router(
    "artist",
    "artists",
    EntryQueries(
        list_entries=artists.list_artists,
        search_entries=artists.search_artists,
        counted_noun="artists",
        count_entries=artists.count_artists,
        get_entry=artists.get_artist,
        list_releases=releases.list_artist_releases,
    ),
    detail=ArtistDetail,
    page=ArtistPage,
)
