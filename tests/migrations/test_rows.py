"""What migrations make of rows that were there before them."""

from __future__ import annotations

import psycopg

from kleio.db.migrate import migrate
from kleio.db.migration_files import migration_files


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
