"""Hours in minutes: mixed load at a share of capacity, and whether anything grows.

Starts a server on an embedded PostgreSQL of its own, measures how many requests a second these
clients get through, goes on at 70 % of that, and prints every so often what the processes hold:
memory, file descriptors, database connections, and how long answers take.

    .venv/bin/python tests/load/soak.py --minutes 30
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import msgspec
import psycopg

sys.path.append(str(Path(__file__).parents[1]))

from invariants import broken_rules
from kleio.db.embedded import embedded_server
from kleio_process import workers_of
from place import Place
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
) * 2
"""Beside the five reads and three writes of traffic: one request in nine leaves a play, so that
what grows is the server and not the shelf."""

PROBE_SECONDS = 20.0


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--looks", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kleio-soak-") as folder:
        place = Place(Path(folder) / "home")
        try:
            place.process = place.serve("--workers", str(options.workers))
            with embedded_server(place.home) as server:
                place.fill(server.conninfo)
            with place.traffic(
                place.process, clients=options.clients, pause=0.0, reads=READS
            ) as traffic:
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
            with place.traffic(
                place.process, clients=options.clients, pause=pause, reads=READS
            ) as traffic:
                looks = soak(traffic, options, place)
            # The first look is of a process that still warms up.
            first, last = looks[1], looks[-1]
            for name in ("p50_ms", "p99_ms", "server_mib", "database_mib", "descriptors"):
                before, after = getattr(first, name), getattr(last, name)
                print(f"{name}: {before:,.1f} -> {after:,.1f} ({after / before:.2f} times)")
            damage = traffic.damage(place.conninfo)
            print(
                f"lost {damage.lost}, doubled {damage.doubled}, half done {damage.half}; "
                f"rules broken: {broken_rules(place.conninfo)}"
            )
        finally:
            place.end()


if __name__ == "__main__":
    main()
