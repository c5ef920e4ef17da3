"""Requests a second of `GET /songs/{id}`: alone, coalesced, and through the cache.

    .venv/bin/python tests/load/song_reads.py --url postgresql://... --cache redis://...
        [--connections 16 64] [--seconds 5] [--rounds 3] [--songs 100000] [--workers 1]

Needs `wrk` on PATH, a migrated database with songs, and a cache server that may be filled. For each
number of connections the variants are served by Granian and measured one after the other, in turn
over the rounds, so that what else the machine does falls on all of them alike. Printed are the
medians, their ratios to the first variant, and the microseconds of CPU that a request took in the
server and, where it runs on this machine, in PostgreSQL: those hold on a busy machine too. Ids are
drawn at random from `--songs` songs, so a cache that holds them all is at its best. Each request
carries a token, which is looked up as ever.

- `plain`: a statement a request.
- `coalesced`: what is asked for at the same time is one statement.
- `cached`: coalesced, and the cache asked first.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from kleio.accounts import hash_token

VARIANTS = ("plain", "coalesced", "cached")

_LUA = """
local ids = {}
for line in io.lines("%(ids)s") do ids[#ids + 1] = line end
math.randomseed(os.time())
wrk.headers["Authorization"] = "Bearer %(token)s"
request = function()
  return wrk.format("GET", "/api/v1/songs/" .. ids[math.random(#ids)])
end
"""


def create_variant() -> Any:
    """Return the application of the variant that the environment names; Granian calls it."""
    from kleio.http.app import create_app
    from kleio.http.songs import SongReader
    from kleio.repositories import songs

    app = create_app()
    if os.environ["KLEIO_LOAD_VARIANT"] == "plain":

        class Plain(SongReader):
            async def get(self, song_id: Any) -> Any:
                return await app.state.database.read(songs.get_song, song_id=song_id)

        app.state.songs = Plain(app.state.database, app.state.cache)
    return app


class Serving:
    """A Granian with one variant, on a port of its own."""

    def __init__(self, variant: str, options: argparse.Namespace) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "DATABASE_URL": options.url,
            "KLEIO_WORKERS": str(options.workers),
            "KLEIO_LOG_LEVEL": "warning",
            "KLEIO_LOAD_VARIANT": variant,
            "PYTHONPATH": str(Path(__file__).parent),
        }
        if variant == "cached":
            environment["CACHE_URL"] = options.cache
        self.process = subprocess.Popen(
            [
                *(str(Path(sys.executable).parent / "granian"), "song_reads:create_variant"),
                *("--factory", "--interface", "asgi", "--loop", "uvloop", "--no-ws"),
                *("--host", "127.0.0.1", "--port", str(self.port)),
                *("--workers", str(options.workers), "--log-level", "warning"),
            ],
            env=environment,
        )
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live").close()
                return
            except OSError:
                assert self.process.poll() is None, "the server did not start"
                assert time.monotonic() < end, "the server does not answer"
                time.sleep(0.1)

    def pids(self) -> list[int]:
        """Return the server's processes."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def measure(
        self, connections: int, seconds: float, script: Path, database: Any
    ) -> tuple[float, float, float]:
        """Return requests a second, and microseconds of CPU of a request in server and database."""
        backends = [
            pid
            for (pid,) in database.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'kleio'"
            ).fetchall()
        ]
        before = cpu_seconds(self.pids()), cpu_seconds(backends)
        done = subprocess.run(
            [
                *("wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script)),
                f"http://127.0.0.1:{self.port}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Non-2xx" not in done.stdout, done.stdout
        spent = cpu_seconds(self.pids()) - before[0], cpu_seconds(backends) - before[1]
        (line,) = [line for line in done.stdout.splitlines() if "Requests/sec" in line]
        (count,) = [line for line in done.stdout.splitlines() if "requests in" in line]
        requests = int(count.split()[0])
        return float(line.split()[1]), spent[0] * 1e6 / requests, spent[1] * 1e6 / requests

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def cpu_seconds(pids: list[int]) -> float:
    """Return what processes have used; one that is not of this machine, or gone, counts nothing."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def prepare(options: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """Write the ids and the script for wrk, make a user with a token; return script and user."""
    token, name = f"kleio_{secrets.token_urlsafe(32)}", f"load-{secrets.token_hex(4)}"
    with psycopg.connect(options.url) as conn:
        ids = [
            str(id_)
            for (id_,) in conn.execute(
                "SELECT id FROM songs ORDER BY id DESC LIMIT %s", [options.songs]
            )
        ]
        now = datetime.now(UTC)
        (user_id,) = conn.execute(
            "INSERT INTO users (username, email, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s) RETURNING id",
            [name, f"{name}@example.org", now, now],
        ).fetchone()
        conn.execute(
            "INSERT INTO auth_tokens (token_hash, user_id, name, prefix, created_at)"
            " VALUES (%s, %s, 'load', %s, %s)",
            [hash_token(token), user_id, token[:12], now],
        )
    assert ids, "no songs: run kleio seed"
    random.shuffle(ids)
    (folder / "ids").write_text("\n".join(ids))
    script = folder / "songs.lua"
    script.write_text(_LUA % {"ids": folder / "ids", "token": token})
    return script, name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="a database with songs")
    parser.add_argument("--cache", help="a cache server; without one `cached` is left out")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--songs", type=int, default=100_000, help="how many different songs")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not on PATH (apt-get install wrk)")
    variants = [variant for variant in VARIANTS if options.cache or variant != "cached"]
    with tempfile.TemporaryDirectory() as folder:
        script, user = prepare(options, Path(folder))
        database = psycopg.connect(options.url, autocommit=True)
        found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
        try:
            for number in range(options.rounds + 1):
                for variant in variants:
                    serving = Serving(variant, options)
                    try:
                        for connections in options.connections:
                            # Connections and plans come first, and in the first round the cache.
                            serving.measure(connections, 1, script, database)
                            one = serving.measure(connections, options.seconds, script, database)
                            if number:
                                found.setdefault((variant, connections), []).append(one)
                    finally:
                        serving.stop()
        finally:
            database.close()
            with psycopg.connect(options.url) as conn:
                conn.execute("DELETE FROM users WHERE username = %s", [user])
    print(f"{options.songs:,} songs, {options.workers} worker(s), {options.rounds} rounds")
    heads = "".join(f"{f'{c} connections':>44}" for c in options.connections)
    print(f"{'variant':12}{heads}")
    for variant in variants:
        line = f"{variant:12}"
        for connections in options.connections:
            rate, server, backends = map(
                statistics.median, zip(*found[variant, connections], strict=True)
            )
            first = statistics.median(one[0] for one in found[variants[0], connections])
            line += f"{rate:>10,.0f}/s x {rate / first:.2f}, CPU {server:4.0f} + {backends:4.0f} us"
        print(line)


if __name__ == "__main__":
    main()
