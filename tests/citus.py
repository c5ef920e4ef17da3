"""Databases laid out for Citus, by `deploy/citus.sql`.

`KLEIO_TEST_CITUS=local make test ARGS=tests/http` runs the tests on that layout (`distributed`: the
songs are, too). With `KLEIO_TEST_DB` naming a server that has Citus it is Citus's; elsewhere a
stand-in takes its place, which refuses what Citus refuses of a layout and moves no row.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from kleio.db.session import SESSION_SETTINGS
from psql_program import run_psql

DEPLOY = Path(__file__).parents[1] / "deploy"
LAYOUT = DEPLOY / "citus.sql"
STAND_IN = Path(__file__).parent / "deploy" / "fake_citus.sql"
OPTIONS = "-c search_path=public,fake_citus"
"""Where the stand-in's functions are found; of Citus's own it changes nothing."""


def songs() -> str | None:
    """Return where the songs of all tests' databases are to lie, None where Citus is not asked."""
    wanted = os.environ.get("KLEIO_TEST_CITUS") or None
    assert wanted in (None, "local", "distributed"), "KLEIO_TEST_CITUS is local or distributed"
    return wanted


def add_extension(conninfo: str) -> None:
    """Add Citus to a database, as a superuser; the stand-in where the server has no Citus."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        found = "SELECT FROM pg_available_extensions WHERE name = 'citus'"
        if conn.execute(found).rowcount:
            conn.execute("CREATE EXTENSION IF NOT EXISTS citus")
        else:
            _add_stand_in(conn)


def _add_stand_in(conn: psycopg.Connection) -> None:
    folder = Path(tempfile.mkdtemp(prefix="kleio-citus-"))
    try:
        folder.chmod(0o755)
        extension = folder / "extension"
        extension.mkdir()
        shutil.copy(STAND_IN, extension / "citus--14.0.sql")
        (extension / "citus.control").write_text(
            "default_version = '14.0'\nrelocatable = false\nschema = fake_citus\n"
        )
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        conn.execute(
            sql.SQL("SET extension_control_path = {}").format(sql.Literal(f"{folder}:$system"))
        )
        conn.execute("CREATE SCHEMA fake_citus")
        conn.execute("CREATE EXTENSION citus SCHEMA fake_citus")
    finally:
        shutil.rmtree(folder)


def run_script(conninfo: str, file: Path, where: str) -> str:
    """Run a file of `deploy/` as a superuser, with the songs where they are to lie."""
    text = f"\\set songs {where}\n{file.read_text('utf-8')}"
    done = run_psql(conninfo, text, PGOPTIONS=OPTIONS)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def set_workers(conninfo: str, name: str) -> None:
    """Give a copy of a database what its workers need: a database's settings are not copied."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for setting, value in SESSION_SETTINGS.items():
            conn.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(name), sql.SQL(setting), sql.Literal(value)
                )
            )
