"""Which Python types go with which of PostgreSQL's, on the way in and on the way out."""

from __future__ import annotations

import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

# What psycopg's binary loaders, with JSON passed through, make of a type.
_SCALARS: dict[str, type] = {
    "boolean": bool,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "real": float,
    "double precision": float,
    "numeric": Decimal,
    "text": str,
    "character varying": str,
    "name": str,
    "bytea": bytes,
    "uuid": UUID,
    "json": msgspec.Raw,
    "jsonb": msgspec.Raw,
    "timestamp with time zone": datetime,
    "timestamp without time zone": datetime,
    "date": date,
    "time without time zone": time,
    "interval": timedelta,
}
# What a query's author writes for a type of PostgreSQL, in a cast or in a header.
_SHORT_NAMES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "bool": "boolean",
    "float8": "double precision",
    "float4": "real",
    "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
    "decimal": "numeric",
}


def full_name(name: str) -> str:
    """Return PostgreSQL's own name of a type: `timestamp with time zone` for `timestamptz`."""
    element = name.removesuffix("[]")
    return _SHORT_NAMES.get(element, element) + name[len(element) :]


def is_type(name: str) -> bool:
    """Whether a word is the name of a type that queries use; enums and the like are not."""
    return full_name(name.removesuffix("[]")) in _SCALARS


def sql_names(annotation: Any) -> list[str]:
    """Return what PostgreSQL's authors call a Python type: `text` for `str`."""
    full = [name for name, kind in _SCALARS.items() if kind is annotation]
    return full + [short for short, name in _SHORT_NAMES.items() if name in full]


def result_type(kind: str) -> Any:
    """Return what a value of a type becomes in a row; None where nothing is agreed."""
    if kind.endswith("[]"):
        element = _SCALARS.get(kind[:-2])
        return list[element] if element else None  # type: ignore[valid-type]
    return _SCALARS.get(kind)


def parameter_type(kind: str) -> Any:
    """Return what a parameter of a type is given as; None where nothing is agreed."""
    # JSON goes in as text that was encoded before.
    return str if kind in ("json", "jsonb") else result_type(kind)


def plain(annotation: Any) -> tuple[Any, bool]:
    """Return an annotation without None and without its metadata, and whether None was in it.

    `Literal["a", "b"]` is `str`, `Sequence[X]` and `tuple[X, ...]` are `list[X]`.
    """
    may_be_none = False
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        inner = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        may_be_none = len(inner) < len(typing.get_args(annotation))
        annotation = inner[0] if len(inner) == 1 else annotation
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner_plain, inner_none = plain(typing.get_args(annotation)[0])
        return inner_plain, may_be_none or inner_none
    if origin is typing.Literal:
        return type(typing.get_args(annotation)[0]), may_be_none
    if origin is not None and origin.__name__ in ("Sequence", "tuple"):
        (element, *_) = typing.get_args(annotation)
        return list[element], may_be_none  # type: ignore[valid-type]
    return annotation, may_be_none


def shown(annotation: Any) -> str:
    """Return a type as a person writes it."""
    text = annotation.__name__ if type(annotation) is type else str(annotation)
    return text.replace("uuid.", "").replace("msgspec.", "").replace("datetime.", "")
