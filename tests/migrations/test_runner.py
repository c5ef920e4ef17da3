"""The runner when things go wrong: many at once, failures, locks, kills, changed files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

import kleio
from kleio.db import migrate as runner
from kleio.db import progress
from kleio.db.migrate import migrate, rollback
from kleio.db.migration_files import migration_files
from kleio.db.migration_states import MigrationError, pending_migrations
from started import started

from .conftest import states, tables

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(kleio.__file__).parents[1])}

# Forks after the imports, so that the runners really meet; each tells how many it has applied, in
# one write, as print() makes two where Python's output is unbuffered.
MANY = r"""
import os, sys
from kleio.db.migrate import migrate
children = []
for _ in range(int(sys.argv[2])):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(1, b"%d\n" % len(migrate(sys.argv[1])))
            status = 0
        finally:
            os._exit(status)
    children.append(pid)
statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
sys.exit(max(statuses))
"""

# Tells when it begins a migration.
ONE = """
import sys
from pathlib import Path
from kleio.db import migrate as runner, migration_files
migration_files.sql_folder = runner.sql_folder = lambda _: Path(sys.argv[2])
runner.migrate(sys.argv[1], report=lambda line: print(line, flush=True))
"""


def test_twenty_runners_on_an_empty_database_all_succeed(empty_conninfo: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", MANY, empty_conninfo, "20"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    counts = sorted(map(int, result.stdout.split()))
    assert counts == [0] * 19 + [len(migration_files())]
    assert set(states(empty_conninfo).values()) == {"applied"}


def test_an_applied_file_that_was_changed_is_found(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    path = folder(a="CREATE TABLE t_a (n int);", b="CREATE TABLE t_b (n int);")
    migrate(empty_conninfo)
    (path / "a.sql").write_text("CREATE TABLE t_a (n bigint);")
    assert states(empty_conninfo) == {"a": "changed", "b": "applied"}
    for run in (migrate, pending_migrations):
        with pytest.raises(MigrationError, match="a: the file was changed"):
            run(empty_conninfo)


def test_a_failing_migration_leaves_nothing_half_done_and_can_be_repeated(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    path = folder(
        a="CREATE TABLE t_a (n int);",
        b="CREATE TABLE t_b (n int);\nINSERT INTO t_b VALUES (1);\nSELECT 1 / 0;",
        c="CREATE TABLE t_c (n int);",
    )
    for _ in range(2):
        with pytest.raises(MigrationError, match="b: division by zero") as caught:
            migrate(empty_conninfo)
        assert caught.value.sqlstate == "22012"
        assert tables(empty_conninfo) == {"t_a"}
        assert states(empty_conninfo) == {"a": "applied", "b": "pending", "c": "pending"}
    (path / "b.sql").write_text("-- depends: a\nCREATE TABLE t_b (n int);")
    assert migrate(empty_conninfo) == ["b", "c"]
    assert tables(empty_conninfo) == {"t_a", "t_b", "t_c"}


def test_a_migration_that_met_a_lock_is_tried_again(
    empty_conninfo: str, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(a="CREATE TABLE t_a (n int);", b="ALTER TABLE t_a ADD COLUMN m int;")
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "50ms")
    lines: list[str] = []
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        conn.execute("CREATE TABLE t_held (n int)")
        other = psycopg.connect(empty_conninfo)

        def hold(line: str) -> None:
            lines.append(line)
            if line == "applying b" and len(lines) == 2:
                other.execute("LOCK TABLE t_a IN ACCESS SHARE MODE")

        pauses: list[float] = []

        def release(seconds: float) -> None:
            pauses.append(seconds)
            other.rollback()

        monkeypatch.setattr(runner.time, "sleep", release)
        with other:
            assert migrate(empty_conninfo, report=hold) == ["a", "b"]
    assert [line for line in lines if line.startswith("applying")] == [
        "applying a",
        "applying b",
        "applying b",
    ]
    assert any("55P03" in line for line in lines)
    assert len(pauses) == 1
    assert 0.5 <= pauses[0] <= 1.5


def test_after_the_last_try_the_lock_is_the_error(
    empty_conninfo: str,
    folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
) -> None:
    folder(a="ALTER TABLE t_held ADD COLUMN m int;")
    monkeypatch.setattr(runner, "LOCK_TIMEOUT", "20ms")
    with psycopg.connect(empty_conninfo) as other:
        other.execute("CREATE TABLE t_held (n int)")
        other.commit()
        other.execute("LOCK TABLE t_held IN ACCESS SHARE MODE")
        with pytest.raises(MigrationError) as caught:
            migrate(empty_conninfo)
    assert caught.value.sqlstate == "55P03"
    assert len(pauses) == runner.ATTEMPTS - 1
    assert migrate(empty_conninfo) == ["a"]


def test_the_timeouts_are_set_on_the_migration_s_connection(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    folder(
        a="CREATE TABLE t_a AS SELECT current_setting('lock_timeout') AS lock,"
        " current_setting('statement_timeout') AS statement, current_setting('TimeZone') AS zone;"
    )
    migrate(empty_conninfo)
    with psycopg.connect(empty_conninfo) as conn:
        assert conn.execute("TABLE t_a").fetchone() == ("5s", "10min", "UTC")


def test_a_killed_runner_leaves_no_lock(empty_conninfo: str, folder: Callable[..., Path]) -> None:
    path = folder(
        a="CREATE TABLE t_a (n int);",
        b="CREATE TABLE t_b (n int);\nSELECT pg_advisory_xact_lock(1);",
    )
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(1)")
        with started(
            *(sys.executable, "-c", ONE, empty_conninfo, path),
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
        ) as process:
            assert [process.stdout.readline() for _ in range(2)] == [
                "applying a\n",
                "applying b\n",
            ]
            process.send_signal(signal.SIGKILL)
            process.wait()
        # The half-done transaction ends when its statement does: at once, or when it times out.
        conn.execute("SELECT pg_advisory_unlock(1)")
        assert migrate(empty_conninfo) == ["b"]
    assert tables(empty_conninfo) == {"t_a", "t_b"}


def test_another_run_that_is_waited_for_is_named(
    empty_conninfo: str, folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.0)
    folder(a="CREATE TABLE t_a (n int);")
    lines: list[str] = []
    with psycopg.connect(empty_conninfo, autocommit=True, application_name="paused") as other:
        other.execute("SELECT pg_advisory_lock(%s)", (runner.ADVISORY_LOCK,))
        pid = other.info.backend_pid

        def report(line: str) -> None:
            lines.append(line)
            if "waited for" in line:
                other.execute("SELECT pg_advisory_unlock_all()")

        assert migrate(empty_conninfo, report=report) == ["a"]
    assert lines[0].startswith(f"another run is waited for: process {pid} (paused, ")
    assert lines[1] == "applying a"


def test_a_row_in_yoyo_s_own_lock_table_stops_nobody(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    path = folder(a="CREATE TABLE t_a (n int);")
    migrate(empty_conninfo)
    with psycopg.connect(empty_conninfo) as conn:
        conn.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    (path / "b.sql").write_text("-- depends: a\nCREATE TABLE t_b (n int);")
    assert migrate(empty_conninfo) == ["b"]


@pytest.mark.parametrize(
    ("undo", "force", "message"),
    [
        ("-- irreversible: the rows were merged\nSELECT 1;", False, "irreversible: the rows"),
        ("-- irreversible: the rows were merged\nSELECT 1;", True, "irreversible: the rows"),
        ("-- loses: all notes\nDROP TABLE t_a;", False, "undoing it loses all notes"),
    ],
)
def test_a_rollback_that_destroys_is_refused(
    undo: str, force: bool, message: str, empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    folder(a="CREATE TABLE t_a (n int);", a_rollback=undo)
    migrate(empty_conninfo)
    with pytest.raises(MigrationError, match=re.escape(message)):
        rollback(empty_conninfo, force=force)
    assert tables(empty_conninfo) == {"t_a"}
    assert states(empty_conninfo) == {"a": "applied"}


def test_a_rollback_that_loses_data_runs_when_forced(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    folder(a="CREATE TABLE t_a (n int);", a_rollback="-- loses: notes\nDROP TABLE t_a;")
    migrate(empty_conninfo)
    assert rollback(empty_conninfo, force=True) == ["a"]
    assert tables(empty_conninfo) == set()
    assert states(empty_conninfo) == {"a": "pending"}
    assert rollback(empty_conninfo) == []


def test_a_migration_without_a_rollback_file_is_not_undone(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    path = folder(a="CREATE TABLE t_a (n int);")
    (path / "a.rollback.sql").unlink()
    migrate(empty_conninfo)
    with pytest.raises(MigrationError, match="no rollback file"):
        rollback(empty_conninfo, force=True)


def test_a_rollback_that_fails_changes_nothing(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    folder(a="CREATE TABLE t_a (n int);", a_rollback="DROP TABLE t_a;\nSELECT 1 / 0;")
    migrate(empty_conninfo)
    with pytest.raises(MigrationError, match="division by zero"):
        rollback(empty_conninfo)
    assert tables(empty_conninfo) == {"t_a"}
    assert states(empty_conninfo) == {"a": "applied"}


def test_an_index_can_be_built_concurrently_outside_a_transaction(
    empty_conninfo: str, folder: Callable[..., Path]
) -> None:
    index = "-- transactional: false\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_a_idx ON t_a (n);"
    folder(a="CREATE TABLE t_a (n int);", b=index, c="CREATE TABLE t_c (n int);")
    assert migrate(empty_conninfo) == ["a", "b", "c"]
    assert tables(empty_conninfo) == {"t_a", "t_a_idx", "t_c"}
