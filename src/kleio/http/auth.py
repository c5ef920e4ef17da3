"""Who makes a request: bearer tokens, looked up once, and what administrators alone may do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from kleio.accounts import hash_token
from kleio.db.errors import DatabaseError
from kleio.db.pool import Database
from kleio.http.guesses import guesses_of
from kleio.http.problems import forbidden, unauthorized
from kleio.repositories import tokens
from kleio.repositories.tokens import Session

S = TypeVar("S", bound=Session)

logger = logging.getLogger("kleio.http")

OPTIONAL_AUTH = "optional_auth"
"""Key of a handler's `opt`: an anonymous request is let through, with no session."""

NO_AUTH = "no_auth"
"""Key of a handler's `opt`: no token is looked at."""

MAX_TOKEN_LENGTH = 200

FLUSH_SECONDS = 60
"""How often the use of tokens is written; at most this much of it is lost with a worker."""


class TokenUse:
    """Remembers which tokens were used and writes it now and then, not in each request."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: set[bytes] = set()
        self._earlier: set[bytes] = set()

    def __contains__(self, token_hash: object) -> bool:
        """Whether a token was used in the last minute or two."""
        return token_hash in self._used or token_hash in self._earlier

    def add(self, token_hash: bytes) -> None:
        """Note that a token was used."""
        self._used.add(token_hash)

    async def flush(self) -> None:
        """Write what was noted; on an error it is noted again."""
        used, self._used = self._used, set()
        self._earlier = used
        if not used:
            return
        try:
            async with self._database.connection() as conn:
                await tokens.update_tokens_last_used(
                    conn, token_hashes=sorted(used), now=datetime.now(UTC)
                )
        except DatabaseError as error:
            self._used |= used
            logger.warning("the use of %d tokens was not written: %s", len(used), error)

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


class Authentication(AbstractAuthenticationMiddleware):
    """Puts the Session of a request's bearer token into `scope["user"]`."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Look the token up.

        Raises:
            ProblemError: 401 where there is no valid token and the handler wants one.
        """
        header = connection.headers.get("authorization")
        if header is None:
            if connection.route_handler.opt.get(OPTIONAL_AUTH):
                return AuthenticationResult(user=None, auth=None)
            raise unauthorized("A token is needed: Authorization: Bearer kleio_...")
        token_hash = hash_token(bearer_token(header))
        session = await find_session(connection, token_hash)
        return AuthenticationResult(user=session, auth=token_hash)


def bearer_token(header: str) -> str:
    """Return the token in an Authorization header.

    Raises:
        ProblemError: 401 where there is none.
    """
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_LENGTH:
        raise unauthorized("The Authorization header holds no bearer token.")
    return token


async def find_session(
    connection: ASGIConnection[Any, Any, Any, Any], token_hash: bytes
) -> Session:
    """Return whose token has this hash, as `known_session` does."""
    return await known_session(connection, token_hash, tokens.get_session)


async def known_session(
    connection: ASGIConnection[Any, Any, Any, Any],
    token_hash: bytes,
    get: Callable[..., Awaitable[S | None]],
) -> S:
    """Return what a query tells of the session of the token with this hash.

    Raises:
        ProblemError: 401 where it is nobody's, or has expired; 429 where the address has tried too
            many of that kind.
    """
    token_use: TokenUse = connection.app.state.token_use
    guesses = guesses_of(connection)
    guesses.check_token(connection, token_hash, token_use)
    session = await database_of(connection).read(get, token_hash=token_hash, now=datetime.now(UTC))
    if session is None:
        await guesses.count_unknown_token(connection, token_hash)
        raise unauthorized("The token is unknown, revoked or expired.")
    token_use.add(token_hash)
    return session


ApiRequest = Request[Session, bytes, State]
"""A request of the API; `user` is its Session (None where OPTIONAL_AUTH let nobody in)."""

UserRequest = Request[Any, Any, Any]
"""A request of the API or of the page, by somebody who is known."""


def database_of(request: ASGIConnection[Any, Any, Any, Any]) -> Database:
    """Return the worker's database."""
    database: Database = request.app.state.database
    return database


async def require_admin(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let administrators pass alone.

    Raises:
        ProblemError: 403.
    """
    session: Session | None = connection.scope.get("user")
    if session is None or session.role != "admin":
        raise forbidden("Only an administrator may do this.")
