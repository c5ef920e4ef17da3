"""Things that go wrong with queries and schemas, each with the command that catches it.

`python tests/breakages.py` breaks each on a scratch copy and prints a table of what the commands
say; `tests/cli/test_breakages.py` holds them to it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Breakage:
    """What is done (`edits`: file, text, its replacement; or `sql`), and what has to be said."""

    what: str
    command: str
    said: str
    edits: tuple[tuple[str, str, str], ...] = ()
    sql: str = ""


TAKES = "list_folders(conn: Connection, *, user_id: UUID)"
PLAY = "SELECT p.id, p.release_id, p.user_release_id AS copy_id, p.stylus_id, p.played_at,"
GET_PLAY = f"-- Locks:   none.\n{PLAY}"
PLAY_BY_ID = """ WHERE p.user_id = :user_id::uuid
   AND p.id = :play_id::uuid;

-- name: list_plays("""
FOLDERS = "src/kleio/repositories/folders.py"

BREAKAGES = [
    Breakage(
        "an applied migration is edited",
        "migrate",
        r"0001_extensions: the file was changed after it had been applied",
        edits=(("migrations/0001_extensions.sql", "CREATE", "-- a word more\nCREATE"),),
    ),
    Breakage(
        "a column is renamed in the database",
        "sql check",
        r"queries/folders\.sql:\d+:\d+: prepare: .*column f\.number does not exist",
        sql="ALTER TABLE folders RENAME COLUMN number TO ordinal",
    ),
    Breakage(
        "a column's type is changed in the database",
        "sql check",
        r"queries/styluses\.sql:\d+:\d+: column-type: StylusModel\.expected_lifespan_hours is "
        r"numeric, which becomes Decimal; it is annotated int",
        sql="ALTER TABLE stylus_models ALTER COLUMN expected_lifespan_hours TYPE numeric",
    ),
    Breakage(
        "a column may be NULL from now on",
        "sql check",
        r"queries/folders\.sql:\d+:\d+: nullable: it may be NULL, and FolderCount\.name can't be "
        r"None",
        sql="ALTER TABLE folders ALTER COLUMN name DROP NOT NULL",
    ),
    Breakage(
        "an index is dropped",
        "sql lint",
        r"queries/tokens\.sql:\d+:1: header-index: there is no index auth_tokens_user_idx",
        sql="DROP INDEX auth_tokens_user_idx",
    ),
    Breakage(
        "an index is added that no query needs",
        "sql lint",
        r"migrations:1:1: unnamed-index: no header names releases_country_idx on releases",
        sql="CREATE INDEX releases_country_idx ON releases (country)",
    ),
    Breakage(
        "a trigger is added",
        "sql lint",
        r"migrations:1:1: trigger: touch on folders",
        sql="CREATE TRIGGER touch BEFORE UPDATE ON folders"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    Breakage(
        "a user_id predicate is dropped",
        "sql lint",
        r"queries/plays\.sql:\d+:\d+: isolation: play_history AS p lacks user_id = :user_id",
        edits=(
            (
                "queries/plays.sql",
                PLAY_BY_ID,
                PLAY_BY_ID.replace("p.user_id = :user_id::uuid\n   AND ", "").replace(
                    ":play_id::uuid;", ":play_id::uuid\n   AND :user_id::uuid IS NOT NULL;"
                ),
            ),
        ),
    ),
    Breakage(
        "a SELECT * is written",
        "sql lint",
        r"queries/plays\.sql:\d+:8: select-star: list the columns",
        edits=(("queries/plays.sql", PLAY, "SELECT p.*,"),),
    ),
    Breakage(
        "a % is not doubled",
        "sql lint",
        r"queries/doctor\.sql:\d+:\d+: percent: write it %%",
        edits=(("queries/doctor.sql", "transaction%%'", "transaction%'"),),
    ),
    Breakage(
        "two columns are swapped",
        "sql check",
        r"queries/plays\.sql:\d+:\d+: columns: column 3 is stylus_id, Play's field 3 is copy_id",
        edits=(
            (
                "queries/plays.sql",
                GET_PLAY,
                GET_PLAY.replace(
                    "p.user_release_id AS copy_id, p.stylus_id",
                    "p.stylus_id, p.user_release_id AS copy_id",
                ),
            ),
        ),
    ),
    Breakage(
        "the operator does not go with the verb",
        "sql check",
        r"queries/plays\.sql:\d+:1: operator: get_play: the verb 'get' does not go with SELECT",
        edits=(("queries/plays.sql", "get_play(user_id, play_id)^", "get_play(user_id, play_id)"),),
    ),
    Breakage(
        "a header line is taken out",
        "sql lint",
        r"queries/plays\.sql:\d+:1: header-missing: no `-- Locks:` line",
        edits=(("queries/plays.sql", GET_PLAY, PLAY),),
    ),
    Breakage(
        "a parameter is misspelt in the statement",
        "sql check",
        r"queries/plays\.sql:\d+:15: load: .*get_play.*play_idd",
        edits=(("queries/plays.sql", PLAY_BY_ID, PLAY_BY_ID.replace(":play_id:", ":play_idd:")),),
    ),
    Breakage(
        "a function takes another type than the statement",
        "sql check",
        r"queries/folders\.sql:\d+:\d+: parameter-type: :user_id is uuid, which takes UUID; the "
        r"function's parameter is str",
        edits=((FOLDERS, TAKES, TAKES.replace("UUID", "str")),),
    ),
    Breakage(
        "a function takes a parameter that the query lacks",
        "sql check",
        r"src/kleio/repositories/folders\.py:\d+:1: parameters: folders\.list_folders takes",
        edits=((FOLDERS, TAKES, TAKES.replace("UUID", "UUID, name: str")),),
    ),
    Breakage(
        "a write takes the time from the server",
        "sql lint",
        r"queries/folders\.sql:\d+:\d+: time-in-write: take the time as :now",
        edits=(("queries/folders.sql", ":now::timestamptz", "now()"),),
    ),
    Breakage(
        "a query is added that nothing runs",
        "sql lint",
        r"queries/genres\.sql:\d+:1: function: no function runs it: write list_old in",
        edits=(
            (
                "queries/genres.sql",
                "-- name: count_genres",
                "-- name: list_old()\n-- Old ones.\n--\n-- Returns: 0..n rows Genre.\n"
                "-- Index:   none.\n-- Cost:    at most 5 buffers.\n-- Locks:   none.\n"
                "SELECT g.id\n  FROM genres AS g;\n\n-- name: count_genres",
            ),
        ),
    ),
]


def apply(breakage: Breakage, checkout: Path, conninfo: str) -> None:
    """Break the copy or the database."""
    for file, old, new in breakage.edits:
        path = checkout / file
        text = path.read_text("utf-8")
        assert old in text, f"{file} no longer has what {breakage.what!r} replaces"
        path.write_text(text.replace(old, new, 1), "utf-8")
    if breakage.sql:
        with psycopg.connect(conninfo, autocommit=True) as conn:
            conn.execute(breakage.sql)


def copy_checkout(folder: Path) -> Path:
    """Return a copy of what Kleio runs from."""
    for name in ("src", "queries", "migrations"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)
    return folder


def run(breakage: Breakage, checkout: Path, conninfo: str) -> subprocess.CompletedProcess[str]:
    """Run the breakage's command from the copy, on the database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DB_")}
    return subprocess.run(
        [sys.executable, "-m", "kleio", *breakage.command.split()],
        env={**kept, "PYTHONPATH": str(checkout / "src"), "DATABASE_URL": conninfo},
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=300,
    )


@contextmanager
def scratch_databases() -> Iterator[Iterator[str]]:
    """Yield an endless row of migrated databases on a server that is gone afterwards."""
    from kleio.db.embedded import embedded_server
    from kleio.db.migrate import migrate

    with tempfile.TemporaryDirectory() as home, embedded_server(Path(home) / "home") as server:
        migrate(server.conninfo)
        template = psycopg.conninfo.conninfo_to_dict(server.conninfo)["dbname"]
        postgres = psycopg.conninfo.make_conninfo(server.admin_conninfo, dbname="postgres")
        role = psycopg.conninfo.conninfo_to_dict(server.conninfo)["user"]

        def databases() -> Iterator[str]:
            number = 0
            while True:
                number += 1
                with psycopg.connect(postgres, autocommit=True) as conn:
                    conn.execute(
                        f"CREATE DATABASE scratch{number} TEMPLATE {template} OWNER {role}"
                    )
                yield psycopg.conninfo.make_conninfo(server.conninfo, dbname=f"scratch{number}")

        yield databases()


def main() -> None:
    """Print what each command says, as a table."""
    print("| what is broken | command | exit | what it says |\n|---|---|---|---|")
    with scratch_databases() as databases:
        for breakage in BREAKAGES:
            with tempfile.TemporaryDirectory() as folder:
                checkout, conninfo = copy_checkout(Path(folder)), next(databases)
                apply(breakage, checkout, conninfo)
                done = run(breakage, checkout, conninfo)
            match = re.search(breakage.said, done.stdout + done.stderr)
            line = next(
                (
                    line
                    for line in (done.stdout + done.stderr).splitlines()
                    if match and match[0][:40] in line
                ),
                f"NOT CAUGHT: {done.stdout}{done.stderr}",
            )
            shown = line.replace("|", "\\|")
            print(
                f"| {breakage.what} | `kleio {breakage.command}` | {done.returncode} | `{shown}` |",
                flush=True,
            )


if __name__ == "__main__":
    main()
