"""A database with a user and releases, and the `kleio serve` on it that traffic goes to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg

import factories
from kleio.db.connections import configure
from kleio_process import Process
from traffic import Traffic


async def _fill(conninfo: str) -> tuple[str, list[str]]:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        account = await factories.make_user(conn, "ada")
        ids = await factories.store_releases(
            conn, [factories.release_document(number) for number in range(1, 9)]
        )
        return account.token, [str(release_id) for release_id in ids]


class Place:
    """A database with a user and releases, and the `kleio serve` on it.

    Attributes:
        home: KLEIO_HOME.
        conninfo: of the database.
        token: of a user with a shelf.
        process: the server, where there is one from the start.
    """

    process: Process
    conninfo: str
    token: str

    def __init__(self, home: Path, logs: Path | None = None) -> None:
        self.home = home
        self._logs = logs or home
        self._started: list[Process] = []

    def fill(self, conninfo: str) -> None:
        """Make a user and releases in a migrated database."""
        self.conninfo = conninfo
        self.token, self._releases = asyncio.run(_fill(conninfo))

    def serve(self, *args: str, port: int = 0, **env: str) -> Process:
        """Start `kleio serve` and wait until it answers; on a free port unless one is given."""
        directory = self._logs / f"process{len(self._started)}"
        env = {"KLEIO_HOME": str(self.home), "KLEIO_MAINTAIN_INTERVAL": "0", **env}
        process = Process(directory, ("serve", *args), env, port)
        self._started.append(process)
        process.until_ready()
        return process

    def traffic(self, server: Process | str, **options: Any) -> Traffic:
        """Return clients of a server, or of an address, and who looks into the database."""
        url = server if isinstance(server, str) else server.url
        return Traffic(url, self.token, self._releases, **{"conninfo": self.conninfo, **options})

    def end(self) -> None:
        for process in self._started:
            if process.process.poll() is None:
                process.stop()
