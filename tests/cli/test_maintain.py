"""`kleio maintain`: its output, its exit code, and the server that does it by itself."""

from __future__ import annotations

import json

import psycopg

from kleio.db.upkeep import ADVISORY_LOCK
from kleio.maintenance import STEPS

from .conftest import Run, one_line


def test_every_step_is_a_line(run: Run) -> None:
    result = run("maintain")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()] == [s.name for s in STEPS]
    assert all(" s  " in line for line in result.stdout.splitlines())


def test_as_json(run: Run) -> None:
    found = json.loads(run("maintain", "--json", "--dry-run").stdout)
    assert [entry["step"] for entry in found] == [step.name for step in STEPS]
    assert set(found[0]) == {"step", "changed", "lines", "warnings", "seconds", "problem"}


def test_a_dry_run_says_what_it_would_do(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute(
            "INSERT INTO genres (name, created_at)"
            " SELECT 'genre ' || n, now() FROM generate_series(1, 2000) AS n"
        )
    for _ in range(2):
        assert "would do: genres (2,000 changes)" in run("maintain", "--dry-run").stdout
    assert "s  genres (2,000 changes)" in run("maintain").stdout


def test_another_one_at_work_is_no_failure(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        result = run("maintain")
    assert (result.exit_code, result.stdout) == (0, "")
    assert one_line(result) == "another kleio is maintaining this database"


def test_a_step_that_fails_is_told_and_is_the_exit_code(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute(
            "ALTER TABLE auth_tokens ADD CONSTRAINT no_more CHECK (expires_at IS NULL) NOT VALID"
        )
        conn.execute("ALTER TABLE idempotency_keys RENAME COLUMN created_at TO made_at")
    result = run("maintain")
    assert result.exit_code == 1
    assert one_line(result) == "kleio: failed: answers"
    assert "FAILED      column k.created_at does not exist" in result.stdout
    assert "wraparound" in result.stdout


def test_a_database_without_tables_is_one_line(run_empty: Run) -> None:
    result = run_empty("maintain")
    assert result.exit_code == 1
    assert "run `kleio migrate`" in one_line(result)
