"""What Kleio stands on gives way: the disk is full, the cache is dead, mute or talks nonsense."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from cache_server import CacheServer, needs_server
from embedded_processes import end_postmaster
from kleio.db.connections import configure
from kleio.db.embedded import embedded_server
from library_rows import fill_library
from tcp_proxy import TcpProxy

from .conftest import Place, Report, slow

SIZE = "260m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of SIZE."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs root, and the right to mount a small file system")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def fill_up(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65_536)


def write_until_full(conninfo: str) -> str:
    """Write big rows until the server can't, and return why."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        try:
            for _ in range(1000):
                conn.execute(
                    "INSERT INTO ballast SELECT repeat(md5(random()::text), 60)"
                    "  FROM generate_series(1, 2000)"
                )
        except psycopg.OperationalError as error:
            return str(error)
    raise AssertionError("the disk is never full")


def log_until_crash(conninfo: str) -> str:
    """Fill the write-ahead log until PostgreSQL gives up, and return its last words."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        try:
            for _ in range(1000):
                conn.execute("SELECT pg_logical_emit_message(true, '', repeat('x', 1000000))")
        except psycopg.OperationalError as error:
            return str(error)
    raise AssertionError("the log never ends")


@slow
def test_the_disk_full(small_disk: Path, tmp_path: Path, report: Report) -> None:
    home = small_disk / "home"
    place = Place(home, tmp_path / "logs")
    try:
        process = place.serve("--workers", "2")
        with embedded_server(home) as server:
            place.fill(server.conninfo)
        with psycopg.connect(place.conninfo) as conn:
            conn.execute("CREATE TABLE ballast (words text)")
        with place.traffic(process) as traffic:
            fill_up(small_disk / "ballast")
            # First tables can't grow, which refuses single writes; then the log can't, which ends
            # the whole server, and each of its next starts.
            assert "No space left" in write_until_full(place.conninfo)
            traffic.until(lambda: len(traffic.failures()) >= 12, "nothing needs room")
            assert log_until_crash(place.conninfo)
            traffic.wait_out(traffic.samples[-1].ended + 8)
            (small_disk / "ballast").unlink()
            traffic.lifted()
        with psycopg.connect(place.conninfo) as conn:
            conn.execute("DROP TABLE ballast")
        report("the disk full", traffic, place.conninfo)
    finally:
        place.end()
        end_postmaster(home)


async def _songs(conninfo: str) -> list[str]:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        await fill_library(conn)
        cursor = await conn.execute("SELECT id FROM songs WHERE missing_since IS NULL LIMIT 4")
        return [str(song_id) for (song_id,) in await cursor.fetchall()]


@slow
@needs_server
def test_the_cache_gone_mute_and_mad(
    place: Place, cache_server: CacheServer, report: Report
) -> None:
    songs = asyncio.run(_songs(place.conninfo))
    with TcpProxy(cache_server.port) as proxy:
        process = place.serve(
            DATABASE_URL=place.conninfo, CACHE_URL=f"redis://127.0.0.1:{proxy.port}/0"
        )
        reads = tuple(f"/songs/{song_id}" for song_id in songs)
        with place.traffic(process, reads=reads) as traffic:
            traffic.pass_by(60)
            proxy.hold()
            traffic.pass_by(60)
            proxy.release()
            proxy.babble()
            traffic.pass_by(60)
            proxy.refuse()
            proxy.cut()
            traffic.pass_by(60)
            proxy.refuse(False)
            proxy.babble(False)
            traffic.lifted()
    assert traffic.failures() == []
    report("the cache mute, mad and gone", traffic, place.conninfo)
