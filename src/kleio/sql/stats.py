"""What pg_stat_statements has counted, by the names of the queries.

A statement is recognised by the comment at its end, which the loader puts there, and without one
by the identifier that PostgreSQL gives it: the statistics keep the text that came first, which may
be a DBA's own run of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from kleio.db.reading import SyncConnection
from kleio.sql.inventory import Inventory

_NAME = re.compile(r"/\* kleio:([a-z_]+\.[a-z_0-9]+) \*/")
_HIDDEN = "<insufficient privilege>"

SORTS = {
    "total": "total_ms",
    "mean": "mean_ms",
    "max": "max_ms",
    "calls": "calls",
    "rows": "rows",
    "buffers": "buffers",
}
"""The orders that may be asked for, and the field that each compares."""


class StatsUnavailable(Exception):
    """There are no statistics to read; the message says how to get them."""


class QueryStats(msgspec.Struct, kw_only=True, rename="camel"):
    """What one query has cost: times in milliseconds, buffers and rows of all calls together.

    `stddev_ms` is that of all calls, `share` the part of the time of all statements that were
    counted in this database.
    """

    name: str
    calls: int
    total_ms: float
    mean_ms: float
    stddev_ms: float
    max_ms: float
    rows: int
    buffers: int
    buffers_read: int
    share: float


class Statistics(msgspec.Struct, frozen=True, rename="camel"):
    """The queries' numbers, and what is not among them.

    `other_ms` is the time of statements that are no query of Kleio, `hidden` how many statements
    of other roles could not be read, `since` when the first of all was counted.
    """

    queries: list[QueryStats]
    other_ms: float
    hidden: int
    since: datetime | None


class _Counted(msgspec.Struct, frozen=True):
    query_id: int | None
    text: str | None
    calls: int
    total: float
    mean: float
    stddev: float
    longest: float
    rows: int
    hit: int
    read: int
    since: datetime


_STATEMENTS = """
SELECT s.queryid, s.query, s.calls, s.total_exec_time, s.mean_exec_time, s.stddev_exec_time,
       s.max_exec_time, s.rows, s.shared_blks_hit, s.shared_blks_read, s.stats_since
  FROM {schema}.pg_stat_statements AS s
 WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
   AND s.toplevel
"""


def read_stats(conn: SyncConnection, inventory: Inventory, sort: str = "total") -> Statistics:
    """Return what was counted for each query, largest first.

    Args:
        conn: inside a transaction.
        inventory: the queries whose identifiers may have to be asked for.
        sort: one of `SORTS`.

    Raises:
        StatsUnavailable: the extension is missing, not loaded, or not readable.
    """
    schema = _extension_schema(conn)
    try:
        with conn.transaction():
            statement = sql.SQL(_STATEMENTS).format(schema=sql.Identifier(schema))
            counted = [_Counted(*row) for row in conn.execute(statement)]
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise StatsUnavailable(
            "pg_stat_statements is not loaded: put it into shared_preload_libraries "
            "(ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements', as a superuser; "
            "name what stands there already as well) and restart PostgreSQL"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise StatsUnavailable(_no_right(conn)) from error
    hidden = sum(entry.text == _HIDDEN for entry in counted)
    by_id = _names_by_id(conn, inventory, counted)
    named: dict[str, list[_Counted]] = {}
    other = 0.0
    for entry in counted:
        match = _NAME.search(entry.text or "")
        name = match[1] if match else by_id.get(entry.query_id or 0)
        if name is None:
            other += entry.total
        else:
            named.setdefault(name, []).append(entry)
    if hidden and not named:
        raise StatsUnavailable(_no_right(conn))
    everything = math.fsum(entry.total for entry in counted)
    queries = [_sum(name, entries, everything) for name, entries in named.items()]
    queries.sort(key=lambda entry: (-getattr(entry, SORTS[sort]), entry.name))
    since = min((entry.since for entry in counted), default=None)
    return Statistics(queries, other, hidden, since)


def reset_stats(conn: SyncConnection) -> None:
    """Forget what was counted in this database; other databases keep theirs.

    Raises:
        StatsUnavailable: the extension is missing, not loaded, or the role may not do it.
    """
    schema = _extension_schema(conn)
    try:
        conn.execute(
            sql.SQL(
                "SELECT {}.pg_stat_statements_reset(0, d.oid, 0)"
                "  FROM pg_database AS d WHERE d.datname = current_database()"
            ).format(sql.Identifier(schema))
        )
    except psycopg.errors.InsufficientPrivilege as error:
        role = conn.info.user
        raise StatsUnavailable(
            f"{role} may not reset them: GRANT EXECUTE ON FUNCTION "
            f"{schema}.pg_stat_statements_reset(oid, oid, bigint, boolean) TO {role}, "
            "as a superuser, or reset them as one"
        ) from error
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise StatsUnavailable("pg_stat_statements is not loaded, there is nothing") from error


def _one(conn: SyncConnection, statement: str | sql.Composed) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = conn.execute(statement).fetchone()
    return row or (None,)


def _extension_schema(conn: SyncConnection) -> str:
    (schema,) = _one(
        conn,
        "SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'pg_stat_statements'",
    )
    if schema is None:
        raise StatsUnavailable(
            f"the database {conn.info.dbname} has no pg_stat_statements: "
            "CREATE EXTENSION pg_stat_statements in it, as a superuser; the server has to load it "
            "(shared_preload_libraries)"
        )
    return str(schema)


def _no_right(conn: SyncConnection) -> str:
    role = conn.info.user
    return (
        f"{role} may not read the statistics of other roles: GRANT pg_read_all_stats TO {role}, "
        "as a superuser"
    )


def _names_by_id(
    conn: SyncConnection, inventory: Inventory, counted: list[_Counted]
) -> dict[int, str]:
    """Return names by PostgreSQL's identifiers, where a text does not say the name."""
    if all(entry.query_id is None or _NAME.search(entry.text or "") for entry in counted):
        return {}
    found = {}
    for entry in inventory.entries.values():
        try:
            with conn.transaction():
                (plan,) = _one(
                    conn,
                    sql.SQL("EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ")
                    + sql.SQL(entry.statement.text.replace("{", "{{").replace("}", "}}")).format(),
                )
        except psycopg.Error:
            continue  # what it is about is not there, or not the role's to see
        # COPY, ANALYZE and REFRESH have no plan, but words that say so.
        identifier = plan[0].get("Query Identifier") if isinstance(plan[0], dict) else None
        if identifier is not None:
            found[identifier] = entry.query.name
    return found


def _sum(name: str, entries: Iterable[_Counted], everything: float) -> QueryStats:
    parts = list(entries)
    calls = sum(part.calls for part in parts)
    total = math.fsum(part.total for part in parts)
    mean = total / calls if calls else 0.0
    # The spread of all calls: that within each part, and that of the parts' means.
    variance = math.fsum(
        part.calls * (part.stddev**2 + (part.mean - mean) ** 2) for part in parts
    ) / max(calls, 1)
    return QueryStats(
        name=name,
        calls=calls,
        total_ms=total,
        mean_ms=mean,
        stddev_ms=math.sqrt(variance),
        max_ms=max(part.longest for part in parts),
        rows=sum(part.rows for part in parts),
        buffers=sum(part.hit + part.read for part in parts),
        buffers_read=sum(part.read for part in parts),
        share=total / everything if everything else 0.0,
    )
