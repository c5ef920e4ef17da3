"""Labels of the shared catalogue: `queries/labels.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Keyed, Row, query
from kleio.repositories.catalogue_entries import SavedEntry, SourceHash


class Label(Row, frozen=True):
    """A label in a list."""

    id: UUID
    discogs_id: int | None
    name: str
    resource_url: str | None


class LabelDetail(Row, frozen=True):
    """A label with all that is known of it; `metadata` is a JSON object."""

    id: UUID
    discogs_id: int | None
    name: str
    resource_url: str | None
    profile: str | None
    metadata: Raw
    created_at: datetime
    updated_at: datetime


@query
async def list_label_hashes(conn: Connection, *, discogs_ids: list[int]) -> list[SourceHash]:
    """Return what the catalogue holds of these Discogs labels."""


@query
async def upsert_labels(conn: Connection, *, documents: str, now: datetime) -> list[SavedEntry]:
    """Write labels from a JSON array of documents."""


@query
async def list_labels(
    conn: Connection,
    *,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Label]]:
    """Return one page of labels by name."""


@query
async def search_labels(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    before_score: float | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Label]]:
    """Return one page of labels whose name is like a text, best first."""


@query
async def count_labels(
    conn: Connection,
    *,
    search: str | None,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    max_rows: int,
) -> int:
    """Return how many labels there are, or whose name is like a text; at most `max_rows`."""


@query
async def get_label(conn: Connection, *, label_id: UUID) -> LabelDetail | None:
    """Return one label."""
