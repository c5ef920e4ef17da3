"""A user's own data as CSV or lines of JSON: `queries/exports.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.copy_out import Blocks, copy_query
from kleio.db.queries import Connection


@copy_query("csv")
def export_collection_csv(
    conn: Connection, *, user_id: UUID, archived: bool | None, guard: str
) -> Blocks:
    """Yield a user's copies in Discogs' own columns."""


@copy_query("lines")
def export_copies(conn: Connection, *, user_id: UUID, archived: bool | None) -> Blocks:
    """Yield a user's copies, each with its release."""


@copy_query("csv")
def export_plays_csv(conn: Connection, *, user_id: UUID, guard: str) -> Blocks:
    """Yield a user's plays in flat columns."""


@copy_query("lines")
def export_plays(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's plays, each with its release."""


@copy_query("csv")
def export_cleanings_csv(conn: Connection, *, user_id: UUID, guard: str) -> Blocks:
    """Yield a user's cleanings in flat columns."""


@copy_query("lines")
def export_cleanings(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's cleanings, each with its release."""
