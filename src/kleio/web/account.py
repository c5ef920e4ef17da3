"""One's account: preferences, tokens for scripts and devices, and its end."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from kleio import accounts
from kleio.db.queries import Connection
from kleio.http.auth import database_of
from kleio.http.erasure import erase
from kleio.http.own_rows import delete_row
from kleio.http.session import (
    NewToken,
    PreferenceChanges,
    change_preferences,
    make_token,
    read_preferences,
)
from kleio.repositories import tokens
from kleio.time_zones import known_zones
from kleio.web import data
from kleio.web.errors import Refused, refusals
from kleio.web.forms import fill, once, read_form
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import PageRequest
from kleio.web.sign_in import signed_out

PREFERENCES = f"{data.PATH}/preferences"
TOKENS = f"{data.PATH}/tokens"
ERASE = f"{data.PATH}/erase"


@get(PREFERENCES, include_in_schema=False)
async def show_preferences(request: PageRequest, saved: FromQuery[bool] = False) -> Response[str]:
    """Show the preferences."""
    known = msgspec.to_builtins(await read_preferences(request))
    return _preferences(request, known, saved=saved)


def _preferences(
    request: PageRequest,
    values: dict[str, Any],
    refused: Refused | None = None,
    *,
    saved: bool = False,
) -> Response[str]:
    return render(
        request,
        "preferences.html",
        status=HTTPStatus.OK if refused is None else refused.status,
        problem=refused.says if refused else None,
        saved=saved,
        tabs=data.TABS,
        values=values,
        zones=sorted(known_zones()),
    )


@post(PREFERENCES, status_code=200, include_in_schema=False)
async def set_preferences(request: PageRequest) -> Response[str]:
    """Change the preferences to what the form says."""
    form = await read_form(request)
    try:
        with refusals(request):
            await change_preferences(request, fill(PreferenceChanges, form))
    except Refused as refused:
        return _preferences(request, form, refused)
    return see_other(request, f"{PREFERENCES}?saved=true")


@get(TOKENS, include_in_schema=False)
async def show_tokens(request: PageRequest) -> Response[str]:
    """Show the tokens, without the tokens themselves."""
    return await _tokens(request)


class Issued(msgspec.Struct):
    """A token that was made: its text, None where that was told to the same form before."""

    text: str | None = None


async def _tokens(request: PageRequest, issued: Issued | None = None) -> Response[str]:
    rows = await database_of(request).read(tokens.list_tokens, user_id=request.user.user_id)
    return render(
        request,
        "parts/tokens.html" if wants_fragment(request) else "tokens.html",
        status=HTTPStatus.OK if issued is None else HTTPStatus.CREATED,
        # What is shown once is kept nowhere, also not by the browser.
        headers=None if issued is None else {"Cache-Control": "no-store"},
        at=datetime.now(UTC),
        issued=issued,
        login=accounts.LOGIN,
        tabs=data.TABS,
        tokens=rows,
    )


@post(TOKENS, status_code=201, include_in_schema=False)
async def add_token(request: PageRequest) -> Response[str]:
    """Make a token and show it, this once.

    A form that is sent again makes no other one. It is told so: the text is kept nowhere, so it
    can't be shown again.
    """
    typed = await read_form(request)
    wish, made = fill(NewToken, typed), Issued()

    async def work(conn: Connection) -> UUID:
        token, made.text = await make_token(conn, request.user.user_id, wish)
        return token.id

    await once(request, typed, work)
    return await _tokens(request, made)


@post(f"{TOKENS}/{{token_id:str}}/revoke", status_code=200, include_in_schema=False)
async def revoke_token(request: PageRequest, token_id: FromPath[UUID]) -> Response[str]:
    """Revoke a token at once; the session's own leads to signing in."""
    await delete_row(request, "token", tokens.delete_token, token_id=token_id)
    return signed_out(request) if token_id == request.user.token_id else see_other(request, TOKENS)


class EraseForm(msgspec.Struct):
    """One's own username, to the letter."""

    username: str = ""


@get(ERASE, include_in_schema=False)
async def show_erase(request: PageRequest) -> Response[str]:
    """Show what goes with an account, and ask for its name."""
    return render(request, "erase.html", tabs=data.TABS)


@post(ERASE, status_code=200, include_in_schema=False)
async def erase_account(request: PageRequest) -> Response[str]:
    """Erase the account for good."""
    await erase(request, fill(EraseForm, await read_form(request)).username)
    return signed_out(request)


HANDLERS = [
    show_preferences,
    set_preferences,
    show_tokens,
    add_token,
    revoke_token,
    show_erase,
    erase_account,
]
