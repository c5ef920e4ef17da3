"""A library of music files for tests: a folder, its scans, and what is then in the database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from uuid import UUID

from factories import NOW
from kleio.db.queries import Connection
from kleio.importers import music_files
from kleio.importers.music_paths import path_text
from kleio.importers.music_reader import Reader
from kleio.importers.music_report import Options, ScanReport

COUNTS = ("files", "read", "inserted", "updated", "moved", "unchanged", "missing", "refused")


class Music:
    """A folder of music that is scanned into a library of the test's own database."""

    def __init__(self, conn: Connection, root: Path, library_id: UUID) -> None:
        self.conn = conn
        self.root = root
        self.library_id = library_id
        self.reader: Reader | None = None
        self.report = ScanReport(library="music")

    async def scan(self, *folders: str, **options: Any) -> dict[str, int]:
        """Scan and return the counts that are not 0, having checked their sum."""
        self.report = report = ScanReport(library="music")
        reader = self.reader or Reader(1)
        await music_files.scan(
            self.conn,
            library_id=self.library_id,
            root=os.fsencode(self.root),
            folders=[os.fsencode(folder) for folder in folders] or [b""],
            report=report,
            options=Options(**options),
            reader=reader,
        )
        assert report.files == (
            report.inserted + report.updated + report.moved + report.unchanged + report.refused
        )
        if not report.read:
            assert reader._pool is None, "no process is started where nothing is read"
        counts = {name: getattr(report, name) for name in COUNTS}
        return {name: count for name, count in counts.items() if count}

    async def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        cursor = await self.conn.execute(sql, {"library": self.library_id, **parameters})  # type: ignore[arg-type]
        return await cursor.fetchall()

    async def ids(self) -> dict[str, UUID]:
        """Return the songs that are there by their paths."""
        found = await self.rows(
            "SELECT k.path, k.song_id FROM library_files AS k JOIN songs AS s ON s.id = k.song_id"
            " WHERE k.library_id = %(library)s AND k.missing_since IS NULL"
            "   AND s.missing_since IS NULL"
        )
        return {path_text(path): song_id for path, song_id in found}

    async def missing(self) -> set[UUID]:
        """Return the songs that are missing, the same by songs and by files."""
        files = await self.rows(
            "SELECT k.song_id FROM library_files AS k"
            " WHERE k.library_id = %(library)s AND k.missing_since IS NOT NULL"
        )
        songs = await self.rows(
            "SELECT s.id FROM songs AS s"
            " WHERE s.library_id = %(library)s AND s.missing_since IS NOT NULL"
        )
        assert sorted(files) == sorted(songs)
        return {song_id for (song_id,) in songs}

    async def problems(self) -> dict[str, str]:
        found = await self.rows(
            "SELECT k.path, k.problem FROM library_files AS k"
            " WHERE k.library_id = %(library)s AND k.problem IS NOT NULL"
        )
        return {path_text(path): problem for path, problem in found}

    async def albums(self) -> list[tuple[str, str | None, list[str]]]:
        """Return title, artist and the names of the songs that are there, of every album."""
        return await self.rows(  # type: ignore[return-value]
            "SELECT a.name, a.artist_name,"
            "       array(SELECT s.name FROM songs AS s"
            "              WHERE s.album_id = a.id AND s.missing_since IS NULL"
            "              ORDER BY s.disc_number, s.track_number, s.name)"
            "  FROM albums AS a WHERE a.library_id = %(library)s"
            " ORDER BY a.name, a.artist_name"
        )

    async def content(self) -> list[tuple[Any, ...]]:
        """Return all that is known of the songs that are there, without keys and times."""
        return await self.rows(
            "SELECT k.path, s.name, s.artist_name, t.name, s.album_name, a.name, a.artist_name,"
            "       u.name, a.song_count, a.duration_ms, a.year, a.is_compilation, s.duration_ms,"
            "       s.bit_rate, s.sample_rate, s.channels, s.year, s.disc_number, s.track_number,"
            "       s.codec, s.genre, s.tags::text, k.size, k.content_hash,"
            "       array(SELECT x.name FROM song_artists AS y"
            "               JOIN library_artists AS x ON x.id = y.artist_id"
            "              WHERE y.song_id = s.id ORDER BY y.position)"
            "  FROM library_files AS k"
            "  JOIN songs AS s ON s.id = k.song_id"
            "  LEFT JOIN library_artists AS t ON t.id = s.artist_id"
            "  LEFT JOIN albums AS a ON a.id = s.album_id"
            "  LEFT JOIN library_artists AS u ON u.id = a.artist_id"
            " WHERE k.library_id = %(library)s AND k.missing_since IS NULL"
            " ORDER BY k.path"
        )

    async def check(self) -> None:
        """Check what is always true after a scan: derived values, no lost rows, a clear desk."""
        wrong = await self.rows(
            "SELECT a.name, a.song_count, a.duration_ms FROM albums AS a"
            "  LEFT JOIN LATERAL (SELECT count(*) AS songs,"
            "                            coalesce(sum(s.duration_ms), 0) AS duration"
            "                       FROM songs AS s"
            "                      WHERE s.album_id = a.id AND s.missing_since IS NULL) AS c"
            "    ON true"
            " WHERE a.library_id = %(library)s"
            "   AND (a.song_count, a.duration_ms) IS DISTINCT FROM (c.songs, c.duration)"
        )
        assert wrong == []
        lost = await self.rows(
            "SELECT s.name FROM songs AS s WHERE s.library_id = %(library)s"
            "   AND (NOT EXISTS (SELECT FROM library_files AS k WHERE k.song_id = s.id)"
            "        OR s.album_name IS DISTINCT FROM (SELECT a.name FROM albums AS a"
            "                                           WHERE a.id = s.album_id))"
        )
        assert lost == []
        for table in ("scan_files", "scan_folders", "scan_reads", "scan_songs", "scan_members"):
            assert await self.rows(f"SELECT count(*) FROM {table}") == [(0,)]


async def make_music(conn: Connection, root: Path, name: str = "music") -> Music:
    """Make an empty library of a folder."""
    os.makedirs(root, exist_ok=True)
    cursor = await conn.execute(
        "INSERT INTO libraries (name, root, created_at, updated_at) VALUES (%s, %s, %s, %s)"
        " RETURNING id",
        (name, path_text(os.fsencode(root)), NOW, NOW),
    )
    row = await cursor.fetchone()
    assert row is not None
    return Music(conn, root, row[0])
