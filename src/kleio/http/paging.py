"""Keyset pages: the parameters, the opaque cursor and the answer of every list.

A cursor carries the sort it belongs to and the key and id of the last row. It is not a secret and
not signed: whoever changes it reads another page of what is theirs to read anyway. It is checked
all the same, so that a wrong one is an error and not an empty page.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter

from kleio.db.queries import Keyed
from kleio.http.problems import invalid_field

T = TypeVar("T")

MAX_PAGE = 200
MAX_OFFSET = 10_000

Limit = Annotated[
    int, QueryParameter(ge=1, le=MAX_PAGE, description="How many items a page holds at most.")
]
CursorText = Annotated[
    str | None,
    QueryParameter(
        max_length=2000,
        description="`next` of the previous page; left out for the first page.",
    ),
]
Offset = Annotated[
    int,
    QueryParameter(
        ge=0,
        le=MAX_OFFSET,
        description="How many items to skip, for small jumps; use `cursor` for the rest.",
    ),
]
WithTotal = Annotated[
    bool,
    QueryParameter(name="total", description="Whether to count all items, which costs time."),
]


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page: `next` is the next page's cursor, None on the last; `total` only on request."""

    items: Sequence[T]
    next: str | None
    total: int | None = None


class CountedPage(Page[T], Generic[T], frozen=True, kw_only=True, rename="camel"):
    """A page whose `total` may have been counted a while ago, at `refreshedAt`."""

    total_is_estimate: bool = False
    refreshed_at: datetime | None = None


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ended: the sort, the last row's key and its id."""

    sort: str
    key: str | float | None
    id: UUID


class PageRequest(msgspec.Struct, frozen=True):
    """The place of a page in a list; `key` and `id` are None on the first page."""

    sort: str
    limit: int
    offset: int
    key: Any = None
    id: UUID | None = None


def page_request(
    sort: str,
    limit: int,
    cursor: str | None,
    offset: int,
    *,
    key_type: Any = str,
) -> PageRequest:
    """Return the place that a request asks for.

    Args:
        sort: the list's order; a cursor of another order is refused.
        limit: how many items the page holds at most.
        cursor: as the client sent it.
        offset: as the client sent it; only without a cursor.
        key_type: what the order's key is (`str`, `float`, `datetime`, `UUID`).

    Raises:
        ProblemError: 400, naming `cursor` or `offset`.
    """
    if cursor is None:
        return PageRequest(sort, limit, offset)
    if offset:
        raise invalid_field("offset", "goes with the first page only", source="query")
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        decoded = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=Cursor)
        key = msgspec.convert(decoded.key, key_type, strict=key_type is str)
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
        raise invalid_field("cursor", "not a cursor of this list", source="query") from error
    # A number that is none is no place in an order: nothing comes after it.
    if decoded.sort != sort or key != key or (isinstance(key, str) and "\0" in key):
        raise invalid_field("cursor", "belongs to another order of this list", source="query")
    if isinstance(key, datetime):
        try:
            key = _in_utc(key)
        except (ValueError, OverflowError) as error:
            raise invalid_field("cursor", "not a cursor of this list", source="query") from error
    return PageRequest(sort, limit, 0, key, decoded.id)


def _in_utc(key: datetime) -> datetime:
    if key.tzinfo is None:
        raise ValueError("a time without a zone")
    return key.astimezone(UTC)


def encode_cursor(sort: str, row: Keyed[Any]) -> str:
    """Return the cursor of the page that starts after a row."""
    raw = msgspec.json.encode((sort, row.key, row.id))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def page_response(
    request: Request[Any, Any, Any],
    place: PageRequest,
    rows: list[Keyed[T]],
    *,
    total: int | None = None,
    page: Callable[..., Page[T]] = Page,
    response: Callable[..., Response[Page[T]]] = Response,
) -> Response[Page[T]]:
    """Return the answer of one page, with the `Link` header of the next.

    Args:
        request: its path and query make the next page's address.
        place: where the page stands.
        rows: at most one more than the page holds, which tells that there is a next page.
        total: how many items the list has, where that was asked for.
        page: the Struct of this list's page.
        response: the class of the answer.
    """
    following = None
    if len(rows) > place.limit:
        rows = rows[: place.limit]
        following = encode_cursor(place.sort, rows[-1])
    body = page(items=[row.row for row in rows], next=following, total=total)
    headers = {}
    if following is not None:
        query = [
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in ("cursor", "offset")
        ]
        url = f"{request.url.path}?{urlencode([*query, ('cursor', following)])}"
        headers["Link"] = f'<{url}>; rel="next"'
    return response(body, headers=headers)
