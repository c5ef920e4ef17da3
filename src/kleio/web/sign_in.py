"""Signing in and out, and where one is led from the front door."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromQuery

from kleio import accounts
from kleio.http import session
from kleio.http.auth import database_of, find_session
from kleio.http.bodies import ANONYMOUS_BYTES
from kleio.http.problems import ProblemError
from kleio.http.session import settings_of
from kleio.repositories import tokens
from kleio.web.forms import fill, read_form
from kleio.web.rendering import render, see_other
from kleio.web.sessions import (
    ANONYMOUS,
    HOME,
    PageRequest,
    own_path,
    session_cookie,
    signed_in,
)

_SLEEVES = [
    ("0", "Evening", "Jazz"),
    ("1", "Kleio", "Rock"),
    ("2", "Groove", "Electronic"),
    ("3", "Side B", "Reggae"),
    ("4", "Needle", "Funk / Soul"),
    ("5", "Run-out", "Hip Hop"),
    ("6", "Dust", "Blues"),
    ("7", "Mono", "Pop"),
    ("14", "Lacquer", "Classical"),
    ("9", "33⅓", "Latin"),
    ("12", "Stereo", "Reggae"),
    ("11", "Matrix", "Rock"),
]
"""What hangs beside the form: sleeves of records that there are none of."""

# A page that somebody has left must not be there for the next one who goes back.
_FORGET = {"Clear-Site-Data": '"cache"'}


class SignInForm(msgspec.Struct, rename="camel"):
    """A name with its password, or a token; and where to go then."""

    username: str = ""
    password: str = ""
    token: str = ""
    next: str = ""


@get("/", opt={ANONYMOUS: True}, include_in_schema=False)
async def front_door(request: PageRequest) -> Response[str]:
    """Lead on to the day's page, or to signing in."""
    return see_other(request, HOME if signed_in(request) else "/sign-in")


@get("/sign-in", opt={ANONYMOUS: True}, include_in_schema=False)
async def show_sign_in(request: PageRequest, next: FromQuery[str | None] = None) -> Response[str]:
    """Show the form, but to somebody who is signed in."""
    if signed_in(request):
        return see_other(request, own_path(next))
    return _form(request, SignInForm(next=next or ""))


def _form(
    request: PageRequest,
    form: SignInForm,
    problem: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> Response[str]:
    return render(
        request,
        "sign_in.html",
        status=status,
        headers=headers,
        next=form.next,
        problem=problem,
        sleeves=_SLEEVES,
        username=form.username,
        with_token=bool(form.token),
    )


@post(
    "/sign-in",
    opt={ANONYMOUS: True},
    status_code=200,
    request_max_body_size=ANONYMOUS_BYTES,
    include_in_schema=False,
)
async def sign_in(request: PageRequest) -> Response[str]:
    """Check a password or a token and keep the session in a cookie."""
    form = fill(SignInForm, await read_form(request))
    if form.token and not form.password:
        return await _with_token(request, form)
    try:
        text = (await session.sign_in(request, form.username, form.password)).text
    except ProblemError as error:
        return _refused(request, form, error)
    return _let_in(request, form, text)


def _let_in(request: PageRequest, form: SignInForm, token: str) -> Response[str]:
    cookie = session_cookie(request, token, lifetime=settings_of(request).token_lifetime)
    return see_other(request, own_path(form.next), cookies=[cookie])


def _refused(request: PageRequest, form: SignInForm, error: ProblemError) -> Response[str]:
    """Show the form again with what was wrong: the password, the token, or too many of either."""
    headers = {name: error.headers[name] for name in ("Retry-After",) if name in error.headers}
    return _form(request, form, error.detail, error.status, headers)


async def _with_token(request: PageRequest, form: SignInForm) -> Response[str]:
    # The token itself becomes the session: a new one would outlive it.
    token = form.token.strip()
    try:
        await find_session(request, accounts.hash_token(token))
    except ProblemError as error:
        return _refused(request, form, error)
    return _let_in(request, form, token)


def signed_out(request: Request) -> Response[str]:  # type: ignore[type-arg]
    """Return the response that ends a session in this browser and leads to signing in."""
    cookie = session_cookie(request, "", lifetime=0)
    return see_other(request, "/sign-in", headers=_FORGET, cookies=[cookie])


@post("/sign-out", status_code=200, include_in_schema=False)
async def sign_out(request: PageRequest) -> Response[str]:
    """End this session; a token that was made for something else stays valid for that."""
    me = request.user
    if me.token_name == accounts.LOGIN:
        async with database_of(request).connection() as conn:
            await tokens.delete_token(conn, user_id=me.user_id, token_id=me.token_id)
    return signed_out(request)


@post("/sign-out-everywhere", status_code=200, include_in_schema=False)
async def sign_out_everywhere(request: PageRequest) -> Response[str]:
    """End every session that a login began, on all devices."""
    async with database_of(request).connection() as conn:
        await tokens.delete_tokens_by_name(conn, user_id=request.user.user_id, name=accounts.LOGIN)
    return signed_out(request)


HANDLERS = [front_door, show_sign_in, sign_in, sign_out, sign_out_everywhere]
