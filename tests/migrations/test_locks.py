"""The locks that each migration really takes, beside those that its header says it takes.

A table that the migration itself makes is nobody else's yet, so only tables that were there before
count, and only locks that keep out more than a VACUUM would: SHARE UPDATE EXCLUSIVE and stronger.
A partition is locked as its parent is, which the header names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlparse
from psycopg import sql

from kleio.db.migrate import migrate
from kleio.db.migration_files import LOCK_MODES, migration_files, parse_locks, read_header
from servers import Server
from threads import Thread

FILES = migration_files()
WEAKEST = LOCK_MODES.index("SHARE UPDATE EXCLUSIVE")

_TABLES = """
SELECT oid::int8, relname FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm')
   AND NOT relispartition
"""
_LOCKS = """
SELECT l.relation::int8, l.mode
  FROM pg_locks AS l
 WHERE l.locktype = 'relation' AND l.granted AND l.pid = %s
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.parametrize(
    ("text", "locks"),
    [
        ("none.", {}),
        ("none on existing tables.", {}),
        ("plays ACCESS EXCLUSIVE, milliseconds (no rewrite).", {"plays": "ACCESS EXCLUSIVE"}),
        ("folders SHARE UPDATE EXCLUSIVE while it is", {"folders": "SHARE UPDATE EXCLUSIVE"}),
        (
            "none on existing tables (the foreign keys take SHARE ROW EXCLUSIVE on users, a_b,"
            " and plays for milliseconds).",
            dict.fromkeys(("users", "a_b", "plays"), "SHARE ROW EXCLUSIVE"),
        ),
        (
            "a and b SHARE, then ACCESS EXCLUSIVE on a.",
            {"a": "ACCESS EXCLUSIVE", "b": "SHARE"},
        ),
    ],
)
def test_a_header_s_locks_are_read(text: str, locks: dict[str, str]) -> None:
    assert parse_locks(text) == locks


class Observed:
    """A database in which one migration after the other runs, and what each locked."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self.locks: dict[str, dict[str, str]] = {}
        with psycopg.connect(conninfo, autocommit=True) as conn:
            for name, path in FILES.items():
                old = dict(conn.execute(_TABLES).fetchall())
                text = path.read_text("utf-8")
                if "CONCURRENTLY" in text:
                    found = [
                        lock
                        for statement in sqlparse.split(text)
                        for lock in self._outside(conn, statement, old)
                    ]
                else:
                    with conn.transaction():
                        # A block that commits would let go of what it has locked.
                        conn.execute(text.replace("COMMIT;", ""))
                        found = _held(conn, conn.info.backend_pid, old)
                strongest: dict[str, str] = {}
                for table, mode in found:
                    known = strongest.get(table, LOCK_MODES[0])
                    strongest[table] = max(mode, known, key=LOCK_MODES.index)
                self.locks[name] = strongest

    def _outside(
        self, conn: psycopg.Connection[Any], statement: str, old: dict[int, str]
    ) -> list[tuple[str, str]]:
        """Stop a statement where it waits for another's rows, and look at what it holds there."""
        worker = Thread(conn.execute, statement)
        with psycopg.connect(self.conninfo) as other:
            # A materialised view can't be locked by a statement.
            for _, table in other.execute(f"{_TABLES} AND relkind <> 'm'").fetchall():
                other.execute(
                    sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(table))
                )
            worker.start()
            with psycopg.connect(self.conninfo, autocommit=True) as watcher:
                waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
                while worker.is_alive():
                    if watcher.execute(waits, (conn.info.backend_pid,)).fetchone() == (True,):
                        break
                found = _held(watcher, conn.info.backend_pid, old)
        worker.end()
        return found


def _held(conn: psycopg.Connection[Any], pid: int, old: dict[int, str]) -> list[tuple[str, str]]:
    # The view writes ShareUpdateExclusiveLock.
    modes = {"".join(mode.split()).lower() + "lock": mode for mode in LOCK_MODES}
    return [
        (old[oid], modes[mode.lower()])
        for oid, mode in conn.execute(_LOCKS, (pid,)).fetchall()
        if oid in old and LOCK_MODES.index(modes[mode.lower()]) >= WEAKEST
    ]


@pytest.fixture(scope="module")
def observed(server: Server) -> Iterator[Observed]:
    with server.database() as conninfo:
        found = Observed(conninfo)
        with psycopg.connect(conninfo) as conn:  # all of it was applied
            (tables,) = conn.execute(f"SELECT count(*) FROM ({_TABLES}) AS t").fetchone()
        assert tables > 10
        yield found


@pytest.mark.parametrize("name", FILES)
def test_a_header_names_the_locks_that_are_taken(name: str, observed: Observed) -> None:
    said = read_header(FILES[name]).table_locks
    taken = observed.locks[name]
    assert said == taken, f"write in the header of {name}, as 'table MODE' or 'MODE on table'"


def test_a_header_that_says_too_little_is_found(server: Server, tmp_path: Path) -> None:
    with server.database() as conninfo:
        migrate(conninfo, to="0005")
        with psycopg.connect(conninfo) as conn:
            old = dict(conn.execute(_TABLES).fetchall())
            conn.execute("ALTER TABLE users ADD COLUMN t_x int")
            conn.execute("CREATE TABLE t_y (release_id uuid REFERENCES releases (id))")
            assert sorted(_held(conn, conn.info.backend_pid, old)) == [
                ("releases", "SHARE ROW EXCLUSIVE"),
                ("users", "ACCESS EXCLUSIVE"),
            ]
            conn.rollback()
