"""Releases of the shared catalogue: `queries/releases.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, query
from kleio.repositories.catalogue_entries import SavedEntry, SourceHash


@query
async def list_release_hashes(conn: Connection, *, discogs_ids: list[int]) -> list[SourceHash]:
    """Return what the catalogue holds of these Discogs releases."""


@query
async def list_better_releases(conn: Connection, *, discogs_ids: list[int]) -> list[int]:
    """Return those of the Discogs numbers that a stub of the API would not improve."""


@query
async def update_release_pictures(conn: Connection, *, documents: str, now: datetime) -> int:
    """Renew the addresses of the pictures of releases that are not the API's."""


@query
async def update_releases_fetched(
    conn: Connection, *, discogs_ids: list[int], now: datetime
) -> int:
    """Note that the API was asked for these releases; return how many there are."""


@query
async def insert_release_references(conn: Connection, *, documents: str, now: datetime) -> int:
    """Write the artists, labels, genres and styles that documents name and the catalogue lacks."""


@query
async def upsert_releases(conn: Connection, *, documents: str, now: datetime) -> list[SavedEntry]:
    """Write releases and everything that belongs to them from a JSON array of documents."""


@query
async def refresh_releases(conn: Connection, *, release_ids: list[UUID]) -> int:
    """Compute the derived columns of releases again; return how many were wrong."""


@query
async def list_releases(
    conn: Connection,
    *,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    catno: str | None,
    barcode: str | None,
    year_from: int | None,
    year_to: int | None,
    discogs_id: int | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of release cards, newest entry first."""


@query
async def count_releases(
    conn: Connection,
    *,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    catno: str | None,
    barcode: str | None,
    year_from: int | None,
    year_to: int | None,
    discogs_id: int | None,
    search: str | None,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    max_rows: int,
) -> int:
    """Return how many releases pass the filters or are like a text; at most `max_rows`."""


@query
async def search_releases(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    artist: str | None,
    label: str | None,
    genre: str | None,
    style: str | None,
    format: str | None,
    country: str | None,
    catno: str | None,
    barcode: str | None,
    year_from: int | None,
    year_to: int | None,
    before_score: float | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of release cards that are like a text, best first."""


@query
async def get_release(conn: Connection, *, release_id: UUID) -> Raw | None:
    """Return one release with credits, tracks and all that is known of it, as JSON."""


@query
async def get_release_id(conn: Connection, *, discogs_id: int) -> UUID | None:
    """Return the id of the release with a Discogs number."""


@query
async def list_artist_releases(
    conn: Connection,
    *,
    artist_id: UUID,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of cards of the releases that credit an artist, newest entry first."""


@query
async def list_label_releases(
    conn: Connection,
    *,
    label_id: UUID,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of cards of the releases on a label, newest entry first."""


@query
async def list_genre_releases(
    conn: Connection,
    *,
    genre_id: UUID,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of cards of the releases of a genre, newest entry first."""


@query
async def list_style_releases(
    conn: Connection,
    *,
    style_id: UUID,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Raw]]:
    """Return one page of cards of the releases of a style, newest entry first."""
