"""Hours in minutes: mixed load at a share of capacity, and whether anything grows.

Starts a server on an embedded PostgreSQL of its own, measures how many requests a second these
clients get through, goes on at 70 % of that, and prints every so often what the processes hold:
memory, file descriptors, database connections, and how long answers take. What grows, is lost or
fails is said at the end, with exit code 1.

    make soak ARGS="--minutes 30"
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import httpx
import msgspec
import psycopg

sys.path.append(str(Path(__file__).parents[1]))

from importing import csv_of, line
from invariants import broken_rules
from kleio.db.connections import configure
from kleio.db.embedded import embedded_server
from kleio_process import workers_of
from library_rows import fill_library
from place import Place
from threads import Thread
from traffic import Sample, Traffic

SHARE = 0.7

READS = (
    *(
        "/releases?limit=10",
        "/plays?limit=20",
        "/collection/folders",
        "/styluses",
        "/me/preferences",
    ),
    *("/releases?q=title", "/artists?limit=5", "/auth/tokens", "/cleanings?limit=5"),
    *("/songs?limit=20", "/songs?codec=mp3&limit=10", "/albums?limit=10", "/library/stats"),
    *("/search?q=abey+road", "/search?q=title+3"),
) * 2
"""Beside the reads and writes of traffic: one request in thirteen leaves a play, so that what grows
is the server and not the shelf."""

PROBE_SECONDS = 20.0

IMPORT_SECONDS = 20.0
"""Between two dry runs of an import of IMPORT_LINES, each of which is forgotten afterwards."""
IMPORT_LINES = 2000

GROWTH = {"server_mib": 1.10, "descriptors": 1.10, "connections": 1.25, "p99_ms": 2.0}
"""How many times the second look's may be the last one's; the first is of a server that warms up. A
few more connections are only the pool's way with a moment's crowd."""
SPARE = {"server_mib": 16.0, "descriptors": 8.0, "connections": 2.0, "p99_ms": 20.0}
"""What may be added in any case: small numbers double by chance."""


class Look(msgspec.Struct, frozen=True):
    """What is held at a moment: MiB of the server's processes and of PostgreSQL's, and counts."""

    minute: float
    requests: int
    failures: int
    p50_ms: float
    p99_ms: float
    server_mib: float
    database_mib: float
    descriptors: int
    connections: int


def memory(pid: int) -> float:
    """Return what a process has for itself and its share of what is shared, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def children(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)


def look(minute: float, samples: list[Sample], server: int, conninfo: str, home: Path) -> Look:
    pids = [server, *workers_of(server)]
    postmaster = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    database = 0.0
    for pid in (postmaster, *children(postmaster)):
        try:
            database += memory(pid)
        except OSError:
            continue  # it has just ended
    with psycopg.connect(conninfo) as conn:
        (connections,) = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kleio'"
        ).fetchone()
    times = [(s.ended - s.began) * 1000 for s in samples if s.is_well]
    cuts = quantiles(times, n=100)
    return Look(
        minute=minute,
        requests=len(samples),
        failures=sum(not sample.is_well for sample in samples),
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        server_mib=sum(memory(pid) for pid in pids),
        database_mib=database,
        descriptors=sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        connections=connections,
    )


def show(one: Look) -> None:
    print(
        f"{one.minute:6.1f}  {one.requests:>8,}  {one.failures:>8}  {one.p50_ms:>7.1f}"
        f"  {one.p99_ms:>7.1f}  {one.server_mib:>10.1f}  {one.database_mib:>12.1f}"
        f"  {one.descriptors:>11}  {one.connections:>11}",
        flush=True,
    )


def capacity(traffic: Traffic) -> float:
    """Return how many requests a second clients without a pause get through."""
    began, before = time.monotonic(), len(traffic.samples)
    traffic.wait_out(began + PROBE_SECONDS)
    return (len(traffic.samples) - before) / (time.monotonic() - began)


def soak(traffic: Traffic, options: argparse.Namespace, place: Place) -> list[Look]:
    looks = []
    server = place.process.process.pid
    began, seen = time.monotonic(), len(traffic.samples)
    for number in range(1, options.looks + 1):
        traffic.wait_out(began + options.minutes * 60 * number / options.looks)
        recent, seen = traffic.samples[seen:], len(traffic.samples)
        minute = (time.monotonic() - began) / 60
        looks.append(look(minute, recent, server, place.conninfo, place.home))
        show(looks[-1])
    return looks


def judge(looks: list[Look]) -> list[str]:
    """Compare the second look with the last; return what has grown."""
    first, last = looks[1], looks[-1]
    problems = []
    for name in ("p50_ms", "p99_ms", "server_mib", "database_mib", "descriptors", "connections"):
        before, after = getattr(first, name), getattr(last, name)
        print(f"{name}: {before:,.1f} -> {after:,.1f} ({after / before:.2f} times)")
        if name in GROWTH and after > max(GROWTH[name] * before, before + SPARE[name]):
            problems.append(f"{name} has grown from {before:,.1f} to {after:,.1f}")
    return problems


class DryRuns:
    """Somebody who tries an import out now and then, and forgets it; `with DryRuns(...)`."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = f"{url}/api/v1", token
        self._stop = threading.Event()
        self._thread = Thread(self._run)
        self.done = 0
        self.problems: list[str] = []

    def __enter__(self) -> DryRuns:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.end()

    def _run(self) -> None:
        content = csv_of(*(line(n, Title=f"Imported {n}") for n in range(1, IMPORT_LINES)))
        headers = {"Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._url, headers=headers, timeout=60.0) as http:
            while not self._stop.wait(IMPORT_SECONDS):
                try:
                    self._try_out(http, content)
                except (httpx.HTTPError, TimeoutError) as error:
                    self.problems.append(f"a dry run failed: {error!r}")

    def _try_out(self, http: httpx.Client, content: bytes) -> None:
        headers = {"Content-Type": "text/csv"}
        answer = http.post("/imports?dryRun=true", content=content, headers=headers)
        answer.raise_for_status()
        path = f"/imports/{answer.json()['id']}"
        deadline = time.monotonic() + 60.0
        while (state := http.get(path).raise_for_status().json()["state"]) != "judged":
            if state == "failed" or time.monotonic() > deadline:
                raise TimeoutError(f"the dry run is {state}")
            time.sleep(0.1)
        http.delete(path).raise_for_status()
        self.done += 1


async def _fill_library(conninfo: str) -> None:
    conn = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        await fill_library(conn)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--looks", type=int, default=10)
    options = parser.parse_args()
    if options.looks < 3:
        parser.error("--looks must be at least 3: the first is not compared")
    with tempfile.TemporaryDirectory(prefix="kleio-soak-") as folder:
        place = Place(Path(folder) / "home")
        try:
            place.process = place.serve("--workers", str(options.workers))
            with embedded_server(place.home) as server:
                place.fill(server.conninfo)
            asyncio.run(_fill_library(place.conninfo))
            # Nobody looks into the database meanwhile: that would be a part of what is measured.
            mixed = {"clients": options.clients, "reads": READS, "conninfo": None}
            with place.traffic(place.process, pause=0.0, **mixed) as traffic:
                rate = capacity(traffic)
            wanted = SHARE * rate
            # A client without a pause takes clients / rate for a request.
            pause = options.clients / wanted - options.clients / rate
            print(
                f"{rate:,.0f} requests a second at most; {SHARE:.0%} of it with a pause of "
                f"{pause * 1000:.1f} ms, {options.minutes:g} minutes"
            )
            print(
                "minute  requests  failures   p50 ms   p99 ms  server MiB  database MiB"
                "  descriptors  connections"
            )
            with (
                place.traffic(place.process, pause=pause, **mixed) as traffic,
                DryRuns(place.process.url, place.token) as dry_runs,
            ):
                looks = soak(traffic, options, place)
            problems = judge(looks) + dry_runs.problems[:3]
            print(f"{dry_runs.done} dry runs of an import of {IMPORT_LINES:,} lines")
            if failures := traffic.failures():
                problems.append(f"{len(failures):,} requests failed, such as {failures[0]}")
            damage, rules = traffic.damage(place.conninfo), broken_rules(place.conninfo)
            print(
                f"lost {damage.lost}, doubled {damage.doubled}, half done {damage.half}; "
                f"rules broken: {rules}"
            )
            if damage.lost or damage.doubled or damage.half or rules:
                problems.append("the data is not what clients were told")
        finally:
            place.end()
    for problem in problems:
        print(f"not flat: {problem}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
