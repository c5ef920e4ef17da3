"""The databases that `library.py` measures on: seeded by `kleio seed`, and by psql's \\copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from saturation import postgres_program

from kleio.db.migrate import migrate
from kleio.db.migration_states import MigrationError

ALBUMS = (
    "id, library_id, key, artist_id, duration_ms, song_count, year, is_compilation, updated_at,"
    " name, artist_name"
)
SONGS = (
    "id, library_id, album_id, artist_id, duration_ms, bit_rate, sample_rate, year, channels,"
    " disc_number, track_number, updated_at, codec, name, artist_name, album_name, genre"
)
TABLES = {
    "albums": ALBUMS,
    "songs": SONGS,
    "song_artists": "artist_id, song_id, position",
    "words": "word",
}
ORDERS = {"song_artists": "song_id", "words": "word"}
UNTIL = "2026-10-31T23:59:59"
"""Until when the songs were added, so that all databases have full months."""


class Site:
    """A server with the measured databases on it."""

    def __init__(self, admin_conninfo: str, conninfo: str) -> None:
        self.admin = psycopg.connect(admin_conninfo, autocommit=True)
        self._conninfo = conninfo
        self.role = psycopg.conninfo.conninfo_to_dict(conninfo)["user"]

    def conninfo(self, name: str) -> str:
        return make_conninfo(self._conninfo, dbname=name)

    def exists(self, name: str) -> bool:
        query = "SELECT FROM pg_database WHERE datname = %s"
        return self.admin.execute(query, [name]).rowcount == 1

    def create_empty(self, name: str) -> None:
        """Make a database that nothing has been done to, in place of one that is there."""
        self.drop(name)
        self.admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(self.role)
            )
        )

    def create(self, name: str) -> str:
        """Make an empty and migrated database, and return its connection string."""
        self.create_empty(name)
        migrate(self.conninfo(name))
        return self.conninfo(name)

    def url(self, name: str) -> str:
        """Return a database's address as a URL, for programs that take no other."""
        parts = psycopg.conninfo.conninfo_to_dict(self.conninfo(name))
        query = {key: parts[key] for key in ("host", "port") if parts.get(key)}
        return f"postgresql://{parts['user']}@/{name}?{urlencode(query)}"

    def drop(self, name: str) -> None:
        self.admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    @contextmanager
    def connect(self, name: str) -> Iterator[psycopg.Connection[Any]]:
        options = "-c timezone=UTC -c pg_trgm.word_similarity_threshold=0.45"
        with psycopg.connect(self.conninfo(name), autocommit=True, options=options) as conn:
            conn.prepare_threshold = 0
            yield conn

    def seed(self, name: str, songs: int, months: int, **more: int) -> dict[str, Any] | None:
        """Make and seed a database, unless it is there; return what `kleio seed` reports.

        Args:
            name: of the database.
            songs: how many.
            months: that they are spread over.
            more: further options of `kleio seed`, such as releases=20_000.
        """
        if self.exists(name) and self._is_whole(name, songs, more):
            return None
        conninfo = self.create(name)
        result = subprocess.run(
            [sys.executable, "-m", "kleio", "seed", f"--songs={songs}", f"--months={months}",
             f"--until={UNTIL}", "--json", *(f"--{key}={value}" for key, value in more.items())],
            env={**os.environ, "DATABASE_URL": conninfo},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )  # fmt: skip
        report: dict[str, Any] = json.loads(result.stdout)
        return report

    def _is_whole(self, name: str, songs: int, more: dict[str, int]) -> bool:
        """Tell whether a seed has ended there, of this size and for this schema."""
        try:
            migrate(self.conninfo(name))
        except MigrationError:
            return False
        with self.connect(name) as conn:
            try:
                found = conn.execute(
                    "SELECT (SELECT songs FROM mv_library_stats LIMIT 1),"
                    " (SELECT count(*) FROM releases), (SELECT count(*) FROM users)"
                ).fetchone()
            except psycopg.Error:
                return False
        return found == (songs, more.get("releases", 0), more.get("users", 0))

    def copy(self, source: str, target: str, folder: Path, months: int) -> float:
        """Load the rows of a database into a new one by psql's \\copy; return the seconds.

        What the rows refer to is there before, as it is for `kleio seed`.
        """
        conninfo = self.create(target)
        for table, columns in TABLES.items():
            order = ORDERS.get(table, "id")
            rows = f"SELECT {columns} FROM {table} ORDER BY {order}"
            self._psql(source, f"\\copy ({rows}) TO '{folder / table}'")
        for table, columns in {
            "libraries": "id, name, root, created_at, updated_at",
            "library_artists": "id, name, created_at, updated_at",
        }.items():
            self._psql(source, f"\\copy {table} ({columns}) TO '{folder / table}'")
            self._psql(target, f"\\copy {table} ({columns}) FROM '{folder / table}'")
        with psycopg.connect(conninfo, autocommit=True) as conn:
            conn.execute(
                "SELECT create_month_partition(p, month_floor(%s, -m))"
                "  FROM generate_series(0, %s - 1) AS m,"
                "       (VALUES ('albums'::regclass), ('songs'::regclass)) AS v (p)",
                [f"{UNTIL}Z", months],
            )
        began = time.perf_counter()
        for table, columns in TABLES.items():
            self._psql(target, f"\\copy {table} ({columns}) FROM '{folder / table}'")
        seconds = time.perf_counter() - began
        for path in folder.iterdir():
            path.unlink()
        return seconds

    def _psql(self, name: str, command: str) -> None:
        program = postgres_program("psql")
        subprocess.run(
            [program, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={command}",
             self.conninfo(name)],
            check=True,
        )  # fmt: skip
