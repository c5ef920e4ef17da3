"""Indexes that are built concurrently: their failures, their repair, and what is told meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from kleio.db import progress
from kleio.db.migrate import migrate
from kleio.db.migration_states import MigrationError
from kleio.db.progress import Activity
from threads import Thread

from .conftest import states, tables

INDEX = "-- transactional: false\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_a_n ON t_a (n);"
Folder = Callable[..., Path]


def is_valid(conninfo: str, index: str) -> bool | None:
    with psycopg.connect(conninfo) as conn:
        row = conn.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (index,)
        ).fetchone()
    return row[0] if row else None


def test_what_a_failed_build_left_is_named_and_built_anew(
    empty_conninfo: str, folder: Folder
) -> None:
    folder(a="CREATE TABLE t_a (n int);\nINSERT INTO t_a VALUES (1), (1);", b=INDEX)
    with pytest.raises(MigrationError, match="could not create unique index"):
        migrate(empty_conninfo)
    assert is_valid(empty_conninfo, "t_a_n") is False
    with psycopg.connect(empty_conninfo) as conn:
        conn.execute("DELETE FROM t_a WHERE ctid = (SELECT min(ctid) FROM t_a)")
    lines: list[str] = []
    assert migrate(empty_conninfo, report=lines.append) == ["b"]
    assert lines == [
        "applying b",
        "b: t_a_n is invalid, from a build that failed; it is dropped",
    ]
    assert is_valid(empty_conninfo, "t_a_n") is True


def test_a_valid_index_that_is_there_already_stays(empty_conninfo: str, folder: Folder) -> None:
    folder(a="CREATE TABLE t_a (n int);\nCREATE UNIQUE INDEX t_a_n ON t_a (n);", b=INDEX)
    lines: list[str] = []
    migrate(empty_conninfo, report=lines.append)
    assert lines == ["applying a", "applying b"]


def test_a_build_that_met_a_lock_is_not_taken_for_done(
    empty_conninfo: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second try would find the invalid index of the first one, and IF NOT EXISTS skip it."""
    folder(a="CREATE TABLE t_a (n int);", b=INDEX)
    monkeypatch.setattr("kleio.db.migrate.LOCK_TIMEOUT", "50ms")
    with psycopg.connect(empty_conninfo) as other:

        def hold(line: str) -> None:
            if line == "applying b" and not lines.count(line):
                other.execute("LOCK TABLE t_a IN ROW EXCLUSIVE MODE")
            lines.append(line)

        lines: list[str] = []
        monkeypatch.setattr("kleio.db.migrate.time.sleep", lambda _: other.rollback())
        assert migrate(empty_conninfo, report=hold) == ["a", "b"]
    assert lines.count("applying b") == 2
    assert any("is invalid" in line for line in lines)
    assert is_valid(empty_conninfo, "t_a_n") is True


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the progress from the beginning and often."""
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)


class Reports:
    """Lines that another thread reports, and a wait for one of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def until(self, *words: str) -> str:
        def found() -> str | None:
            return next((line for line in self.lines if all(w in line for w in words)), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, timeout=60), self.lines
        return found() or ""


def run(conninfo: str, reports: Reports) -> Thread:
    thread = Thread(lambda: migrate(conninfo, report=reports))
    thread.start()
    return thread


def test_a_migration_that_waits_says_for_whom(
    empty_conninfo: str, folder: Folder, at_once: None
) -> None:
    folder(a="CREATE TABLE t_a (n int);", b="ALTER TABLE t_a ADD COLUMN m int;", c=INDEX)
    migrate(empty_conninfo, to="a")
    reports = Reports()
    with psycopg.connect(empty_conninfo) as other:
        other.execute("INSERT INTO t_a VALUES (1)")
        thread = run(empty_conninfo, reports)
        line = reports.until("b: ALTER TABLE", f"waits for process {other.info.backend_pid} (")
    thread.end()
    assert "idle in transaction" in line
    assert states(empty_conninfo) == dict.fromkeys("abc", "applied")


def test_an_index_build_tells_its_phase_and_for_whom_it_waits(
    empty_conninfo: str, folder: Folder, at_once: None
) -> None:
    folder(a="CREATE TABLE t_a (n int);", b=INDEX)
    migrate(empty_conninfo, to="a")
    reports = Reports()
    with psycopg.connect(empty_conninfo) as other:
        other.execute("INSERT INTO t_a VALUES (1)")
        thread = run(empty_conninfo, reports)
        reports.until(
            "b: CREATE INDEX CONCURRENTLY t_a_n, waiting for writers before build",
            f"waits for process {other.info.backend_pid} (",
        )
    thread.end()
    assert is_valid(empty_conninfo, "t_a_n") is True


def test_an_index_build_tells_how_far_it_is(
    empty_conninfo: str, folder: Folder, at_once: None
) -> None:
    # The expression stops at the lock below: the build stands in the middle of its table.
    folder(
        a="CREATE TABLE t_a (n int);\nINSERT INTO t_a SELECT generate_series(1, 5000);\n"
        "CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN IF n = 4000 THEN PERFORM pg_advisory_xact_lock(7); END IF; RETURN n; END$$;",
        b=INDEX.replace("(n)", "(slow(n))"),
    )
    migrate(empty_conninfo, to="a")
    reports = Reports()
    with psycopg.connect(empty_conninfo) as other:
        other.execute("SELECT pg_advisory_xact_lock(7)")
        thread = run(empty_conninfo, reports)
        line = reports.until("building index: scanning table", " blocks)")
    thread.end()
    assert " % (" in line
    assert tables(empty_conninfo) == {"t_a", "t_a_n"}


def test_what_is_told_in_words() -> None:
    activity = Activity(12.3, "ALTER TABLE", None, None, None, None, "rows", None, "", None)
    assert str(activity) == "ALTER TABLE, 12 s"
    waiting = Activity(3, "VALIDATE", None, None, None, None, "rows", 17, "psql, ada, idle", 61.2)
    assert str(waiting) == (
        "VALIDATE, waits for process 17 (psql, ada, idle, in a transaction for 61 s), 3 s"
    )
    building = Activity(4, "CREATE INDEX", "x", "loading", 8_000, 2_000, "rows", None, "", None)
    assert str(building) == "CREATE INDEX x, loading, 25 % (2,000 of 8,000 rows), 4 s"
