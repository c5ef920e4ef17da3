"""Forms as browsers send them, read strictly into the Structs that the API's bodies have too.

A browser sends every field of a form, also those that nobody filled in; an empty one is as good as
left out. A form that creates something has a key, made when its page is drawn: sent twice, by a
double tap, a reload or because the answer was lost, it is done once and answered alike.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request

from kleio.db.queries import Connection
from kleio.http import idempotency
from kleio.http.bodies import refusal
from kleio.http.problems import invalid_field

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
FILE_FORM = "multipart/form-data"
MAX_FIELDS = 200
KEY_FIELD = "key"

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the fields of a form by name; of a name that comes twice, the last.

    Raises:
        ProblemError: 400 where the body is no form; nothing else is read as one.
    """
    if request.content_type[0] != FORM:
        return {}
    try:
        pairs = parse_qsl(
            (await request.body()).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except (UnicodeError, ValueError) as error:
        raise invalid_field("body", "not a form") from error
    return dict(pairs)


def fill(struct: type[T], form: dict[str, str], **more: Any) -> T:
    """Return the Struct that a form describes; fields that it does not have are passed over.

    Args:
        struct: what to fill; its names are the form's.
        form: empty values are left out.
        more: values that are not the form's, or replace them; also None counts.

    Raises:
        ProblemError: 400, naming the field at fault.
    """
    names = {field.encode_name for field in msgspec.structs.fields(struct)}  # type: ignore[arg-type]
    given: dict[str, Any] = {
        name: value for name, value in form.items() if name in names and value != ""
    }
    try:
        return msgspec.convert(given | more, struct, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(str(error)) from error


def new_key() -> str:
    """Return the key of a form that is drawn."""
    return secrets.token_urlsafe(16)


def key_of(form: dict[str, str]) -> str | None:
    """Return the Idempotency-Key of a form as it is filled, None where it has no key.

    Filled in another way it is another wish, also on the page that was drawn once: its buttons are
    of many records. So the key is of both, and tells of no form that it was sent with something
    else in it.

    Raises:
        ProblemError: 400, naming `key`, where no page has made it.
    """
    key = form.get(KEY_FIELD, "")
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise invalid_field(KEY_FIELD, "not from a page")
    filled = sorted((name, value) for name, value in form.items() if name != KEY_FIELD)
    return f"{key}.{hashlib.sha256(urlencode(filled).encode()).hexdigest()[:32]}"


async def once(
    request: Request[Any, Any, Any],
    form: dict[str, str],
    work: Callable[[Connection], Awaitable[Any]],
) -> bytes:
    """Do the work of a form in one transaction, once, and return what it returns, as JSON.

    Args:
        request: of the page.
        form: with its key; without one, it is done whenever it is sent.
        work: creates something and returns it, a Struct or JSON.

    Raises:
        ProblemError: 400 where its key is none.
    """
    digest = hashlib.sha256(f"{request.method} {request.url.path}".encode()).digest()
    return await idempotency.create_once(request, work, key_of(form), digest)
