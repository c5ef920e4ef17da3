"""Commands killed with -9 at random statements, again and again, and then let through.

What is in the database then is what one undisturbed run would have left, and no rule is broken.
The imports of a user's own files and the sync have such tests of their own (`tests/importers`,
`tests/cli/test_sync.py`), which are quicker.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

import factories
from audio_files import mp3
from fingerprints import fingerprint
from invariants import broken_rules
from killing import run_command
from kleio.db.migrate import migrate
from kleio.db.pool import configure
from servers import Server

from .conftest import slow

ROUNDS, KILLS = 3, 3

Prepare = Callable[[Path, random.Random], tuple[str, ...]]


def dump(folder: Path, rng: random.Random) -> tuple[str, ...]:
    """Return the import of a dump with releases that share artists and labels."""
    lines = []
    for number in range(1, 121):
        artist, label = rng.randrange(1, 40), rng.randrange(1, 20)
        lines.append(
            f'<release id="{number}" status="Accepted"><artists><artist><id>{artist}</id>'
            f"<name>Artist {artist}</name></artist></artists><title>Title {number}</title>"
            f'<labels><label name="Label {label}" catno="C{number}" id="{label}"/></labels>'
            '<formats><format name="Vinyl" qty="1"/></formats>'
            f"<genres><genre>Genre {number % 7}</genre></genres><country>Sweden</country>"
            "<tracklist><track><position>A</position><title>Song</title>"
            f"<duration>3:{number % 60:02}</duration></track></tracklist></release>"
        )
    path = folder / "discogs_releases.xml"
    path.write_text(f"<releases>\n{chr(10).join(lines)}\n</releases>\n")
    return ("import", "discogs-dump", str(path), "--json")


def music(folder: Path, rng: random.Random) -> tuple[str, ...]:
    """Return the scan of a folder of files."""
    root = folder / "Tunes"
    for number in range(80):
        mp3(
            root / f"{number // 8}" / f"{number}.mp3",
            audio=number,
            frames=3,
            artist=f"Artist {rng.randrange(6)}",
            album=f"Album {number // 8}",
            title=f"Song {number}",
        )
    return ("import", "music", str(root), "--json")


def maintain(_folder: Path, _rng: random.Random) -> tuple[str, ...]:
    """Return the care for a database with something to care for."""
    return ("maintain", "--json")


async def _rows(conninfo: str) -> None:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        account = await factories.make_user(conn, "ada")
        for number in range(1, 6):
            release_id = await factories.make_release(conn, number)
            await factories.make_copy(conn, account, release_id)
            await factories.make_play(conn, account.id, release_id)


@slow
@pytest.mark.parametrize("prepare", [dump, music, maintain])
def test_killed_again_and_again(
    server: Server,
    template_database: str,
    tmp_path: Path,
    rng: random.Random,
    prepare: Prepare,
) -> None:
    command = prepare(tmp_path, rng)
    with server.database(template_database) as conninfo:
        asyncio.run(_rows(conninfo))
        statements = run_command(conninfo, tmp_path, 0, False, *command)
        assert statements is not None
        assert statements > 5
        undisturbed = fingerprint(conninfo)
    for _ in range(ROUNDS):
        with server.database(template_database) as conninfo:
            asyncio.run(_rows(conninfo))
            killed = 0
            for _ in range(KILLS):
                point, after = rng.randint(1, statements), rng.random() < 0.5
                killed += run_command(conninfo, tmp_path, point, after, *command) is None
                assert broken_rules(conninfo) == []
            assert killed > 0
            assert run_command(conninfo, tmp_path, 0, False, *command) is not None
            assert broken_rules(conninfo) == []
            assert fingerprint(conninfo) == undisturbed


@slow
def test_migrations_killed_again_and_again(
    server: Server, tmp_path: Path, rng: random.Random
) -> None:
    with server.database() as conninfo:
        statements = run_command(conninfo, tmp_path, 0, False, "migrate")
        assert statements is not None
        undisturbed = schema_of(conninfo)
    with server.database() as conninfo:
        killed = 0
        while (
            killed < 6
            and run_command(
                conninfo, tmp_path, rng.randint(5, statements // 3), rng.random() < 0.5, "migrate"
            )
            is None
        ):
            killed += 1
        assert killed > 1
        migrate(conninfo)
        assert schema_of(conninfo) == undisturbed
        assert broken_rules(conninfo) == []


def schema_of(conninfo: str) -> list[Any]:
    """Return the columns, constraints and indexes."""
    with psycopg.connect(conninfo) as conn:
        return [
            *conn.execute(
                "SELECT table_name, column_name, data_type, is_nullable, column_default"
                "  FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
            ).fetchall(),
            *conn.execute(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
                "  FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
            ).fetchall(),
            *conn.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall(),
        ]


@slow
def test_an_export_that_is_killed_leaves_the_file_of_before(
    server: Server, template_database: str, tmp_path: Path, rng: random.Random
) -> None:
    file = tmp_path / "ada.json"
    command = ("export", "all", "--user", "ada", "--output", str(file))
    with server.database(template_database) as conninfo:
        asyncio.run(_rows(conninfo))
        statements = run_command(conninfo, tmp_path, 0, False, *command)
        assert statements is not None
        before = file.read_bytes()
        assert len(before) > 1000
        for _ in range(6):
            point = rng.randint(1, statements)
            assert run_command(conninfo, tmp_path, point, True, *command) is None
            assert file.read_bytes() == before
