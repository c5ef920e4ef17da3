"""Databases of the older Kleio, generated: its schema, a collection of any size, and every trap.

`build` writes one and is deterministic: the same arguments give the same rows. The collection is
invented; the traps are what such files are known to hold (`old_kleio_traps`).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from old_kleio_traps import OWNED, TRAPS

TOKEN = "oldDiscogsTokenThatNobodyMaySee0123456789"
USERNAME = "old_collector"

FOLDERS = ((0, "All"), (1, "Uncategorized"), (201, "Jazz"), (202, "To clean"))
GENRES = ("Electronic", "Jazz", "Rock", "Folk, World, & Country")
STYLES = ("Deep House", "Free Jazz", "Krautrock", "Celtic", "Ambient")
BASE_MODELS = (
    ("2M Red", "Ortofon", 1000),
    ("2M Blue", "Ortofon", 1500),
    ("2M Bronze", "Ortofon", 2000),
    ("2M Black", "Ortofon", 2000),
    ("Super OM 10", "Ortofon", 1000),
    ("Concorde MkII Club", "Ortofon", 1000),
    ("AT-VM95E", "Audio-Technica", 800),
    ("AT-VM95EN", "Audio-Technica", 1000),
    ("AT-VM95ML", "Audio-Technica", 1500),
    ("AT-VM95SH", "Audio-Technica", 2000),
    ("AT33PTG/II", "Audio-Technica", 1500),
    ("MP-110", "Nagaoka", 1000),
    ("MP-150", "Nagaoka", 1500),
    ("MP-200", "Nagaoka", 2000),
    ("Prestige Black3", "Grado", 1000),
    ("Prestige Gold3", "Grado", 1500),
    ("Timbre Series Platinum3", "Grado", 2000),
    ("DL-103", "Denon", 1500),
    ("DL-110", "Denon", 1500),
)
"""Name, manufacturer and hours of the models that the app put into every database."""

STARTED = "2025-01-01 09:00:00"
"""When the generated app was first started, by which its database is known."""

SCHEMA = """
CREATE TABLE auth (token TEXT NOT NULL PRIMARY KEY, username TEXT);
CREATE TABLE folders (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0,
    resource_url TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE releases (
    id INTEGER PRIMARY KEY, instance_id INTEGER NOT NULL, folder_id INTEGER NOT NULL,
    rating INTEGER NOT NULL DEFAULT 0, title TEXT NOT NULL, year INTEGER, resource_url TEXT,
    thumb TEXT, cover_image TEXT, play_duration INTEGER,
    play_duration_estimated BOOLEAN DEFAULT FALSE,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (folder_id) REFERENCES folders(id)
);
CREATE TABLE labels (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, resource_url TEXT, entity_type TEXT
);
CREATE TABLE release_labels (
    release_id INTEGER NOT NULL, label_id INTEGER NOT NULL, catno TEXT,
    PRIMARY KEY (release_id, label_id, catno),
    FOREIGN KEY (release_id) REFERENCES releases(id),
    FOREIGN KEY (label_id) REFERENCES labels(id)
);
CREATE TABLE artists (id INTEGER PRIMARY KEY, name TEXT NOT NULL, resource_url TEXT);
CREATE TABLE release_artists (
    release_id INTEGER NOT NULL, artist_id INTEGER NOT NULL, join_relation TEXT, anv TEXT,
    tracks TEXT, role TEXT,
    PRIMARY KEY (release_id, artist_id, role),
    FOREIGN KEY (release_id) REFERENCES releases(id),
    FOREIGN KEY (artist_id) REFERENCES artists(id)
);
CREATE TABLE formats (
    id INTEGER PRIMARY KEY AUTOINCREMENT, release_id INTEGER NOT NULL, name TEXT NOT NULL,
    qty INTEGER NOT NULL DEFAULT 1, FOREIGN KEY (release_id) REFERENCES releases(id)
);
CREATE TABLE format_descriptions (
    format_id INTEGER NOT NULL, description TEXT NOT NULL, PRIMARY KEY (format_id, description),
    FOREIGN KEY (format_id) REFERENCES formats(id)
);
CREATE TABLE genres (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL);
CREATE TABLE release_genres (
    release_id INTEGER NOT NULL, genre_id INTEGER NOT NULL, PRIMARY KEY (release_id, genre_id),
    FOREIGN KEY (release_id) REFERENCES releases(id), FOREIGN KEY (genre_id) REFERENCES genres(id)
);
CREATE TABLE styles (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE NOT NULL);
CREATE TABLE release_styles (
    release_id INTEGER NOT NULL, style_id INTEGER NOT NULL, PRIMARY KEY (release_id, style_id),
    FOREIGN KEY (release_id) REFERENCES releases(id), FOREIGN KEY (style_id) REFERENCES styles(id)
);
CREATE TABLE release_notes (
    release_id INTEGER NOT NULL, field_id INTEGER NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (release_id, field_id), FOREIGN KEY (release_id) REFERENCES releases(id)
);
CREATE TABLE syncs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sync_start TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, sync_end TIMESTAMP,
    status TEXT DEFAULT 'in_progress', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE styluses (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, manufacturer TEXT,
    expected_lifespan_hours INTEGER, purchase_date TIMESTAMP, active BOOLEAN DEFAULT FALSE,
    primary_stylus BOOLEAN DEFAULT FALSE, owned BOOLEAN DEFAULT FALSE,
    base_model BOOLEAN DEFAULT FALSE, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE(name, manufacturer, base_model)
);
CREATE TABLE play_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT, release_id INTEGER NOT NULL, stylus_id INTEGER,
    played_at TIMESTAMP NOT NULL, notes TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (release_id) REFERENCES releases(id),
    FOREIGN KEY (stylus_id) REFERENCES styluses(id)
);
CREATE TRIGGER ensure_single_primary AFTER UPDATE OF primary_stylus ON styluses
    FOR EACH ROW WHEN NEW.primary_stylus = 1
BEGIN
    UPDATE styluses SET primary_stylus = 0 WHERE id != NEW.id AND primary_stylus = 1;
END;
CREATE TABLE cleaning_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT, release_id INTEGER NOT NULL,
    cleaned_at TIMESTAMP NOT NULL, notes TEXT, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (release_id) REFERENCES releases(id)
);
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, release_id INTEGER NOT NULL, position TEXT NOT NULL,
    title TEXT NOT NULL, duration_text TEXT, duration_seconds INTEGER,
    FOREIGN KEY (release_id) REFERENCES releases(id)
);
"""

SCHEMA = SCHEMA.replace("CURRENT_TIMESTAMP", f"'{STARTED}'")

TABLES = tuple(re.findall(r"CREATE TABLE (\w+)", SCHEMA))

FIRST_RELEASE = 1001
_BEGAN = datetime(2006, 1, 3, 19, 30)


def build(
    path: Path,
    *,
    releases: int = 12,
    plays: int = 40,
    cleanings: int = 15,
    tracks: int = 4,
    traps: Collection[str] = (),
) -> Path:
    """Write a database and return its path; `traps` are names of `TRAPS`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.executescript(SCHEMA)
        conn.execute("BEGIN")
        _fill(conn, releases, plays, cleanings, tracks)
        for name in traps:
            TRAPS[name](conn)
        if conn.in_transaction:
            conn.execute("COMMIT")
    return path


def empty(path: Path) -> Path:
    """Write the schema without a row."""
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript(SCHEMA)
    return path


# --- the collection -----------------------------------------------------------------------------


def _fill(conn: sqlite3.Connection, releases: int, plays: int, cleanings: int, per: int) -> None:
    conn.execute("INSERT INTO auth VALUES (?, ?)", (TOKEN, USERNAME))
    _insert(
        conn,
        "folders (id, name, count, resource_url)",
        ((number, name, releases, f"https://example.org/{number}") for number, name in FOLDERS),
    )
    _insert(
        conn,
        "styluses (name, manufacturer, expected_lifespan_hours, active, primary_stylus,"
        " base_model)",
        ((name, maker, hours, 0, 0, 1) for name, maker, hours in BASE_MODELS),
    )
    conn.execute(
        "INSERT INTO styluses (name, manufacturer, expected_lifespan_hours, purchase_date, active,"
        " primary_stylus, owned, base_model)"
        " VALUES ('MP-110', 'Nagaoka', 1000, '2024-03-01 00:00:00-07:00', 1, 1, 1, 0)"
    )
    for table, names in (("genres", GENRES), ("styles", STYLES)):
        _insert(conn, f"{table} (name)", ((name,) for name in names))
    _insert(
        conn,
        "labels (id, name, resource_url, entity_type)",
        ((5000 + n, f"Label {n}", f"https://example.org/l/{n}", "1") for n in range(50)),
    )
    _insert(
        conn,
        "artists (id, name, resource_url)",
        ((7000 + n, f"Artist {n}", f"https://example.org/a/{n}") for n in range(200)),
    )
    numbers = range(FIRST_RELEASE, FIRST_RELEASE + releases)
    _insert(
        conn,
        "releases (id, instance_id, folder_id, rating, title, year, resource_url, thumb,"
        " cover_image, play_duration, play_duration_estimated, created_at, updated_at)",
        (_release(number, per) for number in numbers),
    )
    _insert(
        conn,
        "release_artists (release_id, artist_id, join_relation, anv, tracks, role)",
        (
            row
            for n in numbers
            for row in (
                (n, 7000 + n % 200, "&" if n % 5 == 0 else "", "", "", ""),
                *([(n, 7000 + (n + 7) % 200, "", f"A. {n}", "", "")] if n % 5 == 0 else ()),
            )
        ),
    )
    _insert(
        conn,
        "release_labels (release_id, label_id, catno)",
        ((n, 5000 + n % 50, f"CAT {n}") for n in numbers),
    )
    _insert(
        conn,
        "formats (id, release_id, name, qty)",
        ((n * 2, n, "Vinyl", 1 + n % 2) for n in numbers),
    )
    _insert(
        conn,
        "format_descriptions (format_id, description)",
        ((n * 2, text) for n in numbers for text in ("LP", "Album", "Stereo")),
    )
    _insert(
        conn,
        "release_genres (release_id, genre_id)",
        ((n, 1 + n % len(GENRES)) for n in numbers),
    )
    _insert(
        conn,
        "release_styles (release_id, style_id)",
        ((n, 1 + (n + k) % len(STYLES)) for n in numbers for k in range(n % 3)),
    )
    _insert(
        conn,
        "release_notes (release_id, field_id, value)",
        (note for n in numbers for note in _notes(n)),
    )
    _insert(
        conn,
        "tracks (release_id, position, title, duration_text, duration_seconds)",
        (
            (n, f"{'AB'[2 * k // per]}{k + 1}", f"Track {k + 1} of {n}", *_duration(n, k))
            for n in numbers
            for k in range(per)
        ),
    )
    _insert(
        conn,
        "play_history (release_id, stylus_id, played_at, notes)",
        (
            (
                FIRST_RELEASE + (n * 7) % releases,
                OWNED if n % 4 else 0,
                _moment(n),
                "" if n % 10 else f"Play {n}",
            )
            for n in range(plays if releases else 0)
        ),
    )
    _insert(
        conn,
        "cleaning_history (release_id, cleaned_at, notes)",
        (
            (FIRST_RELEASE + (n * 5) % releases, _moment(n * 3), "" if n % 4 else "Wet")
            for n in range(cleanings if releases else 0)
        ),
    )
    _insert(
        conn,
        "syncs (sync_start, sync_end, status)",
        (
            ("2025-01-01 10:00:00", "2025-01-01 10:04:00", "complete"),
            ("2025-01-02 10:00:00", "2025-01-02 10:00:09", "failed"),
            ("2025-01-03 10:00:00", None, "in_progress"),
        ),
    )


def _release(number: int, tracks: int) -> tuple[Any, ...]:
    estimated = number % 6 == 0
    total = sum(_duration(number, k)[1] or 0 for k in range(tracks))
    return (
        number,
        number * 10,
        (1, 201, 202)[number % 3],
        number % 6,
        f"Title {number}",
        0 if number % 7 == 0 else 1960 + number % 60,
        f"https://example.org/r/{number}",
        f"https://example.org/t/{number}.jpg",
        f"https://example.org/c/{number}.jpg",
        2400 if estimated else total or None,
        int(estimated),
        str(_BEGAN - timedelta(days=number % 900)),
        str(_BEGAN),
    )


def _duration(number: int, track: int) -> tuple[str, int]:
    if number % 6 == 0:
        return "", 0
    seconds = 180 + (number * 13 + track * 29) % 200
    return f"{seconds // 60}:{seconds % 60:02}", seconds


def _notes(number: int) -> Iterator[tuple[int, int, str]]:
    if number % 4:
        yield number, 1, ("Near Mint (NM or M-)", "Very Good Plus (VG+)", "Mint (M)")[number % 3]
        yield number, 2, ("Very Good (VG)", "Generic", "No Cover")[number % 3]
    if number % 5 == 0:
        yield number, 3, f"Bought in town {number}"


def _moment(number: int) -> str:
    return str(_BEGAN + timedelta(minutes=number * 97))


def _insert(conn: sqlite3.Connection, into: str, rows: Any) -> None:
    width = into.count(",") + 1
    marks = ", ".join("?" * width)
    conn.executemany(f"INSERT INTO {into} VALUES ({marks})", rows)
