"""Typed values from environment variables: reading, parsing, and saying what is allowed.

A settings Struct annotates its fields with `variable`; this module does the rest and knows no
setting by name.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

_MIB = 1024 * 1024
# A secret file is one line; a wrong path to something huge must not fill the memory.
_SECRET_FILE_LIMIT = 64 * 1024


class SettingsError(ValueError):
    """A setting that can't be used; the message is one line fit for a terminal."""


class Secret:
    """A string that shows itself only through `reveal`, never in repr, str or a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; call it where it is used and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def variable(
    name: str,
    sentence: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    kind: str = "",
    shown: str = "",
    allowed: str = "",
) -> msgspec.Meta:
    """Describe a field of a settings Struct.

    Args:
        name: the environment variable.
        sentence: what it is for.
        ge: smallest value, in seconds or bytes where `kind` says so.
        le: largest value.
        kind: `duration` or `size` for numbers with a unit in the environment.
        shown: the default as documentation says it, where it is not the field's own value.
        allowed: what is allowed, where type and range don't say it.
    """
    extra = {"variable": name, "kind": kind, "shown": shown, "allowed": allowed}
    return msgspec.Meta(description=sentence, ge=ge, le=le, extra=extra)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one field: its type, its variable and its range."""

    name: str
    kind: Any  # int, float, str, Path, Secret, or a tuple of the allowed words
    unit: str  # "", "duration" or "size"
    default: Any
    variable: str
    sentence: str
    shown: str
    allowed: str
    ge: float | None
    le: float | None


def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Return the fields of a Struct whose types are annotated with `variable`."""
    hints = get_type_hints(struct, include_extras=True)
    found = []
    for info in msgspec.structs.fields(struct):
        kind, meta = get_args(hints[info.name])
        if get_origin(kind) is Literal:
            kind = get_args(kind)
        elif type(None) in get_args(kind):
            kind = next(part for part in get_args(kind) if part is not type(None))
        found.append(
            Field(
                name=info.name,
                kind=kind,
                unit=meta.extra["kind"],
                default=None if info.default is msgspec.NODEFAULT else info.default,
                variable=meta.extra["variable"],
                sentence=meta.description,
                shown=meta.extra["shown"],
                allowed=meta.extra["allowed"],
                ge=meta.ge,
                le=meta.le,
            )
        )
    return tuple(found)


def read_variable(environ: Mapping[str, str], field: Field) -> str | None:
    """Return the variable's text, of a secret also from its file; None when not given."""
    text = environ.get(field.variable) or None
    if field.kind is not Secret:
        return text
    file_variable = f"{field.variable}_FILE"
    path = environ.get(file_variable) or None
    if path is None:
        return text
    if text is not None:
        raise SettingsError(f"{field.variable} and {file_variable} are both given; keep one")
    try:
        with open(path, "rb") as file:
            raw = file.read(_SECRET_FILE_LIMIT + 1)
        secret = raw.decode()
    except OSError as error:
        raise SettingsError(f"{file_variable}: can't read {path!r}: {error.strerror}") from None
    except ValueError:
        # A NUL in the path, or content that is not UTF-8.
        raise SettingsError(f"{file_variable}: {path!r} is not a file of UTF-8 text") from None
    if len(raw) > _SECRET_FILE_LIMIT:
        raise SettingsError(f"{file_variable}: {path!r} is larger than 64 KiB, not a secret")
    # Editors and `echo` end the line; a password may well end with a space.
    secret = secret.rstrip("\r\n")
    if not secret:
        raise SettingsError(f"{file_variable}: {path!r} is empty")
    return secret


def parse_value(field: Field, text: str) -> Any:
    """Return the value of a variable's text.

    Raises:
        SettingsError: naming the variable, what was given and what is allowed.
    """
    if "\0" in text:
        raise _wrong(field, text)
    if field.kind is Secret:
        return Secret(text)
    if field.kind is str:
        return text
    if field.kind is Path:
        try:
            return Path(text).expanduser().absolute()
        except RuntimeError:  # ~nobody-such
            raise _wrong(field, text) from None
    if isinstance(field.kind, tuple):
        word = text.strip().lower()
        if word not in field.kind:
            raise _wrong(field, text)
        return word
    number = _number(field, text.strip())
    if (
        number is None
        or (field.ge is not None and number < field.ge)
        or (field.le is not None and number > field.le)
    ):
        raise _wrong(field, text)
    return number


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_SIZE = re.compile(r"(\d+)\s*(?:(k|m)(?:ib)?|b)?", re.ASCII | re.IGNORECASE)
# Longer digits are out of every range, and int() refuses more than 4,300 of them.
_LONGEST_NUMBER = 32


def _number(field: Field, text: str) -> float | int | None:
    if not text or len(text) > _LONGEST_NUMBER:
        return None
    if field.unit == "duration":
        if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
            return float(text)
        match = _DURATION.fullmatch(text.lower())
        if match is None:
            return None
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return days * 86_400 + hours * 3600 + minutes * 60 + seconds
    if field.unit == "size":
        match = _SIZE.fullmatch(text)
        if match is None:
            return None
        return int(match[1]) * {"": 1, "k": 1024, "m": _MIB}[(match[2] or "").lower()]
    return int(text) if re.fullmatch(r"\d+", text, re.ASCII) else None


def _wrong(field: Field, text: str) -> SettingsError:
    shown = "a value that is not shown" if field.kind is Secret else repr(text)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return SettingsError(f"{field.variable} is {shown}; allowed is {allowed_values(field)}")


def type_name(field: Field) -> str:
    """Return the field's type in a word for people."""
    if isinstance(field.kind, tuple):
        return "word"
    if field.unit:
        return field.unit
    names = {int: "integer", str: "text", Path: "path", Secret: "secret"}
    return names[field.kind]


def allowed_values(field: Field) -> str:
    """Return what is allowed, in words for people."""
    if field.allowed:
        return field.allowed
    if isinstance(field.kind, tuple):
        return ", ".join(field.kind)
    if field.ge is None or field.le is None:
        return "a path" if field.kind is Path else "text without NUL"
    low, high = format_value(field, field.ge), format_value(field, field.le)
    if field.unit == "duration":
        return f"{low} to {high}, written as 90, 90s, 30m, 1h30m or 30d"
    if field.unit == "size":
        return f"{low} to {high}, written as bytes or with KiB or MiB"
    return f"an integer from {low} to {high}"


def format_value(field: Field, value: Any) -> str:
    """Write a value as its variable would hold it."""
    if field.unit == "duration":
        return _format_duration(cast(float, value))
    if field.unit == "size":
        for unit, size in (("MiB", _MIB), ("KiB", 1024)):
            if value and value % size == 0:
                return f"{int(value) // size} {unit}"
        return f"{int(value)} bytes"
    return str(value)


def _format_duration(seconds: float) -> str:
    if not seconds or seconds != int(seconds):
        return f"{seconds:g}s"
    text, rest = "", int(seconds)
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text
