"""Tokens and the sessions that they open: `queries/tokens.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class Token(Row, frozen=True):
    """A token as its owner may see it; the token itself is shown once and kept nowhere."""

    id: UUID
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class Session(Row, frozen=True):
    """Who makes a request."""

    user_id: UUID
    username: str
    role: str
    token_id: UUID


class NamedSession(Session, frozen=True):
    """Who looks at the page, and with which token."""

    token_name: str


class PageSession(NamedSession, frozen=True):
    """Who looks at the page, with which token, and the zone that their days are counted in."""

    time_zone: str


class HashedSession(Session, frozen=True):
    """Who makes a request, with the SHA-256 of the token that says so."""

    token_hash: bytes


@query
async def insert_token(
    conn: Connection,
    *,
    token_hash: bytes,
    user_id: UUID,
    name: str,
    prefix: str,
    expires_at: datetime | None,
    now: datetime,
) -> Token | None:
    """Write a token by its SHA-256."""


@query
async def get_session(conn: Connection, *, token_hash: bytes, now: datetime) -> Session | None:
    """Return who a token belongs to, None where it is unknown or expired."""


@query
async def get_page_session(
    conn: Connection, *, token_hash: bytes, now: datetime
) -> PageSession | None:
    """Return who a token belongs to and their zone, None where it is unknown or expired."""


@query
async def get_named_session(
    conn: Connection, *, token_hash: bytes, now: datetime
) -> NamedSession | None:
    """Return who a token belongs to, None where it is unknown; for a database on Citus."""


@query
async def list_sessions(
    conn: Connection, *, token_hashes: list[bytes], now: datetime
) -> list[HashedSession]:
    """Return who tokens belong to, without those that are unknown or expired."""


@query
async def list_sessions_among(
    conn: Connection, *, token_hashes: list[bytes], now: datetime
) -> list[HashedSession]:
    """Return who tokens belong to, as list_sessions; for a database on Citus."""


@query
async def list_tokens(conn: Connection, *, user_id: UUID) -> list[Token]:
    """Return a user's tokens, newest first."""


@query
async def delete_token(conn: Connection, *, user_id: UUID, token_id: UUID) -> int:
    """Revoke one token; return how many were deleted."""


@query
async def delete_tokens_by_name(conn: Connection, *, user_id: UUID, name: str) -> int:
    """Revoke a user's tokens of one name; return how many were deleted."""


@query
async def delete_spent_tokens(
    conn: Connection, *, user_id: UUID, name: str, kept: int, now: datetime
) -> int:
    """Forget a user's expired tokens, and those of a name but the latest; return how many."""


@query
async def update_tokens_last_used(
    conn: Connection, *, token_hashes: list[bytes], now: datetime
) -> int:
    """Say that tokens were used; return how many still exist."""


@query
async def update_tokens_used(conn: Connection, *, token_hashes: list[bytes], now: datetime) -> int:
    """Say that tokens were used; return how many still exist; for a database on Citus."""


@query
async def delete_all_expired_tokens(conn: Connection, *, now: datetime) -> int:
    """Forget the expired tokens of all users; return how many."""


@query
async def count_all_expired_tokens(conn: Connection, *, now: datetime) -> int:
    """Return how many tokens of all users have expired."""
