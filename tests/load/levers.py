"""What other ways of answering would cost: the levers that were tried and left.

    .venv/bin/python tests/load/levers.py --url ... [--runs 1500] [--rounds 5]

Needs a seeded database (`kleio seed`, or what `make load` leaves). Each way answers the same reads
in one process over one connection, in turns; printed are the microseconds of CPU that a read takes
in the process and in PostgreSQL, medians of the rounds, which hold on a busy machine too.

- a page of 50 copies as rows and Structs, encoded by msgspec, against its JSON made by PostgreSQL;
- the token and a song as two statements, against one statement with the token's look-up in it;
- a release read, encoded and hashed to be told "not modified", against its time of change alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
from endpoints import draw
from serving import cpu_seconds

from kleio.accounts import hash_token
from kleio.db.connections import connect
from kleio.db.queries import Connection, namespace
from kleio.repositories import collection, releases, songs, tokens
from kleio.settings import load_settings

Way = Callable[[int], Awaitable[object]]

PAGE_SIZE = 50


def page_as_json() -> str:
    """Return the statement of a page whose rows PostgreSQL makes one JSON text of."""
    statement = namespace("collection").queries["list_collection_newest"].sql.rstrip().rstrip(";")
    fields = ", ".join(
        f"'{msgspec.structs.fields(collection.ShelfCopy)[place].encode_name}', c{place}"
        for place in range(len(msgspec.structs.fields(collection.Copy)))
    )
    names = ", ".join(
        ["key", "id", *(f"c{n}" for n in range(len(msgspec.structs.fields(collection.ShelfCopy))))]
    )
    return (
        f"SELECT json_agg(json_build_object({fields}))::text, min(key)"
        f" FROM ({statement}) AS page ({names})"
    )


def song_of_token() -> str:
    """Return the statement of a song with who asks for it."""
    statement = namespace("songs").queries["get_song"].sql.rstrip().rstrip(";")
    session = namespace("tokens").queries["get_session"].sql.rstrip().rstrip(";")
    return f"SELECT * FROM ({session}) AS session LEFT JOIN ({statement}) AS song ON true"


class Reads:
    """The reads, over one connection."""

    def __init__(self, conn: Connection, data: Any) -> None:
        self._conn = conn
        self._data = data
        self._tokens = [hash_token(token) for token in data.tokens]
        self._users: list[Any] = []
        self._encode = msgspec.json.Encoder().encode
        self._page, self._song = page_as_json(), song_of_token()

    async def begin(self) -> None:
        """Look up whose tokens these are."""
        for token in self._tokens:
            session = await tokens.get_session(self._conn, token_hash=token, now=datetime.now(UTC))
            assert session is not None
            self._users.append(session.user_id)

    def ways(self) -> dict[str, dict[str, Way]]:
        """Return what is compared: of each read its ways, the one in use first."""
        return {
            "page of 50": {"Structs": self._structs, "JSON by PostgreSQL": self._json},
            "token and song": {"two statements": self._two, "one statement": self._one},
            "unchanged release": {"read and hashed": self._hashed, "its time alone": self._time},
        }

    def _parameters(self, number: int) -> dict[str, Any]:
        return {
            "user_id": self._users[number % len(self._users)],
            "before_added_at": None,
            "before_id": None,
            "marks_at": None,
            "page_size": PAGE_SIZE + 1,
            "page_offset": 0,
        }

    async def _structs(self, number: int) -> bytes:
        found = await collection.list_collection_newest(self._conn, **self._parameters(number))
        return self._encode({"items": [one.row for one in found[:PAGE_SIZE]]})

    async def _json(self, number: int) -> bytes:
        cursor = await self._conn.execute(self._page, self._parameters(number))
        row = await cursor.fetchone()
        assert row is not None
        return b'{"items":' + row[0].encode() + b"}"

    def _song_id(self, number: int) -> str:
        ids: list[str] = self._data.songs
        return ids[number * 7919 % len(ids)]

    async def _two(self, number: int) -> object:
        await tokens.get_session(
            self._conn, token_hash=self._tokens[number % len(self._tokens)], now=datetime.now(UTC)
        )
        return await songs.get_song(self._conn, song_id=self._song_id(number))

    async def _one(self, number: int) -> object:
        parameters = {
            "token_hash": self._tokens[number % len(self._tokens)],
            "now": datetime.now(UTC),
            "song_id": self._song_id(number),
        }
        cursor = await self._conn.execute(self._song, parameters)
        return await cursor.fetchone()

    def _release_id(self, number: int) -> str:
        ids: list[str] = self._data.releases
        return ids[number * 7919 % len(ids)]

    async def _hashed(self, number: int) -> str:
        found = await releases.get_release(self._conn, release_id=self._release_id(number))
        return hashlib.blake2b(self._encode(found), digest_size=12).hexdigest()

    async def _time(self, number: int) -> object:
        cursor = await self._conn.execute(
            "SELECT updated_at FROM releases WHERE id = %s::uuid", [self._release_id(number)]
        )
        return await cursor.fetchone()


async def measure(way: Way, backend: int, runs: int) -> tuple[float, float]:
    """Return the microseconds of CPU a read in this process and in its backend."""
    own, database = time.process_time(), cpu_seconds([backend])
    for number in range(runs):
        await way(number)
    used = time.process_time() - own, cpu_seconds([backend]) - database
    return used[0] / runs * 1e6, used[1] / runs * 1e6


async def compare(options: argparse.Namespace) -> None:
    """Measure all ways in turns and print them."""
    with psycopg.connect(options.url, autocommit=True) as admin:
        data = draw(admin, random.Random(1))
    settings = load_settings({**os.environ, "DATABASE_URL": options.url})
    async with await connect(settings, options.url) as conn:
        reads = Reads(conn, data)
        await reads.begin()
        backend = conn.info.backend_pid
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for number in range(options.rounds + 1):
            for read, ways in reads.ways().items():
                for name, way in ways.items():
                    one = await measure(way, backend, options.runs if number else 100)
                    if number:
                        found.setdefault((read, name), []).append(one)
    for (read, name), rounds in found.items():
        own, database = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"{read:18} {name:20} {own:6.0f} + {database:6.0f} = {own + database:6.0f} us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True, help="a seeded database")
    parser.add_argument("--runs", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(compare(parser.parse_args()))


if __name__ == "__main__":
    main()
