"""The rows on which plans are looked at: a catalogue, shelves on it, and what was played."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from kleio.db.connections import connect
from kleio.importers.catalogue_store import store
from kleio.repositories import library_stats
from kleio.seed import demo_catalogue
from kleio.seed.music import MusicPlan
from kleio.seeding import copy_chunk, prepare_library, read_library
from kleio.settings import load_settings
from servers import as_owner

RELEASES = 3000
MUSIC = MusicPlan(
    seed=1,
    songs=20_000,
    albums=1_800,
    artists=600,
    months=12,
    until=datetime(2026, 7, 1, tzinfo=UTC),
)
USERS = 300
COPIES = 60
PLAYS = 160
"""Copies and plays of each user."""

_SHELVES = """
INSERT INTO users (username, email, created_at, updated_at)
SELECT 'user' || n, 'user' || n || '@example.org', '2026-01-01Z', '2026-01-01Z'
  FROM generate_series(1, %(users)s) AS n;

INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT u.id, n, 'Folder ' || n, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 3) AS n;

INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at)
SELECT sha256((u.username || n)::bytea), u.id, 'token', 'kleio_', u.created_at
  FROM users AS u, generate_series(1, 4) AS n;

INSERT INTO user_releases (
    user_id, release_id, folder_id, rating, added_at, created_at, updated_at
)
SELECT u.id, r.id, f.id, n %% 6, '2020-01-01Z'::timestamptz + n * interval '1 day',
       u.created_at, u.created_at
  FROM (SELECT id, created_at, row_number() OVER (ORDER BY id) AS k FROM users) AS u
 CROSS JOIN generate_series(1, %(copies)s) AS n
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS k FROM releases) AS r
    ON r.k = 1 + (u.k * 37 + n * 101) %% %(releases)s
  JOIN folders AS f
    ON f.user_id = u.id AND f.number = 1 + n %% 3;

-- As long as a report with some copies in it.
INSERT INTO sync_runs (user_id, status, dry_run, with_details, report, created_at, updated_at)
SELECT u.id, 'completed', false, true, jsonb_build_object('items', repeat('x', 600)),
       u.created_at, u.created_at
  FROM users AS u, generate_series(1, 10) AS n;

INSERT INTO styluses (
    user_id, name, expected_lifespan_hours, active, is_primary, owned, created_at, updated_at
)
SELECT u.id, 'Stylus ' || n, 500, true, n = 1, true, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 4) AS n;

-- In the order of time, users among each other, as they come in; every second one with a stylus.
INSERT INTO play_history (
    user_id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, created_at, updated_at
)
SELECT c.user_id, c.release_id, c.id, CASE WHEN n %% 2 = 0 THEN s.id END,
       '2021-01-01Z'::timestamptz + n * interval '9 days' + c.k * interval '3 minutes',
       1800 + n, true, c.created_at, c.created_at
  FROM generate_series(1, %(plays)s) AS n
  JOIN (SELECT user_id, release_id, id, created_at,
               row_number() OVER (PARTITION BY user_id ORDER BY id) AS k
          FROM user_releases) AS c
    ON c.k = 1 + n %% 40
  JOIN styluses AS s
    ON s.user_id = c.user_id AND s.is_primary
 ORDER BY n, c.user_id;

INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at, updated_at)
SELECT c.user_id, c.release_id, '2021-01-01Z'::timestamptz + c.k * interval '9 days', false,
       c.created_at, c.created_at
  FROM (SELECT user_id, release_id, created_at,
               row_number() OVER (PARTITION BY user_id ORDER BY id) AS k
          FROM user_releases) AS c
 WHERE c.k %% 3 = 0
 ORDER BY c.k, c.user_id;

INSERT INTO import_runs (
    user_id, source, source_key, file_name, options, dry_run, with_updates, state, records,
    bytes_read, bytes_total, counts, created_at, updated_at
)
SELECT u.id, 'account', 'account', n || '.json', '{}', false, false, 'done', 200, 1, 1, '{}',
       u.created_at, u.created_at
  FROM users AS u, generate_series(1, 60) AS n;

INSERT INTO import_rows (user_id, run_id, seq, kind, verdict, place)
SELECT r.user_id, r.id, n, 'play', 'new', '$.plays[' || n || ']'
  FROM import_runs AS r, generate_series(1, 200) AS n
 WHERE r.file_name = '7.json'
 ORDER BY r.user_id, r.id, n;
"""


_SCANNED = """
INSERT INTO libraries (name, root, created_at, updated_at)
SELECT 'other' || n, '/music/' || n, '2026-01-01Z', '2026-01-01Z'
  FROM generate_series(1, 30) AS n;

INSERT INTO library_scans (library_id, started_at, folders)
SELECT l.id, '2026-01-01Z'::timestamptz + n * interval '1 hour', '{""}'
  FROM libraries AS l, generate_series(1, 100) AS n;

UPDATE library_artists AS t
   SET artist_id = linked.artist_id, link = 'hand'
  FROM (SELECT x.artist_id, row_number() OVER (ORDER BY count(*) DESC, x.artist_id) AS k
          FROM release_artists AS x WHERE x.artist_id IS NOT NULL GROUP BY x.artist_id) AS linked
  JOIN (SELECT a.artist_id AS id, row_number() OVER (ORDER BY count(*) DESC, a.artist_id) AS k
          FROM albums AS a WHERE a.artist_id IS NOT NULL GROUP BY a.artist_id) AS named
    ON named.k = linked.k
 WHERE t.id = named.id;
"""


_GUESSED = """
INSERT INTO attempts (subject, free_at)
SELECT sha256(n::text::bytea), '2026-01-02T00:00:00Z'::timestamptz + n * interval '1 s'
  FROM generate_series(1, 5000) AS n
"""
"""As many accounts and addresses as a bad hour has."""


def fill_catalogue(conninfo: str, releases: int) -> None:
    """Store the first releases of the demo's catalogue."""

    async def store_all() -> None:
        async with await connect(load_settings({}), conninfo) as conn:
            documents = list(demo_catalogue(releases))
            for start in range(0, releases, 1000):
                await store(conn, "releases", documents[start : start + 1000])

    asyncio.run(store_all())


_HEARD = """
INSERT INTO user_songs (
    user_id, song_id, play_count, last_played_at, starred_at, created_at, updated_at
)
SELECT u.id, s.id, 1, u.created_at + s.k * interval '1 hour', u.created_at + s.k * interval '1 day',
       u.created_at, u.created_at
  FROM (SELECT id, created_at FROM users ORDER BY id LIMIT 40) AS u
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS k FROM songs) AS s
    ON s.k %% 97 = 0;
"""


def fill_library(conninfo: str, plan: MusicPlan) -> None:
    """Load a library of the seed, all chunks in this process, and count it."""

    async def load() -> None:
        async with await connect(load_settings({}), conninfo) as conn:
            prepared, _ = await prepare_library(conn, plan)
            library = await read_library(conn, prepared)
            for chunk in range(plan.chunks):
                await copy_chunk(conn, library, chunk)
            await library_stats.refresh_library_stats(conn)
            await library_stats.refresh_artist_stats(conn)
            await library_stats.refresh_release_popularity(conn)

    asyncio.run(load())


def fill(conninfo: str) -> None:
    """Write the catalogue, all that the users have, and a library, as the database's owner."""
    conninfo = as_owner(conninfo)
    fill_catalogue(conninfo, RELEASES)
    with psycopg.ClientCursor(psycopg.connect(conninfo)) as cursor, cursor.connection:
        counts = {"users": USERS, "copies": COPIES, "releases": RELEASES, "plays": PLAYS}
        cursor.execute(_SHELVES, counts)
    fill_library(conninfo, MUSIC)
    with psycopg.ClientCursor(psycopg.connect(conninfo)) as cursor, cursor.connection:
        cursor.execute(_HEARD, {})
        cursor.execute(_SCANNED)
        cursor.execute(_GUESSED)


def keep_statistics(conninfo: str) -> None:
    """Have statistics look at every row, so that they, and with them plans, are always the same."""
    with psycopg.connect(as_owner(conninfo), autocommit=True) as conn:
        conn.execute(
            sql.SQL("ALTER DATABASE {} SET default_statistics_target = 1000").format(
                sql.Identifier(conn.info.dbname)
            )
        )


class Facts(msgspec.Struct, frozen=True, eq=False):
    """Keys of the seeded rows that the cases are about."""

    user_id: UUID
    copy_id: UUID
    folder_id: UUID
    release_id: UUID
    middle_release_id: UUID
    artist_id: UUID
    label_id: UUID
    style_id: UUID
    genre_id: UUID
    token_id: UUID
    play_id: UUID
    cleaning_id: UUID
    stylus_id: UUID
    run_id: UUID
    artist: str
    label: str
    catno: str
    discogs_id: int
    title: str
    title_first_words: list[str]
    title_second_words: list[str] | None
    artist_first_words: list[str]
    artist_second_words: list[str] | None
    label_first_words: list[str]
    label_second_words: list[str] | None
    album_first_words: list[str]
    album_second_words: list[str] | None
    library_artist_first_words: list[str]
    library_artist_second_words: list[str] | None
    song_id: UUID
    middle_song_id: UUID
    song_ids: list[UUID]
    song_name: str
    first_words: list[str]
    second_words: list[str]
    third_words: None
    album_id: UUID
    album_ids: list[UUID]
    album: str
    library_artist_id: UUID
    library_artist: str
    library_id: UUID
    owned_album_id: UUID
    copy_ids: list[UUID]
    big_tables: frozenset[str]


def read_facts(conn: psycopg.Connection[Any]) -> Facts:
    """Look the keys up."""

    def one(statement: str) -> Any:
        (value,) = conn.execute(statement).fetchone()
        return value

    user_id = one("SELECT id FROM users WHERE username = 'user7'")
    artist_id, artist = conn.execute(
        "SELECT a.id, a.name FROM artists AS a JOIN release_artists AS c ON c.artist_id = a.id"
        " GROUP BY a.id ORDER BY count(*) DESC, a.id OFFSET 20 LIMIT 1"
    ).fetchone()
    label_id, label, catno = conn.execute(
        "SELECT l.id, l.name, min(c.catno) FROM labels AS l"
        "  JOIN release_labels AS c ON c.label_id = l.id"
        " GROUP BY l.id ORDER BY count(*) DESC, l.id OFFSET 20 LIMIT 1"
    ).fetchone()
    library_artist_id, library_artist = conn.execute(
        "SELECT a.id, a.name FROM library_artists AS a JOIN songs AS s ON s.artist_id = a.id"
        " GROUP BY a.id ORDER BY count(*) DESC, a.id OFFSET 5 LIMIT 1"
    ).fetchone()
    song_id, song_name, album_id, album = conn.execute(
        "SELECT id, name, album_id, album_name FROM songs WHERE name ~ '^[^ ]{5,} [^ ]{5,}$'"
        " ORDER BY id OFFSET 2000 LIMIT 1"
    ).fetchone()
    ((first_word, second_word),) = conn.execute("SELECT search_keys(%s)", [song_name]).fetchone()
    release = "SELECT {} FROM releases ORDER BY id OFFSET 1500 LIMIT 1"
    title = one(release.format("title"))
    searched: dict[str, Any] = {}
    for noun, name in {
        "title": title,
        "artist": artist,
        "label": label,
        "album": album,
        "library_artist": library_artist,
    }.items():
        (words,) = conn.execute("SELECT search_keys(%s)", [name]).fetchone()
        searched[f"{noun}_first_words"] = words[:1]
        searched[f"{noun}_second_words"] = words[1:2] or None
    return Facts(
        user_id=user_id,
        copy_id=one(f"SELECT id FROM user_releases WHERE user_id = '{user_id}' LIMIT 1"),
        folder_id=one(f"SELECT id FROM folders WHERE user_id = '{user_id}' AND number = 2"),
        release_id=one(release.format("id")),
        middle_release_id=one(release.format("id")),
        artist_id=artist_id,
        label_id=label_id,
        style_id=one("SELECT style_id FROM release_styles GROUP BY 1 ORDER BY count(*) LIMIT 1"),
        genre_id=one("SELECT genre_id FROM release_genres GROUP BY 1 ORDER BY count(*) LIMIT 1"),
        token_id=one(f"SELECT id FROM auth_tokens WHERE user_id = '{user_id}' LIMIT 1"),
        play_id=one(f"SELECT id FROM play_history WHERE user_id = '{user_id}' LIMIT 1"),
        cleaning_id=one(f"SELECT id FROM cleaning_history WHERE user_id = '{user_id}' LIMIT 1"),
        stylus_id=one(f"SELECT id FROM styluses WHERE user_id = '{user_id}' AND is_primary"),
        run_id=one(f"SELECT run_id FROM import_rows WHERE user_id = '{user_id}' LIMIT 1"),
        artist=artist,
        label=label,
        catno=catno,
        discogs_id=one(release.format("discogs_id")),
        title=title,
        **searched,
        song_id=song_id,
        middle_song_id=song_id,
        # Of all months, in no order, some more than once.
        song_ids=one(
            "SELECT array_agg(id ORDER BY md5(id::text)) FROM"
            " (SELECT id FROM songs ORDER BY md5(id::text) LIMIT 100) AS part"
        ),
        song_name=song_name,
        # With all that is like them, months of 600 songs are read whole sooner.
        first_words=[first_word],
        second_words=[second_word],
        third_words=None,
        album_id=album_id,
        album_ids=one("SELECT array_agg(id) FROM (SELECT id FROM albums LIMIT 50) AS part"),
        album=album,
        library_artist_id=library_artist_id,
        library_artist=library_artist,
        library_id=one("SELECT library_id FROM library_scans ORDER BY id DESC LIMIT 1"),
        owned_album_id=one(
            "SELECT a.id FROM albums AS a JOIN library_artists AS t ON t.id = a.artist_id"
            f" WHERE t.artist_id = '{artist_id}' ORDER BY a.id LIMIT 1"
        ),
        copy_ids=one(f"SELECT array_agg(id) FROM user_releases WHERE user_id = '{user_id}'"),
        big_tables=frozenset(
            name
            for (name,) in conn.execute(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'm') AND reltuples > 1000"
            )
        ),
    )
