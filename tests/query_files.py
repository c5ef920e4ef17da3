"""All queries as tests look at them: bound to their functions, and as PostgreSQL takes them."""

from __future__ import annotations

import importlib
import pkgutil
import re

import kleio.repositories
from kleio.db.queries import Query, all_queries, sql_folder

for _module in pkgutil.iter_modules(kleio.repositories.__path__):
    importlib.import_module(f"kleio.repositories.{_module.name}")

QUERIES: list[Query] = list(all_queries().values())
"""Every query of every file; importing the repositories has bound them."""

INDEX_NAME = re.compile(r"\b[a-z][a-z0-9_]*_(?:idx|key|pkey)\b")

_NAME_LINE = re.compile(r"^-- name: (\w+)", re.MULTILINE)


def sources() -> dict[str, str]:
    """Return each query's text in its file, from its name line to the next, by full name."""
    found = {}
    for path in sorted(sql_folder("queries").glob("*.sql")):
        text = path.read_text("utf-8")
        starts = list(_NAME_LINE.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        for start, end in zip(starts, ends, strict=True):
            found[f"{path.stem}.{start[1]}"] = text[start.start() : end]
    return found


def body(source: str) -> str:
    """Return a query's text without the name line and the header."""
    return re.sub(r"\A(?:--[^\n]*\n)+", "", source)


def numbered(query: Query) -> str:
    """Return the statement with PostgreSQL's `$n` placeholders, numbered as declared."""
    return to_numbered(query.sql, query.parameters)


def to_numbered(sql: str, parameters: tuple[str, ...]) -> str:
    """Turn psycopg's `%(name)s` into `$n` and `%%` into `%`."""
    places = {name: f"${number}" for number, name in enumerate(parameters, 1)}
    return re.sub(r"%(?:\((\w+)\)s|%)", lambda match: places[match[1]] if match[1] else "%", sql)
