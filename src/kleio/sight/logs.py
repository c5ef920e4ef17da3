"""The server's log: lines for people or one JSON object a line, with the request they belong to.

Values never reach it: of a slow query only the parameters' names and types are told, of an address
only its path, and of an error of the database not the row that PostgreSQL quotes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from kleio.sight.context import CURRENT, queries_of, request_id, user_id_of
from kleio.words import show_text

LogFormat = Literal["text", "json"]

requests_logger = logging.getLogger("kleio.requests")
queries_logger = logging.getLogger("kleio.queries")

_FACTS = "kleio"
"""The attribute of a record that holds what JSON tells beside the message."""

# PostgreSQL puts whole rows there: "Failing row contains (...)".
_ROW_DETAILS = re.compile(r"\n *(?:DETAIL|CONTEXT): [^\n]*")


class TextFormatter(logging.Formatter):
    """`2026-01-02 03:04:05,678 WARNING kleio.http message (request 0f...)`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line; what a client made up stays in it."""
        return show_text(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback without the rows that PostgreSQL quotes."""
        text = _ROW_DETAILS.sub("", super().formatException(ei))
        return "\n".join(show_text(line) for line in text.split("\n"))


class JsonFormatter(TextFormatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and what else is known."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        scope = CURRENT.get()
        if scope is not None:
            line["requestId"] = request_id(scope)
            if (user_id := user_id_of(scope)) is not None:
                line["userId"] = user_id
        line.update(getattr(record, _FACTS, {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def formatter(kind: LogFormat) -> logging.Formatter:
    """Return the formatter of a setting."""
    return JsonFormatter() if kind == "json" else TextFormatter()


def configure(level: str, kind: LogFormat) -> None:
    """Have the process log to stderr, unless something has set up logging already."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(kind))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # One line a call to Discogs is too much, and a header that can't be sent stands in httpcore's.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def log_request(scope: Any, method: str, status: int, seconds: float) -> None:
    """Log an answered request, with the names of the queries that it sent."""
    queries = queries_of(scope)
    user_id = user_id_of(scope)
    milliseconds = round(seconds * 1000, 2)
    requests_logger.info(
        "%s %s %d %.2f ms (request %s%s)%s",
        method,
        scope["path"],
        status,
        milliseconds,
        request_id(scope),
        f", user {user_id}" if user_id else "",
        f" {' '.join(queries)}" if queries else "",
        extra={
            _FACTS: {
                "method": method,
                "path": scope["path"],
                "route": scope.get("path_template"),
                "status": status,
                "durationMs": milliseconds,
                "queries": queries,
            }
        },
    )


def log_slow_query(name: str, seconds: float, parameters: Mapping[str, Any] | None) -> None:
    """Log a query that took long: its name, and its parameters' types."""
    types = {key: _type_of(value) for key, value in (parameters or {}).items()}
    scope = CURRENT.get()
    queries_logger.warning(
        "slow query %s: %.3f s (%s)%s",
        name,
        seconds,
        ", ".join(f"{key} {kind}" for key, kind in types.items()),
        f" (request {request_id(scope)})" if scope is not None else "",
        extra={
            _FACTS: {"query": name, "durationMs": round(seconds * 1000, 1), "parameterTypes": types}
        },
    )


def _type_of(value: Any) -> str:
    """Return a value's type in a word, of a list with its length: `list[UUID] x 50`."""
    if isinstance(value, list | tuple):
        return f"list[{type(value[0]).__name__ if value else ''}] x {len(value)}"
    return "NULL" if value is None else type(value).__name__
