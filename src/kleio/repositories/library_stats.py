"""What the library and the catalogue hold, counted some time ago: `queries/library_stats.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query


class LibraryTotals(Row, frozen=True):
    """What all libraries hold together; `refreshed_at` is when it was counted."""

    songs: int
    missing_songs: int
    albums: int
    artists: int
    duration_ms: int
    bytes: int
    problem_files: int
    refreshed_at: datetime | None


class LibraryStats(Row, frozen=True):
    """What one library holds; `scanned_at` is when its last complete scan began."""

    id: UUID
    name: str
    scanned_at: datetime | None
    songs: int
    missing_songs: int
    albums: int
    artists: int
    duration_ms: int
    bytes: int
    problem_files: int


class ArtistTotals(Row, frozen=True):
    """How many artists of the library there are; `refreshed_at` is when they were counted."""

    artists: int
    refreshed_at: datetime | None


class CatalogueTotals(Row, frozen=True):
    """How many entries of each noun the catalogue has; `refreshed_at` is when they were counted."""

    artists: int
    labels: int
    releases: int
    refreshed_at: datetime


class GenreCount(Row, frozen=True):
    """How many releases, copies and songs are of a genre."""

    name: str | None
    releases: int
    copies: int
    songs: int
    refreshed_at: datetime | None


class PopularRelease(Row, frozen=True):
    """How many users own and play a release, with its card."""

    owners: int
    copies: int
    listeners: int
    plays: int
    last_played_at: datetime | None
    refreshed_at: datetime | None
    release: Raw


@query
async def get_library_totals(conn: Connection) -> LibraryTotals | None:
    """Return what all libraries hold together."""


@query
async def list_library_stats(conn: Connection) -> list[LibraryStats]:
    """Return what each library holds."""


@query
async def get_artist_totals(conn: Connection) -> ArtistTotals | None:
    """Return how many artists of the library there are."""


@query
async def get_catalogue_totals(conn: Connection) -> CatalogueTotals | None:
    """Return how many artists, labels and releases the catalogue has."""


@query
async def list_genre_counts(conn: Connection) -> list[GenreCount]:
    """Return all genres, most frequent first."""


@query
async def list_popular_releases(
    conn: Connection,
    *,
    before_owners: int | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[PopularRelease]]:
    """Return one page of the releases that most users own."""


@query
async def refresh_library_stats(conn: Connection) -> int:
    """Count the libraries again."""


@query
async def refresh_artist_stats(conn: Connection) -> int:
    """Count the artists of the library again."""


@query
async def refresh_catalogue_totals(conn: Connection) -> int:
    """Count the artists, labels and releases of the catalogue again."""


@query
async def refresh_release_popularity(conn: Connection) -> int:
    """Count owners, copies and plays of releases again."""


@query
async def refresh_genre_counts(conn: Connection) -> int:
    """Count the genres again."""
