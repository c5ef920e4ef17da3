"""The rights that Kleio's role needs to serve, derived from the queries: no more and no less.

The parse trees (pglast, PostgreSQL's own grammar) tell which tables a statement reads and writes,
and which columns it changes. `kleio grants` writes them as a script for psql, which is
`deploy/grants.sql`; a test runs every query under them, and finds a query for each that fails
without it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from kleio.sql.inventory import load
from kleio.sql.trees import cte_names, walk

DEFAULT_ROLE = "kleio_app"

RECORDS = ("_yoyo_migration", "_kleio_migration")
"""What every start reads to know whether the database is migrated."""

OWNERS_FILES = ("seeds.sql",)
"""Files whose queries the owner alone runs, to fill a database that nobody uses yet."""

DEFINERS = {"create_month_partition": "create_month_partition(regclass, timestamptz)"}
"""Functions that change the schema and are called by queries: they run with their owner's rights.
Their search_path is pinned, and what they may do is what their arguments can say."""

SEARCH_PATH = "pg_catalog, public, pg_temp"
"""Theirs. pg_temp is named because it is searched first where it is not, for tables and types: a
caller's temporary pg_class would be taken for the catalogue's."""


class Right(NamedTuple):
    """A privilege on a table, of an UPDATE on one column."""

    table: str
    privilege: str
    column: str = ""


class Rights(NamedTuple):
    """Rights with the queries that need each, and the functions that need their owner's."""

    tables: Mapping[Right, frozenset[str]]
    definers: tuple[str, ...]


def derive_rights() -> Rights:
    """Return what the queries need.

    Raises:
        ToolMissing: pglast is not installed.
    """
    found: defaultdict[Right, set[str]] = defaultdict(set)
    definers = set()
    for entry in load().entries.values():
        query = entry.query
        if query.file in OWNERS_FILES:
            continue
        for right in rights_of(entry.tree):
            found[right].add(query.name)
        definers |= {
            text for name, text in DEFINERS.items() if re.search(rf"\b{name}\(", query.sql)
        }
    for table in RECORDS:
        found[Right(table, "SELECT")].add("every start")
    return Rights(
        {right: frozenset(found[right]) for right in sorted(found)}, tuple(sorted(definers))
    )


def rights_of(tree: Any) -> set[Right]:
    """Return what one statement needs, by its parse tree."""
    found: set[Right] = set()
    _collect(tree, found)
    return found


def _collect(tree: Any, found: set[Right]) -> None:
    ast = _ast()

    hidden = cte_names(tree)
    written: set[int] = set()
    for node in walk(tree):
        if isinstance(node, ast.InsertStmt):
            table = node.relation.relname
            written.add(id(node.relation))
            found.add(Right(table, "INSERT"))
            if node.onConflictClause is not None:
                found.add(Right(table, "SELECT"))  # of the columns that decide on the conflict
                found |= _changed(table, node.onConflictClause.targetList)
            if node.returningClause is not None:
                found.add(Right(table, "SELECT"))
        elif isinstance(node, ast.UpdateStmt):
            found |= _changed(node.relation.relname, node.targetList)
        elif isinstance(node, ast.DeleteStmt):
            found.add(Right(node.relation.relname, "DELETE"))
        elif isinstance(node, ast.CopyStmt) and node.relation is not None:
            written.add(id(node.relation))
            found.add(Right(node.relation.relname, "INSERT" if node.is_from else "SELECT"))
        elif isinstance(node, ast.VacuumStmt):
            for one in node.rels or ():
                written.add(id(one.relation))
                found.add(Right(one.relation.relname, "MAINTAIN"))
        elif isinstance(node, ast.RefreshMatViewStmt):
            written.add(id(node.relation))
            found.add(Right(node.relation.relname, "MAINTAIN"))
        elif isinstance(node, ast.SelectStmt) and node.lockingClause:
            found |= _locked(node)
            # FOR UPDATE OF names aliases, not tables.
            written |= {id(one) for clause in node.lockingClause for one in clause.lockedRels or ()}
    for node in walk(tree):
        if (
            isinstance(node, ast.RangeVar)
            and id(node) not in written
            and node.relname not in hidden
            and not node.relname.startswith("pg_")
        ):
            found.add(Right(node.relname, "SELECT"))


def _changed(table: str, targets: Any) -> set[Right]:
    return {Right(table, "UPDATE", target.name) for target in targets or ()}


def _locked(node: Any) -> set[Right]:
    """Return the tables whose rows are locked; a lock needs UPDATE on any one column."""
    ast = _ast()

    names = {
        (one.alias.aliasname if one.alias else one.relname): one.relname
        for source in node.fromClause or ()
        for one in walk(source)
        if isinstance(one, ast.RangeVar)
    }
    locked = set()
    for clause in node.lockingClause:
        wanted = [each.relname for each in clause.lockedRels or ()] or list(names)
        locked |= {Right(names[alias], "UPDATE", "") for alias in wanted if alias in names}
    return locked


def _ast() -> Any:
    from pglast import ast  # of an extra, so only where it is needed

    return ast


def statements(rights: Rights, role: str) -> list[str]:
    """Return the commands that give a role exactly these rights, in their order.

    Args:
        rights: from `derive_rights`.
        role: as SQL writes it: an identifier, quoted where it has to be, or `:"app"` for psql.
    """
    commands = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};",
        f"GRANT USAGE ON SCHEMA public TO {role};",
    ]
    by_table: defaultdict[str, list[Right]] = defaultdict(list)
    for right in rights.tables:
        by_table[right.table].append(right)
    for table, found in sorted(by_table.items()):
        plain = [r.privilege for r in found if r.privilege != "UPDATE"]
        columns = [r.column for r in found if r.privilege == "UPDATE" and r.column]
        parts = sorted(plain)
        if columns:
            parts.append(f"UPDATE ({', '.join(columns)})")
        elif any(r.privilege == "UPDATE" for r in found):
            parts.append("UPDATE")
        commands.append(f"GRANT {', '.join(parts)} ON {table} TO {role};")
    for function in rights.definers:
        commands += [
            f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = {SEARCH_PATH};",
            f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC;",
            f"GRANT EXECUTE ON FUNCTION {function} TO {role};",
        ]
    return commands


_HEAD = """\
-- What the role that serves may do: exactly what the queries need. It can't change the schema.
-- Written by `kleio grants`; a test compares. Run it after each `kleio migrate`, as the owner:
--
--   psql -v ON_ERROR_STOP=1 -d kleio -f deploy/grants.sql
--   psql -v ON_ERROR_STOP=1 -v app=another_role -d kleio -f deploy/grants.sql
--
-- Once before, as a superuser: two roles, and the database of the first one.
--
--   CREATE ROLE kleio_owner LOGIN PASSWORD '...';
--   CREATE ROLE kleio_app LOGIN PASSWORD '...';
--   GRANT pg_read_all_stats TO kleio_app, kleio_owner;    -- for `kleio doctor`, where you like
--   GRANT SET ON PARAMETER session_replication_role TO kleio_app;    -- imports of dumps are faster
--   CREATE DATABASE kleio OWNER kleio_owner;
--   REVOKE ALL ON DATABASE kleio FROM PUBLIC;
--   GRANT CONNECT ON DATABASE kleio TO kleio_app;
--
-- `kleio migrate` and cron's `kleio maintain` connect as kleio_owner, `kleio serve` and the other
-- commands as kleio_app. The functions that make partitions run with their owner's rights, so that
-- the server can make a month that is missing.
\\if :{?app}
\\else
\\set app kleio_app
\\endif
BEGIN;
"""


def script(rights: Rights) -> str:
    """Return the script for psql, whose variable `app` is the role."""
    return "\n".join([_HEAD.rstrip(), *statements(rights, ':"app"'), "COMMIT;", ""])
