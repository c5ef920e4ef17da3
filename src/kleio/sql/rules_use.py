"""Rules about what is there and not used: queries, functions, tables, columns, indexes."""

from __future__ import annotations

import ast as python
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pglast import ast

import kleio
from kleio.db.migration_files import migration_files
from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry, Inventory, python_place
from kleio.sql.rules_header import INDEX_NAME
from kleio.sql.schema import Schema
from kleio.sql.trees import column_names, walk

RULES = {
    "function": "Every query has a repository function, which says what it does.",
    "unused-query": "Every repository function is called by something.",
    "duplicate-query": "No statement stands twice, whatever its parameters are called.",
    "unread-table": "Every table is read by a query.",
    "unread-column": "Every column is read by a query, but for when its row was written.",
    "unnamed-index": "Every index is named by a header, or has a reason in its migration.",
    "named-query": "A query that a migration gives as the reason of an index exists.",
}

# Who looks into a table wants to know them, whether or not a query does.
_TIMES = {"created_at", "updated_at", "synced_at"}


def function(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find queries without a function, and functions without a docstring."""
    module, _, name = entry.query.name.partition(".")
    if entry.function is None:
        message = f"no function runs it: write {name} in repositories/{module}.py, or delete it"
        yield entry.finding("function", message)
    elif not (entry.function.__doc__ or "").strip().endswith("."):
        file, line = python_place(module, name)
        message = f"{name} says what it returns or does, in a sentence"
        yield Finding(file, line, 1, "function", message, subject=entry.query.name)


def unused_function(inventory: Inventory, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find functions that no module of Kleio names."""
    used = _used_names()
    for entry in inventory.entries.values():
        module, _, name = entry.query.name.partition(".")
        if entry.function is not None and not {(module, name), (module, "*")} & used:
            message = (
                f"nothing in Kleio calls {name}: delete it with its query, or say who runs it "
                "in `-- Allow:   unused-query: ...`"
            )
            yield entry.finding("unused-query", message)


@functools.cache
def _used_names() -> set[tuple[str, str]]:
    """Return module and name of each repository function that is named outside its definition.

    `*` stands for all of a module that is passed on as a whole.
    """
    used: set[tuple[str, str]] = set()
    root = Path(kleio.__file__).parent
    for path in root.rglob("*.py"):
        tree = python.parse(path.read_text("utf-8"))
        modules: dict[str, str] = {}
        functions: dict[str, tuple[str, str]] = {}
        if path.parent.name == "repositories":
            functions = {
                node.name: (path.stem, node.name)
                for node in tree.body
                if isinstance(node, python.AsyncFunctionDef | python.FunctionDef)
            }
        for node in python.walk(tree):
            if isinstance(node, python.ImportFrom) and node.module == "kleio.repositories":
                modules |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, python.ImportFrom) and (node.module or "").startswith(
                "kleio.repositories."
            ):
                stem = str(node.module).rpartition(".")[2]
                functions |= {a.asname or a.name: (stem, a.name) for a in node.names}
            elif isinstance(node, python.Import):
                # `import kleio.repositories.plays` is read from the attributes below.
                modules |= {
                    alias.asname: alias.name.rpartition(".")[2]
                    for alias in node.names
                    if alias.asname and alias.name.startswith("kleio.repositories.")
                }
        bases = set()
        for node in python.walk(tree):
            if isinstance(node, python.Attribute):
                base = node.value
                if isinstance(base, python.Name) and base.id in modules:
                    used.add((modules[base.id], node.attr))
                    bases.add(id(base))
                elif isinstance(base, python.Attribute):
                    used.add((base.attr, node.attr))
        for node in python.walk(tree):
            if isinstance(node, python.Name) and id(node) not in bases:
                if node.id in functions:
                    used.add(functions[node.id])
                elif node.id in modules:
                    used.add((modules[node.id], "*"))
    return used


def duplicate(inventory: Inventory, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find the same statement under two names."""
    seen: dict[str, Entry] = {}
    for entry in inventory.entries.values():
        text = normalised(entry)
        first = seen.setdefault(text, entry)
        if first is not entry:
            line = first.source.line
            message = (
                f"it is {first.query.name} again (queries/{first.source.file}:{line}): "
                "call that one, and delete this"
            )
            yield entry.finding("duplicate-query", message)


def normalised(entry: Entry) -> str:
    """Return a statement without comments, spacing and case, parameters by their order of use."""
    order: dict[str, str] = {}
    parts = []
    pattern = r"--[^\n]*|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$\d+|\w+|\S"
    for match in re.finditer(pattern, entry.statement.text):
        token = match[0]
        if token.startswith("--"):
            continue
        if token.startswith("$"):
            token = order.setdefault(token, f"${len(order) + 1}")
        parts.append(token if token[0] in "'\"" else token.lower())
    return " ".join(parts)


def unread(inventory: Inventory, schema: Schema) -> Iterator[Finding]:
    """Find tables and columns that are written, or not even that, and never read."""
    read, homes = _read_columns(inventory, schema)
    for table in schema.tables.values():
        if table.kind not in ("r", "p", "m"):
            continue
        place = homes.get(table.name) or _table_place(table.name)
        columns = [
            name for name in table.columns if (table.name, name) not in read and name not in _TIMES
        ]
        if not any(holder == table.name for holder, _ in read):
            message = f"no query reads {table.name}"
            yield Finding(*place, "unread-table", message, subject=table.name)
            continue
        for name in columns:
            message = (
                f"no query reads {table.name}.{name}: drop it, or say what it is for in "
                f"`-- Allow: unread-column {table.name}.{name}: ...` at the head of the file"
            )
            yield Finding(*place, "unread-column", message, subject=f"{table.name}.{name}")


def _read_columns(
    inventory: Inventory, schema: Schema
) -> tuple[set[tuple[str, str]], dict[str, tuple[str, int, int]]]:
    """Return what is read, and for each table the place of the file that is about it, if any."""
    read: set[tuple[str, str]] = set()
    for entry in inventory.entries.values():
        read |= columns_read(entry.tree, schema)
    homes: dict[str, tuple[int, str]] = {}
    for file in inventory.files:
        text = file.head.partition("-- Tables:")[2].partition(";")[0]
        names = [name for name in re.findall(r"\w+", text) if name in schema.tables]
        for place, name in enumerate(names):
            # The file of a table's own name is about it, then that which names it first.
            rank = -1 if file.name == f"{name}.sql" else place
            homes[name] = min(homes.get(name, (len(names), file.label)), (rank, file.label))
    return read, {name: (label, 2, 1) for name, (_, label) in homes.items()}


def columns_read(tree: Any, schema: Schema) -> set[tuple[str, str]]:
    """Return tables and columns that a statement reads; in doubt it does.

    What an INSERT or an UPDATE only writes is not read; a conflict's key, a foreign key that is
    followed by a condition, and a column that `old` or `new` shows are.
    """
    aliases: dict[str, set[str]] = {}
    for node in walk(tree):
        if isinstance(node, ast.RangeVar) and node.relname in schema.tables:
            name = node.alias.aliasname if node.alias else node.relname
            aliases.setdefault(name, set()).add(node.relname)
    present = set().union(*aliases.values()) if aliases else set()
    found: set[tuple[str, str]] = set()
    for node in walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ColumnRef):
            names = column_names(node)
        elif isinstance(node, ast.IndexElem) and node.name:
            names = [node.name]
        elif isinstance(node, ast.JoinExpr):
            for part in node.usingClause or ():
                found |= _holders(schema, present, part.sval)
        if not names:
            continue
        tables = aliases.get(names[-2], set()) if len(names) > 1 else present
        if len(names) > 1 and names[-2] in ("old", "new", "excluded"):
            tables = present if names[-2] != "excluded" else set()
        if names[-1] == "*":
            found |= {
                (table, column) for table in tables for column in schema.tables[table].columns
            }
        else:
            found |= _holders(schema, tables, names[-1])
    return found


def _holders(schema: Schema, tables: set[str], column: str) -> set[tuple[str, str]]:
    return {(table, column) for table in tables if column in schema.tables[table].columns}


def unnamed_index(inventory: Inventory, schema: Schema) -> Iterator[Finding]:
    """Find indexes that nothing needs, which cost every write all the same."""
    named: set[str] = set(explained_indexes())
    for entry in inventory.entries.values():
        for key in ("Index", "Locks"):
            named |= set(INDEX_NAME.findall(entry.query.header.get(key, "")))
    for index in schema.indexes.values():
        if not index.is_key and index.name not in named:
            message = (
                f"no header names {index.name} on {index.table}: drop it, or name it where it is "
                "used"
            )
            yield Finding(*_index_place(index.name), "unnamed-index", message, subject=index.name)


def named_query(inventory: Inventory, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find `-- plays.list_plays.` above an index, where that query is gone."""
    files = {file.name[:-4] for file in inventory.files}
    names = {source.name for file in inventory.files for source in file.sources}
    for index, comment in explained_indexes().items():
        for name in re.findall(r"\b([a-z_]+\.[a-z_]+)\b", comment):
            if name.partition(".")[0] in files and name not in names:
                message = f"{index} was made for {name}, which is gone: is the index still needed?"
                yield Finding(*_index_place(index), "named-query", message, subject=index)


_CREATE_INDEX = re.compile(
    r"((?:^--[^\n]*\n)*)(CREATE (?:UNIQUE )?INDEX[A-Z ]* (\w+)\s+ON)", re.MULTILINE
)


@functools.cache
def explained_indexes() -> dict[str, str]:
    """Return the comment right above each CREATE INDEX of the migrations, where there is one."""
    return {
        match[3]: match[1]
        for path in migration_files().values()
        for match in _CREATE_INDEX.finditer(path.read_text("utf-8"))
        if match[1]
    }


def _index_place(name: str) -> tuple[str, int, int]:
    return _migration_place(rf"CREATE (?:UNIQUE )?INDEX[A-Z ]* {name}\b")


def _table_place(name: str) -> tuple[str, int, int]:
    return _migration_place(rf"CREATE (?:TABLE|MATERIALIZED VIEW)[A-Z ]* {name}\b")


def _migration_place(pattern: str) -> tuple[str, int, int]:
    for path in migration_files().values():
        text = path.read_text("utf-8")
        if match := re.search(pattern, text):
            return f"migrations/{path.name}", text.count("\n", 0, match.start()) + 1, 1
    return "migrations", 1, 1
