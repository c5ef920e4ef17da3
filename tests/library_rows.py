"""A small music library for tests, written straight into the tables: names, scripts, a gap."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from factories import NOW
from kleio.db.queries import Connection
from kleio.repositories import seeds, words

LIBRARY = "Living room"
MANY = 60
"""Songs of the album "Sixty Sketches", all of one name, so that only ids tell them apart."""

ALBUMS: dict[tuple[str, str, int | None], list[str]] = {
    ("Sigur Rós", "Ágætis byrjun", 1999): ["Intro", "Svefn-g-englar", "Starálfur", "Olsen Olsen"],
    ("The Beatles", "Abbey Road", 1969): ["Come Together", "Something", "Oh! Darling", "The End"],
    ("Кино", "Группа крови", 1988): ["Группа крови", "Закрой за мной дверь", "Война"],
    ("Nobody", "Sixty Sketches", None): ["Sketch"] * MANY,
    ("椎名林檎", "無罪モラトリアム", 1999): ["丸の内サディスティック"],
}
SONGS = sum(len(names) for names in ALBUMS.values())
MISSING = "Gone With The Disk"
"""A song whose file is missing; no list holds it."""


async def _value(conn: Connection, statement: str, *parameters: Any) -> Any:
    row = await (await conn.execute(statement, parameters)).fetchone()
    return None if row is None else row[0]


async def make_song(conn: Connection, library_id: UUID, name: str, **columns: Any) -> UUID:
    """Insert a song and return its id."""
    given = {
        "library_id": library_id,
        "name": name,
        "codec": "flac",
        "duration_ms": 200_000,
        "updated_at": NOW,
        **columns,
    }
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    song_id = await _value(
        conn, f"INSERT INTO songs ({names}) VALUES ({marks}) RETURNING id", *given.values()
    )
    await add_words(conn)
    return song_id


async def add_words(conn: Connection) -> None:
    """Write the words of all names of a library, as whoever writes them does."""
    albums = await (await conn.execute("SELECT id FROM albums")).fetchall()
    await seeds.insert_seed_words(
        conn,
        first_id=UUID(int=0),
        last_id=UUID(int=2**128 - 1),
        album_ids=[album_id for (album_id,) in albums],
    )
    artists = await (await conn.execute("SELECT name FROM library_artists")).fetchall()
    await words.insert_words(conn, names=[name for (name,) in artists], texts=[])


async def make_library(conn: Connection, name: str = LIBRARY) -> UUID:
    """Insert an empty library and return its id."""
    return await _value(
        conn,
        "INSERT INTO libraries (name, root, created_at, updated_at) VALUES (%s, %s, %s, %s)"
        " RETURNING id",
        *(name, "/music", NOW, NOW),
    )


async def make_artist(conn: Connection, name: str) -> UUID:
    """Insert an artist, linked to the catalogue's of the same name where there is one."""
    return await _value(
        conn,
        "INSERT INTO library_artists (name, artist_id, link, created_at, updated_at)"
        " SELECT n.name, a.id, CASE WHEN a.id IS NOT NULL THEN 'name' END, n.now, n.now"
        "   FROM (VALUES (%s, %s::timestamptz)) AS n (name, now)"
        "   LEFT JOIN artists AS a ON a.name = n.name"
        " RETURNING id",
        *(name, NOW),
    )


async def fill_library(conn: Connection) -> UUID:
    """Write the albums, a missing song and the counts; return the library's id."""
    library_id = await make_library(conn)
    for (artist, album, year), names in ALBUMS.items():
        artist_id = await make_artist(conn, artist)
        duration_ms = sum(100_000 * number for number in range(1, len(names) + 1))
        album_id = await _value(
            conn,
            "INSERT INTO albums (library_id, key, artist_id, artist_name, name, year, song_count,"
            "                    duration_ms, updated_at)"
            " VALUES (%s, gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            *(library_id, artist_id, artist, album, year, len(names), duration_ms, NOW),
        )
        for number, name in enumerate(names, 1):
            await make_song(
                conn,
                library_id,
                name,
                album_id=album_id,
                album_name=album,
                artist_id=artist_id,
                artist_name=artist,
                track_number=number,
                disc_number=1,
                year=year,
                genre="Rock" if number % 2 else None,
                codec="flac" if number < 4 else "mp3",
                duration_ms=100_000 * number,
            )
    await make_song(conn, library_id, MISSING, missing_since=NOW)
    await refresh_counts(conn)
    return library_id


async def refresh_counts(conn: Connection) -> datetime:
    """Refresh the views and return when that was."""
    for view in (
        "library_stats",
        "artist_stats",
        "catalogue_totals",
        "release_popularity",
        "genre_counts",
    ):
        await conn.execute(f"REFRESH MATERIALIZED VIEW mv_{view}")
    return await _value(conn, "SELECT max(refreshed_at) FROM mv_library_stats")
