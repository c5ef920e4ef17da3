"""Answers kept for requests with an Idempotency-Key: `queries/idempotency_keys.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Row, query


class IdempotentAnswer(Row, frozen=True):
    """What was answered under a key, and the SHA-256 of the request it was given to."""

    request_hash: bytes
    status: int
    response: bytes


@query
async def insert_idempotency_key(
    conn: Connection, *, user_id: UUID, key: str, request_hash: bytes, now: datetime
) -> int:
    """Claim a key; return 1 where it is new."""


@query
async def get_idempotency_key(
    conn: Connection, *, user_id: UUID, key: str
) -> IdempotentAnswer | None:
    """Return the answer given under a key."""


@query
async def update_idempotency_key(
    conn: Connection, *, user_id: UUID, key: str, status: int, response: bytes
) -> int:
    """Keep the answer given under a key."""


@query
async def delete_old_idempotency_keys(conn: Connection, *, before: datetime) -> int:
    """Forget the answers of all users before a time; return how many."""


@query
async def count_old_idempotency_keys(conn: Connection, *, before: datetime) -> int:
    """Return how many answers of all users are older than a time."""
