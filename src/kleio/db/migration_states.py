"""Which migrations a database has, which it lacks, and which of them are to be run or undone.

What is found here is decided from the files and the records; nothing here changes a database.
`kleio.db.migrate` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from kleio.db import health
from kleio.db.errors import DatabaseError, NotMigrated, translate
from kleio.db.migration_files import (
    checksum,
    migration_files,
    read_header,
    rollback_directives,
    rollback_file,
    who_waits,
)


class MigrationError(DatabaseError):
    """A migration can't be run, or was changed after it had been applied."""


class MigrationState(msgspec.Struct, frozen=True, kw_only=True):
    """One migration: `state` is `applied`, `pending`, `changed` or `missing` (no file)."""

    id: str
    state: str
    applied_at: datetime | None = None


def list_states(conn: psycopg.Connection[Any]) -> list[MigrationState]:
    """Return the state of every migration, files and records together; writes nothing."""
    applied: dict[str, tuple[datetime, str | None]] = {}
    with conn.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass('_yoyo_migration') IS NOT NULL"
            " AND to_regclass('_kleio_migration') IS NOT NULL"
        )
        if cursor.fetchone() == (True,):
            cursor.execute(
                "SELECT y.migration_id, y.applied_at_utc AT TIME ZONE 'UTC', k.checksum"
                "  FROM _yoyo_migration AS y LEFT JOIN _kleio_migration AS k"
                "    ON k.id = y.migration_id"
            )
            applied = {row[0]: (row[1], row[2]) for row in cursor}
    states = []
    files = migration_files()
    for name, path in files.items():
        if name not in applied:
            states.append(MigrationState(id=name, state="pending"))
            continue
        applied_at, recorded = applied[name]
        same = recorded is None or recorded == checksum(path)
        states.append(
            MigrationState(id=name, state="applied" if same else "changed", applied_at=applied_at)
        )
    states.extend(
        MigrationState(id=name, state="missing", applied_at=at)
        for name, (at, _) in sorted(applied.items())
        if name not in files
    )
    return states


def check_server(conninfo: str) -> None:
    """Check that the server can be reached, is recent enough and is migrated to this version.

    Raises:
        Unavailable: no connection.
        NotMigrated: the server is older than PostgreSQL 18, migrations are pending, or another
            version of Kleio has applied some that this one lacks.
    """
    with session(conninfo) as conn:
        health.check_connection(conn.info)
        states = list_states(conn)
    _refuse_unknown(states)
    pending = [state.id for state in states if state.state == "pending"]
    if pending:
        raise NotMigrated(
            f"{len(pending)} pending migration(s), first {pending[0]}; run `kleio migrate`",
            operation="connect",
        )


class TableLock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that a pending migration takes, and the table as it is in this database.

    `rows` is the planner's estimate, -1 where it has none; `holders` are the sessions whose open
    transactions use the table at this moment: the migration may wait for them.
    """

    table: str
    mode: str
    waits: str
    bytes: int
    rows: int
    holders: list[str]


class PendingMigration(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that is to be applied: its file's exact text, why, and what it locks."""

    id: str
    sql: str
    why: str
    locks: str
    tables: list[TableLock]


_TABLE_FACTS = """
SELECT pg_total_relation_size(c.oid), c.reltuples::bigint,
       ARRAY(SELECT DISTINCT 'process ' || a.pid
                    || coalesce(' (' || nullif(concat_ws(', ', nullif(a.application_name, ''),
                                                         a.usename, a.state), '') || ')', '')
               FROM pg_locks AS l
               JOIN pg_stat_activity AS a
                 ON a.pid = l.pid
              WHERE l.relation = c.oid
                AND l.granted
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND a.pid <> pg_backend_pid()
                AND a.xact_start IS NOT NULL
              ORDER BY 1)
  FROM pg_class AS c
 WHERE c.oid = to_regclass(%s)
"""


def pending_migrations(conninfo: str, *, to: str | None = None) -> list[PendingMigration]:
    """Return each pending migration with its SQL and its locks; writes nothing.

    Args:
        conninfo: of the database that would be migrated.
        to: the last migration that is wanted, by its name or the beginning of it.

    Raises:
        MigrationError: as `migrate`.
    """
    with session(conninfo) as conn:
        health.check_connection(conn.info)
        found = []
        files = migration_files()
        for name in to_apply(list_states(conn), to):
            header = read_header(files[name])
            tables = []
            for table, mode in header.table_locks.items():
                facts = conn.execute(_TABLE_FACTS, (table,)).fetchone()
                size, rows, holders = facts or (0, -1, [])
                tables.append(
                    TableLock(
                        table=table,
                        mode=mode,
                        waits=who_waits(mode),
                        bytes=size,
                        rows=rows,
                        holders=holders,
                    )
                )
            found.append(
                PendingMigration(
                    id=name,
                    sql=files[name].read_text("utf-8"),
                    why=header.why,
                    locks=header.locks,
                    tables=tables,
                )
            )
    return found


def rollbacks(conninfo: str, *, to: str | None = None) -> list[tuple[str, str]]:
    """Return id and exact text of each rollback that `rollback` would run; writes nothing."""
    with session(conninfo) as conn:
        names = to_undo(list_states(conn), to)
    return [(name, rollback_file(name).read_text("utf-8")) for name in names]


def find_migration(name: str) -> str:
    """Return the migration with this name, or the only one whose name begins with it.

    Raises:
        MigrationError: there is none, or more than one.
    """
    known = list(migration_files())
    found = [name] if name in known else [one for one in known if one.startswith(name)]
    if not name or len(found) != 1:
        raise MigrationError(
            f"{len(found) or 'no'} migrations are called {name!r}; "
            "`kleio migrations` lists their names",
            operation="migrate",
        )
    return found[0]


def to_apply(states: Sequence[MigrationState], to: str | None = None) -> list[str]:
    """Return the pending migrations up to `to`, in their order.

    Raises:
        MigrationError: there is no such migration, or an applied file was changed.
        NotMigrated: another version of Kleio has migrated the database.
    """
    last = None if to is None else find_migration(to)
    _refuse_unknown(states)
    for state in states:
        if state.state == "changed":
            raise MigrationError(
                f"{state.id}: the file was changed after it had been applied; put it back as it "
                "was, and write a new migration for what is to change",
                operation="migrate",
            )
    pending = [state.id for state in states if state.state == "pending"]
    return [name for name in pending if last is None or name <= last]


def to_undo(states: Sequence[MigrationState], to: str | None = None) -> list[str]:
    """Return the applied migrations after `to`, or the newest one, the newest first.

    Raises:
        MigrationError: there is no such migration.
        NotMigrated: another version of Kleio has migrated the database.
    """
    last = None if to is None else find_migration(to)
    _refuse_unknown(states)
    applied = [state.id for state in states if state.state in ("applied", "changed")]
    if last is None:
        return applied[-1:]
    return [name for name in reversed(applied) if name > last]


def _refuse_unknown(states: Sequence[MigrationState]) -> None:
    """Refuse a database that has migrations which this Kleio has no file for."""
    unknown = [state.id for state in states if state.state == "missing"]
    if not unknown:
        return
    newest = max((state.id for state in states if state.state != "missing"), default="")
    another = "a newer" if unknown[0] > newest else "another"
    raise NotMigrated(
        f"{another} version of Kleio has migrated this database: it has {', '.join(unknown)}, "
        "which this one does not know; use that version, or undo them with its "
        f"`kleio rollback{f' --to {newest}' if newest else ''}`",
        operation="migrate",
    )


def refuse_rollback(name: str, *, force: bool) -> None:
    """Refuse to undo a migration that can't be undone, or that loses data unless forced.

    Raises:
        MigrationError: naming the migration and what would be lost.
    """
    directives = rollback_directives(name)
    if directives is None:
        raise MigrationError(f"{name}: no rollback file", operation="migrate")
    if "irreversible" in directives:
        raise MigrationError(
            f"{name}: irreversible: {directives['irreversible']}", operation="migrate"
        )
    if "loses" in directives and not force:
        raise MigrationError(
            f"{name}: undoing it loses {directives['loses']}; force it if that is meant",
            operation="migrate",
        )


@contextmanager
def session(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection of its own, in autocommit mode.

    Raises:
        Unavailable: the server can't be reached or refuses the connection.
    """
    try:
        conn = open_session(conninfo)
    except psycopg.Error as error:
        raise translate(error, operation="connect") from error
    with conn:
        yield conn


def open_session(conninfo: str, options: str = "") -> psycopg.Connection[Any]:
    """Open a session of the migrations' kind; `options` are for the server."""
    return psycopg.connect(
        conninfo,
        autocommit=True,
        application_name="kleio migrate",
        connect_timeout=10,
        options=f"-c timezone=UTC -c client_min_messages=warning {options}".strip(),
    )
