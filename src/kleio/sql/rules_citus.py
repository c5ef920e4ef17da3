"""Rules that keep every user's rows apart, and keep the tables distributable by user.

Where a deployment outgrows one server, the same files run on Citus; what it would refuse or, worse,
answer differently is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast
from pglast.enums import SQLValueFunctionOp, SubLinkType

from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry, Inventory
from kleio.sql.isolation import Unsafe, check_tree
from kleio.sql.python_types import full_name
from kleio.sql.schema import USER_KEY, Schema
from kleio.sql.trees import bare, column_names, is_write, walk

RULES = {
    "isolation": "Every user's table in a statement is held to `user_id = :user_id`.",
    "time-in-write": "A write takes its times as parameters, never from now().",
    "volatile-in-update": "An UPDATE calls no volatile function.",
    "statement-kind": "No MERGE, no SET, no TRUNCATE, no subquery inside VALUES.",
    "user-of-a-query": "user_id is compared with a parameter, never with a subquery.",
    "session-setting": "No statement reads or sets a session's settings.",
    "zone": "A timestamptz becomes a date or a text with a zone that is said.",
    "per-user-key": "Every UNIQUE key and reference between users' tables holds user_id.",
    "on-delete": "A reference between users' tables sets nothing ON DELETE.",
    "trigger": "No table has a trigger.",
    "reading-function": "No function reads tables.",
}

_NOW = {
    *("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"),
}
_VOLATILE = {
    *("random", "gen_random_uuid", "uuidv7", "uuidv4", "nextval", "setval"),
    *("random_normal", "lastval", "currval"),
}
_CURRENT = {
    SQLValueFunctionOp.SVFOP_CURRENT_DATE,
    SQLValueFunctionOp.SVFOP_CURRENT_TIME,
    SQLValueFunctionOp.SVFOP_CURRENT_TIME_N,
    SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP,
    SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP_N,
    SQLValueFunctionOp.SVFOP_LOCALTIME,
    SQLValueFunctionOp.SVFOP_LOCALTIME_N,
    SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP,
    SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP_N,
}
_WITH_ZONE = "timestamp with time zone"
# Casts and functions whose result for a timestamptz depends on the session's zone.
_ZONED_CASTS = {
    *("date", "timestamp without time zone", "time without time zone", "text"),
    *("character varying",),
}
_ZONED_FUNCTIONS = {"date", "to_char", "extract", "date_part", "date_trunc"}
_ZONELESS_FIELDS = {"epoch", "second", "milliseconds", "microseconds"}


def isolation(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find what may touch rows of another user."""
    try:
        check_tree(entry.tree, entry.query.parameters, schema.user_tables)
    except Unsafe as error:
        place = entry.statement.place(error.offset) if error.offset is not None else None
        message = f"{error}: it may touch rows of other users"
        yield entry.finding("isolation", message, place)


def _calls(tree: Any, names: set[str]) -> Iterator[Any]:
    for node in walk(tree):
        if isinstance(node, ast.FuncCall) and node.funcname[-1].sval in names:
            yield node


def time_in_write(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find times that are not a parameter."""
    if not is_write(entry.tree):
        return
    nodes = list(_calls(entry.tree, _NOW))
    nodes += [
        node
        for node in walk(entry.tree)
        if isinstance(node, ast.SQLValueFunction) and node.op in _CURRENT
    ]
    for node in nodes:
        message = "take the time as :now: tests are exact, and every worker writes the same"
        yield entry.finding("time-in-write", message, entry.statement.place(node.location))


def volatile_in_update(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find values that are another one wherever they are computed; an unlogged table is local."""
    local = {table.name for table in schema.tables.values() if table.is_unlogged}
    for node in walk(entry.tree):
        if isinstance(node, ast.UpdateStmt):
            relation = node.relation
        elif isinstance(node, ast.InsertStmt) and node.onConflictClause:
            relation, node = node.relation, node.onConflictClause
        else:
            continue
        if relation.relname in local:
            continue
        for part in (node.targetList, node.whereClause):
            for call in _calls(part, _VOLATILE):
                message = f"{call.funcname[-1].sval}() is volatile: take the value as a parameter"
                place = entry.statement.place(call.location)
                yield entry.finding("volatile-in-update", message, place)


def statement_kind(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find all but SELECT, INSERT, UPDATE, DELETE; COPY, ANALYZE and REFRESH of tables."""
    allowed = (
        *(ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt),
        *(ast.CopyStmt, ast.VacuumStmt, ast.RefreshMatViewStmt),
    )
    for node in walk(entry.tree):
        if isinstance(node, ast.MergeStmt):
            place = entry.statement.place(node.relation.location)
            message = "write it as INSERT ... ON CONFLICT: Citus refuses MERGE"
            yield entry.finding("statement-kind", message, place)
        elif isinstance(node, ast.SelectStmt):
            for row in node.valuesLists or ():
                for link in walk(row):
                    if isinstance(link, ast.SubLink):
                        place = entry.statement.place(link.location)
                        message = "a subquery in VALUES: write INSERT ... SELECT"
                        yield entry.finding("statement-kind", message, place)
    if not isinstance(entry.tree, allowed):
        name = type(entry.tree).__name__.removesuffix("Stmt")
        yield entry.finding("statement-kind", f"{name}: a query reads or writes rows")


def user_of_a_query(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find `user_id = (SELECT ...)`, which asks every shard."""
    for node in walk(entry.tree):
        if not isinstance(node, ast.A_Expr):
            continue
        for side, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            column, link = bare(side), bare(other)
            if (
                isinstance(column, ast.ColumnRef)
                and column_names(column)[-1] == USER_KEY
                and isinstance(link, ast.SubLink)
                and link.subLinkType == SubLinkType.EXPR_SUBLINK
            ):
                message = "compare user_id with a parameter or in a join: a subquery fans out"
                place = entry.statement.place(node.location)
                yield entry.finding("user-of-a-query", message, place)


def session_setting(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find settings, which reach no worker."""
    for node in _calls(entry.tree, {"current_setting", "set_config"}):
        message = "a session's setting decides nothing: take the value as a parameter"
        yield entry.finding("session-setting", message, entry.statement.place(node.location))


def zone(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find `played_at::date`, which is another day in another session."""
    zoned = _zoned_columns(entry.tree, schema)

    def is_zoned(node: Any) -> bool:
        inner = node
        while isinstance(inner, ast.CollateClause):
            inner = inner.arg
        if isinstance(inner, ast.TypeCast):
            return _type_name(inner.typeName) == _WITH_ZONE
        return isinstance(inner, ast.ColumnRef) and tuple(column_names(inner)) in zoned

    for node in walk(entry.tree):
        if isinstance(node, ast.TypeCast):
            bad = _type_name(node.typeName) in _ZONED_CASTS and is_zoned(node.arg)
        elif isinstance(node, ast.FuncCall) and node.funcname[-1].sval in _ZONED_FUNCTIONS:
            args = list(node.args or ())
            # date_trunc with a third argument, and a part that no zone changes, are fine.
            fields = {getattr(getattr(bare(arg), "val", None), "sval", "") for arg in args}
            bad = len(args) < 3 and any(is_zoned(arg) for arg in args)
            bad = bad and not fields & _ZONELESS_FIELDS
        else:
            continue
        if bad:
            message = "say the zone: (... AT TIME ZONE :tz); the session's decides otherwise"
            yield entry.finding("zone", message, entry.statement.place(node.location))


def _type_name(node: Any) -> str:
    return full_name(str(node.names[-1].sval)) + ("[]" if node.arrayBounds else "")


def _zoned_columns(tree: Any, schema: Schema) -> set[tuple[str, ...]]:
    """Return references (alias and column, or a column that nothing else can be) with a zone."""
    found: set[tuple[str, ...]] = set()
    aliases: dict[str, set[str]] = {}
    for node in walk(tree):
        if isinstance(node, ast.RangeVar):
            name = node.alias.aliasname if node.alias else node.relname
            aliases.setdefault(name, set()).add(node.relname)
        elif isinstance(node, ast.RangeSubselect | ast.RangeFunction) and node.alias:
            aliases.setdefault(node.alias.aliasname, set()).add("")
    for alias, tables in aliases.items():
        if len(tables) == 1 and (table := schema.tables.get(next(iter(tables)))):
            found |= {
                (alias, column.name)
                for column in table.columns.values()
                if column.type == _WITH_ZONE
            }
    return found


def tables(inventory: Inventory, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find what the schema itself may not have."""
    place = ("migrations", 1, 1)
    users = schema.user_tables
    for table in (schema.tables[name] for name in sorted(users)):
        for key in table.unique_keys:
            if USER_KEY not in key:
                message = f"a UNIQUE key of {table.name} ({', '.join(key)}) lacks user_id"
                yield Finding(*place, "per-user-key", message, subject=table.name)
    for link in schema.foreign_keys:
        if link.table not in users or link.target not in users:
            continue
        if USER_KEY not in link.columns:
            message = (
                f"{link.name} lets a row of {link.table} refer to another user's {link.target}"
            )
            yield Finding(*place, "per-user-key", message, subject=link.name)
        if link.on_delete in ("n", "d"):
            message = f"{link.name} clears ON DELETE: the statement that deletes does it first"
            yield Finding(*place, "on-delete", message, subject=link.name)
    for table_name, trigger in schema.triggers:
        message = f"{trigger} on {table_name}: the statement that writes sets what follows from it"
        yield Finding(*place, "trigger", message, subject=table_name)
    for name in schema.reading_functions:
        message = f"{name}() reads tables: a statement in queries/ does that"
        yield Finding(*place, "reading-function", message, subject=name)
