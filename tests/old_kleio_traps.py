"""What may be wrong with a database of the older Kleio, each trap by name.

A trap adds rows with numbers from 900,001 on, so that a test can name them; each says what it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

OWNED = 20
"""The number of the stylus that the generated user owns and plays with."""

Trap = Callable[[sqlite3.Connection], None]
TRAPS: dict[str, Trap] = {}
"""What may be wrong with such a file, by name."""

SEPARATE = ("older_version", "write_ahead_log")
"""Traps that shape the whole file; the others can all be in one."""


def trap(function: Trap) -> Trap:
    TRAPS[function.__name__] = function
    return function


def every_trap() -> tuple[str, ...]:
    return tuple(name for name in TRAPS if name not in SEPARATE)


def _add_release(conn: sqlite3.Connection, number: int, **changes: Any) -> None:
    row: dict[str, Any] = {
        "id": number,
        "instance_id": number * 10,
        "folder_id": 1,
        "rating": 0,
        "title": f"Title {number}",
        "year": 1970,
        "created_at": "2024-05-06 07:08:09",
        "updated_at": "2024-05-06 07:08:09",
    } | changes
    conn.execute(
        f"INSERT INTO releases ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        tuple(row.values()),
    )


def _add_play(
    conn: sqlite3.Connection, number: int, release: Any, at: Any, stylus: Any = 0, notes: Any = ""
) -> None:
    conn.execute(
        "INSERT INTO play_history (id, release_id, stylus_id, played_at, notes)"
        " VALUES (?, ?, ?, ?, ?)",
        (number, release, stylus, at, notes),
    )


def _add_cleaning(
    conn: sqlite3.Connection, number: int, release: Any, at: Any, notes: Any = ""
) -> None:
    conn.execute(
        "INSERT INTO cleaning_history (id, release_id, cleaned_at, notes) VALUES (?, ?, ?, ?)",
        (number, release, at, notes),
    )


def _loosen(conn: sqlite3.Connection, table: str) -> None:
    """Take NOT NULL off a table's columns, as who alters a file by hand would."""
    conn.execute("PRAGMA writable_schema = ON")
    conn.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = ?", (table,)
    )
    conn.execute("PRAGMA writable_schema = RESET")


@trap
def stylus_zero(conn: sqlite3.Connection) -> None:
    """A play without a stylus has 0, not NULL; a deleted stylus leaves NULL."""
    _add_release(conn, 900_001)
    _add_play(conn, 900_001, 900_001, "2025-02-01 20:00:00", 0)
    _add_play(conn, 900_002, 900_001, "2025-02-02 20:00:00", None)


@trap
def stylus_gone(conn: sqlite3.Connection) -> None:
    """A play's stylus has no row."""
    _add_release(conn, 900_011)
    _add_play(conn, 900_011, 900_011, "2025-02-03 20:00:00", 4711)


@trap
def base_model_played(conn: sqlite3.Connection) -> None:
    """A play was logged with one of the models that the app came with (1: Ortofon 2M Red)."""
    _add_release(conn, 900_021)
    _add_play(conn, 900_021, 900_021, "2025-02-04 20:00:00", 1)


@trap
def two_primary_styluses(conn: sqlite3.Connection) -> None:
    """The trigger looks at updates alone: two inserted as primary, one of them not active."""
    conn.executemany(
        "INSERT INTO styluses (id, name, manufacturer, expected_lifespan_hours, purchase_date,"
        " active, primary_stylus, owned, updated_at) VALUES (?, ?, ?, ?, ?, ?, 1, 1, ?)",
        (
            (900_031, "DL-103", "Denon", 1500, "2025-01-05T00:00:00Z", 1, "2125-01-05 09:00:00"),
            (900_032, "Old one", "", 0, "0001-01-01 00:00:00+00:00", 0, "2125-01-06 09:00:00"),
        ),
    )


@trap
def purchase_dates(conn: sqlite3.Connection) -> None:
    """Written with an offset, without one, as RFC 3339, as a number, and as nonsense."""
    spellings = (
        "2023-04-05 00:00:00-07:00",
        "2023-04-06 00:00:00",
        "2023-04-07T00:00:00Z",
        "2023-04-08",
        1681000000,
        "last spring",
    )
    for number, spelling in enumerate(spellings, 900_041):
        conn.execute(
            "INSERT INTO styluses (id, name, manufacturer, purchase_date, active, owned)"
            " VALUES (?, ?, 'Maker', ?, 1, 1)",
            (number, f"Stylus {number}", spelling),
        )


@trap
def deleted_release(conn: sqlite3.Connection) -> None:
    """Deleting a release removes its row alone; everything else of it stays behind."""
    for number in (900_051, 900_052, 900_053):
        conn.execute("INSERT INTO release_artists VALUES (?, 7000, '', '', '', '')", (number,))
        conn.execute("INSERT INTO release_labels VALUES (?, 5000, 'GONE 1')", (number,))
        conn.execute(
            "INSERT INTO formats (id, release_id, name, qty) VALUES (?, ?, 'Vinyl', 2)",
            (number, number),
        )
        conn.execute("INSERT INTO format_descriptions VALUES (?, 'LP')", (number,))
        conn.execute("INSERT INTO release_genres VALUES (?, 1)", (number,))
        conn.execute("INSERT INTO release_styles VALUES (?, 1)", (number,))
        conn.execute(
            "INSERT INTO tracks (release_id, position, title, duration_text, duration_seconds)"
            " VALUES (?, 'A1', 'Still here', '5:00', 300)",
            (number,),
        )
    # 51 was played and cleaned, 52 has notes of its copy alone, 53 nothing of the user's own.
    _add_play(conn, 900_051, 900_051, "2025-02-05 20:00:00", OWNED, "Last spin")
    _add_cleaning(conn, 900_051, 900_051, "2025-02-05 19:00:00")
    conn.execute("INSERT INTO release_notes VALUES (900052, 1, 'Good (G)')")
    conn.execute("INSERT INTO release_notes VALUES (900052, 3, 'Signed by the drummer')")


@trap
def hand_altered(conn: sqlite3.Connection) -> None:
    """Columns of plans that were never built, added by hand."""
    for column in ("is_archived BOOLEAN", "archived BOOLEAN", "archived_at TIMESTAMP"):
        conn.execute(f"ALTER TABLE releases ADD COLUMN {column}")
    conn.execute("ALTER TABLE releases ADD COLUMN archive_reason TEXT")
    conn.execute("ALTER TABLE releases ADD COLUMN colour TEXT")
    conn.execute("ALTER TABLE cleaning_history ADD COLUMN is_deep_clean BOOLEAN DEFAULT FALSE")
    _add_release(
        conn,
        900_061,
        is_archived=1,
        archived_at="2025-03-01 10:00:00",
        archive_reason="sync_removed",
    )
    _add_release(conn, 900_062, archived="true", archive_reason="duplicate")
    _add_release(
        conn, 900_063, archived_at="2025-03-02 10:00:00", archive_reason="Gave it to my aunt"
    )
    _add_release(conn, 900_064, is_archived=0, archived_at="2025-03-02 10:00:00")
    _add_release(conn, 900_065, colour="blue", is_archived="perhaps")
    _add_cleaning(conn, 900_061, 900_061, "2025-03-01 09:00:00")
    conn.execute("UPDATE cleaning_history SET is_deep_clean = 1 WHERE id = 900061")
    _add_cleaning(conn, 900_062, 900_061, "2025-03-02 09:00:00", "A thorough one")


@trap
def deep_cleaning_notes(conn: sqlite3.Connection) -> None:
    """Without a column for it, a deep cleaning is in its notes."""
    _add_release(conn, 900_071)
    _add_cleaning(conn, 900_071, 900_071, "2025-03-03 09:00:00", "Deep clean, two baths")
    _add_cleaning(conn, 900_072, 900_071, "2025-03-04 09:00:00", "deep-cleaned again")
    _add_cleaning(conn, 900_073, 900_071, "2025-03-05 09:00:00", "Brush only")


@trap
def folders_odd(conn: sqlite3.Connection) -> None:
    """A copy in folder 0, one in a folder without a row, names that differ in case alone."""
    conn.execute("INSERT INTO folders (id, name, resource_url) VALUES (900081, 'JAZZ', '')")
    conn.execute("INSERT INTO folders (id, name, resource_url) VALUES (900082, '  ', '')")
    _add_release(conn, 900_081, folder_id=0)
    _add_release(conn, 900_082, folder_id=900_089)
    _add_release(conn, 900_083, folder_id=900_081)
    _add_release(conn, 900_084, folder_id=900_082)
    _add_release(conn, 900_085, folder_id="somewhere")


@trap
def second_copy(conn: sqlite3.Connection) -> None:
    """A second copy has overwritten the first: the release's row holds the last instance."""
    _add_release(conn, 900_091, instance_id=77_777, rating=4)
    conn.execute(
        "INSERT INTO releases (id, instance_id, folder_id, rating, title) VALUES"
        " (900091, 88888, 201, 5, 'Title 900091') ON CONFLICT (id) DO UPDATE SET"
        " instance_id = excluded.instance_id, folder_id = excluded.folder_id,"
        " rating = excluded.rating"
    )
    # Two releases that claim to be one instance.
    _add_release(conn, 900_092, instance_id=88_888)
    _add_release(conn, 900_093, instance_id=0)


@trap
def times_odd(conn: sqlite3.Connection) -> None:
    """With a zone, with fractions, as numbers, in the future, long ago, and none at all."""
    _add_release(conn, 900_101)
    spellings: tuple[Any, ...] = (
        "2025-04-01T20:00:00Z",
        "2025-04-01 20:00:00+02:00",
        "2025-04-01 20:00:00.123456789-07:00",
        "2025-04-01 20:00:00 +0000 UTC",
        1743537600,
        1743537600000,
        "2025-04-01",
        "2125-04-01 20:00:00",
        "1776-07-04 12:00:00",
        "0001-01-01 00:00:00",
        "yesterday",
    )
    for number, spelling in enumerate(spellings, 900_101):
        _add_play(conn, number, 900_101, spelling)
    _add_cleaning(conn, 900_101, 900_101, "2125-04-01 20:00:00")
    _add_cleaning(conn, 900_102, 900_101, "")


@trap
def clocks_change(conn: sqlite3.Connection) -> None:
    """Times that exist twice or not at all where the server's clock was local."""
    _add_release(conn, 900_121)
    _add_play(conn, 900_121, 900_121, "2024-10-27 02:30:00")
    _add_play(conn, 900_122, 900_121, "2025-03-30 02:30:00")


@trap
def odd_booleans(conn: sqlite3.Connection) -> None:
    """Words instead of 0 and 1."""
    _add_release(conn, 900_131, play_duration=1500, play_duration_estimated="true", created_at=None)
    _add_release(conn, 900_132, play_duration=1500, play_duration_estimated="f")
    _add_release(conn, 900_133, play_duration=1500, play_duration_estimated=None)
    conn.execute(
        "INSERT INTO styluses (id, name, active, primary_stylus, owned, base_model)"
        " VALUES (900131, 'Yes and no', 'yes', 'no', 't', 'maybe')"
    )


@trap
def note_fields(conn: sqlite3.Connection) -> None:
    """Fields 1, 2 and 3, others of the user's own, and a grade that nobody knows."""
    _add_release(conn, 900_141)
    _add_release(conn, 900_142)
    rows = (
        (900_141, 1, "Very Good Plus (VG+)"),
        (900_141, 2, "No Cover"),
        (900_141, 3, "First pressing"),
        (900_141, 4, "Shelf 3"),
        (900_141, 9, "19.90"),
        (900_142, 1, "Played to death"),
        (900_142, 2, "nm"),
        (900_142, 3, ""),
    )
    conn.executemany("INSERT INTO release_notes VALUES (?, ?, ?)", rows)


@trap
def credit_names(conn: sqlite3.Connection) -> None:
    """Artists have lost the number of their namesakes, labels have kept it."""
    conn.execute("INSERT INTO artists VALUES (900151, 'Prince', 'https://example.org/a')")
    conn.execute("INSERT INTO labels VALUES (900151, 'Blue (12)', 'https://example.org/l', '1')")
    conn.execute("INSERT INTO labels VALUES (900152, 'Blue (12)', NULL, NULL)")
    _add_release(conn, 900_151)
    conn.executemany(
        "INSERT INTO release_artists VALUES (900151, ?, ?, ?, ?, ?)",
        (
            (900_151, "feat.", "The Artist", "A1, A2", ""),
            (7001, "", "", "", "Producer"),
            (7001, "", "", "", "Mixed By"),
            (0, "", "", "", "Liner Notes"),
            (900_159, "", "", "", ""),
            (7002, None, None, None, None),
        ),
    )
    conn.executemany(
        "INSERT INTO release_labels VALUES (900151, ?, ?)",
        ((900_151, "B 1"), (900_151, "B 2"), (900_152, None), (900_159, "none")),
    )


@trap
def format_leftovers(conn: sqlite3.Connection) -> None:
    """Formats are made anew at each sync; the descriptions of the old ones stay."""
    conn.executemany(
        "INSERT INTO format_descriptions VALUES (?, ?)", ((900_161, "LP"), (900_161, "Album"))
    )


@trap
def duplicate_plays(conn: sqlite3.Connection) -> None:
    """The same play twice, a cleaning at the very second of a play."""
    _add_release(conn, 900_171)
    for number in (900_171, 900_172):
        _add_play(conn, number, 900_171, "2025-05-01 20:00:00", OWNED, "Twice")
    _add_cleaning(conn, 900_171, 900_171, "2025-05-01 20:00:00")


@trap
def nulls(conn: sqlite3.Connection) -> None:
    """NULL where the app's schema has NOT NULL, in a file made or altered by hand."""
    for table in ("folders", "releases", "formats", "tracks", "play_history", "cleaning_history",
                  "release_notes", "styluses"):  # fmt: skip
        _loosen(conn, table)
    _add_release(conn, 900_181, instance_id=None, folder_id=None, rating=None, title=None)
    conn.execute("INSERT INTO folders (id, name, resource_url) VALUES (900181, NULL, NULL)")
    conn.execute("INSERT INTO formats (release_id, name, qty) VALUES (900181, NULL, NULL)")
    conn.execute("INSERT INTO formats (release_id, name, qty) VALUES (900181, 'CD', NULL)")
    conn.execute("INSERT INTO tracks (release_id, position, title) VALUES (900181, NULL, NULL)")
    conn.execute("INSERT INTO styluses (id, name, active, owned) VALUES (900181, NULL, 1, 1)")
    conn.execute("INSERT INTO release_notes VALUES (900181, 3, NULL)")
    conn.execute("INSERT INTO release_notes VALUES (900181, NULL, 'Which field?')")
    _add_play(conn, 900_181, 900_181, None)
    _add_play(conn, 900_182, None, "2025-05-02 20:00:00", None, None)
    _add_cleaning(conn, 900_181, 900_181, None, None)
    _add_cleaning(conn, 900_182, None, "2025-05-02 20:00:00")


@trap
def text_in_numbers(conn: sqlite3.Connection) -> None:
    """SQLite keeps a text in an INTEGER column as it is."""
    _add_release(conn, 900_191, year="1987?", rating="five", play_duration="long")
    _add_release(conn, 900_192, rating=9, play_duration=-5, year=1066.5)
    _add_release(conn, 900_193, instance_id="abc", year="1987")
    conn.execute(
        "INSERT INTO tracks (release_id, position, title, duration_text, duration_seconds)"
        " VALUES (900191, 'A1', 'Odd', '4:45', 'n/a'), (900191, 'A2', 'Odder', NULL, -3),"
        " ('900191x', 'A3', 'Nowhere', '1:00', 60)"
    )
    conn.execute("INSERT INTO formats (release_id, name, qty) VALUES (900191, 'Vinyl', 'two')")
    _add_play(conn, 900_191, "the blue one", "2025-05-03 20:00:00")
    _add_play(conn, 900_192, 900_191, "2025-05-03 20:00:00", "first")
    conn.execute(
        "INSERT INTO styluses (id, name, expected_lifespan_hours, active, owned)"
        " VALUES (900191, 'Endless', 'forever', 1, 1), (900192, 'Negative', -1, 1, 1)"
    )


@trap
def numbers_impossible(conn: sqlite3.Connection) -> None:
    """Release numbers that can't be Discogs'."""
    _add_release(conn, -5)
    _add_release(conn, 3_000_000_000)
    _add_play(conn, 900_201, -5, "2025-05-04 20:00:00")
    _add_cleaning(conn, 900_201, 3_000_000_000, "2025-05-04 20:00:00")


@trap
def texts_odd(conn: sqlite3.Connection) -> None:
    """NUL, bytes that are not UTF-8, scripts of all kinds, notes of 30,000 characters, a blob."""
    _add_release(conn, 900_211, title="Nu\0l")
    _add_release(conn, 900_212, title="Ключ 鍵 \N{MUSICAL SYMBOL G CLEF}")
    _add_release(conn, 900_213)
    conn.execute("UPDATE releases SET title = CAST(x'4ce4726d' AS TEXT) WHERE id = 900213")
    _add_release(conn, 900_214, title=b"Blob")
    _add_play(conn, 900_211, 900_212, "2025-05-05 20:00:00", 0, "n" * 30_000)
    _add_play(conn, 900_212, 900_212, "2025-05-06 20:00:00", 0, "n" * 20_000)
    _add_cleaning(conn, 900_211, 900_212, "2025-05-05 20:00:00", "c" * 20_001)
    conn.execute("INSERT INTO release_notes VALUES (900212, 3, ?)", ("r" * 20_001,))


@trap
def syncs_odd(conn: sqlite3.Connection) -> None:
    """A sync of an unknown state and without times."""
    conn.execute("INSERT INTO syncs (sync_start, sync_end, status) VALUES ('', 'soon', 'paused')")


@trap
def foreign_objects(conn: sqlite3.Connection) -> None:
    """A table, a view and an index that the app knows nothing of."""
    conn.execute("CREATE TABLE shopping_list (what TEXT)")
    conn.execute("INSERT INTO shopping_list VALUES ('Inner sleeves')")
    conn.execute("ALTER TABLE tracks ADD COLUMN bpm INTEGER")
    conn.execute("UPDATE tracks SET bpm = 120 WHERE id < 4")
    conn.execute("CREATE VIEW recent AS SELECT * FROM play_history")
    conn.execute("CREATE INDEX mine ON tracks (title)")


@trap
def older_version(conn: sqlite3.Connection) -> None:
    """A version before cleanings, tracks, notes of plays and the owner's name."""
    for table in ("cleaning_history", "tracks", "syncs", "release_notes"):
        conn.execute(f"DROP TABLE {table}")
    conn.execute("ALTER TABLE play_history DROP COLUMN notes")
    conn.execute("ALTER TABLE auth DROP COLUMN username")
    for column in ("play_duration", "play_duration_estimated"):
        conn.execute(f"ALTER TABLE releases DROP COLUMN {column}")
    conn.execute("ALTER TABLE releases ADD COLUMN last_synced TIMESTAMP")


@trap
def write_ahead_log(conn: sqlite3.Connection) -> None:
    """The file keeps a write-ahead log."""
    conn.execute("COMMIT")
    conn.execute("PRAGMA journal_mode = WAL")
