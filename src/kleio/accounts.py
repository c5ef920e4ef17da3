"""Accounts: how users and tokens are made, and who may sign in.

The command line and the API both go through here. The rules are `account_rules`', the hashing of
passwords is `passwords`'. This module holds no SQL, knows neither HTTP nor a terminal, and keeps no
token or password anywhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, NotRequired, TypedDict, Unpack
from uuid import UUID

import msgspec

from kleio import passwords
from kleio.account_rules import (
    DISCOGS_USERNAME_LENGTH,
    TOKEN_NAME_LENGTH,
    check_email,
    check_text,
    check_username,
    is_text,
)
from kleio.db.errors import Conflict, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import folders, tokens, users
from kleio.repositories.tokens import Token
from kleio.repositories.users import User

Lend = Callable[[], AbstractAsyncContextManager[Connection]]
"""Lends a connection, such as `Database.connection`. None is held while a password waits and is
hashed: a crowd of them must not take the pool from others."""

TOKEN_PREFIX = "kleio_"  # noqa: S105 -- what every token begins with, not one
SHOWN_CHARACTERS = 12
"""How much of a token is kept to tell tokens apart: 6 of the 43 random characters."""

FIRST = "first"
"""The name of the token that a user is added with."""

LOGIN = "login"
"""The name of the tokens that a login makes."""

KEPT_LOGINS = 1000
"""Logins of a user that stay valid; with one more, the oldest ends."""

UNCATEGORIZED = "Uncategorized"
"""The name of every user's folder number 1, as on Discogs."""


class NewAccount(TypedDict):
    """What `make_user` takes of a user but the password."""

    username: str
    email: str
    now: datetime
    role: NotRequired[str]
    discogs_username: NotRequired[str | None]


class SignIn(NamedTuple):
    """A login that succeeded; `text` is the token itself, which exists nowhere else."""

    user_id: UUID
    token: Token
    text: str


# --- tokens -------------------------------------------------------------------------------------


def new_token() -> tuple[str, bytes, str]:
    """Return a new token of 256 random bits, its hash, and the characters that may be shown."""
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    return text, hash_token(text), text[:SHOWN_CHARACTERS]


def hash_token(token: str) -> bytes:
    """Return the SHA-256 by which a token is kept and looked up."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def create_token(
    conn: Connection,
    *,
    user_id: UUID,
    name: str,
    lifetime: float | None,
    now: datetime,
) -> tuple[Token, str]:
    """Give a user one more token and return it with its text.

    Args:
        conn: in autocommit mode, or inside the caller's transaction.
        user_id: whose it is; MissingReference where there is no such user.
        name: for its owner to tell it apart, 1 to 100 characters.
        lifetime: seconds until it expires, None for never.
        now: the time of its making.

    Raises:
        InvalidField: the name can't be used.
    """
    check_text("name", name, TOKEN_NAME_LENGTH)
    text, token_hash, prefix = new_token()
    token = await tokens.insert_token(
        conn,
        token_hash=token_hash,
        user_id=user_id,
        name=name,
        prefix=prefix,
        expires_at=None if lifetime is None else now + timedelta(seconds=lifetime),
        now=now,
    )
    assert token is not None  # INSERT ... RETURNING gives its row or an error
    return token, text


# --- users --------------------------------------------------------------------------------------


async def make_user(
    conn: Connection,
    *,
    username: str,
    email: str,
    now: datetime,
    role: str = "user",
    discogs_username: str | None = None,
    password_hash: str | None = None,
) -> User:
    """Make a user with the folder that every user has, in one transaction.

    Raises:
        InvalidField: a field breaks the rules; nothing was written.
        Conflict: the name or the address is taken; `conflicting_field` says which.
    """
    check_username(username)
    check_email(email)
    if discogs_username is not None:
        check_text("discogsUsername", discogs_username, DISCOGS_USERNAME_LENGTH)
    async with conn.transaction():
        user = await users.insert_user(
            conn,
            username=username,
            email=email,
            discogs_username=discogs_username,
            role=role,
            password_hash=password_hash,
            now=now,
        )
        assert user is not None
        await folders.insert_folder(conn, user_id=user.id, number=1, name=UNCATEGORIZED, now=now)
    return user


async def register_user(
    connection: Lend, *, password: str | None, **account: Unpack[NewAccount]
) -> User:
    """Make a user as `make_user` does; without a password they sign in with tokens only.

    Raises:
        InvalidField, Conflict: as `make_user`.
        Overloaded: too many passwords wait already.
    """
    password_hash = None if password is None else await passwords.hash_password(password)
    async with connection() as conn:
        return await make_user(conn, password_hash=password_hash, **account)


async def create_user(
    conn: Connection, *, password: str | None = None, **account: Unpack[NewAccount]
) -> tuple[User, Token, str]:
    """Make a user as `make_user` does, and a token that does not expire, in one transaction.

    Returns:
        The user, the token, and the token's text, which exists nowhere else.
    """
    # Before the transaction: it takes a tenth of a second.
    password_hash = None if password is None else await passwords.hash_password(password)
    async with conn.transaction():
        user = await make_user(conn, password_hash=password_hash, **account)
        token, text = await create_token(
            conn, user_id=user.id, name=FIRST, lifetime=None, now=account["now"]
        )
    return user, token, text


async def sign_in(
    connection: Lend,
    username: str,
    password: str,
    *,
    lifetime: float,
    now: datetime,
) -> SignIn | None:
    """Return a new token for the right name and password, None for anything else.

    Args:
        connection: asked twice, before and after the password is checked.
        username: in any case.
        password: as typed.
        lifetime: seconds until the token expires.
        now: the time of the login.

    Raises:
        Overloaded: too many passwords wait already.
    """
    secret = None
    if is_text(username):
        async with connection() as conn:
            secret = await users.get_user_secret(conn, username=username)
    is_right, new_hash = await passwords.verify_password(
        password, secret.password_hash if secret else None
    )
    if not is_right or secret is None:
        return None
    try:
        async with connection() as conn, conn.transaction():
            if new_hash is not None:
                # Not where the user was changed since: the password may be another one by now.
                await _store_hash(conn, secret.id, new_hash, now, version=secret.updated_at)
            await tokens.delete_spent_tokens(
                conn, user_id=secret.id, name=LOGIN, kept=KEPT_LOGINS - 1, now=now
            )
            token, text = await create_token(
                conn, user_id=secret.id, name=LOGIN, lifetime=lifetime, now=now
            )
    except MissingReference:
        return None  # removed in this very moment
    return SignIn(secret.id, token, text)


async def set_password(conn: Connection, *, user_id: UUID, password: str, now: datetime) -> bool:
    """Give a user a new password; return whether there is such a user.

    Raises:
        InvalidField: the password breaks the rules.
        Overloaded: too many passwords wait already.
    """
    return await _store_hash(conn, user_id, await passwords.hash_password(password), now)


async def _store_hash(
    conn: Connection,
    user_id: UUID,
    password_hash: str,
    now: datetime,
    *,
    version: datetime | None = None,
) -> bool:
    changes = msgspec.json.encode({"passwordHash": password_hash}).decode()
    user = await users.update_user(
        conn, user_id=user_id, changes=changes, expected_updated_at=version, now=now
    )
    return user is not None


def conflicting_field(error: Conflict) -> str | None:
    """Return which field of an account is taken, None where PostgreSQL does not say."""
    names = {"users_username_key": "username", "users_email_key": "email"}
    return names.get(error.constraint or "")
