"""Accounts: what a user, a password and a token must look like, and how they are made and checked.

The command line and the API both go through here. This module owns the rules and the hashing; it
holds no SQL, knows neither HTTP nor a terminal, and keeps no token or password anywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple, NotRequired, TypedDict, TypeVar, Unpack
from uuid import UUID

import argon2
import msgspec

from kleio.db.errors import Conflict, MissingReference, Overloaded
from kleio.db.queries import Connection
from kleio.repositories import folders, tokens, users
from kleio.repositories.tokens import Token
from kleio.repositories.users import User

R = TypeVar("R")

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

END = r"(?![\s\S])$"
"""The end of a text in a pattern: `$` alone is also true before a line feed that ends the text. The
OpenAPI document shows patterns, so it is one of those that JSON Schema knows."""

USERNAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}" + END
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+" + END
EMAIL_LENGTH = 254
DISCOGS_USERNAME_LENGTH = 100
TOKEN_NAME_LENGTH = 100
PASSWORD_LENGTHS = (8, 1024)

HASHING_THREADS = 2
"""Passwords that one process checks at once; each takes 64 MiB for about 0.1 s."""

HASHING_QUEUE = 64
"""Passwords that may wait; the next one is refused at once, before it costs anything."""

HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
"""argon2id with the parameters that RFC 9106 recommends second (64 MiB, 3 passes, 4 lanes)."""


class InvalidField(ValueError):
    """A field that an account can't have; `field` is its name, `problem` what is wrong with it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


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
    _check_text("name", name, TOKEN_NAME_LENGTH)
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


# --- passwords ----------------------------------------------------------------------------------


def check_password_rules(password: str) -> None:
    """Refuse a password that can't be one.

    Raises:
        InvalidField: it is shorter than 8 or longer than 1,024 characters, or holds a NUL.
    """
    shortest, longest = PASSWORD_LENGTHS
    if not shortest <= len(password) <= longest:
        raise InvalidField("password", f"must have {shortest} to {longest:,} characters")
    if not _is_text(password):
        raise InvalidField("password", "must be text without NUL")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, made in a thread.

    Raises:
        InvalidField: the password breaks the rules.
        Overloaded: too many passwords wait already.
    """
    check_password_rules(password)
    return await _in_thread(lambda: HASHER.hash(_bytes(password)))


async def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Check a password, in a thread.

    It takes the same time whether or not there is a hash, so that it does not tell who exists.

    Args:
        password: what was typed.
        password_hash: what is kept; None where there is no such user, or no password.

    Returns:
        Whether it is right, and a new hash where the kept one has other parameters than today's.

    Raises:
        Overloaded: too many passwords wait already.
    """
    if len(password) > PASSWORD_LENGTHS[1] or not _is_text(password):
        return False, None  # nobody's password, so this tells nothing about a user
    return await _in_thread(lambda: _compare(_bytes(password), password_hash))


def _compare(password: bytes, password_hash: str | None) -> tuple[bool, str | None]:
    try:
        HASHER.verify(password_hash or _dummy_hash(), password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False, None
    if password_hash is None:
        return False, None
    return True, HASHER.hash(password) if HASHER.check_needs_rehash(password_hash) else None


def _dummy_hash() -> str:
    # All zeros: no password is known for it, and checking it costs what a real check costs.
    salt, digest = "A" * 22, "A" * 43
    return (
        f"$argon2id$v=19$m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}"
        f"${salt}${digest}"
    )


def _bytes(password: str) -> bytes:
    # One letter typed on two systems may be one or two code points.
    return unicodedata.normalize("NFC", password).encode()


@cache
def _threads() -> ThreadPoolExecutor:
    # Made at the first password, so that a server worker never inherits threads by fork.
    return ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="kleio-password")


_hashing = 0


async def _in_thread(work: Callable[[], R]) -> R:
    global _hashing
    if _hashing >= HASHING_THREADS + HASHING_QUEUE:
        raise Overloaded("too many passwords are being checked", operation="password")
    _hashing += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), work)
    finally:
        _hashing -= 1


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
        _check_text("discogsUsername", discogs_username, DISCOGS_USERNAME_LENGTH)
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
    password_hash = None if password is None else await hash_password(password)
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
    password_hash = None if password is None else await hash_password(password)
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
    if _is_text(username):
        async with connection() as conn:
            secret = await users.get_user_secret(conn, username=username)
    is_right, new_hash = await verify_password(password, secret.password_hash if secret else None)
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
    return await _store_hash(conn, user_id, await hash_password(password), now)


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


# --- rules --------------------------------------------------------------------------------------


def check_username(username: str) -> None:
    """Refuse what can't be a user's name.

    Raises:
        InvalidField: it does not match USERNAME_PATTERN.
    """
    if re.search(USERNAME_PATTERN, username) is None:
        raise InvalidField(
            "username", "must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first"
        )


def check_email(email: str) -> None:
    """Refuse what can't be an e-mail address; only sending to it would tell more.

    Raises:
        InvalidField: it does not match EMAIL_PATTERN, or is too long.
    """
    if (
        re.search(EMAIL_PATTERN, email) is None
        or len(email) > EMAIL_LENGTH
        or not email.isprintable()
    ):
        raise InvalidField(
            "email",
            f"must be an address such as ada@example.org, at most {EMAIL_LENGTH} characters",
        )


def _check_text(field: str, value: str, longest: int) -> None:
    if not value.strip() or len(value) > longest or not value.isprintable():
        raise InvalidField(field, f"must be 1 to {longest} printable characters")


def _is_text(value: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold it: no NUL, no lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
