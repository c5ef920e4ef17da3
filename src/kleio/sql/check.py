"""Every query against a database and against its function and row, without running any (D12).

PostgreSQL prepares the statement and tells its parameters and columns; the rest is comparison.
Preparing takes no right on the tables and works in a read-only transaction.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import msgspec

from kleio.db.copy_out import Blocks
from kleio.db.queries import Query
from kleio.db.reading import SyncConnection
from kleio.sql.describing import Described, Refused, describe
from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry, Inventory
from kleio.sql.nullability import Null, result_columns
from kleio.sql.python_types import (
    full_name,
    is_type,
    parameter_type,
    plain,
    result_type,
    shown,
    sql_names,
)
from kleio.sql.schema import Schema, read_schema
from kleio.sql.trees import SyntaxProblem, need_parser


def check(inventory: Inventory, conn: SyncConnection, entries: list[Entry]) -> list[Finding]:
    """Check queries against the database that a connection leads to.

    Args:
        inventory: all queries; what could not be loaded is part of the answer.
        conn: inside a transaction, which may be read only.
        entries: those of the inventory to look at.
    """
    need_parser()
    schema = read_schema(conn)
    wanted = {entry.source.file for entry in entries} | {
        problem.file.rpartition("/")[2] for problem in inventory.problems
    }
    findings = [p for p in inventory.problems if p.file.rpartition("/")[2] in wanted]
    for entry in entries:
        findings += check_entry(entry, conn, schema, inventory)
    rows = {id(entry.query.row) for entry in entries}
    findings += [
        finding
        for finding in _check_needless_none(inventory, schema)
        if id(inventory.entries[finding.subject].query.row) in rows
    ]
    return findings


def check_entry(
    entry: Entry, conn: SyncConnection, schema: Schema, inventory: Inventory
) -> list[Finding]:
    """Check one query; a statement that PostgreSQL refuses is looked at no further."""
    try:
        with conn.transaction():
            described = describe(conn, entry.statement.text, schema.type_names)
    except Refused as error:
        place = entry.statement.place(error.offset) if error.offset is not None else None
        return [entry.finding("prepare", f"PostgreSQL refuses it: {error}", place)]
    findings = _check_header(entry, described)
    if entry.function is None:
        if entry.source.file[:-4] not in inventory.broken_modules:
            findings.append(_no_function(entry))
        return findings
    findings += _check_parameters(entry, described)
    findings += _check_return(entry)
    findings += _check_columns(entry, described)
    findings += _check_nulls(entry, schema)
    return findings


def _no_function(entry: Entry) -> Finding:
    module, _, name = entry.query.name.partition(".")
    return entry.finding(
        "function",
        f"no repository function runs it: write {name} in repositories/{module}.py, "
        "or delete the query",
    )


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function, include_extras=True)


def row_fields(query: Query) -> dict[str, Any] | None:
    """Return the fields of the row's Struct with their annotations; None where it is none."""
    if not (isinstance(query.row, type) and issubclass(query.row, msgspec.Struct)):
        return None
    hints = typing.get_type_hints(query.row, include_extras=True)
    return {name: hints[name] for name in query.row.__struct_fields__}


def target_places(entry: Entry) -> list[tuple[int, int]]:
    """Return where each column of the result is written."""
    node = entry.tree
    while getattr(node, "larg", None) is not None:
        node = node.larg
    returning = getattr(node, "returningClause", None)
    targets = (returning.exprs if returning else getattr(node, "targetList", None)) or ()
    if returning is None and type(node).__name__ != "SelectStmt":
        return []
    return [entry.statement.place(target.location) for target in targets]


def _check_parameters(entry: Entry, described: Described) -> list[Finding]:
    hints = _hints(entry.function) if entry.function else {}
    findings = []
    for name, kind in zip(entry.query.parameters, described.parameters, strict=False):
        place = entry.statement.place(entry.statement.uses[name][0])
        annotation, _ = plain(hints[name])
        expected = parameter_type(kind)
        if expected is None:
            if kind.removesuffix("[]") not in ("unknown",):
                findings.append(
                    entry.finding(
                        "parameter-type",
                        f":{name} is {kind}, for which no Python type is agreed: pass text and "
                        "cast it in the statement",
                        place,
                    )
                )
        elif annotation != expected:
            findings.append(
                entry.finding(
                    "parameter-type",
                    f":{name} is {kind}, which takes {shown(expected)}; the function's parameter "
                    f"is {shown(annotation)}: change one of them",
                    place,
                )
            )
    return findings


def _check_return(entry: Entry) -> list[Finding]:
    returned = _hints(entry.function)["return"] if entry.function else None
    inner, may_be_none = plain(returned)
    query = entry.query
    if query.copies:
        fits, wanted = returned == Blocks, "Blocks"
    elif query.operation == "SELECT":
        fits, wanted = typing.get_origin(inner) is list, "list[...]: it gives any number of rows"
    elif query.operation == "SELECT_ONE":
        fits, wanted = may_be_none, "... | None: there may be no row"
    else:
        fits, wanted = returned is int, "int: it gives a number"
    if fits:
        return []
    return [
        entry.finding(
            "return-type",
            f"its function returns {shown(returned)} and has to return {wanted}; or the operator "
            f"behind the name is wrong",
        )
    ]


def _check_columns(entry: Entry, described: Described) -> list[Finding]:
    query, columns = entry.query, described.columns
    places = target_places(entry)

    def finding(rule: str, message: str, number: int = 0) -> Finding:
        return entry.finding(rule, message, places[number] if number < len(places) else None)

    if query.copies == "lines":
        if columns != [("line", "json")]:
            return [finding("columns", "lines of JSON come from one column, json, named line")]
        return []
    if query.copies == "csv":
        if len({name for name, _ in columns}) < max(len(columns), 2):
            return [finding("columns", "a CSV has two columns at least, each of a name of its own")]
        return []
    if query.row is None:
        if columns:
            return [
                finding(
                    "columns",
                    "it gives rows, and its operator ! drops them: use ^ or none, or no RETURNING",
                )
            ]
        return []
    findings = []
    first = 0
    if query.is_keyed:
        if findings := _check_key(entry, columns, places):
            return findings
        first = 2
    fields = row_fields(query)
    if fields is None:
        if len(columns) - first != 1:
            message = f"its function returns {shown(query.row)}, one column, not {len(columns)}"
            return [*findings, finding("columns", message)]
        kind = columns[first][1]
        if result_type(kind) != query.row:
            findings.append(finding("column-type", _mismatch(columns[first], query.row), first))
        return findings
    row = query.row.__name__
    for number, ((name, kind), field) in enumerate(
        zip(columns[first:], fields, strict=False), first
    ):
        if name != field:
            findings.append(
                finding(
                    "columns",
                    f"column {number - first + 1} is {name}, {row}'s field {number - first + 1} is "
                    f"{field}: rows fill the Struct by position, so both need one order",
                    number,
                )
            )
            return findings
        annotation, _ = plain(fields[field])
        if result_type(kind) != annotation:
            findings.append(
                finding("column-type", _mismatch((f"{row}.{name}", kind), annotation), number)
            )
    given = len(columns) - first
    if given != len(fields):
        more = [name for name, _ in columns[first + len(fields) :]] or list(fields)[given:]
        message = f"it gives {given} columns, {row} has {len(fields)} fields: {', '.join(more)}"
        last = max(len(columns) - 1, 0)
        findings.append(finding("columns", message, min(first + len(fields), last)))
    return findings


def _mismatch(column: tuple[str, str], annotation: Any) -> str:
    name, kind = column
    given = result_type(kind)
    if given is None:
        return f"{name} is {kind}, for which no Python type is agreed: cast it, enums to text"
    return (
        f"{name} is {kind}, which becomes {shown(given)}; it is annotated {shown(annotation)}: "
        "change the annotation or cast the column"
    )


def _check_key(
    entry: Entry, columns: list[tuple[str, str]], places: list[tuple[int, int]]
) -> list[Finding]:
    place = places[0] if places else None
    if len(columns) < 3 or columns[1][1] != "uuid" or not re.search(r"(?:^|_)id$", columns[1][0]):
        message = "a keyed page gives its sort key, then an id (uuid), then the row's columns"
        return [entry.finding("columns", message, place)]
    cursor = [name for name in entry.query.parameters if name.startswith(("before_", "after_"))]
    hints = _hints(entry.function) if entry.function else {}
    if not cursor or cursor[-1] not in ("before_id", "after_id"):
        message = "the cursor's parameters are before_... or after_..., and the last is the id"
        return [entry.finding("parameters", message)]
    given = [plain(hints[name]) for name in cursor]
    if [kind for kind, _ in given] not in ([result_type(columns[0][1]), UUID], [UUID]):
        message = f"the cursor {', '.join(cursor)} has not the types of the page's key and id"
        return [entry.finding("parameter-type", message)]
    if not all(may_be_none for _, may_be_none in given):
        message = f"the cursor {', '.join(cursor)} has to take None: it is the first page's"
        return [entry.finding("parameter-type", message)]
    return []


def field_answers(entry: Entry, schema: Schema) -> list[tuple[str, Any, Null, int]]:
    """Return name, annotation, answer and column number for each field of a query's Struct."""
    fields = row_fields(entry.query)
    if fields is None or entry.query.copies:
        return []
    try:
        columns = result_columns(entry.tree, schema)
    except SyntaxProblem:
        return []  # newer than the parser; PostgreSQL has taken it
    first = 2 if entry.query.is_keyed else 0
    if len(columns) - first != len(fields):
        return []
    return [
        (name, annotation, answer, number)
        for number, ((_, answer), (name, annotation)) in enumerate(
            zip(columns[first:], fields.items(), strict=True), first
        )
    ]


def _check_nulls(entry: Entry, schema: Schema) -> list[Finding]:
    return [
        entry.finding(
            "nullable",
            f"it may be NULL, and {entry.query.row.__name__}.{name} can't be None: annotate it "
            "so, or coalesce",
            target_places(entry)[number],
        )
        for name, annotation, answer, number in field_answers(entry, schema)
        if answer is Null.SOMETIMES and not plain(annotation)[1]
    ]


def _check_needless_none(inventory: Inventory, schema: Schema) -> list[Finding]:
    """Find fields that may be None, though no query that fills them ever gives NULL."""
    answers: dict[tuple[int, str], set[Null]] = {}
    first: dict[tuple[int, str], tuple[Entry, int]] = {}
    for entry in inventory.entries.values():
        for name, annotation, answer, number in field_answers(entry, schema):
            if plain(annotation)[1]:
                key = (id(entry.query.row), name)
                answers.setdefault(key, set()).add(answer)
                first.setdefault(key, (entry, number))
    return [
        entry.finding(
            "nullable",
            f"it is never NULL, and {entry.query.row.__name__}.{name} may be None: drop the None",
            target_places(entry)[number],
        )
        for (row, name), (entry, number) in first.items()
        if answers[row, name] == {Null.NEVER}
    ]


def _check_header(entry: Entry, described: Described) -> list[Finding]:
    query = entry.query
    findings = []
    if "Returns" in query.header and entry.function is not None:
        expected = returns_of(query)
        if expected and not re.match(expected[0], query.header["Returns"], re.IGNORECASE):
            findings.append(
                entry.finding(
                    "header-returns",
                    f"Returns says {query.header['Returns']!r}, the function gives {expected[1]}",
                    entry.source.header_place("Returns"),
                )
            )
    types = dict(zip(query.parameters, described.parameters, strict=False))
    for name, kind in declared_types(query.header.get("Params", "")):
        if name in types and full_name(kind) != types[name]:
            findings.append(
                entry.finding(
                    "header-params",
                    f"Params says {name} {kind}, PostgreSQL takes {types[name]}",
                    entry.source.header_place("Params"),
                )
            )
    return findings


def declared_types(params: str) -> Iterable[tuple[str, str]]:
    """Yield the names and types that a `Params` line declares (`before_id uuid: ...`)."""
    for name, kind in re.findall(r"\b([a-z_]+) ([a-z0-9]+(?:\[\])?)(?=[:.,; ]|$)", params):
        if is_type(kind):
            yield name, kind


def returns_of(query: Query) -> tuple[str, str] | None:
    """Return the pattern that `Returns` has to match, and the same for people."""
    if query.copies:
        words = {"csv": "CSV, one line a ", "lines": "lines of JSON, one a "}[query.copies]
        return re.escape(words), f"{words}..."
    if query.row is None:
        return r"(?!(?:one|0\.\.\w+) rows?\b)", "a number of rows written"
    if query.row is int and query.operation == "SELECT_VALUE":
        return r"one bigint", "'one bigint'"
    names = [query.row.__name__ if isinstance(query.row, type) else shown(query.row)]
    names += sql_names(query.row)
    if query.is_keyed:
        names = [f"Keyed[{name}]" for name in names]
    allowed = "|".join(map(re.escape, names))
    number = "one bigint|" if query.row is int else ""
    return rf"{number}(?:one|0\.\.\w+) rows? (?:{allowed})(?![\w\[])", f"'0..n rows {names[0]}'"
