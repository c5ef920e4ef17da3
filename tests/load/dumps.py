"""Discogs' dump of any size, and how fast Kleio and discogskit load the same file.

The releases are those of a sample file, over and over under new numbers, so that a release costs
what a real one does. What follows for a whole dump is a projection and no measurement.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from figures import Figure, Figures
from library_data import Site
from serving import CannotRun

_NUMBER = re.compile(rb'<release id="(\d+)"')
_STEP = 100_000_000


def sample_releases() -> list[bytes]:
    """Return the releases of the sample file, each as its XML."""
    default = Path(__file__).parents[3] / "shared" / "samples"
    folder = Path(os.environ.get("KLEIO_SAMPLES", default)) / "discogs-dump"
    files = sorted(folder.glob("*_releases.xml.gz"))
    if not files:
        raise CannotRun("no sample of a dump: set KLEIO_SAMPLES to the folder of the samples")
    text = gzip.decompress(files[0].read_bytes())
    return [b"<release id=" + part for part in text.split(b"<release id=")[1:]]


def write_dump(path: Path, releases: int) -> None:
    """Write a dump of so many releases, unless it is there."""
    if path.exists():
        return
    sample = sample_releases()
    sample[-1] = sample[-1].rpartition(b"</releases>")[0]
    part = path.with_suffix(".part")
    with gzip.open(part, "wb", compresslevel=1) as file:
        file.write(b"<releases>\n")
        for number in range(releases):
            entry = sample[number % len(sample)]
            file.write(_NUMBER.sub(b'<release id="%d"' % (number + 1), entry, count=1))
        file.write(b"</releases>\n")
    part.rename(path)


def measure(
    site: Site, path: Path, releases: int, rounds: int, programs: Path, figures: Figures
) -> None:
    """Load the file with both in turn, each into an empty database of its own."""
    found: dict[str, list[float]] = {"kleio": [], "discogskit": []}
    lost: list[float] = []
    memory: list[float] = []
    for _ in range(rounds):
        conninfo = site.create("dump_kleio")
        seconds, peak = _timed(
            [sys.executable, "-m", "kleio", "import", "discogs-dump", str(path), "--json"],
            {"DATABASE_URL": conninfo},
        )
        found["kleio"].append(releases / seconds)
        memory.append(peak)
        with psycopg.connect(conninfo) as conn:
            (there,) = conn.execute("SELECT count(*) FROM releases").fetchone() or (0,)
        lost.append(releases - there)
        site.drop("dump_kleio")
        site.create_empty("dump_peer")
        # On the sample's sizes one chunk would be the whole file, and one core would parse it.
        seconds, _ = _timed(
            [str(programs / "discogskit"), "load", str(path), "--dsn", site.url("dump_peer"),
             "--parse-workers", str(os.cpu_count() or 1), "--chunk-mb", "32", "--no-progress"],
            {},
        )  # fmt: skip
        found["discogskit"].append(releases / seconds)
        site.drop("dump_peer")
    for server, rates in found.items():
        figures.add(
            Figure(work="dump", server=server, measure="rate", unit="/s", values=rates,
                   more_is_better=True)
        )  # fmt: skip
    figures.add(Figure(work="dump", server="kleio", measure="lost", unit="releases", values=lost))
    figures.add(Figure(work="dump", server="kleio", measure="memory", unit="MiB", values=memory))


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds of a command and the mebibytes that its largest process took."""
    began = time.monotonic()
    reading, writing = os.pipe()
    # A process in between, whose children's peak is this command's alone.
    code = (
        "import json, os, resource, subprocess, sys\n"
        "done = subprocess.run(json.loads(sys.argv[1]), stdout=subprocess.PIPE,"
        " stderr=subprocess.STDOUT)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        f"os.write({writing}, b'%d' % peak)\n"
        "sys.stdout.buffer.write(done.stdout)\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(command)],
        env={**os.environ, **environment}, pass_fds=[writing], capture_output=True, text=True,
        timeout=3600,
    )  # fmt: skip
    seconds = time.monotonic() - began
    os.close(writing)
    peak = os.read(reading, 100)
    os.close(reading)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-1500:]}{done.stderr[-500:]}")
    return seconds, int(peak or 0) / 1024


def projection(rate: float, releases: int = 19_000_000) -> dict[str, Any]:
    """Return how long a whole dump would take, if every release cost what these did."""
    return {
        "releases": releases,
        "hours": releases / rate / 3600,
        "assumption": "the rate stays the same as tables and indexes grow; it was measured on an "
        "empty database with the sample's releases over and over, whose artists and labels are "
        "known after the first thousand",
    }
