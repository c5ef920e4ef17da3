"""The parts of a load run: what is started, in which turn it is asked, which figures come of it.

Servers that are compared run side by side on one database and are asked in turns, A B C A B C, so
what else the machine does falls on all alike; an idle one takes memory and no processor.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import endpoints
import httpx
import psycopg
import saturation
import serving
from figures import Figure, Figures
from library_data import Site
from saturation import Sample, Wanted, Wrk
from serving import CannotRun, Serving

from kleio.db.queries import Keyed, namespace
from kleio.http.paging import encode_cursor

PEERS = ("fastapi", "litestar", "gorm")
SWEPT = ("song", "page")
"""What is asked for at each number of connections; the rest at one."""

COMPARED = 16
GROWTH = ("song", "lookup", "page", "release", "search", "song search", "deep songs")

OPEN = ("page", "song", "search")
OPEN_SHARES = (0.3, 0.6, 0.9, 1.2)
"""Arrivals, as shares of what the closed loop of the same server reached."""

OPEN_PEERS = ("page", (0.6, 0.9))
"""What peers are asked at fixed rates, each by its own measure."""

DBA = (("sql", "stats"), ("doctor",))
"""What a DBA runs while people use the server."""


class Options(NamedTuple):
    """How long and how often; `seed` decides requests and their order."""

    rounds: int
    seconds: float
    connections: list[int]
    workers: int
    seed: int
    home: Path
    programs: Path
    kleio: Path
    duration: float
    users: int
    mix: str
    rate: float | None


def say(text: str) -> None:
    """Tell how far the run is, on stderr."""
    print(text, file=sys.stderr, flush=True)


class Load:
    """One run on one machine: its figures, and what it had to leave out and why."""

    def __init__(self, site: Site, options: Options, figures: Figures) -> None:
        self.site = site
        self.options = options
        self.figures = figures
        self.skipped: dict[str, str] = {}
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def keep(self, work: str, server: str, measure: str, unit: str, values: list[float],
             **more: Any) -> None:  # fmt: skip
        """Add a figure."""
        self.figures.add(
            Figure(work=work, server=server, measure=measure, unit=unit, values=values,
                   more_is_better=measure == "rate", **more)
        )  # fmt: skip

    def _keep_samples(self, work: str, server: str, samples: list[Sample], **more: Any) -> None:
        for measure, unit in (
            ("rate", "/s"), ("p50", "ms"), ("p95", "ms"), ("p99", "ms"),
            ("server_cpu", "us"), ("database_cpu", "us"), ("bytes", "bytes"),
        ):  # fmt: skip
            values = [float(getattr(sample, measure)) for sample in samples]
            self.keep(work, server, measure, unit, values, **more)

    def _wrk(self, name: str, wanted: list[Wanted]) -> Wrk:
        return Wrk(wanted, self._folder, name.replace(" ", "_"))

    @contextmanager
    def _servers(self, conninfo: str) -> Iterator[dict[str, Serving]]:
        """Start Kleio and those of its peers that this machine can run."""
        options = self.options
        makers: dict[str, Callable[[], Serving]] = {
            "kleio": lambda: serving.kleio(options.kleio, conninfo, options.workers, options.home),
            "fastapi": lambda: serving.python_peer(
                "fastapi", conninfo, options.workers, options.programs
            ),
            "litestar": lambda: serving.python_peer(
                "litestar", conninfo, options.workers, options.programs
            ),
            "gorm": lambda: serving.gorm_peer(conninfo, options.home / "go"),
        }
        with ExitStack() as stack:
            started = {}
            for name, make in makers.items():
                try:
                    started[name] = make()
                except CannotRun as error:
                    if name == "kleio":
                        raise
                    self.skipped["go + gorm" if name == "gorm" else name] = str(error)
                    say(f"{name} is left out: {error}")
                    continue
                stack.callback(started[name].stop)
            yield started

    def peers(self, name: str) -> None:
        """Compare Kleio with its peers on one database: first the answers, then the times."""
        conninfo = self.site.conninfo(name)
        rng = random.Random(self.options.seed)
        with (
            self.site.connect(name) as conn,
            psycopg.connect(conninfo, autocommit=True) as database,
            self._servers(conninfo) as servers,
        ):
            data = endpoints.draw(conn, rng)
            wanted = endpoints.requests_for(data, rng)
            for peer in [server for server in servers if server != "kleio"]:
                for work, requests in wanted.items():
                    if work in endpoints.MISSING.get(peer, ()):
                        continue
                    differences = endpoints.same_answers(
                        servers["kleio"], servers[peer], requests, random.Random(self.options.seed)
                    )
                    if differences:
                        raise SystemExit(f"{peer} answers {work} otherwise: {differences}")
                say(f"{peer} answers as Kleio does")
            self._saturate(wanted, servers, conninfo, data, database)
            self._open_loop(servers)
            self._scenarios(data, servers["kleio"], conninfo)
            self._memory(servers)

    def _saturate(
        self, wanted: dict[str, list[Wanted]], servers: dict[str, Serving], conninfo: str,
        data: endpoints.Data, database: Any,
    ) -> None:  # fmt: skip
        options = self.options
        statement = namespace("songs").queries["get_song"].sql
        with self.site.connect(conninfo_name(conninfo)) as owner:
            saturation.prepare_ceiling(owner, data.songs)
        rows = len(data.songs) // saturation.IDS_A_ROW
        found: dict[tuple[str, str, int], list[Sample]] = {}
        ceilings: dict[int, list[float]] = {}
        scripts = {work: self._wrk(work, requests) for work, requests in wanted.items()}
        for number in range(options.rounds):
            for work, wrk in scripts.items():
                counts = options.connections if work in SWEPT else [COMPARED]
                for count in counts:
                    for server, process in servers.items():
                        if work in endpoints.MISSING.get(server, ()):
                            continue
                        if number == 0 and count == counts[0]:
                            # With all connections that there will be: new ones know no table.
                            wrk.run(process, counts[-1], 1, options.seed)
                        one = wrk.run(
                            process, count, options.seconds, options.seed + number, database
                        )
                        found.setdefault((work, server, count), []).append(one)
                    if work == "song":
                        ceilings.setdefault(count, []).append(
                            saturation.ceiling(
                                conninfo, statement, rows, count, options.seconds,
                                options.seed + number, self._folder,
                            )
                        )  # fmt: skip
            say(f"round {number + 1} of {options.rounds} done")
        for (work, server, count), samples in found.items():
            self._keep_samples(work, server, samples, connections=count)
        for count, rates in ceilings.items():
            self.keep("song", "pgbench", "rate", "/s", rates, connections=count)

    def _open_loop(self, servers: dict[str, Serving]) -> None:
        """Ask at fixed rates, up to more than the server can answer."""
        peers_work, peers_shares = OPEN_PEERS
        for work in OPEN:
            for server, process in servers.items():
                shares = OPEN_SHARES if server == "kleio" else peers_shares
                if server != "kleio" and (work != peers_work or self.options.rate):
                    continue
                self._at_fixed_rates(work, server, process, shares)
            say(f"{work} at fixed rates done")

    def _at_fixed_rates(
        self, work: str, server: str, process: Serving, shares: Sequence[float]
    ) -> None:
        options = self.options
        closed = self.figures.get(work, server, "rate", connections=COMPARED)
        if closed is None:
            return
        most = statistics.median(closed.values)
        file = self._folder / f"{work}.requests"
        for rate in [options.rate] if options.rate else [most * share for share in shares]:
            label = f"{work}, open" if options.rate else f"{work}, open {rate / most:.0%}"
            runs = [
                self._arrivals(file, process, rate, options.seed + number)
                for number in range(options.rounds - 1 or 1)
            ]
            self.keep(label, server, "arrivals", "/s", [rate])
            for measure in ("p50", "p95", "p99"):
                values = [run[measure] for run in runs if run[measure] is not None]
                self.keep(label, server, measure, "ms", values)
            self.keep(label, server, "rate", "/s", [run["rate"] for run in runs])
            self.keep(label, server, "late", "ms", [run["late"] for run in runs])
            refused = [
                (run["arrivals"] - run["answered"]) / max(run["arrivals"], 1) for run in runs
            ]
            self.keep(label, server, "refused", "share", refused)

    def _arrivals(self, file: Path, own: Serving, rate: float, seed: int) -> dict[str, Any]:
        done = subprocess.run(
            [str(self.options.programs / "python"), str(Path(__file__).parent / "open_loop.py"),
             str(file), own.url, f"--rate={rate:.1f}", f"--seconds={max(self.options.seconds, 4)}",
             f"--seed={seed}"],
            capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"open_loop.py: {done.stderr[-1500:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def _scenarios(self, data: endpoints.Data, own: Serving, conninfo: str) -> None:
        """Let people use Kleio, all kinds at once, while a DBA looks on."""
        options = self.options
        file = self._folder / "data.json"
        file.write_text(json.dumps(data._asdict()))
        commands = [[sys.executable, "-m", "kleio", *arguments] for arguments in DBA]
        done = subprocess.run(
            [str(options.programs / "locust"), "-f", str(Path(__file__).parent / "scenarios.py"),
             "--headless", "--json", f"--users={options.users}", f"--spawn-rate={options.users}",
             f"--run-time={options.duration:.0f}s", "--stop-timeout=10", f"--host={own.url}",
             "--loglevel=WARNING", "--exit-code-on-error=0"],
            env={**os.environ, "KLEIO_LOAD_DATA": str(file), "KLEIO_LOAD_MIX": options.mix,
                 "KLEIO_LOAD_SEED": str(options.seed), "KLEIO_LOAD_DBA": json.dumps(commands),
                 "DATABASE_URL": conninfo, "KLEIO_HOME": str(options.home / "kleio")},
            capture_output=True, text=True, timeout=options.duration + 120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"locust: {done.stderr[-2000:]}")
        for entry in json.loads(done.stdout):
            count, name = entry["num_requests"], f"people: {entry['name']}"
            if not count:
                continue
            times = sorted((float(took), times) for took, times in entry["response_times"].items())
            for measure, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                self.keep(name, "kleio", measure, "ms", [_of_histogram(times, share)])
            took = entry["last_request_timestamp"] - entry["start_time"]
            self.keep(name, "kleio", "rate", "/s", [count / max(took, 1e-3)])
            self.keep(name, "kleio", "failures", "", [float(entry["num_failures"])])
        if "Traceback" in done.stderr:
            raise RuntimeError(f"locust: {done.stderr[-2000:]}")
        say("the scenarios are done")

    def _memory(self, servers: dict[str, Serving]) -> None:
        for name, process in servers.items():
            found = process.memory()
            self.keep("memory", name, "largest worker", "MiB", [max(m.resident for m in found)])
            self.keep("memory", name, "all workers", "MiB", [sum(m.proportional for m in found)])
        own = [m.resident for m in servers["kleio"].memory()]
        self.keep("start", "kleio", "memory", "MB", [mib * 2**20 / 1e6 for mib in own])

    def start(self, name: str) -> None:
        """Start `kleio serve` on a migrated database until it answers, again and again."""
        seconds = []
        for _ in range(self.options.rounds):
            process = serving.kleio(
                self.options.kleio, self.site.conninfo(name), self.options.workers,
                self.options.home,
            )  # fmt: skip
            seconds.append(process.seconds)
            process.stop()
        self.keep("start", "kleio", "seconds", "s", seconds)

    def growth(self, names: dict[int, str]) -> None:
        """Ask the same of databases of different sizes, in turns."""
        options = self.options
        found: dict[tuple[str, int], list[Sample]] = {}
        with ExitStack() as stack:
            asked: dict[int, tuple[Serving, dict[str, Wrk], Any]] = {}
            for songs, name in names.items():
                conn = stack.enter_context(self.site.connect(name))
                rng = random.Random(options.seed)
                data = endpoints.draw(conn, rng)
                wanted = endpoints.requests_for(data, rng) | _more(conn, data, songs, rng)
                scripts = {work: self._wrk(f"{songs}_{work}", wanted[work]) for work in GROWTH}
                process = serving.kleio(
                    options.kleio, self.site.conninfo(name), options.workers, options.home
                )
                stack.callback(process.stop)
                asked[songs] = process, scripts, conn
                size = conn.execute("SELECT pg_database_size(current_database())").fetchone()
                assert size is not None
                self.keep("disk", "kleio", "bytes", "MiB", [size[0] / 2**20], songs=songs)
            for number in range(options.rounds + 1):
                for work in GROWTH:
                    for songs, (process, scripts, conn) in asked.items():
                        seconds = max(options.seconds / 2, 1) if number else 1
                        one = scripts[work].run(process, 4, seconds, options.seed + number, conn)
                        if number:
                            found.setdefault((work, songs), []).append(one)
                say(f"growth: round {number} of {options.rounds} done")
            for songs, (process, _, _) in asked.items():
                own = [memory.resident for memory in process.memory()]
                self.keep("memory", "kleio", "largest worker", "MiB", [max(own)], songs=songs)
        for (work, songs), samples in found.items():
            self._keep_samples(work, "kleio", samples, connections=4, songs=songs)


def conninfo_name(conninfo: str) -> str:
    """Return the database that a connection string names."""
    return str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])


def _of_histogram(times: list[tuple[float, int]], share: float) -> float:
    """Return the percentile of a histogram of milliseconds."""
    wanted = share * sum(count for _, count in times)
    for took, count in times:
        wanted -= count
        if wanted <= 0:
            return took
    return times[-1][0]


def _more(
    conn: psycopg.Connection[Any], data: endpoints.Data, songs: int, rng: random.Random
) -> dict[str, list[Wanted]]:
    """Return the requests that only growth is about: searches and pages of songs."""
    names = endpoints.sample(conn, "songs", "name", 300, "length(name) > 9")
    texts = [httpx.QueryParams(q=endpoints.misspelt(name), limit=20) for name in names]
    row = conn.execute(
        "SELECT id FROM songs ORDER BY id DESC OFFSET %s LIMIT 1", [songs // 2]
    ).fetchone()
    assert row is not None
    cursor = encode_cursor("-added", Keyed(row[0], row[0], None))
    return {
        "song search": [
            Wanted("GET", f"/api/v1/songs?{text}", rng.choice(data.tokens)) for text in texts
        ],
        "deep songs": [
            Wanted("GET", f"/api/v1/songs?limit=50&cursor={cursor}", rng.choice(data.tokens))
            for _ in range(20)
        ],
    }
