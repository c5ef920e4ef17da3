"""Limits on guesses at passwords and tokens, of an account and of an address.

They are kept in the database, so they hold for all workers and servers together. Only who signs in,
registers or comes with a token that is nobody's pays for that; a valid token costs a look into an
empty dict.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection

from kleio.db.errors import DatabaseError
from kleio.db.pool import Database
from kleio.http.addresses import Proxies
from kleio.http.problems import ProblemError
from kleio.repositories import attempts
from kleio.settings import Settings

WINDOW_SECONDS = 600.0
"""The time that the limits are for. Who has used them up gets one more each time that the window
through the limit has passed: each 30 s at 20."""

REMEMBERED_TOKENS = 4096
"""Unknown tokens that a worker remembers: the same one again is no further guess, so that a script
whose token has expired never uses up its address's."""

REMEMBERED_ADDRESSES = 4096
"""Addresses without attempts that a worker remembers, to send them away without asking."""

_Subject = tuple[bytes, float]
"""The SHA-256 of an account or address, and the seconds that an attempt takes to be forgotten."""


class Guesses:
    """What one worker knows of who has guessed too often."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._proxies = Proxies(settings.proxy_networks())
        self._gaps = {
            "account": _gap(settings.account_attempts),
            "address": _gap(settings.address_attempts),
        }
        self._unknown: OrderedDict[bytes, None] = OrderedDict()
        self._blocked: OrderedDict[str, float] = OrderedDict()

    @asynccontextmanager
    async def at_password(
        self, connection: ASGIConnection[Any, Any, Any, Any], username: str
    ) -> AsyncIterator[None]:
        """Count the password that is checked in the block, unless the block ends well.

        A ProblemError means that it was wrong; of an overloaded server nobody has learnt anything.

        Raises:
            ProblemError: 429 where the address or the account has no attempt left.
        """
        address = self._subject("address", f"password {self._proxies.client(connection.scope)}")
        account = self._subject("account", username.lower())
        # In this order: an address without attempts must not use up those of an account.
        for subject in (address, account):
            await self._count(subject)
        try:
            yield
        except DatabaseError:
            await self._give_back(address, account)
            raise
        await self._give_back(address, account)

    async def count_registration(self, connection: ASGIConnection[Any, Any, Any, Any]) -> None:
        """Count a registration, one that succeeds too: each costs a hash and may tell of a name.

        Raises:
            ProblemError: 429 where the address has no attempt left.
        """
        address = self._proxies.client(connection.scope)
        await self._count(self._subject("address", f"registration {address}"))

    def check_token(
        self,
        connection: ASGIConnection[Any, Any, Any, Any],
        token_hash: bytes,
        in_use: Container[bytes],
    ) -> None:
        """Send away an address that has guessed too often, but for tokens that are in use.

        Raises:
            ProblemError: 429.
        """
        if not self._blocked or token_hash in in_use:
            return
        address = self._proxies.client(connection.scope)
        until = self._blocked.get(address)
        if until is None:
            return
        left = until - time.monotonic()
        if left <= 0:
            del self._blocked[address]
            return
        raise _too_many(left)

    async def count_unknown_token(
        self, connection: ASGIConnection[Any, Any, Any, Any], token_hash: bytes
    ) -> None:
        """Count a token that is nobody's, the first time that this worker sees it.

        Raises:
            ProblemError: 429 where the address has no attempt left.
        """
        if token_hash in self._unknown:
            return
        _remember(self._unknown, token_hash, None, REMEMBERED_TOKENS)
        address = self._proxies.client(connection.scope)
        wait = await self._ask(self._subject("address", f"token {address}"))
        if wait > 0:
            until = time.monotonic() + wait
            _remember(self._blocked, address, until, REMEMBERED_ADDRESSES)
            raise _too_many(wait)

    def _subject(self, kind: str, name: str) -> _Subject | None:
        """Return whom attempts count for, None where there is no limit."""
        gap = self._gaps[kind]
        # A form may bring what is no text; it is nobody's name, and counted all the same.
        text = f"{kind} {name}".encode("utf-8", "surrogatepass")
        return (hashlib.sha256(text).digest(), gap) if gap else None

    async def _count(self, subject: _Subject | None) -> None:
        wait = await self._ask(subject)
        if wait > 0:
            raise _too_many(wait)

    async def _ask(self, subject: _Subject | None) -> float:
        if subject is None:
            return 0
        async with self._database.connection() as conn:
            wait = await attempts.upsert_attempt(
                conn,
                subject=subject[0],
                gap_seconds=subject[1],
                window_seconds=WINDOW_SECONDS,
                now=datetime.now(UTC),
            )
        return 0 if wait is None else wait.seconds

    async def _give_back(self, *counted: _Subject | None) -> None:
        found = [subject for subject in counted if subject is not None]
        if found:
            async with self._database.connection() as conn:
                await attempts.update_attempts_returned(
                    conn,
                    subjects=[subject for subject, _ in found],
                    gaps=[gap for _, gap in found],
                )


def _gap(limit: int) -> float:
    return WINDOW_SECONDS / limit if limit else 0.0


def _remember(kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        kept.popitem(last=False)


def _too_many(seconds: float) -> ProblemError:
    wait = math.ceil(seconds)
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-attempts",
        f"Too many attempts failed; try again in {wait} s.",
        headers={"Retry-After": str(wait)},
    )


def guesses_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Guesses:
    """Return the worker's limits on guesses."""
    guesses: Guesses = connection.app.state.guesses
    return guesses
