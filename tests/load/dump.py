"""Times the import of a dump's releases against discogskit, on the same file and server.

    .venv/bin/python tests/load/dump.py [--releases 100000] [--rounds 3] [--workers 3]
        [--discogskit .../bin/discogskit] [--before .../bin/kleio] [--again] [--keep FOLDER]

A file is made from the sample's releases (`dump_data.py`) and imported by each tool in turn, into
an empty database each time: discogskit as it comes and with two parse workers, Kleio as it comes,
another checkout's Kleio with --before. Times are of whole commands, indexes, cards and start
included; processor seconds tell more than those of the clock where others work too. Afterwards the
rows of both are compared: nothing may be missing. --again also imports the file a second time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psutil
import psycopg

sys.path.append(str(Path(__file__).parent))

from dump_data import SAMPLE, write_release_dump

from kleio.db.embedded import EmbeddedServer, database_conninfo, embedded_server, server_pid
from kleio.db.migrate import migrate

PROJECT = Path(__file__).parents[2]
TIMEOUT = 4 * 3600.0


class Run(msgspec.Struct):
    """What one command took: seconds of the clock and of processors, MiB at the peak."""

    seconds: float
    client: float
    server: float
    memory: float
    counts: dict[str, int]


def server_seconds(postmaster: int) -> float:
    """Return the processor time of a server and of all processes that it has ended."""
    process = psutil.Process(postmaster)
    own = process.cpu_times()
    spent = own.user + own.system + own.children_user + own.children_system
    for child in process.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


def timed(command: list[str], environment: dict[str, str], postmaster: int, log: Path) -> Run:
    """Run a command to its end; whatever it says goes to the log."""
    before, began = server_seconds(postmaster), time.monotonic()
    usage = os.times()
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        peak = [0.0]
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watch.start()
        try:
            code = process.wait(TIMEOUT)
        finally:
            process.kill()
            ended.set()
            watch.join()
    seconds = time.monotonic() - began
    after = os.times()
    if code:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
    client = after.children_user + after.children_system
    client -= usage.children_user + usage.children_system
    server = server_seconds(postmaster) - before
    # At once, so that a later run that fails takes nothing along.
    print(
        f"{Path(command[0]).name}: {seconds:.1f} s, processors {client:.1f} + {server:.1f} s",
        flush=True,
    )
    return Run(seconds, client, server, peak[0] / 2**20, {})


def _watch(pid: int, peak: list[float], ended: threading.Event) -> None:
    """Note the largest sum of the command's processes' memory; shared pages count in each."""
    while not ended.wait(0.25):
        total = 0
        try:
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        peak[0] = max(peak[0], total)


def count(conninfo: str, tables: dict[str, str]) -> dict[str, int]:
    """Return the number of rows by what they are; several tables' are added up."""
    with psycopg.connect(conninfo) as conn:
        return {
            name: sum(
                conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[arg-type,index]
                for table in group.split()
            )
            for name, group in tables.items()
        }


KLEIO_ROWS = {
    "releases": "releases",
    "credits": "release_artists",
    "labels": "release_labels",
    "formats": "release_formats",
    "tracks": "tracks",
}
DISCOGSKIT_ROWS = {
    "releases": "releases",
    "credits": "release_artists release_extraartists",
    "labels": "release_labels",
    "formats": "release_formats",
    "tracks": "release_tracks",
}


class Bench:
    """The server, and a database that each run gets for itself."""

    def __init__(self, server: EmbeddedServer, home: Path, folder: Path) -> None:
        self.server = server
        self.folder = folder
        pid = server_pid(home)
        assert pid is not None
        self.postmaster = pid

    def database(self) -> str:
        """Make the database `load` anew; return it as its owner sees it."""
        with psycopg.connect(self.server.admin_conninfo, autocommit=True) as conn:
            conn.execute("DROP DATABASE IF EXISTS load WITH (FORCE)")
            conn.execute("CREATE DATABASE load OWNER kleio")
            conn.execute("CHECKPOINT")
        return database_conninfo(self.server, "load")

    def kleio(self, program: Path, file: Path, options: list[str], *, again: bool) -> list[Run]:
        """Import with a Kleio, where `again` twice."""
        conninfo = self.database()
        migrate_with(program, conninfo)
        environment = {**os.environ, "DATABASE_URL": conninfo, "KLEIO_HOME": str(self.folder)}
        command = [str(program), "import", "discogs-dump", "--json", *options, str(file)]
        runs = []
        for _ in range(1 + again):
            log = self.folder / "kleio.log"
            run = timed(command, environment, self.postmaster, log)
            run.counts = count(conninfo, KLEIO_ROWS)
            last = json.loads(log.read_text().strip().splitlines()[-1])
            assert last["read"] == run.counts["releases"], last
            runs.append(run)
        return runs

    def discogskit(self, program: Path, file: Path, options: list[str]) -> Run:
        """Import with discogskit, which takes the kind of a file from its name."""
        self.database()
        url = f"postgresql://postgres@/load?host={self.server.socket_dir}"
        command = [str(program), "load", "--dsn", url, "--no-progress", *options, str(file)]
        run = timed(command, dict(os.environ), self.postmaster, self.folder / "discogskit.log")
        run.counts = count(database_conninfo(self.server, "load", admin=True), DISCOGSKIT_ROWS)
        return run


def migrate_with(program: Path, conninfo: str) -> None:
    """Migrate a database with this Kleio, or with the other one."""
    if program == PROJECT / ".venv/bin/kleio":
        migrate(conninfo)
        return
    environment = {**os.environ, "DATABASE_URL": conninfo}
    subprocess.run(
        [program, "migrate"], env=environment, check=True, capture_output=True, timeout=600
    )


def print_table(runs: dict[str, list[Run]], base: str) -> None:
    """Print medians, their spread, and the ratio to a tool's releases a second."""
    print(
        f"{'':24}{'seconds':>9}{'releases/s':>12}{'spread':>16}{'ratio':>7}"
        f"{'client':>9}{'server':>9}{'MiB':>7}   (us of a processor a release)"
    )
    rates = {
        name: [run.counts["releases"] / run.seconds for run in those]
        for name, those in runs.items()
    }
    for name, those in runs.items():
        number = those[0].counts["releases"]
        rate = statistics.median(rates[name])
        ratio = rate / statistics.median(rates[base]) if base in rates else float("nan")
        client, server = (
            statistics.median(getattr(run, part) for run in those) / number * 1e6
            for part in ("client", "server")
        )
        spread = f"{min(rates[name]):,.0f}-{max(rates[name]):,.0f}"
        print(
            f"{name:24}{statistics.median(run.seconds for run in those):9.1f}{rate:12,.0f}"
            f"{spread:>16}{ratio:7.2f}{client:9.0f}{server:9.0f}"
            f"{max(run.memory for run in those):7.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, help="Kleio's --workers")
    parser.add_argument("--discogskit", type=Path, help="its program, from a venv of its own")
    parser.add_argument("--before", type=Path, help="another checkout's .venv/bin/kleio")
    parser.add_argument("--again", action="store_true", help="import the file twice")
    parser.add_argument("--keep", type=Path, help="a folder for the file, which is made once")
    default = os.environ.get("KLEIO_SAMPLES") or PROJECT.parent / "shared/samples"
    parser.add_argument("--samples", type=Path, default=Path(default))
    options = parser.parse_args()
    kleio = PROJECT / ".venv/bin/kleio"
    runs: dict[str, list[Run]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kleio-load-")))
        kept = options.keep or folder
        kept.mkdir(exist_ok=True)
        file = kept / f"discogs_20260301_{options.releases}_releases.xml.gz"
        if not file.exists():
            began = time.monotonic()
            size = write_release_dump(
                file, options.samples / "discogs-dump" / SAMPLE, options.releases
            )
            print(
                f"{file.name}: {size / 2**20:,.0f} MiB of XML in {time.monotonic() - began:.0f} s"
            )
        home = folder / "server"
        bench = Bench(stack.enter_context(embedded_server(home)), home, folder)
        workers = [] if options.workers is None else ["--workers", str(options.workers)]
        for turn in range(options.rounds):
            if options.discogskit:
                for name, extra in (
                    ("discogskit", []), ("discogskit, 2 parsers", ["--parse-workers", "2"]),
                ):  # fmt: skip
                    run = bench.discogskit(options.discogskit, file, extra)
                    runs.setdefault(name, []).append(run)
            if options.before:
                (run,) = bench.kleio(options.before, file, [], again=False)
                runs.setdefault("kleio before", []).append(run)
            first, *second = bench.kleio(kleio, file, workers, again=options.again)
            runs.setdefault("kleio", []).append(first)
            if second:
                runs.setdefault("kleio, once more", []).extend(second)
            print(f"round {turn + 1} of {options.rounds}", flush=True)
        counts = {msgspec.json.encode(run.counts) for those in runs.values() for run in those}
        assert len(counts) == 1, f"not the same rows: {counts}"
        print(f"rows of each: {counts.pop().decode()}")
        with psycopg.connect(database_conninfo(bench.server, "load")) as conn:
            size = conn.execute("SELECT pg_database_size('load')").fetchone()[0]  # type: ignore[index]
        print(f"Kleio's database: {size / 2**20:,.0f} MiB")
    print_table(runs, "discogskit")


if __name__ == "__main__":
    main()
