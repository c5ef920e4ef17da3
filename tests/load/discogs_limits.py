"""How a sync keeps to Discogs' real limits, and what time it takes: several minutes.

The stand-in counts every call when it comes in. Two processes sync two users at once, at 50 calls a
minute together; then one syncs while other programs behind the same address make 25 calls a minute:
those before it begin, and those that begin with it, which nobody can know of. A table tells the
calls made, the most in any 60 seconds, and the time beside the shortest possible one: with so many
calls allowed in any minute, the last of n calls comes no earlier than (n - 1) // allowed minutes
after the first.

    .venv/bin/python tests/load/discogs_limits.py --releases 120
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from discogs_standin import Discogs, busiest, serving
from factories import make_user, settings_for
from kleio.db.connections import connect
from servers import running_server
from shelf_at_discogs import Shelf
from syncing import SECRET_KEY, give_token

LATENCY = 0.25
"""What Discogs takes for an answer, about."""

MINUTE = 60.0
OTHERS = 25


class Environment:
    """A database with users, and how processes reach it and the stand-in."""

    def __init__(self, conninfo: str, url: str, home: Path) -> None:
        self.conninfo = conninfo
        self.home = home
        self.variables = {"KLEIO_DISCOGS_URL": url, "KLEIO_SECRET_KEY": SECRET_KEY}

    def add_user(self, name: str, shelf: Shelf) -> None:
        async def add() -> None:
            settings = settings_for(self.conninfo, self.home, **self.variables)
            async with await connect(settings, self.conninfo) as conn:
                await give_token(conn, await make_user(conn, name), shelf.token, settings)

        asyncio.run(add())

    def sync(self, names: Sequence[str]) -> None:
        """Sync some users, each in a process of its own, all at once."""
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "kleio", "sync", "--user", name],
                env={
                    **os.environ,
                    **self.variables,
                    "DATABASE_URL": self.conninfo,
                    "KLEIO_HOME": str(self.home),
                },
            )
            for name in names
        ]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit("a sync failed")


def add_shelf(discogs: Discogs, name: str, size: int, first: int) -> Shelf:
    shelf = discogs.add_shelf(Shelf(f"{name}-at-discogs", f"token-of-{name}"))
    rng = random.Random(first)
    for number in range(size):
        shelf.add(first + number, rating=rng.randint(0, 5))
    return shelf


@contextmanager
def others_calling(discogs: Discogs, *, has_begun: bool) -> Iterator[None]:
    """Have other programs behind the same address make OTHERS calls a minute."""
    if has_begun:
        now = discogs.clock()
        discogs.others.extend(now - MINUTE / OTHERS * ago for ago in range(OTHERS, 0, -1))
    is_over = threading.Event()

    def call() -> None:
        while not is_over.wait(MINUTE / OTHERS):
            discogs.others.append(discogs.clock())

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def line(what: str, discogs: Discogs, allowed: int) -> str:
    times = [call.at for call in discogs.calls]
    took = max(times) - min(times)
    least = (len(times) - 1) // allowed * MINUTE + LATENCY
    return (
        f"{what:<52} {len(times):>5} {allowed:>8} {busiest(times, MINUTE):>12} "
        f"{discogs.refused:>4} {took:>8.1f} {least:>8.1f} {took / least:>6.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=120, help="of each of the two parts")
    releases: int = parser.parse_args().releases
    lines = []
    with tempfile.TemporaryDirectory(prefix="kleio-limits-") as directory:
        home = Path(directory)
        discogs = Discogs(latency=LATENCY)
        with running_server(home / "server") as server, serving(discogs) as url:
            with server.database(server.ensure_template()) as conninfo:
                environment = Environment(conninfo, url, home)
                for number, name in enumerate(("ada", "ben")):
                    environment.add_user(
                        name, add_shelf(discogs, name, releases // 2, 100_000 * (number + 1))
                    )
                environment.sync(("ada", "ben"))
                lines.append(line("two processes at once", discogs, 50))
            for what, has_begun in (("are made already", True), ("begin with it", False)):
                discogs.calls.clear()
                discogs.others.clear()
                discogs.refused = 0
                with server.database(server.ensure_template()) as conninfo:
                    environment = Environment(conninfo, url, home)
                    environment.add_user("cleo", add_shelf(discogs, "cleo", releases, 500_000))
                    with others_calling(discogs, has_begun=has_begun):
                        environment.sync(("cleo",))
                lines.append(line(f"one process, 25 of others a minute {what}", discogs, 33))
    print(
        f"{'':<52} {'calls':>5} {'allowed':>8} {'most in 60 s':>12} {'429s':>4} "
        f"{'seconds':>8} {'least':>8} {'ratio':>6}"
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
