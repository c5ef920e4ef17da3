"""Kleio under load: seed, drive, measure and compare, and hold it against its budgets.

    make load                      the whole of it, in about an hour and 20 GB
    make load ARGS=--quick         the same on less data, in about ten minutes
    make load ARGS='--only peers --sizes 1000000 --rounds 5'

Databases are seeded once below `--home` and stay there for the next run; the peers' packages are
installed once below `build/load`. The report is one page (`report.html`) with its pictures and
figures (`report.json`, which a later run takes as `--against`). Absolute times mean something on
the machine that they were taken on, and only where nothing else runs there.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import dumps  # noqa: E402
import msgspec  # noqa: E402
import reports  # noqa: E402
from figures import Figure, Figures  # noqa: E402
from installing import installed, served  # noqa: E402
from library import Bench  # noqa: E402
from library_data import Site  # noqa: E402
from measuring import Load, Options, say  # noqa: E402
from serving import CannotRun  # noqa: E402

from kleio.db.embedded import EmbeddedServer, embedded_server  # noqa: E402

CHECKOUT = HERE.parents[1]
BUILD = CHECKOUT / "build" / "load"
LOCK = HERE / "peers" / "requirements.lock"
PARTS = ("copy", "sql", "start", "peers", "growth", "dump")

QUICK: dict[str, Any] = {
    "sizes": [100_000, 1_000_000],
    "releases": 10_000,
    "users": 60,
    "rounds": 2,
    "seconds": 2.0,
    "connections": [1, 16, 64],
    "duration": 15.0,
    "runs": 200,
    "copied": 100_000,
    "dumped": 20_000,
}
WHOLE: dict[str, Any] = {
    "sizes": [100_000, 1_000_000, 10_000_000],
    "releases": 1_000_000,
    "users": 1000,
    "rounds": 3,
    "seconds": 5.0,
    "connections": [1, 4, 16, 64, 128],
    "duration": 60.0,
    "runs": 400,
    "copied": 1_000_000,
    "dumped": 100_000,
}


def numbers(text: str) -> list[int]:
    """Read a list such as `1,16,64`."""
    return [int(part) for part in text.replace("_", "").split(",")]


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options, with what `--quick` or the whole run takes where nothing is given."""
    parser = argparse.ArgumentParser(
        prog="make load", description=(__doc__ or "").splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter, argument_default=argparse.SUPPRESS,
    )  # fmt: skip
    add = parser.add_argument
    add("--quick", action="store_true", default=False, help="less data and shorter rounds")
    add("--only", help=f"parts, of {','.join(PARTS)}")
    add("--sizes", type=numbers, help="songs of each database, the fewest first")
    add("--releases", type=int, help="of the largest database; the others have their share")
    add("--users", type=int, help="likewise, each with 400 copies and 1,000 plays")
    add("--rounds", type=int, help="how often everything is measured, in turns")
    add("--seconds", type=float, help="of one measurement")
    add("--connections", type=numbers, help="of the closed loop; 16 and 64 are in the budgets")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes of each server")
    add("--duration", type=float, help="seconds of the scenarios")
    add("--people", type=int, default=20, help="of the scenarios, at once")
    add("--mix", default="", help="of the scenarios, such as evening=6,searcher=3,stranger=1")
    add("--rate", type=float, default=None, help="arrivals a second [30 to 120 %% of the most]")
    add("--runs", type=int, help="of each query in a round")
    add("--copied", type=int, help="songs of the comparison with psql's \\copy")
    add("--dumped", type=int, help="releases of the dump")
    add("--seed", type=int, default=1, help="of the requests and their order")
    add("--home", type=Path, default=Path(tempfile.gettempdir()) / "kleio-load", help="databases")
    add("--output", type=Path, default=BUILD / "report", help="where the report goes")
    add("--against", type=Path, default=None, help="report.json of an earlier run")
    given = vars(parser.parse_args(arguments))
    options = argparse.Namespace(**{**(QUICK if given["quick"] else WHOLE), **given})
    only = given.get("only")
    options.parts = [part for part in PARTS if not only or part in only.split(",")]
    if only and set(only.split(",")) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}")
    options.sizes = sorted(options.sizes)
    return options


def debian_versions() -> dict[str, str]:
    """Return the versions of what Debian's packages bring, without those that are not there."""
    if shutil.which("dpkg-query") is None:
        return {}
    packages = ("wrk", "golang-go", "golang-github-jinzhu-gorm-dev",
                "golang-github-valyala-fasthttp-dev", "golang-github-lib-pq-dev")  # fmt: skip
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package}\t${Version}\n", *packages],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {name.removeprefix("golang-github-"): found for name, found in lines if found}


def versions(programs: Path, site: Site) -> dict[str, str]:
    """Return the versions of all that takes part."""
    code = (
        "import json, importlib.metadata as m\n"
        "print(json.dumps({n: m.version(n) for n in ('fastapi', 'sqlalchemy', 'asyncpg',"
        " 'pydantic', 'uvicorn', 'advanced-alchemy', 'discogskit', 'locust')}))"
    )
    done = subprocess.run([programs / "python", "-c", code], capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    own = ("kleio", "litestar", "granian", "psycopg", "msgspec")
    row = site.admin.execute("SHOW server_version").fetchone()
    return {
        "python": sys.version.split()[0],
        **{name: version(name) for name in own},
        **found,
        "postgresql": str(row[0]) if row else "unknown",
        **debian_versions(),
    }


class Run:
    """The parts of a run; one that fails is named and does not keep the others from running."""

    def __init__(
        self,
        options: argparse.Namespace,
        server: EmbeddedServer,
        site: Site,
        programs: Path,
        kleio: Path,
    ) -> None:
        self.options = options
        self.server = server
        self.site = site
        self.programs = programs
        self.kleio = kleio
        self.figures = Figures()
        self.skipped: dict[str, str] = {}
        self.failed = False

    def run(self) -> None:
        """Run what was asked for."""
        options = self.options
        self.names = {songs: f"songs{songs}" for songs in options.sizes}
        if set(options.parts) - {"copy", "dump"}:
            self._part("seed", self._seed)
        load = Load(
            self.site,
            Options(
                rounds=options.rounds, seconds=options.seconds, connections=options.connections,
                workers=options.workers, seed=options.seed, home=options.home,
                programs=self.programs, kleio=self.kleio, duration=options.duration,
                users=options.people, mix=options.mix, rate=options.rate,
            ),
            self.figures,
        )  # fmt: skip
        largest = self.names[options.sizes[-1]]
        with load:
            parts: dict[str, Callable[[], None]] = {
                "copy": self._copy,
                "sql": self._sql,
                "start": lambda: load.start(largest),
                "peers": lambda: load.peers(largest),
                "growth": lambda: load.growth(self.names),
                "dump": self._dump,
            }
            for name in options.parts:
                self._part(name, parts[name])
            self.skipped |= load.skipped

    def _part(self, name: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        say(f"== {name}")
        try:
            work()
        except CannotRun as error:
            self.skipped[name] = str(error)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            self.skipped[name] = f"failed: {error}"
            self.failed = True
        say(f"== {name}: {time.monotonic() - began:.0f} s")

    def _seed(self) -> None:
        options = self.options
        for songs, name in self.names.items():
            share = songs / options.sizes[-1]
            began = time.monotonic()
            report = self.site.seed(
                name, songs, 12,
                releases=max(round(options.releases * share), 2000),
                users=max(round(options.users * share), 20), copies=400, plays=1000,
            )  # fmt: skip
            if report is not None:
                say(f"seeded {songs:,} songs in {time.monotonic() - began:.0f} s")

    def _copy(self) -> None:
        """Load songs by `kleio seed` and the same rows by psql's \\copy, in turns."""
        songs = self.options.copied
        rates: dict[str, list[float]] = {"kleio": [], "copy": []}
        with tempfile.TemporaryDirectory(dir=self.options.home) as folder:
            for _ in range(self.options.rounds):
                self.site.drop("loaded")
                report = self.site.seed("loaded", songs, 12)
                assert report is not None
                rates["kleio"].append(report["songs"] / report["songSeconds"])
                seconds = self.site.copy("loaded", "copied", Path(folder), 12)
                rates["copy"].append(report["songs"] / seconds)
        self.site.drop("loaded")
        self.site.drop("copied")
        for server, values in rates.items():
            self.figures.add(
                Figure(work="load", server=server, measure="rate", unit="/s", values=values,
                       more_is_better=True)
            )  # fmt: skip

    def _sql(self) -> None:
        """Measure what the budgets say of queries by themselves."""
        few, many = self.options.sizes[0], self.options.sizes[-1]
        bench = Bench(
            self.site, songs=many, rounds=self.options.rounds, runs=self.options.runs,
            seed=self.options.seed,
        )  # fmt: skip
        with (
            self.site.connect(self.names[many]) as big,
            self.site.connect(self.names[few]) as small,
        ):
            bench.song_by_id(big, small)
            bench.pages(big)
            bench.search(big)
        for figure in bench.figures.all():
            self.figures.add(figure)

    def _dump(self) -> None:
        releases = self.options.dumped
        home = self.options.home
        path = home / f"discogs_20260301_{releases}_releases.xml.gz"
        dumps.write_dump(path, releases)
        rounds = min(self.options.rounds, 2)
        with tempfile.TemporaryDirectory(dir=home) as folder:
            dumps.measure(
                self.server, home, Path(folder), path, rounds, self.programs, self.figures
            )
        self.site.drop("load")


def main() -> None:
    options = read_options()
    # As Ctrl-C: whatever was started is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began, started = time.monotonic(), datetime.now(UTC)
    machine = reports.machine()
    programs = installed(BUILD / "venv", LOCK.read_text(), "what is measured against")
    kleio = served(CHECKOUT, BUILD / "served")
    options.output.mkdir(parents=True, exist_ok=True)
    # Fifty for each of the servers that run side by side, and as many again for three Kleios.
    with embedded_server(options.home, settings={"max_connections": "500"}) as server:
        site = Site(server.admin_conninfo, server.conninfo)
        run = Run(options, server, site, programs, kleio)
        run.run()
        taking_part = versions(programs, site)
    report = reports.Report(
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        commit=reports.commit(CHECKOUT),
        machine=machine,
        versions=taking_part,
        options={name: _plain(value) for name, value in vars(options).items()},
        figures=run.figures.all(),
        skipped=run.skipped,
        notes=_notes(options, run.figures),
    )
    file = options.output / "report.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    changes: list[str] = []
    if options.against is not None:
        slower, faster, notes = reports.against(reports.read(options.against), report)
        changes = [*reports.change_lines(slower, faster), *notes]
    (options.output / "report.html").write_text(
        reports.page(report, _charts(programs, file, options.output), changes)
    )
    for line in reports.budget_lines(report.verdicts()):
        print(line)
    for line in (*changes, *(f"left out: {k}: {v}" for k, v in report.skipped.items())):
        print(line)
    for note in report.notes:
        print(note)
    print(f"{options.output / 'report.html'}; databases stay in {options.home}")
    if run.failed:
        sys.exit(1)


def _plain(value: object) -> Any:
    return str(value) if isinstance(value, Path) else value


def _notes(options: argparse.Namespace, figures: Figures) -> list[str]:
    many, few = options.sizes[-1], options.sizes[0]
    notes = [f"{options.rounds} rounds; spreads are their lowest and highest"]
    if set(options.parts) - {"copy", "dump"}:
        notes.append(
            f"songs: {many:,} at most, {few:,} at least; the budgets mean 10,000,000 and 100,000"
        )
    rate = figures.get("dump", "kleio", "rate")
    if rate is not None:
        whole = dumps.projection(rate.spread().middle)
        notes.append(
            f"a dump of {whole['releases']:,} releases would take {whole['hours']:.1f} hours, if "
            f"{whole['assumption']}"
        )
    return notes


def _charts(programs: Path, file: Path, folder: Path) -> list[tuple[str, str]]:
    """Draw the pictures; return of each its caption and its PNG as base64."""
    done = subprocess.run(
        [programs / "python", HERE / "charts.py", file, folder],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode:
        say(f"no pictures: {done.stderr[-1000:]}")
        return []
    return [
        (caption, base64.b64encode((folder / name).read_bytes()).decode())
        for name, caption in json.loads(done.stdout.splitlines()[-1])
    ]


if __name__ == "__main__":
    main()
