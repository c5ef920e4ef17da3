"""All of a user's records, one kind after another: `queries/account_exports.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.copy_out import Blocks, copy_query
from kleio.db.queries import Connection


@copy_query("lines")
def export_account_releases(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield the releases that a user's other records refer to."""


@copy_query("lines")
def export_account_folders(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's folders."""


@copy_query("lines")
def export_account_styluses(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's styluses."""


@copy_query("lines")
def export_account_copies(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's copies, archived ones too."""


@copy_query("lines")
def export_account_plays(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's plays."""


@copy_query("lines")
def export_account_cleanings(conn: Connection, *, user_id: UUID) -> Blocks:
    """Yield a user's cleanings."""
