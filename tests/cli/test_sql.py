"""`kleio sql`: options, output and exit codes; what is found is tested in `tests/queries`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from kleio.db.queries import sql_folder

from .conftest import Run, one_line


def test_list_shows_where_a_query_stands_and_what_it_does(run: Run) -> None:
    result = run("sql", "list", "plays.get_play", "folders")
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["NAME", "PLACE", "KIND", "ROW", "DOES", "TABLES", "PARAMETERS"]
    found = {row.split()[0]: row.split() for row in rows}
    lines = (sql_folder("queries") / "plays.sql").read_text("utf-8").splitlines()
    line = next(
        number for number, text in enumerate(lines, 1) if text.startswith("-- name: get_play(")
    )
    assert found["plays.get_play"] == [
        "plays.get_play",
        f"queries/plays.sql:{line}",
        "row",
        "Play",
        "read",
        "play_history,releases",
        "user_id,play_id",
    ]
    assert found["folders.delete_folder"][2:5] == ["count", "int", "write"]
    assert found["folders.lock_folders"][4] == "write"


def test_list_as_json_has_every_query(run: Run) -> None:
    found = {entry["name"]: entry for entry in json.loads(run("sql", "list", "--json").stdout)}
    text = "".join(path.read_text("utf-8") for path in sql_folder("queries").glob("*.sql"))
    assert len(found) == text.count("-- name: ")
    assert found["exports.export_plays_csv"]["kind"] == "csv"
    assert found["collection.list_collection_newest"]["row"] == "Keyed[ShelfCopy]"
    assert found["tokens.get_session"]["readOnly"] is True


def test_a_query_that_is_not_there_ends_with_one_line(run: Run) -> None:
    for command in (("show", "x"), ("list", "x"), ("check", "x"), ("explain", "x"), ("lint", "x")):
        result = run("sql", *command)
        assert result.exit_code == 2
        assert "there is no query and no file 'x'" in one_line(result)


def test_show_prints_the_file_s_own_text(run: Run) -> None:
    shown = run("sql", "show", "get_play").stdout
    assert shown in (sql_folder("queries") / "plays.sql").read_text("utf-8")
    assert shown.startswith("-- name: get_play(")
    assert shown.endswith(";\n")
    several = run("sql", "show", "plays")
    assert several.exit_code == 2
    assert "plays is 10 queries" in one_line(several)


def test_a_value_commands_no_terminal(run: Run) -> None:
    shown = run("sql", "explain", "get_user_by_username", "-p", "username=a\x07\rb")
    assert shown.output.count("a??b") >= 2  # as a parameter, and in the plan
    assert shown.output.replace("\n", "").isprintable()


def test_show_for_psql_sets_what_is_given(run: Run) -> None:
    shown = run("sql", "show", "get_user", "--psql", "-p", f"user_id={'0' * 32}").stdout
    assert rf"\set user_id '''{'0' * 32}''::uuid'" in shown
    unknown = run("sql", "show", "get_user", "--psql", "-p", "nonsense=1")
    assert unknown.exit_code == 2
    assert "has no parameter 'nonsense'; it has: user_id" in one_line(unknown)
    assert run("sql", "show", "get_user", "-p", "user_id=1").exit_code == 2


def test_check_and_lint_find_nothing(run: Run) -> None:
    for command in ("check", "lint"):
        result = run("sql", command)
        assert result.exit_code == 0, result.stdout
        assert result.stdout == ""
        assert "queries" in one_line(result)
    assert run("sql", "lint", "plays").exit_code == 0
    assert "select-star" in run("sql", "lint", "--rules").stdout


def test_check_names_what_a_changed_column_breaks(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("ALTER TABLE folders RENAME COLUMN number TO ordinal")
    result = run("sql", "check", "folders")
    assert result.exit_code == 1
    assert "queries/folders.sql:" in result.stdout
    assert "column f.number does not exist" in result.stdout
    assert "to put right" in one_line(result)
    as_json = json.loads(run("sql", "check", "folders", "--json").stdout)
    assert {finding["rule"] for finding in as_json} == {"prepare"}
    assert run("sql", "check", "tokens").exit_code == 0


def test_check_takes_no_right_on_any_table(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        (user,) = conn.execute("SELECT current_user").fetchone()
        conn.execute(f"REVOKE ALL ON play_history, releases FROM {user}")
    assert run("sql", "check", "plays").exit_code == 0


def test_explain_runs_what_reads_and_only_plans_what_writes(run: Run, conninfo: str) -> None:
    read = run("sql", "explain", "users.get_user_by_username", "-p", "username=ada").stdout
    assert "custom plan: 0 rows, " in read
    assert "generic plan: 0 rows, " in read
    assert "lower(u.username) = 'ada'::text" in read
    assert "queries/users.sql:" in read
    write = run("sql", "explain", "insert_user").stdout
    assert "it was planned and not run" in write
    assert "buffers" not in write
    done = run(
        "sql",
        "explain",
        "insert_user",
        "--analyze",
        "-p",
        "username=ada",
        "-p",
        "email=ada@example.org",
        "-p",
        "role=user",
        "--mode",
        "custom",
    )
    assert "custom plan: 1 rows, " in done.stdout, done.stderr
    with psycopg.connect(conninfo) as conn:
        assert conn.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_explain_as_json_has_the_plan_and_its_parameters(run: Run) -> None:
    (custom, generic) = json.loads(run("sql", "explain", "get_user", "--json").stdout)
    assert (custom["mode"], generic["mode"]) == ("custom", "generic")
    assert custom["parameters"]["user_id"]
    assert custom["plan"]["Plan"]["Node Type"]
    assert custom["warnings"] == []
    never = run("sql", "explain", "list_releases", "--mode", "generic")
    assert never.exit_code == 1
    assert "its header says Plan: custom" in one_line(never)


def test_explain_warns_of_what_speaks_against_a_plan(run: Run, conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO users (username, email, created_at, updated_at)"
            " SELECT 'u' || n, n || '@example.org', now(), now() FROM generate_series(1, 2000) AS n"
        )
        conn.execute("DROP INDEX users_username_key")
        conn.execute("ANALYZE users")
    warned = run("sql", "explain", "get_user_by_username", "--big", "1000").stdout
    assert "warning: users is read whole, all 2,000 rows of it" in warned
    assert "warning: the header names users_username_key, which does not exist" in warned
    assert "warning" not in run("sql", "explain", "get_user", "--big", "1000").stdout


def test_a_wrong_parameter_ends_with_postgresql_s_words(run: Run) -> None:
    result = run("sql", "explain", "get_user", "-p", "user_id=nonsense")
    assert result.exit_code == 1
    assert 'invalid input syntax for type uuid: "nonsense"' in one_line(result)


def test_a_database_without_tables_is_refused_and_an_older_one_is_told(
    run_empty: Run, run: Run, conninfo: str
) -> None:
    for command in ("check", "lint", "stats"):
        result = run_empty("sql", command)
        assert result.exit_code == 1
        assert "run `kleio migrate`" in one_line(result)
    with psycopg.connect(conninfo) as conn:
        conn.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0011%'")
    assert "pending migrations: 1, the first is 0011" in run("sql", "check").stderr


def test_without_the_parser_one_line_says_what_to_install(conninfo: str, tmp_path: Path) -> None:
    # In a process of its own: here it has been imported already.
    script = "import sys; sys.modules['pglast'] = None; from kleio.cli import kleio; kleio.main()"

    def without(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, "sql", *args],
            env={**os.environ, "DATABASE_URL": conninfo, "KLEIO_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    for command in ("lint", "check", "list", "explain get_user", "show get_user --psql"):
        done = without(*command.split())
        assert done.returncode == 2, done.stderr
        assert "pip install 'kleio[sql]'" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert without("show", "get_user").returncode == 0
    assert "Traceback" not in without("stats").stderr
    assert "internal error" not in without("stats").stderr


def test_stats_shows_a_table_and_resets(run: Run, conninfo: str, tmp_path: Path) -> None:
    with psycopg.connect(conninfo) as conn:
        for _ in range(20):
            conn.execute("SELECT count(*) FROM users /* kleio:users.count_users */")
    result = run("sql", "stats", "--sort", "calls", "--limit", "1")
    if result.exit_code:
        pytest.skip(one_line(result))
    header, row, *_ = result.stdout.splitlines()
    assert header.split()[:2] == ["NAME", "CALLS"]
    assert row.split()[:2] == ["users.count_users", "20"]
    (entry,) = json.loads(run("sql", "stats", "--json", "--limit", "1").stdout)["queries"]
    assert entry["name"] == "users.count_users"
