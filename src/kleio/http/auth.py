"""Who makes a request: bearer tokens, looked up once, and what administrators alone may do."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from kleio.accounts import hash_token
from kleio.coalescing import Coalescer
from kleio.db.admission import WHOSE
from kleio.db.errors import DatabaseError
from kleio.db.pool import Database
from kleio.db.replica import WROTE_AT, Writes
from kleio.http import slow_bodies
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

READS = ("GET", "HEAD")
"""Methods of requests that may be answered from a replica."""

FLUSH_SECONDS = 60
"""How often the use of tokens is written; at most this much of it is lost with a worker."""


LOOK_UPS = 4
"""Look-ups of tokens at once: two are as fast, and one that hangs must not stop all requests."""


class TokenUse:
    """Remembers which tokens were used and writes it now and then, not in each request."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[bytes, UUID] = {}
        self._earlier: dict[bytes, UUID] = {}

    def __contains__(self, token_hash: object) -> bool:
        """Whether a token was used in the last minute or two."""
        return token_hash in self._used or token_hash in self._earlier

    def user_of(self, token_hash: bytes) -> UUID | None:
        """Return whose a token is that was used in the last minute or two, None for others."""
        return self._used.get(token_hash) or self._earlier.get(token_hash)

    def add(self, token_hash: bytes, user_id: UUID) -> None:
        """Note that a token was used, and whose it is."""
        self._used[token_hash] = user_id

    async def flush(self) -> None:
        """Write what was noted; on an error it is noted again."""
        used, self._used = self._used, {}
        self._earlier = used
        if not used:
            return
        write = (
            tokens.update_tokens_used
            if self._database.is_distributed
            else tokens.update_tokens_last_used
        )
        try:
            async with self._database.connection() as conn:
                await write(conn, token_hashes=sorted(used), now=datetime.now(UTC))
        except DatabaseError as error:
            self._used |= used
            logger.warning("the use of %d tokens was not written: %s", len(used), error)

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


class SessionReader:
    """Who tokens belong to: requests that arrive together are asked about together.

    Each is asked about after its request has come, so a token that was revoked before is refused.

    Attributes:
        asking: how many requests wait to hear whose they are.
    """

    asking = 0

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking_of: Counter[bytes] = Counter()
        self._coalescer = Coalescer(
            self._load,
            in_flight=LOOK_UPS,
            waiting=database.settings.per_worker().max_waiting,
            timeout=database.settings.db_pool_timeout,
            fresh=True,
        )

    def asking_of(self, token_hash: bytes) -> int:
        """Return how many of those that wait came with one token."""
        return self._asking_of[token_hash]

    async def ask(self, token_hash: bytes, get: Callable[[bytes], Awaitable[S | None]]) -> S | None:
        """Return what `get` finds for a request's token; until then the request is asking."""
        self.asking += 1
        self._asking_of[token_hash] += 1
        try:
            return await get(token_hash)
        finally:
            self.asking -= 1
            if self._asking_of[token_hash] == 1:
                del self._asking_of[token_hash]
            else:
                self._asking_of[token_hash] -= 1

    async def get(self, token_hash: bytes) -> Session | None:
        """Return whose token has this hash, None where it is nobody's, or has expired."""
        return await self._coalescer.get(token_hash)

    async def _load(self, token_hashes: list[bytes]) -> Mapping[bytes, Session]:
        read, now = self._database.read_ahead, datetime.now(UTC)
        if len(token_hashes) > 1:
            of_many = (
                tokens.list_sessions_among
                if self._database.is_distributed
                else tokens.list_sessions
            )
            found = await read(of_many, token_hashes=token_hashes, now=now)
            return {session.token_hash: session for session in found}
        (token_hash,) = token_hashes
        session = await read(tokens.get_session, token_hash=token_hash, now=now)
        return {} if session is None else {token_hash: session}


class Authentication(AbstractAuthenticationMiddleware):
    """Puts the Session of a request's bearer token into `scope["user"]`."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Look the token up.

        Raises:
            ProblemError: 401 where there is no valid token and the handler wants one.
            Overloaded: too many requests wait already; the token is not even looked at.
        """
        header = connection.headers.get("authorization")
        if header is None:
            if connection.route_handler.opt.get(OPTIONAL_AUTH):
                return AuthenticationResult(user=None, auth=None)
            raise unauthorized("A token is needed: Authorization: Bearer kleio_...")
        token_hash = hash_token(bearer_token(header))
        check_room(connection, token_hash)
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


def check_room(connection: ASGIConnection[Any, Any, Any, Any], token_hash: bytes) -> None:
    """Refuse a request before anything is done for it, where there are too many already.

    Those that wait to hear whose they are will wait for a connection next.

    Raises:
        Overloaded: too many requests wait, of all or of the same user.
    """
    sessions: SessionReader = connection.app.state.sessions
    token_use: TokenUse = connection.app.state.token_use
    database_of(connection).check_room(
        sessions.asking, token_use.user_of(token_hash), sessions.asking_of(token_hash)
    )


async def find_session(
    connection: ASGIConnection[Any, Any, Any, Any], token_hash: bytes
) -> Session:
    """Return whose token has this hash, as `known_session` does."""
    sessions: SessionReader = connection.app.state.sessions
    return await known_session(connection, token_hash, sessions.get)


async def known_session(
    connection: ASGIConnection[Any, Any, Any, Any],
    token_hash: bytes,
    get: Callable[[bytes], Awaitable[S | None]],
) -> S:
    """Return what is known of the session of the token with this hash.

    From then on, what the request reads is at least as new as what the user has written, and its
    connections are of the user's share. Where its
    body takes its time, the token is looked up again when that is whole.

    Raises:
        ProblemError: 401 where it is nobody's, or has expired; 429 where the address has tried too
            many of that kind.
    """
    token_use: TokenUse = connection.app.state.token_use
    guesses = guesses_of(connection)
    guesses.check_token(connection, token_hash, token_use)
    # A token that was revoked is so at once: the primary tells.
    WROTE_AT.set(None)
    WHOSE.set(None)
    sessions: SessionReader = connection.app.state.sessions
    session = await sessions.ask(token_hash, get)
    if session is None:
        await guesses.count_unknown_token(connection, token_hash)
        raise unauthorized("The token is unknown, revoked or expired.")
    token_use.add(token_hash, session.user_id)
    WHOSE.set(session.user_id)

    async def check_again() -> None:
        now = await get(token_hash)
        if now is None or now.role != session.role:
            raise unauthorized("The token was revoked, or its user's role changed, meanwhile.")

    slow_bodies.when_late(connection.scope, check_again)
    writes: Writes | None = connection.app.state.writes
    if writes is not None and connection.scope.get("method") in READS:
        WROTE_AT.set(writes.last(session.user_id))
    return session


def note_write(connection: ASGIConnection[Any, Any, Any, Any], user_id: UUID) -> None:
    """Have what a user reads from now on be at least as new as this moment.

    For what is written for a user by a request that is nobody's yet, or another's: after the commit
    and before the answer. What users write themselves the application notes.
    """
    writes: Writes | None = connection.app.state.writes
    if writes is not None:
        writes.note(user_id)


ApiRequest = Request[Session, bytes, State]
"""A request of the API; `user` is its Session (None where OPTIONAL_AUTH let nobody in)."""

UserRequest = Request[Any, Any, Any]
"""A request of the API or of the page; `user` is who is known, if anybody is."""


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
