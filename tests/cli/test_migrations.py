"""`kleio migrate` and `kleio migrations` on databases with and without tables."""

from __future__ import annotations

import json

import psycopg
import sqlparse

from kleio.db.migrate import migration_files

from .conftest import Run, one_line


def tables(conninfo: str) -> int:
    with psycopg.connect(conninfo) as conn:
        (count,) = conn.execute(
            "SELECT count(*) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchone()
    return count


def test_dry_run_prints_the_files_and_writes_nothing(run_empty: Run, empty_conninfo: str) -> None:
    result = run_empty("migrate", "--dry-run")
    assert result.exit_code == 0
    expected = "".join(
        f"-- {path.name}\n{path.read_text('utf-8')}" for path in migration_files().values()
    )
    assert result.stdout == expected
    assert tables(empty_conninfo) == 0


def test_what_the_dry_run_prints_is_what_applies(run_empty: Run, empty_conninfo: str) -> None:
    # Statement by statement, as psql does: an index that is built concurrently wants it so.
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        for statement in sqlparse.split(run_empty("migrate", "--dry-run").stdout):
            conn.execute(statement)
    assert tables(empty_conninfo) > 0


def test_migrate_twice(run_empty: Run, empty_conninfo: str) -> None:
    first = run_empty("migrate")
    assert first.exit_code == 0
    assert first.stderr.splitlines()[-1] == f"{len(migration_files())} applied"
    second = run_empty("migrate")
    assert (second.exit_code, one_line(second)) == (0, "nothing pending")
    dry = run_empty("migrate", "--dry-run")
    assert (dry.exit_code, dry.stdout, one_line(dry)) == (0, "", "nothing pending")


def test_states(run: Run, run_empty: Run) -> None:
    for invoke, state in ((run_empty, "pending"), (run, "applied")):
        listed = json.loads(invoke("migrations", "--json").stdout)
        assert [entry["id"] for entry in listed] == list(migration_files())
        assert {entry["state"] for entry in listed} == {state}
        assert {entry["appliedAt"] is not None for entry in listed} == {state == "applied"}
        table = invoke("migrations").stdout.splitlines()
        assert table[0].split() == ["MIGRATION", "STATE", "APPLIED"]
        assert len(table) == len(listed) + 1


def test_rollback_that_loses_data_wants_force(run: Run) -> None:
    applied = list(migration_files().items())
    while "-- loses:" not in (newest := applied.pop())[1].with_suffix(".rollback.sql").read_text():
        assert run("migrate", "--rollback").exit_code == 0
    newest, later = newest[0], list(migration_files())[len(applied) + 1 :]
    refused = run("migrate", "--rollback")
    assert refused.exit_code == 1
    assert newest in one_line(refused)
    undone = run("migrate", "--rollback", "--force")
    assert undone.exit_code == 0
    assert undone.stderr.splitlines()[-1] == f"{newest} undone"
    states = json.loads(run("migrations", "--json").stdout)
    assert [entry["id"] for entry in states if entry["state"] == "pending"] == [
        newest,
        *later,
    ]
