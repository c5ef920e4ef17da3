"""JSON bodies, decoded strictly and straight into the Struct that the handler asks for.

The framework decodes a body into plain objects and converts them leniently, as query strings need
it: it takes "5" for a number, and a number for a time. A body says what it means.
"""

from __future__ import annotations

import functools
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from kleio.http.fields import in_words
from kleio.http.problems import BODY_UNREADABLE, ProblemError, invalid_field
from kleio.repositories.tokens import Session

ANONYMOUS_BYTES = 32 * 1024
"""The longest body of somebody who has not proved anything: a name and the longest password, each
character of it escaped. Whoever holds back its end holds that much memory, on each connection."""

_AT = re.compile(r"^(?P<message>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(
    r"^Object (?P<fault>contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL
)


@functools.cache
def _decoder(handler: BaseRouteHandler) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(handler.parsed_fn_signature.parameters["data"].annotation)


class StrictRequest(Request[Session, bytes, State]):
    """A request whose JSON body is of its handler's type or refused."""

    async def json(self) -> Any:
        """Return the body as the Struct of the handler's `data`.

        Raises:
            ProblemError: 415 where it is not declared as plain JSON, 400 that names the field at
                fault.
        """
        refuse_encoded(self)
        media_type, _ = self.content_type
        if media_type not in ("", "application/json"):
            raise ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Send the body as Content-Type: application/json.",
            )
        try:
            return _decoder(self.route_handler).decode(await self.body())
        except msgspec.ValidationError as error:
            raise refusal(str(error)) from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise invalid_field("body", BODY_UNREADABLE) from error


def refuse_encoded(request: Request[Any, Any, Any]) -> None:
    """Refuse a compressed body: what it is when unpacked, its length does not tell.

    Raises:
        ProblemError: 415.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Send the body without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def refusal(text: str) -> ProblemError:
    """Return the problem that a decoder's message tells, naming the field at fault."""
    found = _AT.match(text)
    message, path = (found["message"], found["path"] or "") if found else (text, "")
    if named := _NAMED.match(message):
        message = "no such field" if named["fault"].startswith("contains") else "needed"
        path = f"{path}.{named['name']}" if path else named["name"]
    return invalid_field(path.removesuffix("[...]") or "body", in_words(message))
