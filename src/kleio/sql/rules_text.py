"""Rules about the text of a file: what the loader would stumble over, and what hides things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast

from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry, Inventory
from kleio.sql.python_types import full_name
from kleio.sql.schema import Schema
from kleio.sql.sources import QueryFile, Source, blank, comments
from kleio.sql.trees import bare, column_names, cte_names, walk

RULES = {
    "file-head": "A file begins with its purpose and its tables, then an empty line.",
    "banner": "Between queries stands nothing: the loader takes it for the header before.",
    "comment": "A comment stands on lines of its own, and begins with --.",
    "percent": "A literal % is written %%.",
    "slice": "An array slice has spaces around its colon: a[1 : 2].",
    "line-length": "A line has at most 100 characters, but for the name line.",
    "select-star": "Columns are listed; * and whole rows break prepared statements.",
    "offset": "OFFSET is :page_offset, on a page that also takes a keyset.",
    "parameter-cast": "A parameter is cast where it is used first.",
    "parameter-type": "A parameter's name means one type everywhere.",
}

LONGEST = 100


def _at(source: Source, offset: int, rule: str, message: str) -> Finding:
    line, column = source.place(offset)
    return Finding(f"queries/{source.file}", line, column, rule, message, subject=source.name)


def file_head(file: QueryFile) -> Iterator[Finding]:
    """Find a head without purpose, tables, or an empty line below."""
    lines = file.head.splitlines()
    if not lines or not re.match(r"-- (?!Tables:)\S.*[.:]$", lines[0]):
        yield Finding(
            file.label, 1, 1, "file-head", "the first line says what the file is for: `-- Plays.`"
        )
    elif len(lines) < 2 or not lines[1].startswith("-- Tables: "):
        yield Finding(
            file.label, 2, 1, "file-head", "the second line names the tables: `-- Tables: plays.`"
        )
    elif lines[-1]:
        message = "an empty line before the first query: the loader takes this for its header"
        yield Finding(file.label, len(lines), 1, "file-head", message)


def banner(file: QueryFile) -> Iterator[Finding]:
    """Find what stands between one statement's end and the next name line."""
    for source in file.sources:
        hidden = blank(source.text)
        end = hidden.rfind(";")
        if end >= 0 and (after := source.text.find("--", end)) >= 0:
            message = "the loader takes it for the header of the query before: move it into one"
            yield _at(source, after, "banner", message)


def comment(source: Source) -> Iterator[Finding]:
    """Find comments behind SQL, and between /* and */."""
    body = source.text[source.body :]
    for start in comments(body):
        if body[body.rfind("\n", 0, start) + 1 : start].strip():
            message = (
                "move it to a line of its own: behind SQL a quote or :x in it is taken for SQL"
            )
            yield _at(source, source.body + start, "comment", message)
    if (start := blank(body).find("/*")) >= 0:
        yield _at(
            source, source.body + start, "comment", "write it with --: the loader drops /* */"
        )


def percent(source: Source) -> Iterator[Finding]:
    """Find a single %, in strings too."""
    body = re.sub(
        r"^\s*--[^\n]*", lambda m: " " * len(m[0]), source.text[source.body :], flags=re.MULTILINE
    )
    for match in re.finditer(r"(?<!%)(?:%%)*%(?!%)", body):
        message = "write it %%: psycopg takes a single % for a placeholder"
        yield _at(source, source.body + match.start(), "percent", message)


def slices(source: Source) -> Iterator[Finding]:
    """Find `a[1:2]`, which would have a parameter 2."""
    for match in re.finditer(r"\[[^\]\s]*:[^:\]]", blank(source.text[source.body :])):
        message = "write it a[1 : 2]: without spaces the loader sees a parameter"
        yield _at(source, source.body + match.start(), "slice", message)


def line_length(source: Source) -> Iterator[Finding]:
    """Find lines of more than 100 characters."""
    for number, line in enumerate(source.text.splitlines()[1:], source.line + 1):
        if len(line) > LONGEST:
            message = f"it has {len(line)} characters, at most {LONGEST} are read at once"
            yield Finding(
                f"queries/{source.file}", number, LONGEST + 1, "line-length", message, source.name
            )


def select_star(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find stars and whole rows of tables."""
    listed = _aliases_of_listed_columns(entry.tree)
    whole = _aliases_of_tables(entry.tree, schema)
    for node in walk(entry.tree):
        if not isinstance(node, ast.ColumnRef):
            continue
        names = column_names(node)
        # `d.*` of a column definition list stands for the columns that are written right there.
        if names[-1] == "*" and names[0] not in listed:
            message = "list the columns: a new one changes the type of prepared statements"
        elif len(names) == 1 and names[0] in whole:
            message = f"{names[0]} is a whole row: list the columns"
        else:
            continue
        yield entry.finding("select-star", message, entry.statement.place(node.location))


def _aliases_of_listed_columns(tree: Any) -> set[str]:
    found = set()
    for node in walk(tree):
        if isinstance(node, ast.RangeFunction) and node.alias is not None:
            parts = [item for function in node.functions for item in function[1:] if item]
            if node.coldeflist or node.alias.colnames or parts:
                found.add(node.alias.aliasname)
    return found


def _aliases_of_tables(tree: Any, schema: Schema) -> set[str]:
    own = cte_names(tree)
    found = set()
    columns: set[str] = set()
    for node in walk(tree):
        if isinstance(node, ast.RangeVar) and node.relname not in own:
            found.add(node.alias.aliasname if node.alias else node.relname)
        elif isinstance(node, ast.ResTarget | ast.ColumnDef):
            columns.add(getattr(node, "name", None) or getattr(node, "colname", "") or "")
        elif isinstance(node, ast.Alias):
            columns |= {column.sval for column in node.colnames or ()}
    for table in schema.tables.values():
        columns |= table.columns.keys()
    return found - columns


def offset(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find OFFSET but for :page_offset on keyset pages."""
    names = entry.query.parameters
    places = []
    for node in walk(entry.tree):
        if not isinstance(node, ast.SelectStmt) or node.limitOffset is None:
            continue
        given = _bare_number(node.limitOffset)
        place = entry.statement.place(_offset_place(entry, given))
        places.append(place)
        is_parameter = isinstance(given, ast.ParamRef)
        if not is_parameter or names[given.number - 1] != "page_offset":
            message = "only :page_offset::int may skip rows; a page starts after a keyset"
            yield entry.finding("offset", message, place)
        elif not entry.query.is_keyed:
            message = (
                "it skips rows on a page without a keyset: return Keyed[...] and take a cursor"
            )
            yield entry.finding("offset", message, place)
    if len(places) > 1:
        yield entry.finding("offset", "one OFFSET a statement", places[1])
    if "page_offset" in names and not places:
        yield entry.finding("offset", ":page_offset skips nothing", _first(entry, "page_offset"))
    if "page_size" in names:
        limits = [
            names[_bare_number(node.limitCount).number - 1]
            for node in walk(entry.tree)
            if isinstance(node, ast.SelectStmt)
            and isinstance(_bare_number(node.limitCount), ast.ParamRef)
        ]
        if "page_size" not in limits:
            yield entry.finding("offset", ":page_size limits nothing", _first(entry, "page_size"))


def _bare_number(node: Any) -> Any:
    """Return what LIMIT or OFFSET is given; a SELECT of its own hides it from the planner."""
    node = bare(node)
    if isinstance(node, ast.SubLink):
        inner = node.subselect
        targets: Any = getattr(inner, "targetList", None) or ()
        if len(targets) == 1 and not inner.fromClause:
            return bare(targets[0].val)
    return node


def _first(entry: Entry, parameter: str) -> tuple[int, int]:
    return entry.statement.place(entry.statement.uses[parameter][0])


def _offset_place(entry: Entry, given: Any) -> int:
    """Return where the number of an OFFSET stands, or where the word does: a constant has none."""
    if isinstance(given, ast.ParamRef):
        return int(given.location)
    word = re.search(r"\bOFFSET\b", blank(entry.statement.text), re.IGNORECASE)
    return word.start() if word else 0


def parameter_cast(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find parameters whose type is not said where they are read first."""
    for number, (name, uses) in enumerate(entry.statement.uses.items(), 1):
        after = entry.statement.text[uses[0] + len(f"${number}") :] if uses else "::"
        if not after.startswith("::"):
            message = f"say its type, as in :{name}::uuid: a NULL has none, and neither has a text"
            yield entry.finding("parameter-cast", message, _first(entry, name))


def parameter_type(inventory: Inventory, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find names that mean two types."""
    uses: dict[str, dict[str, list[tuple[Entry, int]]]] = {}
    for entry in inventory.entries.values():
        for number, (name, offsets) in enumerate(entry.statement.uses.items(), 1):
            for position in offsets:
                after = entry.statement.text[position + len(f"${number}") :]
                if match := re.match(r"::(\w+(?:\[\])?)", after):
                    kinds = uses.setdefault(name, {})
                    kinds.setdefault(full_name(match[1]), []).append((entry, position))
    for name, kinds in uses.items():
        usual = max(kinds, key=lambda kind: len(kinds[kind]))
        for kind, places in kinds.items():
            if kind != usual:
                entry, position = places[0]
                other = kinds[usual][0][0].query.name
                yield entry.finding(
                    "parameter-type",
                    f":{name} is {kind} here and {usual} in {other}: one name, one type",
                    entry.statement.place(position),
                )
