"""The releases of an imported file: `queries/import_releases.sql`."""

from __future__ import annotations

from uuid import UUID

from msgspec import Raw

from kleio.db.queries import Connection, Row, query


class NewReleases(Row, frozen=True):
    """A chunk of a file's releases: what of it the catalogue lacks, as documents with a `newId`.

    `has_own` tells of some that Discogs has no number of.
    """

    first_seq: int
    documents: Raw | None
    has_own: bool


@query
async def insert_release_verdicts(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Judge the releases of a file; return how many there are."""


@query
async def get_new_releases(
    conn: Connection, *, user_id: UUID, run_id: UUID, after_seq: int
) -> NewReleases | None:
    """Return the next chunk of releases, None after the last."""


@query
async def update_release_targets(conn: Connection, *, user_id: UUID, run_id: UUID) -> int:
    """Point records at the releases that somebody else added meanwhile."""
