"""Users: `queries/users.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class User(Row, frozen=True):
    """A user; `role` is `user` or `admin`, `has_password` tells whether a login is possible."""

    id: UUID
    username: str
    email: str
    discogs_username: str | None
    role: str
    has_password: bool
    created_at: datetime
    updated_at: datetime


class UserSecret(Row, frozen=True):
    """What a login is checked against; never leaves the server."""

    id: UUID
    password_hash: str | None
    updated_at: datetime


class Holdings(Row, frozen=True):
    """How much a user has of what one answer lists in whole."""

    folders: int
    styluses: int
    tokens: int


@query
async def insert_user(
    conn: Connection,
    *,
    username: str,
    email: str,
    discogs_username: str | None,
    role: str,
    password_hash: str | None,
    now: datetime,
) -> User | None:
    """Write a user; Conflict where the name or the address is taken."""


@query
async def get_user(conn: Connection, *, user_id: UUID) -> User | None:
    """Return one user."""


@query
async def get_user_by_username(conn: Connection, *, username: str) -> User | None:
    """Return one user by name, whatever its upper and lower case."""


@query
async def get_holdings(conn: Connection, *, user_id: UUID) -> Holdings | None:
    """Return how much a user has of what is listed in whole."""


@query
async def get_user_secret(conn: Connection, *, username: str) -> UserSecret | None:
    """Return what a login is checked against."""


@query
async def list_users(
    conn: Connection,
    *,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[User]]:
    """Return one page of users by name."""


@query
async def count_users(conn: Connection) -> int:
    """Return how many users there are."""


@query
async def update_user(
    conn: Connection,
    *,
    user_id: UUID,
    changes: str,
    expected_updated_at: datetime | None,
    now: datetime,
) -> User | None:
    """Change a user; None where there is none or it is not the expected version."""


@query
async def lock_administrators(conn: Connection) -> list[UUID]:
    """Return all administrators' ids; each stays one until the transaction ends."""


@query
async def delete_user(conn: Connection, *, user_id: UUID) -> int:
    """Delete a user with everything that is theirs; return how many were deleted."""
