"""Times an import of a user's data, and what it takes of memory and of each processor.

    .venv/bin/python tests/load/imports.py [--lines 100000] [--url postgresql://...]
    .venv/bin/python tests/load/imports.py --older [--releases 20000] [--plays 100000]

A CSV of so many lines, or a database of the older Kleio, all of releases that the catalogue lacks,
is imported four times for one user: as a dry run, for good, once more, and by another user. What
was written is checked as `kleio import kleio-sqlite` does. Without a URL a server of its own is
used and removed. Seconds of processors tell more than those of the clock where others work too.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import old_kleio
from factories import make_user
from importing import csv_of, shelf_of
from kleio.db.connections import connect
from kleio.db.embedded import embedded_server
from kleio.db.migrate import migrate
from kleio.db.queries import Connection
from kleio.importers.account_import import import_source
from kleio.importers.collection_csv import CollectionCsv
from kleio.importers.files import open_file
from kleio.importers.import_check import Witness, check
from kleio.importers.import_progress import Progress
from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.sources import Source
from kleio.settings import load_settings

FIRST_RELEASE = 1_000_000_000
"""Above Discogs' numbers, and above the demo's."""


def server_seconds(conn: Connection) -> float:
    """Return the processor time of the connection's server process, where it is on this machine."""
    try:
        text = Path(f"/proc/{conn.info.backend_pid}/stat").read_text()
    except OSError:
        return float("nan")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def write_file(file: Path, options: argparse.Namespace) -> None:
    """Write a file of the sizes asked for."""
    if options.older:
        sizes = {"releases": options.releases, "plays": options.plays, "tracks": 10}
        old_kleio.build(file, **sizes, cleanings=options.plays // 5)
    else:
        file.write_bytes(csv_of(*shelf_of(options.lines, random.Random(1), first=FIRST_RELEASE)))


def open_source(file: Path, options: argparse.Namespace) -> Source:
    return KleioSqlite(file) if options.older else CollectionCsv(open_file(file), file.name)


async def measure(conninfo: str, file: Path, options: argparse.Namespace) -> None:
    """Import the file four times and print a line for each step."""
    conn = await connect(load_settings({}), conninfo)
    async with conn:
        first, second = await make_user(conn), await make_user(conn)
        print(f"{'import':14}{'step':18}{'seconds':>9}{'server':>9}{'client':>9}  (processor s)")
        for label, user, dry_run in (
            ("dry run", first, True), ("all new", first, False), ("again", first, False),
            ("another user", second, False),
        ):  # fmt: skip
            marks: list[tuple[str, float, float, float]] = []

            def mark(step: str, marks: list[tuple[str, float, float, float]] = marks) -> None:
                now = (time.monotonic(), server_seconds(conn), time.process_time())
                if not marks or marks[-1][0] != step:
                    marks.append((step, *now))

            def told(now: Progress, mark: Any = mark) -> None:
                mark(now.step)

            with closing(Witness(open_source(file, options))) as source:
                run = await import_source(conn, user.id, source, dry_run=dry_run, progress=told)
                # Only `kleio import kleio-sqlite` and `kleio-json` check what they wrote.
                if options.older and not dry_run:
                    mark("checking")
                    assert (await check(conn, user.id, run, source)).failures == []
            mark("")
            for (step, *start), (_, *end) in pairwise(marks):
                spent = "".join(f"{b - a:9.2f}" for a, b in zip(start, end, strict=True))
                print(f"{label:14}{step:18}{spent}")
            whole = "".join(
                f"{b - a:9.2f}" for a, b in zip(marks[0][1:], marks[-1][1:], strict=True)
            )
            print(f"{label:14}{'= all':18}{whole}  {bytes(run.counts).decode()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--older", action="store_true", help="a database of the older Kleio")
    parser.add_argument("--releases", type=int, default=20_000)
    parser.add_argument("--plays", type=int, default=100_000)
    parser.add_argument("--url", help="a migrated database; its rows are added to")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kleio-load-")))
        file = folder / "shelf"
        # In a process of its own, whose memory is not this one's.
        writer = get_context("spawn").Process(target=write_file, args=(file, options))
        writer.start()
        writer.join()
        conninfo = options.url
        if conninfo is None:
            conninfo = stack.enter_context(embedded_server(folder / "server")).conninfo
            migrate(conninfo)
        asyncio.run(measure(conninfo, file, options))
        size = file.stat().st_size / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"the client's memory at its peak: {peak:.0f} MiB; the file has {size:.0f} MiB")


if __name__ == "__main__":
    main()
