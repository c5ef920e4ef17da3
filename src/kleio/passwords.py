"""Passwords: their hashes, made and compared in threads, a few at once.

This module knows no user and keeps no password anywhere.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import argon2

from kleio.account_rules import PASSWORD_LENGTHS, check_password_rules, is_text
from kleio.db.errors import Overloaded

R = TypeVar("R")

HASHING_THREADS = 2
"""Passwords that one process checks at once; each takes 64 MiB for about 0.1 s."""

HASHING_QUEUE = 64
"""Passwords that may wait; the next one is refused at once, before it costs anything."""

HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
"""argon2id with the parameters that RFC 9106 recommends second (64 MiB, 3 passes, 4 lanes)."""


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
    if len(password) > PASSWORD_LENGTHS[1] or not is_text(password):
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
