"""Masters of the shared catalogue: `queries/masters.sql`."""

from __future__ import annotations

from datetime import datetime

from kleio.db.queries import Connection, query
from kleio.repositories.catalogue_entries import SavedEntry, SourceHash


@query
async def list_master_hashes(conn: Connection, *, discogs_ids: list[int]) -> list[SourceHash]:
    """Return what the catalogue holds of these Discogs masters."""


@query
async def upsert_masters(conn: Connection, *, documents: str, now: datetime) -> list[SavedEntry]:
    """Write masters from a JSON array of documents."""
