"""The users' encrypted Discogs tokens: `queries/discogs_credentials.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, query


@query
async def upsert_credential(
    conn: Connection, *, user_id: UUID, token_encrypted: bytes, now: datetime
) -> int:
    """Replace a user's Discogs token by an encrypted one."""


@query
async def get_credential(conn: Connection, *, user_id: UUID) -> bytes | None:
    """Return a user's Discogs token, encrypted."""


@query
async def delete_credential(conn: Connection, *, user_id: UUID) -> int:
    """Forget a user's Discogs token; return how many were deleted."""


@query
async def lock_credential(conn: Connection, *, user_id: UUID) -> bytes | None:
    """Return a user's Discogs token, encrypted, and keep it from change."""
