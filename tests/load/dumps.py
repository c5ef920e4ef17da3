"""What `dump.py` measures, as figures of a whole load run; and what follows for a whole dump."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dump import PROJECT, Bench, Run
from dump_data import SAMPLE, write_release_dump
from figures import Figure, Figures
from serving import CannotRun

from kleio.db.embedded import EmbeddedServer


def write_dump(path: Path, releases: int) -> None:
    """Write a dump of so many releases, unless it is there."""
    if path.exists():
        return
    samples = Path(os.environ.get("KLEIO_SAMPLES") or PROJECT.parent / "shared/samples")
    sample = samples / "discogs-dump" / SAMPLE
    if not sample.exists():
        raise CannotRun("no sample of a dump: set KLEIO_SAMPLES to the folder of the samples")
    part = path.with_name(f"part-{path.name}")
    write_release_dump(part, sample, releases)
    part.rename(path)


def measure(
    server: EmbeddedServer, home: Path, folder: Path, file: Path, rounds: int, programs: Path,
    figures: Figures,
) -> None:  # fmt: skip
    """Import the file with both in turns, each into an empty database; the peer at its best."""
    bench = Bench(server, home, folder)
    own: list[Run] = []
    peer: list[Run] = []
    for _ in range(rounds):
        ways = [
            bench.discogskit(programs / "discogskit", file, extra)
            for extra in ([], ["--parse-workers", "2"])
        ]
        peer.append(min(ways, key=lambda run: run.seconds))
        own += bench.kleio(PROJECT / ".venv/bin/kleio", file, [], again=False)
    for name, runs in (("kleio", own), ("discogskit", peer)):
        rates = [run.counts["releases"] / run.seconds for run in runs]
        memory = [run.memory for run in runs]
        figures.add(
            Figure(work="dump", server=name, measure="rate", unit="/s", values=rates,
                   more_is_better=True)
        )  # fmt: skip
        figures.add(Figure(work="dump", server=name, measure="memory", unit="MiB", values=memory))
    lost = [
        float(sum(max(0, theirs.counts[kind] - count) for kind, count in run.counts.items()))
        for run, theirs in zip(own, peer, strict=True)
    ]
    figures.add(Figure(work="dump", server="kleio", measure="lost", unit="rows", values=lost))


def projection(rate: float, releases: int = 19_000_000) -> dict[str, Any]:
    """Return how long a whole dump would take, if every release cost what these did."""
    return {
        "releases": releases,
        "hours": releases / rate / 3600,
        "assumption": "the rate stays the same as tables and indexes grow; it was measured on an "
        "empty database with the sample's releases over and over",
    }
