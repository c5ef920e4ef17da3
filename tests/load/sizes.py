"""Prints what a row of each table takes, in the table and in its indexes: for `deploy/scaling.md`.

    .venv/bin/python tests/load/sizes.py --url ...          # any Kleio database
    .venv/bin/python tests/load/sizes.py --url ... --wal    # and what writes put into the log

Sizes are of the database as it is: seed it (`kleio seed`) or import into it, and VACUUM ANALYZE it
first. With `--wal` it logs plays as the API does, one statement each, for up to 2,000 users,
removes them again, and prints the bytes of log for each: after a checkpoint, where each page is
written whole once, and again when the pages have been.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio.repositories import plays
from kleio.settings import load_settings

PLAYS = 2000

_SIZES = """
WITH tables AS (
    SELECT c.oid, c.relname AS name, part.relid
      FROM pg_class AS c
     CROSS JOIN LATERAL pg_partition_tree(c.oid) AS part
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'p'
     UNION ALL
    SELECT c.oid, c.relname, c.oid
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm')
       AND NOT c.relispartition AND c.relname !~ '^_?(yoyo|kleio)'
)
SELECT t.name, sum(greatest(c.reltuples, 0))::bigint AS rows,
       sum(pg_table_size(t.relid))::bigint AS heap, sum(pg_indexes_size(t.relid))::bigint AS indexes
  FROM tables AS t
  JOIN pg_class AS c ON c.oid = t.relid
 WHERE c.relkind <> 'p'
 GROUP BY t.name
HAVING sum(greatest(c.reltuples, 0)) >= 100
 ORDER BY sum(pg_total_relation_size(t.relid)) DESC
"""


def print_sizes(url: str) -> None:
    """Print a table of Markdown."""
    with psycopg.connect(url, autocommit=True) as conn:
        rows = conn.execute(_SIZES).fetchall()
    print("| table | rows | bytes a row | in indexes | together |\n|---|---:|---:|---:|---:|")
    for name, count, heap, indexes in rows:
        parts = (heap / count, indexes / count, (heap + indexes) / count)
        print(f"| {name} | {count:,} | " + " | ".join(f"{part:,.0f}" for part in parts) + " |")


async def _log(conn: Connection, users: list[Any], releases: list[Any]) -> float:
    """Log plays of users in turn, one by one, and return the bytes of log a play."""
    before = await _position(conn)
    for number in range(PLAYS):
        now = datetime.now(UTC)
        async with conn.transaction():
            await plays.insert_play(
                conn,
                user_id=users[number % len(users)],
                release_id=releases[number % len(releases)],
                copy_id=None,
                stylus_id=None,
                with_primary=True,
                played_at=now - timedelta(minutes=number),
                duration_seconds=None,
                side=None,
                notes=None,
                now=now,
            )
    return (await _position(conn) - before) / PLAYS


async def _position(conn: Connection) -> int:
    cursor = await conn.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    (found,) = await cursor.fetchone() or (0,)
    return int(found)


async def print_wal(url: str) -> None:
    """Print what a play costs in the log."""
    settings = load_settings({"DATABASE_URL": url, "KLEIO_HOME": str(Path("/nonexistent"))})
    async with await connect(settings, url) as conn:
        cursor = await conn.execute("SELECT id FROM releases ORDER BY md5(id::text) LIMIT 200")
        releases = [id for (id,) in await cursor.fetchall()]
        cursor = await conn.execute("SELECT id FROM users ORDER BY md5(id::text) LIMIT 2000")
        users = [id for (id,) in await cursor.fetchall()]
        started = datetime.now(UTC)
        try:
            await conn.execute("CHECKPOINT")
            first = await _log(conn, users, releases)
            again = await _log(conn, users, releases)
        finally:
            await conn.execute("DELETE FROM play_history WHERE created_at >= %s", [started])
    print(f"\nlog for a play: {first:,.0f} bytes after a checkpoint, {again:,.0f} then")


def main() -> None:
    """Read the options and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--wal", action="store_true")
    options = parser.parse_args()
    print_sizes(options.url)
    if options.wal:
        asyncio.run(print_wal(options.url))


if __name__ == "__main__":
    main()
