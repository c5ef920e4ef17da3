"""Refuses query parameters that a handler does not know, so that a misspelt filter is no filter.

The framework ignores them; a client that asks for `yearform=1970` would get every year.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus, unquote_to_bytes

from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from kleio.http.problems import invalid_field

# By the route's function: the framework gives a guard a new copy of the handler each time.
_names: dict[Any, frozenset[str]] = {}


def _known(handler: BaseRouteHandler) -> frozenset[str]:
    names = _names.get(handler.fn)
    if names is None:
        names = _names[handler.fn] = _query_names(handler)
    return names


def _query_names(handler: BaseRouteHandler) -> frozenset[str]:
    names = set()
    for field in handler.parsed_fn_signature.parameters.values():
        definition = field.kwarg_definition
        if isinstance(definition, ParameterKwarg) and definition.param_type is ParamType.QUERY:
            names.add(definition.name or field.name)
    return frozenset(names)


def _check_utf8(query: bytes) -> None:
    # The framework would put U+FFFD in place of what is no UTF-8, and look for that.
    for pair in query.split(b"&"):
        try:
            unquote_to_bytes(pair).decode()
        except UnicodeDecodeError as error:
            name = unquote_plus(pair.partition(b"=")[0].decode("ascii", "replace"))
            raise invalid_field(name, "not UTF-8", source="query") from error


async def known_query_names(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Let requests pass whose query parameters the handler takes, each once.

    Raises:
        ProblemError: 400 that names the first one at fault, or that is not UTF-8.
    """
    if not connection.scope["query_string"]:
        return
    _check_utf8(connection.scope["query_string"])
    known = _known(handler)
    seen = set()
    for name, _ in connection.query_params.multi_items():
        if name not in known:
            raise invalid_field(name, "no such parameter", source="query")
        if name in seen:
            raise invalid_field(name, "given more than once", source="query")
        seen.add(name)
