"""Who looks at the page: a cookie that holds a token, and proof that a form came from the page.

The cookie is httpOnly and SameSite=Lax, so no script reads it and no other site's form sends it.
What changes anything also needs the token of `csrf_token`, which stands in the page alone, and must
not say that it comes from another site. Nothing is kept but the tokens that the API has too.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.types import ASGIApp, Receive, Scope, Send

from kleio.accounts import hash_token
from kleio.db.pool import Database
from kleio.http.addresses import Proxies
from kleio.http.auth import MAX_TOKEN_LENGTH, NO_AUTH, check_room, database_of, known_session
from kleio.http.problems import ProblemError
from kleio.http.session import settings_of
from kleio.repositories import preferences, tokens
from kleio.repositories.tokens import PageSession
from kleio.web.forms import FILE_FORM, read_form

COOKIE = "kleio_session"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
ANONYMOUS = "anonymous"
"""Key of a handler's `opt`: it is also for those who have not signed in."""

CHECKS_FORM = "checks_form"
"""Key of a handler's `opt`: it reads a form with a file by itself and calls `check_form`."""

HOME = "/log"
"""Where one is after signing in."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

PageRequest = Request[PageSession, str, State]
"""A request of the page; `user` is its session, `auth` the token to put into forms."""


def signed_in(request: Request[Any, Any, Any]) -> PageSession | None:
    """Return who looks at a page that is also for those who have not signed in."""
    session: PageSession | None = request.scope.get("user")
    return session


class SignInNeeded(Exception):
    """Raised where only somebody who has signed in may go on."""


class CookieSession:
    """Puts the session of a request's cookie into `scope["user"]`, its CSRF token into `auth`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a request, but those of files, which are everybody's."""
        request: Request[Any, Any, Any] = Request(scope, receive)
        if not request.route_handler.opt.get(NO_AUTH):
            scope["user"], scope["auth"] = await _authenticate(request)
        await self.app(scope, receive, send)


async def _authenticate(request: Request[Any, Any, Any]) -> tuple[PageSession | None, str]:
    """Look the cookie's token up; refuse a change that the page did not ask for.

    Raises:
        SignInNeeded: there is no valid token and the handler wants one.
        ProblemError: 403 where the request comes from another site, or without the page's token.
    """
    changes = request.method not in _SAFE
    if changes:
        check_same_site(request)
    is_anonymous = request.route_handler.opt.get(ANONYMOUS)
    if is_anonymous and changes:  # a sign-in, whoever was signed in before
        return None, ""
    token = request.cookies.get(COOKIE, "")
    session = await _find(request, token)
    if session is None:
        if is_anonymous:
            return None, ""
        raise SignInNeeded
    proof = csrf_token(token)
    if changes:
        given = request.headers.get(CSRF_HEADER)
        if given is None and not (
            request.route_handler.opt.get(CHECKS_FORM) and request.content_type[0] == FILE_FORM
        ):
            # The body is kept in the scope, where the handler finds it again.
            given = (await read_form(request)).get(CSRF_FIELD, "")
        if given is not None:
            check_form(given, proof)
    return session, proof


def check_form(given: str, proof: str) -> None:
    """Refuse a form that is not from a page of this session.

    Args:
        given: what the form holds.
        proof: `auth` of the request.

    Raises:
        ProblemError: 403.
    """
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), proof.encode()):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            "This form is from another session, so nothing was changed. Load the page "
            "again and send it once more.",
        )


async def _find(connection: ASGIConnection[Any, Any, Any, Any], token: str) -> PageSession | None:
    if not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    hashed = hash_token(token)
    check_room(connection, hashed)

    async def get(token_hash: bytes) -> PageSession | None:
        database, now = database_of(connection), datetime.now(UTC)
        if database.is_distributed:
            return await _read_apart(database, token_hash, now)
        return await database.read_ahead(tokens.get_page_session, token_hash=token_hash, now=now)

    try:
        return await known_session(connection, hashed, get)
    except ProblemError as error:
        if error.status is HTTPStatus.UNAUTHORIZED:
            return None
        raise


async def _read_apart(database: Database, token_hash: bytes, now: datetime) -> PageSession | None:
    """Return what get_page_session does, by two statements: on Citus the two tables lie apart."""
    session = await database.read_ahead(tokens.get_named_session, token_hash=token_hash, now=now)
    if session is None:
        return None
    own = await database.read_ahead(preferences.get_preferences, user_id=session.user_id)
    zone = "UTC" if own is None else msgspec.json.decode(own).get("timeZone", "UTC")
    return PageSession(**msgspec.structs.asdict(session), time_zone=zone)


def csrf_token(token: str) -> str:
    """Return what the forms of a session prove themselves with; it tells nothing of its token."""
    return hmac.new(token.encode(), b"kleio page", hashlib.sha256).hexdigest()


def check_same_site(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse a request of which the browser says that another site's page made it.

    Raises:
        ProblemError: 403.
    """
    headers = connection.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    hosts = {headers.get("host"), headers.get("x-forwarded-host")}
    is_foreign = (
        site not in ("same-origin", "none")
        if site is not None
        else origin is not None and urlsplit(origin).netloc not in hosts
    )
    if is_foreign:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "forbidden", "Another site sent this, so nothing was changed."
        )


def session_cookie(
    request: Request[Any, Any, Any], token: str, *, lifetime: float | None
) -> Cookie:
    """Return the cookie of a token.

    Args:
        request: over https, with a trusted proxy too, the cookie is sent over nothing else.
        token: empty to forget the session.
        lifetime: seconds that the browser keeps it, None for as long as it is open.
    """
    proxies = Proxies(settings_of(request).proxy_networks())
    return Cookie(
        key=COOKIE,
        value=token,
        path="/",
        max_age=None if lifetime is None else int(lifetime),
        httponly=True,
        samesite="lax",
        secure=proxies.is_https(request.scope),
    )


def own_path(path: str | None) -> str:
    """Return an address of this site to go to, HOME where it is none."""
    if not path or not path.startswith("/") or path[1:2] in ("/", "\\") or not path.isprintable():
        return HOME
    return path


def sign_in_path(request: Request[Any, Any, Any]) -> str:
    """Return where to sign in and come back from to what was asked for."""
    headers: Mapping[str, str] = request.headers
    if "hx-request" in headers:
        parts = urlsplit(headers.get("hx-current-url", ""))
        path, query = parts.path, parts.query
    elif request.method in ("GET", "HEAD"):
        path, query = request.url.path, request.url.query
    else:
        path, query = "", ""
    wanted = own_path(f"{path}?{query}" if query else path)
    return "/sign-in" if wanted == HOME else f"/sign-in?next={quote(wanted, safe='/')}"
