"""`kleio seed`: what it writes, that it can be cut short and repeated, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from kleio.seed.music import ALBUMS_A_CHUNK

SONGS = ALBUMS_A_CHUNK * 6
"""Two songs an album: six chunks."""
OPTIONS = (f"--songs={SONGS}", f"--albums={ALBUMS_A_CHUNK * 3}", "--artists=50", "--months=3",
           "--until=2026-03-15", "--workers=2")  # fmt: skip
SHELVES = ("--releases=30", "--users=5", "--copies=40", "--plays=200", "--until=2026-03-15")
# Everything that a seed writes, but for what the demo's catalogue stamps with the time.
PICTURE = {
    "songs": "SELECT md5(string_agg(s::text, ' ' ORDER BY id)), count(*) FROM songs AS s",
    "albums": "SELECT md5(string_agg(b::text, ' ' ORDER BY id)), count(*) FROM albums AS b",
    "guests": "SELECT md5(string_agg(c::text, ' ' ORDER BY c::text)), count(*)"
    "  FROM song_artists AS c",
    "users": "SELECT md5(string_agg(u::text, ' ' ORDER BY id)), count(*) FROM users AS u",
    "copies": "SELECT md5(string_agg(concat(c.id, c.added_at, r.discogs_id), ' ' ORDER BY c.id)),"
    "  count(*) FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id",
    "plays": "SELECT md5(string_agg(concat(p.id, p.user_release_id, p.played_at), ' '"
    "  ORDER BY p.id)), count(*) FROM play_history AS p",
}


def command(conninfo: str, *options: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, "-m", "kleio", "seed", *options],
        "env": {**os.environ, "DATABASE_URL": conninfo},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def seed(conninfo: str, *options: str) -> tuple[dict[str, Any], str]:
    result = subprocess.run(**command(conninfo, *options, "--json"), check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr


def picture(conninfo: str) -> dict[str, Any]:
    with psycopg.connect(conninfo) as conn:
        return {name: conn.execute(query).fetchone() for name, query in PICTURE.items()}


def test_a_killed_run_that_is_repeated_gives_the_rows_of_a_whole_one(
    conninfo: str, server: Any, template_database: str
) -> None:
    report, text = seed(conninfo, *OPTIONS)
    assert (report["songs"], report["albums"]) == (SONGS, ALBUMS_A_CHUNK * 3)
    assert report["presentSongs"] == 0
    assert f"songs: {SONGS:,} written" in text
    whole = picture(conninfo)
    assert whole["songs"][1] == SONGS
    with server.database(template_database) as other:
        process = subprocess.Popen(**command(other, *OPTIONS))
        with psycopg.connect(other, autocommit=True) as conn:
            while not conn.execute("SELECT FROM songs LIMIT 1").rowcount:
                assert process.poll() is None
            process.kill()
        # The pipes are closed when the last of its processes has ended.
        process.communicate(timeout=60)
        with psycopg.connect(other) as conn:
            (there,) = conn.execute("SELECT count(*) FROM songs").fetchone()
        assert 0 < there <= SONGS
        report, _ = seed(other, *OPTIONS)
        assert report["presentSongs"] + report["songs"] == SONGS
        assert report["presentSongs"] >= there
        assert picture(other) == whole
    report, _ = seed(conninfo, *OPTIONS)
    assert (report["songs"], report["presentSongs"], report["artists"]) == (0, SONGS, 0)
    assert picture(conninfo) == whole


def test_shelves_are_the_same_every_time_and_their_plays_are_of_their_copies(
    conninfo: str, server: Any, template_database: str
) -> None:
    report, _ = seed(conninfo, *SHELVES)
    assert (report["releases"], report["users"]) == (30, 5)
    assert (report["copies"], report["plays"]) == (200, 1000)
    assert seed(conninfo, *SHELVES)[0]["users"] == 0
    found = picture(conninfo)
    assert (found["copies"][1], found["plays"][1]) == (200, 1000)
    with psycopg.connect(conninfo) as conn:
        wrong = conn.execute(
            "SELECT count(*) FROM play_history AS p JOIN user_releases AS c"
            "    ON c.user_id = p.user_id AND c.id = p.user_release_id"
            " WHERE c.release_id <> p.release_id OR uuid_extract_version(c.id) <> 7"
            "    OR abs(extract(epoch FROM uuid_extract_timestamp(p.id) - p.played_at)) > 0.001"
        ).fetchone()
    assert wrong == (0,)
    with server.database(template_database) as other:
        seed(other, *SHELVES)
        assert picture(other) == found


def test_an_added_seed_stands_beside_the_first(conninfo: str) -> None:
    small = ("--songs=30", "--artists=5", "--until=2026-03-15")
    for number in (1, 2):
        assert seed(conninfo, *small, f"--seed={number}")[0]["songs"] == 30
    with psycopg.connect(conninfo) as conn:
        names = conn.execute("SELECT name FROM libraries ORDER BY name").fetchall()
    assert names == [("Seed 1",), ("Seed 2",)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to write: give --songs, --releases or --users"),
        (("--songs=3", "--albums=4"), "--albums 4 are more than --songs 3"),
        (("--users=1", "--copies=1"), "copies need releases: give --releases too"),
    ],
)
def test_what_makes_no_sense_is_one_clear_line(
    options: tuple[str, ...], message: str, conninfo: str
) -> None:
    result = subprocess.run(**command(conninfo, *options), check=False)
    assert result.returncode in (1, 2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_with_users_of_its_own_is_left_alone(conninfo: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO users (username, email, created_at, updated_at)"
            " VALUES ('ada', 'ada@example.org', now(), now())"
        )
        result = subprocess.run(**command(conninfo, "--songs=30"), check=False)
        assert result.returncode == 1
        assert "users or libraries of its own" in result.stderr
        assert conn.execute("SELECT count(*) FROM songs").fetchone() == (0,)
        assert seed(conninfo, "--songs=30", "--here")[0]["songs"] == 30
