"""Values of the older Kleio's rows: numbers, truths, texts, times and grades as they were written.

SQLite keeps whatever it is given in any column, and a program in Go and its web page wrote these in
several ways. Each function takes a value as it was found and returns what it means, None for
nothing, or raises `OddValue` with the reason. It knows no table and no format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from kleio.importers.record_checks import ARCHIVE_REASONS, MAX_INTEGER, MAX_TEXT

_TRUE = frozenset(("1", "true", "t", "yes", "y", "on"))
_FALSE = frozenset(("0", "false", "f", "no", "n", "off", ""))

# What Go prints for a time where nobody gave a format: "2025-04-01 20:00:00 +0000 UTC m=+0.5".
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4})(?: .*)?")

# Beyond that a number is milliseconds: the driver's own rule (mattn/go-sqlite3).
_MILLISECONDS_FROM = 10**12

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DEEP = re.compile(r"\bdeep[\s-]*clean", re.IGNORECASE)


class OddValue(ValueError):
    """A value that means nothing here; the message shows it and says what is wrong."""


def shown(value: Any) -> str:
    """Return a value for people, cut where it is long."""
    words = value if isinstance(value, str) else repr(value)
    words = " ".join(words.replace("\0", "\N{SYMBOL FOR NULL}").split())
    return f"{words[:57]}..." if len(words) > 60 else words


def text(value: Any) -> str | None:
    """Return a text without NUL, None for an empty one; numbers become what they look like."""
    if value is None or value == "":
        return None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    elif not isinstance(value, str):
        value = f"{value}"
    return value.replace("\0", "") or None


def line(value: Any) -> str | None:
    """Return a name: one line without spaces around it, None for a blank one."""
    found = text(value)
    return " ".join(found.split()) or None if found else None


def whole(value: Any) -> int | None:
    """Return a whole number, None for none given."""
    if value is None or value.__class__ is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        stripped = value.strip()
        if not stripped:
            return None
        if re.fullmatch(r"[+-]?\d{1,18}", stripped, re.ASCII):
            return int(stripped)
    raise OddValue(f"{shown(value)!r} is not a whole number")


def discogs_number(value: Any) -> int:
    """Return a number that Discogs may have given."""
    number = whole(value)
    if number is None:
        raise OddValue("no number")
    if not 0 < number <= MAX_INTEGER:
        raise OddValue(f"{number} can't be a number of Discogs")
    return number


def truth(value: Any) -> bool | None:
    """Return a boolean, None for NULL."""
    if value is None:
        return None
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise OddValue(f"{shown(value)!r} is neither true nor false")


def moment(value: Any, zone: tzinfo) -> datetime | None:
    """Return a time in UTC, None for none given and for Go's zero time.

    Args:
        value: a text with or without a zone, or the seconds or milliseconds since 1970.
        zone: of a text that names none.
    """
    found = _datetime(value)
    if found is None:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise OddValue(f"{shown(value)!r} is not a time") from None


def is_ambiguous(value: Any, zone: tzinfo) -> bool:
    """Whether a text without a zone names an hour that the zone's clocks repeat or leave out."""
    if zone is UTC:
        return False
    found = _datetime(value)
    if found is None or found.tzinfo is not None:
        return False
    return found.replace(tzinfo=zone).utcoffset() != found.replace(tzinfo=zone, fold=1).utcoffset()


def day(value: Any) -> date | None:
    """Return a date as it was written, whatever the zone; None for none and Go's zero time."""
    found = _datetime(value)
    return None if found is None else found.date()


def _datetime(value: Any) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            found = _parse(value.strip())
        elif isinstance(value, int) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _MILLISECONDS_FROM else value
            found = _EPOCH + timedelta(seconds=seconds)
        else:
            raise ValueError  # said below
    except (ValueError, OverflowError):
        raise OddValue(f"{shown(value)!r} is not a time") from None
    return None if found.year == 1 else found


def _parse(value: str) -> datetime:
    if match := _GO_TIME.fullmatch(value):
        value = match[1] + match[2]
    return datetime.fromisoformat(value)


def year(value: Any) -> int | None:
    """Return a year, None for 0, which is Discogs' word for unknown."""
    number = whole(value)
    if not number:
        return None
    if not 0 < number <= 9999:
        raise OddValue(f"{number} is not a year")
    return number


def seconds(value: Any) -> int | None:
    """Return a duration, None for 0, which is the older Kleio's word for unknown."""
    number = whole(value)
    if not number:
        return None
    if not 0 < number <= MAX_INTEGER:
        raise OddValue(f"{number} is not a duration")
    return number


def cut_reason(words: str) -> str:
    """Return what is said of a text that is longer than Kleio keeps."""
    return f"{len(words):,} characters, cut to the first {MAX_TEXT:,}"


def is_deep(notes: str | None) -> bool:
    """Whether a cleaning's notes call it a deep cleaning."""
    return notes is not None and _DEEP.search(notes) is not None


_REASONS: Mapping[str, str] = {
    **{reason.lower(): reason for reason in ARCHIVE_REASONS},
    "sync_removed": "removed at Discogs",
    "user_action": "other",
}


def archive_reason(value: str | None) -> str | None:
    """Return Kleio's word for why a copy was archived, None where it has none for this one."""
    return _REASONS.get((value or "other").strip().lower())
