"""`kleio migrate` and `kleio migrations` on databases with and without tables."""

from __future__ import annotations

import json

import psycopg
import sqlparse

from kleio.db.migration_files import migration_files

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


def test_dry_run_tells_the_locks_on_stderr(run_empty: Run) -> None:
    lines = run_empty("migrate", "--dry-run").stderr.splitlines()
    at = lines.index(
        "0001_extensions: pg_trgm finds names despite typing errors, unaccent makes "
        '"Bjork" find "Björk"; pg_stat_statements tells which query costs what.'
    )
    assert lines[at + 1] == "  locks: none on user tables."
    assert "  folders: SHARE UPDATE EXCLUSIVE, reads and writes go on; here 0 B" in lines


def test_up_to_a_migration(run_empty: Run) -> None:
    assert run_empty("migrate", "--to", "0003").stderr.splitlines()[-1] == "3 applied"
    unknown = run_empty("migrate", "--to", "9999")
    assert unknown.exit_code == 1
    assert "no migrations are called '9999'" in one_line(unknown)


def test_rollback_asks_and_wants_force_where_data_is_lost(run: Run) -> None:
    names = list(migration_files())
    losing = [
        name
        for name, path in migration_files().items()
        if "-- loses:" in path.with_suffix(".rollback.sql").read_text()
    ]
    before = names[names.index(losing[-1]) - 1]
    unasked = run("rollback", "--to", before)
    assert unasked.exit_code == 2
    assert one_line(unasked).endswith("Say --yes")
    refused = run("rollback", "--to", before, "--yes")
    assert refused.exit_code == 1
    assert f"{losing[-1]}: undoing it loses" in one_line(refused)
    shown = run("rollback", "--to", before, "--dry-run")
    assert shown.stdout.startswith(f"-- {names[-1]}.rollback.sql\n")
    undone = run("rollback", "--to", before, "--yes", "--force")
    assert undone.exit_code == 0
    assert undone.stderr.splitlines()[-1] == f"{losing[-1]} undone"
    states = json.loads(run("migrations", "--json").stdout)
    pending = [entry["id"] for entry in states if entry["state"] == "pending"]
    assert pending == names[names.index(losing[-1]) :]
