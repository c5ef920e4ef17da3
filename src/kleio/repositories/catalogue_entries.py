"""The rows that all kinds of catalogue entries share when documents are written."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Row


class SourceHash(Row, frozen=True):
    """What the catalogue holds of an entry: the hash of the document it was written from."""

    discogs_id: int
    source_hash: str | None


class SavedEntry(Row, frozen=True):
    """An entry that was written, and whether it is new."""

    discogs_id: int | None
    id: UUID
    inserted: bool
