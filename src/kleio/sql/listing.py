"""What is there: every query in a line."""

from __future__ import annotations

from typing import Any

import msgspec

from kleio.db.queries import Query
from kleio.sql.inventory import Entry
from kleio.sql.python_types import shown
from kleio.sql.trees import tables

_KINDS = {
    "SELECT": "rows",
    "SELECT_ONE": "row",
    "SELECT_VALUE": "value",
    "INSERT_UPDATE_DELETE": "count",
    "SCRIPT": "script",
}


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """A query as `kleio sql list` shows it; `kind` is what it leaves: rows, a row, a value."""

    name: str
    file: str
    line: int
    kind: str
    parameters: list[str]
    row: str
    tables: list[str]
    read_only: bool


def listed(entry: Entry) -> Listed:
    """Return the line of a query.

    Raises:
        ToolMissing: pglast is not installed.
        SyntaxProblem: the statement is none.
    """
    query = entry.query
    return Listed(
        name=query.name,
        file=f"queries/{query.file}",
        line=query.line,
        kind=query.copies or _KINDS.get(query.operation, query.operation.lower()),
        parameters=list(query.parameters),
        row=row_name(query),
        tables=tables(entry.tree),
        read_only=not entry.writes,
    )


def row_name(query: Query) -> str:
    """Return what a row becomes, as the repository's annotation has it."""
    row: Any = query.row
    if row is None:
        return "-" if query.copies else "int"
    name = row.__name__ if isinstance(row, type) else shown(row)
    return f"Keyed[{name}]" if query.is_keyed else name
