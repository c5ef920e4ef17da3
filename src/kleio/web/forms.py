"""Forms as browsers send them, read strictly into the Structs that the API's bodies have too.

A browser sends every field of a form, also those that nobody filled in; an empty one is as good as
left out.
"""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request

from kleio.http.bodies import refusal
from kleio.http.problems import invalid_field

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
FILE_FORM = "multipart/form-data"
MAX_FIELDS = 200


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
