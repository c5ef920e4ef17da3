"""Responses that several nouns give: catalogue reads with an ETag, versions of a row.

The catalogue changes seldom and is the same for all users, so its answers carry a validator made
from their bytes. A user's own rows carry their version, which an update may demand in If-Match.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.response.base import ASGIResponse

from kleio.http.problems import ProblemError

NOT_MODIFIED = {
    304: ResponseSpec(
        None, description="The client has it already (If-None-Match)", generate_examples=False
    )
}
"""The OpenAPI response of a catalogue read that a client has the answer of."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CatalogueResponse(Response[Any]):
    """A response with an ETag of its body; 304 where the client has that body already."""

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> Any:
        """Render the body, and drop it again where the client has it."""
        response: ASGIResponse = super().to_asgi_response(app, request, **options)
        if response.status_code != HTTPStatus.OK:
            return response
        # Weak: the compressed answer has the same tag and other bytes.
        etag = f'W/"{hashlib.blake2b(response.body, digest_size=12).hexdigest()}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if _matches(request.headers.getall("if-none-match", []), etag):
            return ASGIResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        for name, value in headers.items():
            response.headers[name] = value
        return response


def _matches(given: Iterable[str], etag: str) -> bool:
    """Return whether one of If-None-Match's tags is this one, compared weakly (RFC 9110)."""
    tags = [tag.strip() for line in given for tag in line.split(",")]
    return "*" in tags or any(tag.removeprefix("W/") == etag.removeprefix("W/") for tag in tags)


class Versioned(Protocol):
    """A row that knows when it was last changed."""

    @property
    def updated_at(self) -> datetime:
        """The row's version."""


T = TypeVar("T", bound=Versioned)


def versioned(row: T) -> Response[T]:
    """Return the response of a row, with its version as the ETag."""
    return Response(row, headers={"ETag": version_etag(row.updated_at)})


def version_etag(updated_at: datetime) -> str:
    """Return the ETag of a row: its last change in microseconds, in hex."""
    return f'"{(updated_at - _EPOCH) // timedelta(microseconds=1):x}"'


def expected_version(request: Request[Any, Any, Any]) -> datetime | None:
    """Return the version that If-Match demands, None where any will do.

    Compared strongly (RFC 9110): a weak tag, and one that is none of ours, match no version. Of
    several tags the first of ours counts.
    """
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    for tag in given.split(","):
        with suppress(ValueError, OverflowError):
            return _EPOCH + timedelta(microseconds=int(tag.strip().strip('"'), 16))
    return _EPOCH


def check_version(expected: datetime | None, updated_at: datetime) -> None:
    """Refuse what If-Match wants for another version than the current one.

    Raises:
        ProblemError: 412.
    """
    if expected not in (None, updated_at):
        raise version_changed()


def version_changed() -> ProblemError:
    """Return the problem of an update whose If-Match is not the current version."""
    return ProblemError(
        HTTPStatus.PRECONDITION_FAILED,
        "version-changed",
        "It was changed meanwhile; read it again.",
    )
