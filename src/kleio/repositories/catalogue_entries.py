"""What all kinds of catalogue entries share when written: `queries/catalogue_entries.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, Row, query


class SourceHash(Row, frozen=True):
    """What the catalogue holds of an entry: the hash of the document it was written from."""

    discogs_id: int
    source_hash: str | None


class SavedEntry(Row, frozen=True):
    """An entry that was written, and whether it is new."""

    discogs_id: int | None
    id: UUID
    inserted: bool


@query
async def lock_entries(conn: Connection, *, kind: str) -> bool | None:
    """Wait until no other transaction writes entries of a kind, and keep others waiting."""
