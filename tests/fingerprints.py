"""What a database says, apart from the ids and times that differ between two runs of the same."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|\+[0-9:]+)?"

OF_RUNS = {
    *("import_runs", "import_rows", "import_chunks", "library_scans", "maintenance_steps"),
    *("_kleio_migration", "_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock"),
    "auth_tokens",
}
"""Tables that tell of runs, where one that was killed is too, and what is random on purpose."""


def fingerprint(conninfo: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows of each table, and a checksum of them all in any order."""
    found: dict[str, tuple[int, str]] = {}
    with psycopg.connect(conninfo) as conn:
        for table, columns in _columns(conn).items():
            if table in OF_RUNS:
                continue
            row = sql.SQL(", ").join(map(sql.Identifier, columns)) if columns else sql.SQL("")
            statement = sql.SQL(
                "SELECT count(*), coalesce(md5(string_agg(hash, '' ORDER BY hash)), '')"
                "  FROM (SELECT md5(regexp_replace(regexp_replace(jsonb_build_array({})::text,"
                "               {}, 'id', 'g'), {}, 'time', 'g')) AS hash FROM {}) AS rows"
            ).format(row, _UUID, _TIME, sql.Identifier(table))
            count, checksum = conn.execute(statement).fetchone()
            found[table] = (count, checksum)
    return found


def _columns(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Return the columns of each table and view that two runs of the same give alike."""
    rows = conn.execute(
        "SELECT c.relname, coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER"
        "         (WHERE a.atttypid NOT IN ('uuid'::regtype, 'timestamptz'::regtype)), '{}')"
        "  FROM pg_class AS c"
        "  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = 'public'::regnamespace"
        "   AND c.relkind IN ('r', 'm', 'p')"
        "   AND NOT c.relispartition"
        "   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')"
        "   AND (c.relkind <> 'm' OR c.relispopulated)"
        " GROUP BY c.relname"
    ).fetchall()
    return dict(rows)
