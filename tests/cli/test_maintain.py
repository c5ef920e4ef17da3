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


def test_months_are_put_away_only_when_asked_for(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute(
            "SELECT create_month_partition(parent, '2020-02-29Z')"
            "  FROM (VALUES ('songs'::regclass), ('albums'::regclass)) AS tables (parent)"
        )
        conn.execute(
            "INSERT INTO libraries (name, root, created_at, updated_at)"
            " VALUES ('L', '/', now(), now())"
        )
        conn.execute(
            "INSERT INTO songs (id, library_id, name, codec, updated_at)"
            " SELECT uuidv7('2020-02-15Z'::timestamptz - clock_timestamp()), id, 'N', 'mp3', now()"
            "   FROM libraries"
        )
    for arguments in (("--archive-before", "2020-02"), ("--dry-run", "--archive-before=2020-03")):
        text = run("maintain", *arguments).stdout
        assert ("would do: albums_2020_02; songs_2020_02" in text) == ("--dry-run" in arguments)
    run("maintain")
    with psycopg.connect(conninfo) as conn:
        assert conn.execute("SELECT count(*) FROM songs").fetchone() == (1,)
    result = run("maintain", "--archive-before", "2020-03")
    assert result.exit_code == 0
    assert "songs_2020_02 with 0 references" in result.stdout
    with psycopg.connect(conninfo) as conn:
        assert conn.execute("SELECT count(*) FROM songs").fetchone() == (0,)
        assert conn.execute("SELECT count(*) FROM archive.songs_2020_02").fetchone() == (1,)


def test_a_month_to_come_is_not_put_away(run: Run) -> None:
    result = run("maintain", "--archive-before", "2999-01")
    assert result.exit_code == 2
    assert one_line(result) == "kleio: --archive-before 2999-01 lies in the future"


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
