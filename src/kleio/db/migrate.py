"""Runs the migrations: yoyo reads and steps them, this module makes that safe.

One runner at a time holds a session's advisory lock, which dies with the process. Each migration
gets a fresh connection with a lock and a statement timeout, is tried again when it lost against a
lock, and is recorded with its checksum in the transaction that applies it. Nothing here knows the
tables of Kleio.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import yoyo
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.migrations import Migration

from kleio.db import health
from kleio.db.errors import DatabaseError, NotMigrated, translate
from kleio.db.queries import sql_folder

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
ATTEMPTS = 4
"""The first try and three more, with a pause of 0.5 to 1.5 times 1, 2 and 4 seconds."""

ADVISORY_LOCK = 0x6B6C65696F
"""The advisory lock's number: `kleio` in ASCII."""

_RETRIED = ("55P03", "40P01", "57014")

_CHECKSUMS_TABLE = """
CREATE TABLE IF NOT EXISTS _kleio_migration (
    id text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL
)
"""


class MigrationError(DatabaseError):
    """A migration can't be run, or was changed after it had been applied."""


class MigrationState(msgspec.Struct, frozen=True, kw_only=True):
    """One migration file: `state` is `applied`, `pending`, `changed` or `missing` (no file)."""

    id: str
    state: str
    applied_at: datetime | None = None


class _Source(msgspec.Struct, frozen=True):
    """What yoyo takes for a database URI: the conninfo, given as libpq wants it."""

    conninfo: str
    database: str = ""


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """yoyo's backend on a conninfo, with the timeouts on every connection."""

    def connect(self, dburi: _Source) -> psycopg.Connection[Any]:
        return _connect(
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


def checksum(path: Path) -> str:
    """Return the SHA-256 of a migration file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def migration_files() -> dict[str, Path]:
    """Return the migration files by id, in the order in which they apply."""
    folder = sql_folder("migrations")
    return {
        path.stem: path
        for path in sorted(folder.glob("*.sql"))
        if not path.name.endswith(".rollback.sql")
    }


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
    """Check that the server can be reached, is recent enough and is migrated.

    Raises:
        Unavailable: no connection.
        NotMigrated: the server is older than PostgreSQL 18, or migrations are pending.
    """
    with session(conninfo) as conn:
        health.check_connection(conn.info)
        pending = [state.id for state in list_states(conn) if state.state == "pending"]
    if pending:
        raise NotMigrated(
            f"{len(pending)} pending migration(s), first {pending[0]}; run `kleio migrate`",
            operation="connect",
        )


def pending_sql(conninfo: str) -> list[tuple[str, str]]:
    """Return id and exact file text of each pending migration; writes nothing."""
    with session(conninfo) as conn:
        health.check_connection(conn.info)
        states = list_states(conn)
    _refuse_changed(states)
    files = migration_files()
    return [
        (state.id, files[state.id].read_text("utf-8"))
        for state in states
        if state.state == "pending"
    ]


def migrate(conninfo: str, *, report: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply every pending migration and return their ids.

    Args:
        conninfo: a direct connection, not one through a transaction pooler.
        report: called with a line for each migration and each new try.

    Raises:
        MigrationError: an applied file was changed, or a migration failed.
    """
    done = []
    with _exclusive(conninfo) as conn:
        health.check_connection(conn.info)
        states = list_states(conn)
        _refuse_changed(states)
        pending = [state.id for state in states if state.state == "pending"]
        if not pending:
            return []
        _prepare_bookkeeping(conninfo, conn)
        migrations = {m.id: m for m in yoyo.read_migrations(str(sql_folder("migrations")))}
        for name in pending:
            _run(conninfo, migrations[name], "apply", report)
            done.append(name)
    return done


def rollback(
    conninfo: str, *, force: bool = False, report: Callable[[str], None] = lambda _: None
) -> str | None:
    """Undo the newest applied migration and return its id, None where there is none.

    Args:
        conninfo: a direct connection, not one through a transaction pooler.
        report: called with a line for the migration and each new try.
        force: also where the rollback file says that it `loses` data.

    Raises:
        MigrationError: the migration is irreversible, has no rollback, or failed.
    """
    with _exclusive(conninfo) as conn:
        applied = [s.id for s in list_states(conn) if s.state in ("applied", "changed")]
        if not applied:
            return None
        migrations = {m.id: m for m in yoyo.read_migrations(str(sql_folder("migrations")))}
        name = applied[-1]
        _refuse_rollback(name, force=force)
        _run(conninfo, migrations[name], "rollback", report)
        return name


def _refuse_changed(states: list[MigrationState]) -> None:
    for state in states:
        if state.state == "changed":
            raise MigrationError(
                f"{state.id}: the file was changed after it had been applied",
                operation="migrate",
            )


def _refuse_rollback(name: str, *, force: bool) -> None:
    path = sql_folder("migrations") / f"{name}.rollback.sql"
    if not path.exists():
        raise MigrationError(f"{name}: no rollback file", operation="migrate")
    text = path.read_text("utf-8")
    directives = dict(re.findall(r"^-- (irreversible|loses): *(.+)$", text, re.MULTILINE))
    if "irreversible" in directives:
        raise MigrationError(
            f"{name}: irreversible: {directives['irreversible']}", operation="migrate"
        )
    if "loses" in directives and not force:
        raise MigrationError(
            f"{name}: undoing it loses {directives['loses']}; force it if that is meant",
            operation="migrate",
        )


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


@contextmanager
def _exclusive(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """Hold the session's advisory lock.

    It is polled: a session that waits in pg_advisory_lock() holds a snapshot, for which another
    runner's CREATE INDEX CONCURRENTLY would wait for ever.
    """
    with session(conninfo) as conn:
        while True:
            row = conn.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
            if row == (True,):
                break
            time.sleep(random.uniform(0.05, 0.2))  # noqa: S311
        yield conn


@contextmanager
def session(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """Lend a connection of its own, in autocommit mode.

    Raises:
        Unavailable: the server can't be reached or refuses the connection.
    """
    try:
        conn = _connect(conninfo)
    except psycopg.Error as error:
        raise translate(error, operation="connect") from error
    with conn:
        yield conn


def _connect(conninfo: str, options: str = "") -> psycopg.Connection[Any]:
    return psycopg.connect(
        conninfo,
        autocommit=True,
        application_name="kleio migrate",
        connect_timeout=10,
        options=f"-c timezone=UTC -c client_min_messages=warning {options}".strip(),
    )
