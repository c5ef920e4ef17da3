"""Runs the migrations: yoyo reads and steps them, this module makes that safe.

One runner at a time holds a session's advisory lock, which dies with the process. Each migration
gets a fresh connection with a lock and a statement timeout, is tried again when it lost against a
lock, and is recorded with its checksum in the transaction that applies it. An index that a failed
build left invalid is dropped before it is built again. A database that another version of Kleio
has migrated is refused. Nothing here knows the tables of Kleio.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import yoyo
from psycopg import sql
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration

from kleio.db import health, progress
from kleio.db.migration_files import checksum, concurrent_indexes
from kleio.db.migration_states import (
    MigrationError,
    list_states,
    open_session,
    refuse_rollback,
    session,
    to_apply,
    to_undo,
)
from kleio.db.queries import sql_folder

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
ATTEMPTS = 4
"""The first try and three more, with a pause of 0.5 to 1.5 times 1, 2 and 4 seconds."""

ADVISORY_LOCK = 0x6B6C65696F
"""The advisory lock's number: `kleio` in ASCII."""

_RETRIED = ("55P03", "40P01", "57014")

_HOLDER = """
SELECT format('process %%s (%%s)', a.pid,
              concat_ws(', ', nullif(a.application_name, ''), a.usename, host(a.client_addr)))
  FROM pg_locks AS l
  JOIN pg_stat_activity AS a
    ON a.pid = l.pid
 WHERE l.locktype = 'advisory'
   AND l.granted
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.classid::int8, l.objid::int8, l.objsubid)
     = (%s, %s, 1)
"""

_CHECKSUMS_TABLE = """
CREATE TABLE IF NOT EXISTS _kleio_migration (
    id text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""


class _Source(msgspec.Struct, frozen=True):
    """What yoyo takes for a database URI: the conninfo, given as libpq wants it."""

    conninfo: str
    database: str = ""


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on a conninfo, with the timeouts on every connection."""

    def connect(self, dburi: _Source) -> psycopg.Connection[Any]:
        return open_session(
            dburi.conninfo,
            f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT}",
        )

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        # yoyo asks for the system user's name, which a container's numeric user does not have.
        return {
            "id": str(random.getrandbits(64)),
            "migration_id": migration.id,
            "migration_hash": migration.hash,
            "username": self.connection.info.user,
            "hostname": self.connection.info.host,
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


class _Record:
    """The last step of a migration: mark it and its checksum, in the same transaction."""

    def __init__(self, migration: Migration, *, applied: bool) -> None:
        self.id = len(migration.steps)
        self._migration = migration
        self._applied = applied

    def apply(self, backend: _Backend, _force: bool = False) -> None:
        migration = self._migration
        if self._applied:
            backend.mark_one(migration, log=False)
            backend.connection.execute(
                "INSERT INTO _kleio_migration (id, checksum, applied_at) VALUES (%s, %s, now())"
                " ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum,"
                " applied_at = excluded.applied_at",
                (migration.id, checksum(Path(migration.path))),
            )
        else:
            backend.unmark_one(migration, log=False)
            backend.connection.execute(
                "DELETE FROM _kleio_migration WHERE id = %s", (migration.id,)
            )

    rollback = apply


def migrate(
    conninfo: str, *, to: str | None = None, report: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Apply the pending migrations and return their ids.

    Args:
        conninfo: a direct connection, not one through a transaction pooler.
        to: the last migration that is wanted, by its name or the beginning of it.
        report: called with a line for each migration, each new try, another run that is waited
            for, and every other second with what a long one is doing (from another thread).

    Raises:
        MigrationError: there is no such migration as `to`, an applied file was changed, another
            version of Kleio has migrated the database, or a migration failed.
    """
    done = []
    with _exclusive(conninfo, report) as conn:
        health.check_connection(conn.info)
        pending = to_apply(list_states(conn), to)
        if not pending:
            return []
        _prepare_bookkeeping(conninfo, conn)
        migrations = {m.id: m for m in yoyo.read_migrations(str(sql_folder("migrations")))}
        for name in pending:
            _run(conninfo, migrations[name], "apply", report)
            done.append(name)
    return done


def rollback(
    conninfo: str,
    *,
    to: str | None = None,
    force: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Undo the newest applied migration, or all after one, and return their ids, newest first.

    Args:
        conninfo: a direct connection, not one through a transaction pooler.
        to: the migration that stays the newest one, by its name or the beginning of it.
        force: also where a rollback file says that it `loses` data.
        report: as of `migrate`.

    Raises:
        MigrationError: a migration is irreversible or has no rollback, in which case none is
            undone; or one failed.
    """
    done = []
    with _exclusive(conninfo, report) as conn:
        names = to_undo(list_states(conn), to)
        for name in names:
            refuse_rollback(name, force=force)
        migrations = {m.id: m for m in yoyo.read_migrations(str(sql_folder("migrations")))}
        for name in names:
            _run(conninfo, migrations[name], "rollback", report)
            done.append(name)
    return done


def _prepare_bookkeeping(conninfo: str, conn: psycopg.Connection[Any]) -> None:
    """Make yoyo's tables and the checksums', which nothing but a real run may do."""
    conn.execute(_CHECKSUMS_TABLE)
    with _Backend(_Source(conninfo), "_yoyo_migration") as backend:
        if backend.lock_table not in backend.list_tables():
            backend.create_lock_table()
        # The advisory lock is ours, so a row in yoyo's own lock table is a dead process's.
        backend.break_lock()
        backend.ensure_internal_schema_updated()


def _run(
    conninfo: str, migration: Migration, direction: str, report: Callable[[str], None]
) -> None:
    migration.load()
    record = _Record(migration, applied=direction == "apply")
    # Steps run last to first when they are undone, and marking always comes last.
    if direction == "apply":
        migration.steps = [*migration.steps, record]
    else:
        migration.steps = [record, *migration.steps]
    for attempt in range(ATTEMPTS):
        report(f"{'applying' if direction == 'apply' else 'undoing'} {migration.id}")
        try:
            with _Backend(_Source(conninfo), "_yoyo_migration") as backend:
                if direction == "apply":
                    _drop_invalid_indexes(backend.connection, migration, report)
                pid = backend.connection.info.backend_pid
                with progress.told(
                    lambda: open_session(conninfo),
                    pid,
                    lambda line: report(f"{migration.id}: {line}"),
                ):
                    migration.process_steps(backend, direction)
                backend.log_migration(migration, direction)
                return
        except psycopg.Error as error:
            if error.sqlstate not in _RETRIED or attempt == ATTEMPTS - 1:
                raise MigrationError(
                    f"{migration.id}: {error.diag.message_primary or error}",
                    operation="migrate",
                    sqlstate=error.sqlstate,
                ) from error
            pause = 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311
            report(f"{migration.id} met a lock ({error.sqlstate}); again in {pause:.1f} s")
            time.sleep(pause)


def _drop_invalid_indexes(
    conn: psycopg.Connection[Any], migration: Migration, report: Callable[[str], None]
) -> None:
    """Drop what a failed CREATE INDEX CONCURRENTLY of this file left behind.

    Such an index costs at every write and serves no read, and IF NOT EXISTS would take it for the
    one that is wanted.
    """
    names = concurrent_indexes(Path(migration.path))
    if not names:
        return
    rows = conn.execute(
        "SELECT i.indexrelid::regclass::text, n.nspname, c.relname"
        "  FROM pg_index AS i"
        "  JOIN pg_class AS c ON c.oid = i.indexrelid"
        "  JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE i.indexrelid = ANY (SELECT to_regclass(name) FROM unnest(%s::text[]) AS name)"
        "   AND NOT (i.indisvalid AND i.indisready)",
        (names,),
    ).fetchall()
    for shown, *name in rows:
        report(f"{migration.id}: {shown} is invalid, from a build that failed; it is dropped")
        conn.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(*name)))


@contextmanager
def _exclusive(conninfo: str, report: Callable[[str], None]) -> Iterator[psycopg.Connection[Any]]:
    """Hold the session's advisory lock, and tell whose run is waited for, which may be suspended.

    It is polled: a session that waits in pg_advisory_lock() holds a snapshot, for which another
    runner's CREATE INDEX CONCURRENTLY would wait for ever.
    """
    with session(conninfo) as conn:
        tell_at = time.monotonic() + progress.FIRST_SECONDS
        while True:
            row = conn.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
            if row == (True,):
                break
            if time.monotonic() >= tell_at:
                number = (ADVISORY_LOCK >> 32, ADVISORY_LOCK & 0xFFFFFFFF)
                if holder := conn.execute(_HOLDER, number).fetchone():
                    report(f"another run is waited for: {holder[0]}")
                    tell_at = math.inf
            time.sleep(random.uniform(0.05, 0.2))  # noqa: S311
        yield conn
