"""Parameters to try a query with: those given, else taken from the database's own rows.

What a parameter is compared with says where its value is to be found: in `c.user_id = :user_id AND
c.id = :copy_id` both come from one row of the table behind `c`. A parameter that may be None is
NULL, as on a first page without filters; the rest gets what its header, its name and its type
suggest. Values are texts that PostgreSQL reads as the parameter's type.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from psycopg import sql

from kleio.db.reading import SyncConnection
from kleio.sql.describing import describe
from kleio.sql.inventory import Entry
from kleio.sql.python_types import is_type, plain
from kleio.sql.schema import USER_KEY, Schema
from kleio.sql.trees import bare, column_names, walk

ARRAY_LENGTH = 10
_PATTERNS = {"%>", "<%", "%", "~~", "~~*", "<<%", "%>>"}
_COMPARISONS = {"=", "<", ">", "<=", ">=", "@>", *_PATTERNS}
_BY_NAME = {"page_size": "50", "page_offset": "0", "max_rows": "10", "tz": "UTC"}
_BY_TYPE = {
    "boolean": "false",
    "uuid": "00000000-0000-7000-8000-000000000000",
    "bytea": r"\x00",
    "interval": "1 day",
    "text": "x",
    "json": "{}",
    "jsonb": "{}",
}


class Value(msgspec.Struct, frozen=True):
    """A parameter's value: its text (None for NULL), its type, and where it comes from."""

    text: str | None
    type: str
    origin: str


class _Place(msgspec.Struct, frozen=True):
    """A column that a parameter meets; `how` is `=`, `any`, `pattern`, `range` or `insert`."""

    table: str
    column: str
    how: str


def sample(
    entry: Entry,
    conn: SyncConnection,
    schema: Schema,
    given: Mapping[str, str | None] | None = None,
) -> dict[str, Value]:
    """Return a value for each parameter of a query.

    Args:
        entry: the query.
        conn: inside a transaction; rows are read by primary key.
        schema: the database's.
        given: values that are known, by the parameters' names.

    Raises:
        Refused: PostgreSQL does not take the statement.
    """
    described = describe(conn, entry.statement.text, schema.type_names)
    types = dict(zip(entry.query.parameters, described.parameters, strict=True))
    values = {
        name: Value(text, types[name], "given")
        for name, text in (given or {}).items()
        if name in types
    }
    return _Sampler(entry, conn, schema, types, values).all()


class _Sampler:
    def __init__(
        self,
        entry: Entry,
        conn: SyncConnection,
        schema: Schema,
        types: dict[str, str],
        values: dict[str, Value],
    ) -> None:
        self.entry = entry
        self.conn = conn
        self.schema = schema
        self.types = types
        self.values = values
        self.places = _places(entry, schema)
        hints = typing.get_type_hints(entry.function) if entry.function else {}
        self.optional = {name for name in types if name in hints and plain(hints[name])[1]}

    def all(self) -> dict[str, Value]:
        for name in self.optional - self.values.keys() - self.needed():
            self.values[name] = Value(None, self.types[name], "may be NULL")
        for table in self.tables():
            self.from_row(table)
        for name in self.types:
            if name not in self.values:
                self.values[name] = self.otherwise(name)
        return {name: self.values[name] for name in self.types}

    def needed(self) -> set[str]:
        """Return what may be None, but not all of it: what an INSERT is about, or can't lack."""
        from pglast import ast

        inserts = [node for node in walk(self.entry.tree) if isinstance(node, ast.InsertStmt)]
        found = set()
        if inserts:
            found = {
                name
                for name, places in self.places.items()
                if self.types[name] == "uuid" and any(place.how == "=" for place in places)
            }
        for node in inserts:
            table = self.schema.tables.get(node.relation.relname)
            targets = getattr(node.selectStmt, "targetList", None) or ()
            for column, target in zip(node.cols or (), targets, strict=False):
                declared = table.columns.get(column.name) if table else None
                numbers = _parameters(target.val)
                if declared is not None and declared.is_not_null and len(numbers) == 1:
                    found.add(self.entry.query.parameters[numbers.pop() - 1])
        return found

    def tables(self) -> list[str]:
        """Return the tables to look at, first that which decides most."""
        wanted: dict[str, set[str]] = {}
        for name, places in self.places.items():
            if name not in self.values:
                for place in places:
                    if place.how in ("=", "any"):
                        wanted.setdefault(place.table, set()).add(name)
        return sorted(
            wanted,
            key=lambda table: (-len(wanted[table]), -self.schema.tables[table].rows, table),
        )

    def from_row(self, table: str) -> None:
        """Take what is still missing from one row that agrees with what is known."""
        missing: dict[str, _Place] = {}
        known: dict[str, Value] = {}
        for name, places in self.places.items():
            for place in places:
                if place.table != table:
                    continue
                if name in self.values:
                    if place.how == "=" and self.values[name].text is not None:
                        known[place.column] = self.values[name]
                elif place.how == "=" and self.fits(name, place):
                    missing.setdefault(name, place)
        if not missing:
            return
        row = self.read(table, [place.column for place in missing.values()], known)
        for (name, place), text in zip(missing.items(), row or (), strict=False):
            if text is not None:
                self.values[name] = Value(text, self.types[name], f"{table}.{place.column}")

    def read(
        self, table: str, columns: list[str], known: Mapping[str, Value] | None = None
    ) -> tuple[Any, ...] | None:
        """Return the texts of a table's first row."""
        user = self.values.get(USER_KEY)
        conditions = {column: value.text for column, value in (known or {}).items()}
        if self.schema.tables[table].is_per_user and user is not None and user.text is not None:
            conditions[USER_KEY] = user.text
        statement = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(c)) for c in columns),
            sql.Identifier(table),
            sql.SQL(" AND ").join(
                [sql.SQL("true")]
                + [sql.SQL("{} = {}").format(sql.Identifier(c), t) for c, t in conditions.items()]
                + [sql.SQL("{} IS NOT NULL").format(sql.Identifier(c)) for c in columns]
            ),
            self.order(table),
        )
        row: tuple[Any, ...] | None = self.conn.execute(statement).fetchone()
        return row

    def order(self, table: str) -> sql.Composable:
        key = self.schema.tables[table].primary_key
        return sql.SQL(", ").join(map(sql.Identifier, key)) if key else sql.SQL("1")

    def otherwise(self, name: str) -> Value:
        """Return what the header, a bound column, the name or the type suggests."""
        kind = self.types[name]
        if word := _listed_word(self.entry, name):
            return Value(word, kind, "its header")
        if name in _BY_NAME:
            return Value(_BY_NAME[name], kind, "its name")
        if kind.endswith("[]"):
            return self.array(name)
        for place in sorted(self.places[name], key=lambda p: p.how == "insert"):
            if not self.fits(name, place):
                continue
            value = self.inserted(name, place) if place.how == "insert" else self.near(name, place)
            if value is not None:
                return value
        noun = f"{name.removesuffix('_id')}s"
        table = self.schema.tables.get(noun) if name.endswith("_id") else None
        if table is not None and "id" in table.columns and (row := self.read(noun, ["id"])):
            return Value(row[0], kind, f"{noun}.id")
        return Value(self.by_type(name, kind), kind, "its type")

    def fits(self, name: str, place: _Place) -> bool:
        """Whether a column's value is one of the parameter's type; an enum's is a text."""
        kind = self.schema.tables[place.table].columns[place.column].type
        return kind == self.types[name] or (self.types[name] == "text" and not is_type(kind))

    def near(self, name: str, place: _Place) -> Value | None:
        row = self.read(place.table, [place.column])
        if row is None:
            return None
        text = " ".join(row[0].split()[:2]) if place.how == "pattern" else row[0]
        return Value(text, self.types[name], f"{place.table}.{place.column}")

    def array(self, name: str) -> Value:
        kind = self.types[name]
        bound = [(place.table, place.column) for place in self.places[name]]
        noun = f"{name.removesuffix('_ids')}s"
        if name.endswith("_ids") and noun in self.schema.tables:
            bound.append((noun, "id"))
        for table, column in bound:
            row = self.conn.execute(
                sql.SQL(
                    "SELECT array_agg(v)::text FROM (SELECT {column} AS v FROM {table}"
                    " WHERE {column} IS NOT NULL ORDER BY {order} LIMIT {length}) AS few"
                ).format(
                    column=sql.Identifier(column),
                    table=sql.Identifier(table),
                    order=self.order(table),
                    length=ARRAY_LENGTH,
                )
            ).fetchone()
            if row and row[0]:
                return Value(row[0], kind, f"{table}.{column}")
        return Value("{}", kind, "its type")

    def inserted(self, name: str, place: _Place) -> Value | None:
        """Return a value that a new row may have: a reference that holds, a key that is free."""
        kind = self.types[name]
        for key in self.schema.foreign_keys:
            if key.table == place.table and place.column in key.columns:
                target = key.target_columns[key.columns.index(place.column)]
                if row := self.read(key.target, [target]):
                    return Value(row[0], kind, f"{key.target}.{target}")
        row = self.read(place.table, [place.column])
        if row is None or kind == "boolean":
            return None
        is_key = any(
            index.is_unique and (place.column in index.columns or "" in index.columns)
            for index in self.schema.indexes.values()
            if index.table == place.table
        )
        text = self.another(kind, row[0]) if is_key else row[0]
        return Value(text, kind, f"like {place.table}.{place.column}")

    def another(self, kind: str, text: str) -> str:
        if kind == "uuid":
            return text[:-4] + ("0000" if not text.endswith("0000") else "ffff")
        if kind == "bytea":
            return text[:-2] + ("00" if not text.endswith("00") else "ff")
        if kind in ("smallint", "integer", "bigint"):
            return str(int(text) + 30000)
        return f"x{text}"[:60] if kind == "text" else text

    def by_type(self, name: str, kind: str) -> str:
        if kind.startswith("timestamp"):
            return datetime.now(UTC).isoformat()
        if kind == "date":
            return datetime.now(UTC).date().isoformat()
        if name == "year":
            return str(datetime.now(UTC).year)
        if _is_json(self.entry, name):
            return _json(self.entry, name)
        return _BY_TYPE.get(kind, "1")


def _parameters(node: Any) -> set[int]:
    from pglast import ast

    return {part.number for part in walk(node) if isinstance(part, ast.ParamRef)}


def _places(entry: Entry, schema: Schema) -> dict[str, list[_Place]]:
    """Return where each parameter meets a column."""
    from pglast import ast

    names = entry.query.parameters
    found: dict[str, list[_Place]] = {name: [] for name in names}
    aliases: dict[str, set[str]] = {}
    derived: dict[tuple[str, str], int] = {}
    for node in walk(entry.tree):
        if isinstance(node, ast.RangeVar) and node.relname in schema.tables:
            alias = node.alias.aliasname if node.alias else node.relname
            aliases.setdefault(alias, set()).add(node.relname)
        elif isinstance(node, ast.RangeSubselect) and node.alias:
            for target in getattr(node.subquery, "targetList", None) or ():
                value = bare(target.val)
                if target.name and isinstance(value, ast.ParamRef):
                    derived[node.alias.aliasname, target.name] = value.number

    def parameter_of(node: Any) -> int | None:
        columns = [part for part in walk(node) if isinstance(part, ast.ColumnRef)]
        numbers = _parameters(node)
        if not columns and len(numbers) == 1:
            return next(iter(numbers))
        if len(columns) == 1 and not numbers:
            return derived.get(tuple(column_names(columns[0])[-2:]))  # type: ignore[arg-type]
        return None

    everything = set().union(*aliases.values())

    def columns_of(node: Any) -> Iterator[tuple[str, str]]:
        for part in walk(node):
            if isinstance(part, ast.ColumnRef):
                parts = column_names(part)
                tables = aliases.get(parts[-2], set()) if len(parts) > 1 else everything
                for table in sorted(tables):
                    if parts[-1] in schema.tables[table].columns:
                        yield table, parts[-1]

    for node in walk(entry.tree):
        if isinstance(node, ast.A_Expr) and node.name and node.name[-1].sval in _COMPARISONS:
            operator = node.name[-1].sval
            how = "pattern" if operator in _PATTERNS else "=" if operator == "=" else "range"
            if node.kind.name == "AEXPR_OP_ANY" and how == "=":
                how = "any"
            for side, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
                number = parameter_of(side)
                if number is not None:
                    found[names[number - 1]] += [_Place(t, c, how) for t, c in columns_of(other)]
        elif isinstance(node, ast.InsertStmt) and node.cols and node.selectStmt:
            rows = node.selectStmt.valuesLists or [
                [target.val for target in node.selectStmt.targetList or ()]
            ]
            for column, value in zip(node.cols, rows[0], strict=False):
                if isinstance(bare(value), ast.ParamRef) and node.relation.relname in schema.tables:
                    place = _Place(node.relation.relname, column.name, "insert")
                    found[names[bare(value).number - 1]].append(place)
        elif isinstance(node, ast.UpdateStmt) and node.relation.relname in schema.tables:
            for target in node.targetList:
                if isinstance(bare(target.val), ast.ParamRef):
                    place = _Place(node.relation.relname, target.name, "insert")
                    found[names[bare(target.val).number - 1]].append(place)
    return found


def _listed_word(entry: Entry, name: str) -> str | None:
    """Return the first of the quoted words that `Params` lists behind a parameter's name."""
    match = re.search(
        rf"\b{name} [a-z]+: (?:[^';.]*? )?'([^']*)'", entry.query.header.get("Params", "")
    )
    return match[1] if match else None


def _is_json(entry: Entry, name: str) -> bool:
    text = entry.statement.text
    number = f"${entry.query.parameters.index(name) + 1}"
    return re.search(rf"\{number}(?:::text)?::jsonb?\b", text) is not None


def _json(entry: Entry, name: str) -> str:
    words = entry.query.header.get("Params", "").partition(name)[2][:60]
    return "[]" if "array" in words else "{}"
