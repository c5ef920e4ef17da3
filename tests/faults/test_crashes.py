"""Commands killed with -9 at random points, again and again, and then let through.

A point is a statement, or a COPY's beginning, block or end (`killed_command`). What is in the
database then is what one undisturbed run would have left, and no rule is broken. Most imports of a
user's own files and the sync have such tests of their own (`tests/importers`,
`tests/cli/test_sync.py`), which are quicker.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import factories
from audio_files import mp3
from fingerprints import fingerprint
from invariants import broken_rules
from killing import run_command
from kleio.db.connections import configure
from kleio.db.migrate import migrate
from library_rows import fill_library
from servers import Server

from .conftest import slow

ROUNDS, KILLS = 3, 3

Prepare = Callable[[Path, random.Random], tuple[str, ...]]


def dump(folder: Path, rng: random.Random) -> tuple[str, ...]:
    """Return the import of all four dumps, of releases that share artists, labels and masters."""
    return ("import", "discogs-dump", *_dumps(folder, rng, 130), "--json", "--batch-size", "60")


def _dumps(folder: Path, rng: random.Random, releases: int) -> list[str]:
    entries = {
        "artists": [
            f"<artist><id>{number}</id><name>Artist {number}</name><profile>Of {number}</profile>"
            "</artist>"
            for number in range(1, 40)
        ],
        "labels": [
            f"<label><id>{number}</id><name>Label {number}</name></label>"
            for number in range(1, 25)
        ],
        "masters": [
            f'<master id="{number}"><main_release>{number}</main_release><year>1999</year>'
            f"<title>Title {number}</title></master>"
            for number in range(1, 70)
        ],
        "releases": [_release(number, rng) for number in range(1, releases + 1)],
    }
    paths = []
    for kind, lines in entries.items():
        path = folder / f"discogs_{kind}.xml"
        path.write_text(f"<{kind}>\n{chr(10).join(lines)}\n</{kind}>\n")
        paths.append(str(path))
    return paths


def _release(number: int, rng: random.Random) -> str:
    artist, label = rng.randrange(1, 50), rng.randrange(1, 30)
    return (
        f'<release id="{number}" status="Accepted"><artists><artist><id>{artist}</id>'
        f"<name>Artist {artist}</name></artist></artists><title>Title {number}</title>"
        f'<labels><label name="Label {label}" catno="C{number}" id="{label}"/></labels>'
        '<formats><format name="Vinyl" qty="1"/></formats>'
        f"<genres><genre>Genre {number % 7}</genre></genres><country>Sweden</country>"
        f'<master_id is_main_release="true">{number % 80 + 1}</master_id>'
        "<tracklist><track><position>A</position><title>Song</title>"
        f"<duration>3:{number % 60:02}</duration></track></tracklist></release>"
    )


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


def history(folder: Path, rng: random.Random) -> tuple[str, ...]:
    """Return the import of the older Kleio's history, some of it of releases that nobody knows."""
    path = folder / "history.json"
    moments = [f"2025-0{1 + n // 28}-{1 + n % 28:02}T20:00:00Z" for n in range(150)]
    played = [
        {"releaseId": rng.randrange(1, 7), "playedAt": moment, "notes": f"Play {moment}"}
        for moment in moments
    ]
    cleaned = [
        {"releaseId": rng.randrange(1, 7), "cleanedAt": moment, "notes": ""}
        for moment in moments[::4]
    ]
    path.write_text(json.dumps({"playHistory": played, "cleaningHistory": cleaned}))
    return ("import", "kleio-json", str(path), "--user", "ada", "--json")


async def _rows(conninfo: str) -> None:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        account = await factories.make_user(conn, "ada")
        for number in range(1, 6):
            release_id = await factories.make_release(conn, number)
            await factories.make_copy(conn, account, release_id)
            await factories.make_play(conn, account.id, release_id)
            await factories.make_cleaning(conn, account.id, release_id)


@slow
@pytest.mark.parametrize("prepare", [dump, music, history])
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
@pytest.mark.parametrize("with_parent", [False, True])
def test_processes_of_a_dump_killed_again_and_again(
    server: Server,
    template_database: str,
    tmp_path: Path,
    rng: random.Random,
    with_parent: bool,
) -> None:
    """One process of the import dies at one of its own points, alone or all with it."""
    paths = _dumps(tmp_path, rng, 600)
    command = ("import", "discogs-dump", *paths, "--json", "--batch-size", "60", "--workers", "2")
    variables = {"KLEIO_KILL_PARENT": "1"} if with_parent else {}
    with server.database(template_database) as conninfo:
        assert run_command(conninfo, tmp_path, 0, False, *command) is not None
        undisturbed = fingerprint(conninfo)
    for _ in range(ROUNDS):
        with server.database(template_database) as conninfo:
            killed = 0
            for _ in range(2 * KILLS):
                point, after = rng.randint(1, 90), rng.random() < 0.5
                killed += (
                    run_command(conninfo, tmp_path, point, after, *command, **variables) is None
                )
                assert broken_rules(conninfo) == []
            assert killed > 0
            assert run_command(conninfo, tmp_path, 0, False, *command) is not None
            assert broken_rules(conninfo) == []
            assert fingerprint(conninfo) == undisturbed


async def _neglected(conninfo: str) -> None:
    """Add what each step of the care has something to do with, and a month to be put away."""
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        account = await factories.make_user(conn, "bob")
        before = factories.NOW - timedelta(days=900)
        await factories.make_token(conn, account.id, name="old", expires_at=before)
        await fill_library(conn)
        for statement in (
            "INSERT INTO idempotency_keys SELECT id, 'old', '', 200, 'x', '2020-01-01Z' FROM users",
            "SELECT create_month_partition(parent, '2020-02-29Z')"
            "  FROM (VALUES ('songs'::regclass), ('albums'::regclass)) AS tables (parent)",
            # Of an album of this month too, which has fewer songs afterwards.
            "INSERT INTO songs (id, library_id, album_id, album_name, name, codec, duration_ms,"
            "                   updated_at)"
            " SELECT uuidv7('2020-02-15Z'::timestamptz - clock_timestamp()), library_id, id, name,"
            "        'Old', 'mp3', 1000, now() FROM albums",
            "UPDATE albums SET song_count = song_count + 1, duration_ms = duration_ms + 1000",
            "INSERT INTO user_songs (user_id, song_id, play_count, created_at, updated_at)"
            " SELECT u.id, s.id, 1, now(), now() FROM users AS u, songs AS s WHERE s.name = 'Old'",
            "INSERT INTO genres (name, created_at)"
            " SELECT 'genre ' || n, now() FROM generate_series(1, 2000) AS n",
            "WITH run AS ("
            " INSERT INTO import_runs (user_id, source, source_key, file_name, options, dry_run,"
            "   with_updates, state, records, bytes_read, bytes_total, counts, created_at,"
            "   updated_at, finished_at)"
            " SELECT id, 'account', 'x', 'old', '{}', false, false, 'done', 30, 1, 1,"
            "        jsonb_build_object('copy', jsonb_build_object('new', 30)), '2020-01-01Z',"
            "        '2020-01-01Z', '2020-01-01Z'"
            "   FROM users CROSS JOIN generate_series(1, 8) RETURNING user_id, id)"
            " INSERT INTO import_rows (user_id, run_id, seq, kind, verdict, place)"
            " SELECT user_id, id, n, 'copy', 'new', 'line'"
            "   FROM run CROSS JOIN generate_series(1, 30) AS n",
            "INSERT INTO sync_runs (user_id, status, dry_run, with_details, created_at, updated_at,"
            "                       finished_at)"
            " SELECT id, 'completed', false, false, '2020-01-01Z', '2020-01-01Z', '2020-01-01Z'"
            "   FROM users CROSS JOIN generate_series(1, 8)",
        ):
            await conn.execute(statement)


def cared_for(conninfo: str) -> list[Any]:
    """Return what the care leaves: rows, what was forgotten, which months are where, statistics.

    Without the views: they are of the moment of their refresh, which comes before a month is put
    away, and after it where the run had to begin anew.
    """
    with psycopg.connect(conninfo) as conn:
        relations = conn.execute(
            "SELECT relnamespace::regnamespace::text, relname, relispartition FROM pg_class"
            " WHERE relnamespace IN ('public'::regnamespace, to_regnamespace('archive'))"
            " ORDER BY 1, 2"
        ).fetchall()
        away = [
            (name, *conn.execute(f"SELECT count(*) FROM archive.{name}").fetchone())
            for schema, name, _ in relations
            if schema == "archive" and not name.endswith(("_pkey", "_idx", "_key"))
        ]
        forgotten = conn.execute(
            "SELECT (SELECT count(*) FROM auth_tokens), (SELECT count(*) FROM idempotency_keys),"
            "       (SELECT reltuples FROM pg_class WHERE oid = 'genres'::regclass),"
            "       (SELECT count(*) FROM import_runs), (SELECT count(*) FROM import_rows),"
            "       (SELECT count(*) FROM sync_runs)"
        ).fetchone()
    rows = {name: row for name, row in fingerprint(conninfo).items() if not name.startswith("mv_")}
    return [rows, relations, away, forgotten]


@pytest.fixture
def neglected(server: Server, template_database: str) -> Iterator[str]:
    """The name of a database to copy that has not been cared for."""
    with server.database(template_database) as conninfo:
        asyncio.run(_rows(conninfo))
        asyncio.run(_neglected(conninfo))
        yield str(conninfo_to_dict(conninfo)["dbname"])


@slow
@pytest.mark.timeout(900)
def test_maintain_killed_at_every_point(
    server: Server, tmp_path: Path, neglected: str, rng: random.Random
) -> None:
    command = ("maintain", "--json", "--archive-before", "2020-03")
    with server.database(neglected) as conninfo:
        statements = run_command(conninfo, tmp_path, 0, False, *command)
        assert statements is not None
        assert statements > 30
        undisturbed = cared_for(conninfo)
        assert ("archive", "songs_2020_02", False) in undisturbed[1]
        assert undisturbed[3][3:] == (5 * 2, 5 * 2 * 30, 5 * 2)
        assert broken_rules(conninfo) == []
    for point in range(1, statements + 1):
        with server.database(neglected) as conninfo:
            after = rng.random() < 0.5
            assert run_command(conninfo, tmp_path, point, after, *command) is None, point
            assert broken_rules(conninfo) == [], point
            assert run_command(conninfo, tmp_path, 0, False, *command) is not None, point
            assert broken_rules(conninfo) == [], point
            assert cared_for(conninfo) == undisturbed, point


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


EXPORTED_AT = re.compile(rb'"exportedAt":"[^"]*"')


@slow
@pytest.mark.parametrize(
    "what", [("collection",), ("plays", "--format", "ndjson"), ("cleanings",), ("all",)]
)
def test_an_export_that_is_killed_leaves_the_file_of_before(
    server: Server,
    template_database: str,
    tmp_path: Path,
    rng: random.Random,
    what: tuple[str, ...],
) -> None:
    file = tmp_path / "file"
    command = ("export", *what, "--user", "ada", "--output", str(file))
    with server.database(template_database) as conninfo:
        asyncio.run(_rows(conninfo))
        points = run_command(conninfo, tmp_path, 0, False, *command)
        assert points is not None
        undisturbed = EXPORTED_AT.sub(b"", file.read_bytes())
        assert undisturbed.count(b"\n") >= 5
        before = b"what was there before"
        file.write_bytes(before)
        for point in rng.sample(range(1, points + 1), min(points, 8)):
            after = rng.random() < 0.5
            assert run_command(conninfo, tmp_path, point, after, *command) is None
            assert file.read_bytes() == before
        assert run_command(conninfo, tmp_path, 0, False, *command) == points
        assert EXPORTED_AT.sub(b"", file.read_bytes()) == undisturbed
