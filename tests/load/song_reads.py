"""Requests a second of `GET /songs/{id}`: alone, coalesced, and through the cache.

    .venv/bin/python tests/load/song_reads.py --url postgresql://... --cache redis://...
        [--connections 16 64] [--seconds 5] [--rounds 3] [--songs 100000] [--workers 1]

Needs `wrk` on PATH, a database with seeded songs and users, and a cache server that may be filled.
For each number of connections the variants are served by Granian and measured one after the other,
in turn over the rounds, so that what else the machine does falls on all of them alike. Printed are
the medians, their ratios to the first variant, and the microseconds of CPU that a request took in
the server and, where it runs on this machine, in PostgreSQL: those hold on a busy machine too. Ids
are drawn at random from `--songs` songs, so a cache that holds them all is at its best. Each
request carries the token of one of up to fifty seeded users, which is looked up as ever.

- `plain`: a statement a request.
- `coalesced`: what is asked for at the same time is one statement.
- `cached`: coalesced, and the cache asked first.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import psycopg
from endpoints import sign_in
from saturation import Sample, Wanted, Wrk
from serving import CannotRun, Serving, free_port

VARIANTS = ("plain", "coalesced", "cached")


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


def serve(variant: str, options: argparse.Namespace) -> Serving:
    """Serve one variant by Granian, on a port of its own."""
    port = free_port()
    environment = {
        "DATABASE_URL": options.url,
        "KLEIO_WORKERS": str(options.workers),
        "KLEIO_LOG_LEVEL": "warning",
        "KLEIO_LOAD_VARIANT": variant,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    if variant == "cached":
        environment["CACHE_URL"] = options.cache
    command = [
        *(str(Path(sys.executable).parent / "granian"), "song_reads:create_variant"),
        *("--factory", "--interface", "asgi", "--loop", "uvloop", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(options.workers), "--log-level", "warning"),
    ]
    return Serving(variant, command, environment, port)


def draw(options: argparse.Namespace) -> list[Wanted]:
    """Return a request for each song, with the tokens of users in turn."""
    with psycopg.connect(options.url) as conn:
        tokens = sign_in(conn)
        ids = [
            str(id_)
            for (id_,) in conn.execute(
                "SELECT id FROM songs ORDER BY id DESC LIMIT %s", [options.songs]
            )
        ]
    if not ids or not tokens:
        sys.exit("no songs, or no users with 50 copies: run kleio seed")
    random.shuffle(ids)
    return [
        Wanted("GET", f"/api/v1/songs/{id_}", tokens[place % len(tokens)])
        for place, id_ in enumerate(ids)
    ]


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
    variants = [variant for variant in VARIANTS if options.cache or variant != "cached"]
    found: dict[tuple[str, int], list[Sample]] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        psycopg.connect(options.url, autocommit=True) as database,
    ):
        try:
            wrk = Wrk(draw(options), Path(folder), "songs")
        except CannotRun as error:
            sys.exit(str(error))
        for number in range(options.rounds + 1):
            for variant in variants:
                serving = serve(variant, options)
                try:
                    for connections in options.connections:
                        # Connections and plans come first, and in the first round the cache.
                        wrk.run(serving, connections, 1, number)
                        one = wrk.run(serving, connections, options.seconds, number, database)
                        if number:
                            found.setdefault((variant, connections), []).append(one)
                finally:
                    serving.stop()
    print(f"{options.songs:,} songs, {options.workers} worker(s), {options.rounds} rounds")
    heads = "".join(f"{f'{c} connections':>44}" for c in options.connections)
    print(f"{'variant':12}{heads}")
    for variant in variants:
        line = f"{variant:12}"
        for connections in options.connections:
            runs = found[variant, connections]
            rate = statistics.median(run.rate for run in runs)
            server = statistics.median(run.server_cpu for run in runs)
            backends = statistics.median(run.database_cpu for run in runs)
            first = statistics.median(run.rate for run in found[variants[0], connections])
            line += f"{rate:>10,.0f}/s x {rate / first:.2f}, CPU {server:4.0f} + {backends:4.0f} us"
        print(line)


if __name__ == "__main__":
    main()
