"""The whole catalogue without what differs from run to run, to compare two ways of writing it."""

from __future__ import annotations

from typing import Any

from kleio.db.queries import Connection

_TABLES = {
    "artists": "SELECT discogs_id, name, source_hash, metadata FROM artists ORDER BY discogs_id",
    "labels": "SELECT discogs_id, name, source_hash, metadata FROM labels ORDER BY discogs_id",
    "masters": "SELECT discogs_id, title, source_hash, metadata FROM masters ORDER BY discogs_id",
    "genres": "SELECT name FROM genres ORDER BY name",
    "styles": "SELECT name FROM styles ORDER BY name",
    # Facets are a set; a card holds generated ids.
    "releases": (
        "SELECT r.discogs_id,"
        "       to_jsonb(r) - '{id,created_at,updated_at,synced_at,card,facets}'::text[],"
        "       synced_at IS NULL,"
        "       ARRAY(SELECT DISTINCT unnest(facets) ORDER BY 1),"
        "       regexp_replace(card::jsonb::text, '\"id\": \"[-0-9a-f]{36}\"', '\"id\": 1', 'g')"
        "  FROM releases AS r ORDER BY r.discogs_id"
    ),
    "release_artists": (
        "SELECT r.discogs_id, a.discogs_id, to_jsonb(c) - '{release_id,artist_id}'::text[]"
        "  FROM release_artists AS c JOIN releases AS r ON r.id = c.release_id"
        "  LEFT JOIN artists AS a ON a.id = c.artist_id ORDER BY r.discogs_id, c.position"
    ),
    "release_labels": (
        "SELECT r.discogs_id, l.discogs_id, to_jsonb(c) - '{release_id,label_id}'::text[]"
        "  FROM release_labels AS c JOIN releases AS r ON r.id = c.release_id"
        "  LEFT JOIN labels AS l ON l.id = c.label_id ORDER BY r.discogs_id, c.position"
    ),
    "release_formats": (
        "SELECT r.discogs_id, to_jsonb(c) - 'release_id'"
        "  FROM release_formats AS c JOIN releases AS r ON r.id = c.release_id"
        " ORDER BY r.discogs_id, c.position"
    ),
    "release_genres": (
        "SELECT r.discogs_id, c.position, g.name FROM release_genres AS c"
        "  JOIN releases AS r ON r.id = c.release_id JOIN genres AS g ON g.id = c.genre_id"
        " ORDER BY r.discogs_id, c.position"
    ),
    "release_styles": (
        "SELECT r.discogs_id, c.position, s.name FROM release_styles AS c"
        "  JOIN releases AS r ON r.id = c.release_id JOIN styles AS s ON s.id = c.style_id"
        " ORDER BY r.discogs_id, c.position"
    ),
    "tracks": (
        "SELECT r.discogs_id, to_jsonb(t) - 'release_id'"
        "  FROM tracks AS t JOIN releases AS r ON r.id = t.release_id"
        " ORDER BY r.discogs_id, t.seq"
    ),
}


async def catalogue_rows(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table in a fixed order."""
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for table, statement in _TABLES.items():
        cursor = await conn.execute(statement)  # type: ignore[arg-type]
        rows[table] = [
            tuple(bytes(v) if type(v).__name__ == "Raw" else v for v in row)
            for row in await cursor.fetchall()
        ]
    return rows
