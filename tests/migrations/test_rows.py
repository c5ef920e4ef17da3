"""What migrations make of rows that were there before them, and rollbacks of rows put away."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from kleio.db.migrate import migrate, rollback
from kleio.db.migration_files import migration_files
from kleio.db.migration_states import MigrationError

from .conftest import states


def migrate_before(conninfo: str, words: str) -> None:
    """Apply what stands before a migration, which is told by its name without the number."""
    names = list(migration_files())
    (place,) = [n for n, name in enumerate(names) if name.partition("_")[2] == words]
    migrate(conninfo, to=names[place - 1])


def test_zones_that_are_abbreviations_to_postgresql_get_other_names(empty_conninfo: str) -> None:
    migrate_before(empty_conninfo, "zone_names")
    kept = {"neglectedDays": 9}
    before = {
        "CET": "Europe/Brussels",
        "EET": "Europe/Athens",
        "MET": "Europe/Brussels",
        "WET": "Europe/Lisbon",
        "Europe/Berlin": "Europe/Berlin",
        "UTC": "UTC",
    }
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        for zone in (*before, None):
            preferences = kept if zone is None else {**kept, "timeZone": zone}
            conn.execute(
                "WITH made AS ("
                "    INSERT INTO users (username, email, created_at, updated_at)"
                "    VALUES (%(name)s, %(name)s || '@example.org', now(), now()) RETURNING id"
                ") INSERT INTO user_preferences SELECT id, %(preferences)s, now() FROM made",
                {
                    "name": str(zone).replace("/", "-"),
                    "preferences": psycopg.types.json.Jsonb(preferences),
                },
            )
        migrate(empty_conninfo)
        rows = conn.execute(
            "SELECT u.username, p.preferences FROM user_preferences AS p"
            "  JOIN users AS u ON u.id = p.user_id"
        ).fetchall()
    expected = {
        zone.replace("/", "-"): {**kept, "timeZone": after} for zone, after in before.items()
    }
    assert dict(rows) == {**expected, "None": kept}


def put_away(conn: psycopg.Connection[Any], *, is_cut_short: bool) -> None:
    """Put January 2020 with a song away, or stop behind its second step of three."""
    conn.execute("SELECT create_month_partition('songs', '2020-01-05T00:00:00Z')")
    conn.execute(
        "WITH made AS ("
        "    INSERT INTO libraries (name, root, created_at, updated_at)"
        "    VALUES ('L', '/', now(), now()) RETURNING id"
        ") INSERT INTO songs (id, library_id, name, codec, updated_at)"
        "  SELECT uuidv7('2020-01-05T00:00:00Z' - now()), id, 'N', 'flac', now() FROM made"
    )
    conn.execute("SELECT archive_references('songs_2020_01')")
    conn.execute("ALTER TABLE songs DETACH PARTITION songs_2020_01")
    if not is_cut_short:
        conn.execute("SELECT archive_month('songs_2020_01')")


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_no_month_that_was_put_away_is_left_without_what_it_refers_to(
    empty_conninfo: str, is_cut_short: bool
) -> None:
    migrate(empty_conninfo)
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        put_away(conn, is_cut_short=is_cut_short)
        with pytest.raises(MigrationError, match=r"months were put away: .*songs_2020_01"):
            rollback(empty_conninfo, to="0013", force=True)
        assert conn.execute("SELECT count(*) FROM libraries").fetchone() == (1,)
        # Forwards and backwards it goes on: nothing is half undone.
        undone = {name for name, state in states(empty_conninfo).items() if state == "pending"}
        assert migrate(empty_conninfo) == sorted(undone)
        if not is_cut_short:
            conn.execute("ALTER TABLE archive.songs_2020_01 SET SCHEMA public")
        conn.execute(
            "ALTER TABLE songs ATTACH PARTITION songs_2020_01 FOR VALUES"
            " FROM (uuid7_floor('2020-01-01Z')) TO (uuid7_floor('2020-02-01Z'));"
            "DROP SCHEMA archive CASCADE"
        )
    assert len(rollback(empty_conninfo, to="0013", force=True)) > len(undone)


def test_names_that_are_there_get_their_words_and_each_month_of_albums_its_index(
    empty_conninfo: str,
) -> None:
    migrate_before(empty_conninfo, "name_words")
    with psycopg.connect(empty_conninfo, autocommit=True) as conn:
        for table, name in {
            "artists": "Blink-182 (3)",
            "labels": "Смёкк",
            # More than an index row holds: of each word the first 64 letters count.
            "library_artists": "Ágætis " + "x" * 3000,
        }.items():
            conn.execute(
                f"INSERT INTO {table} (name, created_at, updated_at) VALUES (%s, now(), now())",
                [name],
            )
        conn.execute(
            "WITH made AS ("
            "    INSERT INTO libraries (name, root, created_at, updated_at)"
            "    VALUES ('L', '/', now(), now()) RETURNING id"
            ") INSERT INTO albums (library_id, key, name, updated_at)"
            "  SELECT id, id, 'Abbey Road', now() FROM made"
        )
        # A run that was cut short has indexed one month.
        (month,) = conn.execute(
            "SELECT min(inhrelid::regclass::text) FROM pg_inherits"
            " WHERE inhparent = 'albums'::regclass"
        ).fetchone()
        conn.execute(
            f"CREATE INDEX {month}_name_words_idx ON {month}"
            " USING gin (name_words(name_normalized))"
        )
        migrate(empty_conninfo)
        words = {word for (word,) in conn.execute("SELECT word FROM words")}
        indexes = conn.execute(
            "SELECT count(*), count(*) FILTER (WHERE i.indisvalid),"
            "       count(*) FILTER (WHERE x.inhparent = 'albums_words_idx'::regclass)"
            "  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            "  LEFT JOIN pg_inherits AS x ON x.inhrelid = c.oid"
            " WHERE c.relname LIKE 'albums%words_idx'"
        ).fetchone()
        (months,) = conn.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'albums'::regclass"
        ).fetchone()
    assert words == {"blink-182", "смекк", "agaetis", "x" * 64, "abbey", "road"}
    assert indexes == (months + 1, months + 1, months)
