"""All queries as tests look at them: once loaded and bound, and small files of a test's own."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kleio.db.queries import HEADER_KEYS, Keyed, Namespace, Query, _row_type
from kleio.db.reading import SyncConnection, reading
from kleio.sql.inventory import Entry, Inventory, load
from kleio.sql.schema import Schema, read_schema
from kleio.sql.sources import QueryFile, read_file

INVENTORY: Inventory = load()
ENTRIES: list[Entry] = list(INVENTORY.entries.values())
QUERIES: list[Query] = [entry.query for entry in ENTRIES]
"""Every query of every file, bound to its function."""

BY_NAME: dict[str, Query] = {query.name: query for query in QUERIES}

each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.query.name)


def numbered(query: Query) -> str:
    """Return the statement with PostgreSQL's `$n` placeholders, numbered as declared."""
    return INVENTORY.entries[query.name].statement.text


@contextmanager
def reading_schema(conninfo: str) -> Iterator[tuple[SyncConnection, Schema]]:
    with reading(conninfo) as conn:
        yield conn, read_schema(conn)


def write_file(folder: Path, text: str, name: str = "examples") -> QueryFile:
    path = folder / f"{name}.sql"
    path.write_text(text)
    return read_file(path)


def own_inventory(
    folder: Path, text: str, functions: dict[str, Callable[..., Any]] | None = None
) -> Inventory:
    """Return the queries of a text as `load` gives those of the folder `queries`."""
    file = write_file(folder, text)
    loaded = Namespace(folder / file.name)
    entries = {}
    for source in file.sources:
        name = source.name.partition(".")[2]
        function = (functions or {}).get(name)
        if function is not None:
            _bind(loaded, name, function)
        entries[source.name] = Entry(loaded.queries[name], source, function)
    return Inventory([file], entries, [])


def _bind(loaded: Namespace, name: str, function: Callable[..., Any]) -> None:
    """Bind a function as `kleio.db.queries.query` does, to a file that is not in `queries`."""
    row, returns_list = _row_type(typing.get_type_hints(function)["return"])
    is_keyed = typing.get_origin(row) is Keyed
    if is_keyed:
        (row,) = typing.get_args(row)
    if loaded.queries[name].operation == "INSERT_UPDATE_DELETE":
        row = None
    loaded.bind(name, row, returns_list=returns_list, is_keyed=is_keyed)


HEAD = "-- Examples.\n-- Tables: folders.\n\n"


def query_text(
    sql: str, name: str = "list_things(user_id)", header: dict[str, str] | None = None
) -> str:
    """Return a query that breaks no rule but by its statement, or by the lines given."""
    lines = {
        "Returns": "0..n rows Thing.",
        "Index": "folders_pkey (user_id, id).",
        "Cost": "at most 5 buffers.",
        "Locks": "none.",
        **(header or {}),
    }
    keys = [key for key in HEADER_KEYS if lines.get(key)]
    written = [f"-- {key + ':':<8} {lines[key]}" for key in keys]
    return "\n".join([f"-- name: {name}", "-- Things.", "--", *written, sql]) + "\n"
