"""The request that is being answered here, for logs and traces; found without being passed on."""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Any

from uuid6 import uuid7

Scope = Any
"""An ASGI scope: a dict that lives as long as the request."""

CURRENT: ContextVar[Scope] = ContextVar("kleio_request", default=None)
"""The scope of the request in whose task this runs, None outside of any."""

_ID = "kleio_request_id"
_QUERIES = "kleio_queries"
_PLAIN_WORD = re.compile(rb"[A-Za-z0-9._-]{1,64}", re.ASCII)


def request_id(scope: Scope) -> str:
    """Return the request's id: what the client sent, where it is a plain word, or a new one.

    It is made when it is first asked for, as most requests need none, and then stays.
    """
    known: str | None = scope.get(_ID)
    if known is None:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        known = given.decode() if _PLAIN_WORD.fullmatch(given) else uuid7().hex
        scope[_ID] = known
    return known


def collect_queries(scope: Scope) -> None:
    """Have the names of this request's queries kept."""
    scope[_QUERIES] = []


def add_query(name: str) -> None:
    """Keep a query's name, where the request it is sent for wants that."""
    scope = CURRENT.get()
    if scope is not None and (queries := scope.get(_QUERIES)) is not None:
        queries.append(name)


def queries_of(scope: Scope) -> list[str]:
    """Return the names of the queries that a request has sent, in their order."""
    found: list[str] = scope.get(_QUERIES, [])
    return found


def user_id_of(scope: Scope) -> str | None:
    """Return the id of the user who makes the request, None before that is known."""
    user = scope.get("user")
    return None if user is None else str(user.user_id)
