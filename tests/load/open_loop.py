"""Requests that come when they come: a fixed rate of arrivals, whatever the server does.

Runs in the load environment, on its own:

    python open_loop.py REQUESTS URL --rate 500 --seconds 10 --connections 64 --seed 1

Arrivals are a Poisson process of the seed. A request's latency counts from when it was due, not
from when a connection was free for it, so a server that stalls is charged for all who wait
(coordinated omission corrected). Where this program itself fell behind, `late` says by how much.
Prints one line of JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.pool import Pool  # noqa: E402
from geventhttpclient import HTTPClient  # noqa: E402

WAITING = 20_000
"""Requests under way and waiting at most; what comes then is counted as dropped."""


class OpenLoop:
    """One run's requests and what became of them."""

    def __init__(self, lines: list[list[str]], url: str, options: argparse.Namespace) -> None:
        self.lines = lines
        self.client = HTTPClient.from_url(
            url, concurrency=options.connections, connection_timeout=30, network_timeout=30
        )
        self.rng = random.Random(options.seed)
        self.options = options
        self.latencies: list[float] = []
        self.statuses: dict[str, int] = {}
        self.late = 0.0
        self.dropped = 0

    def one(self, due: float, line: list[str]) -> None:
        method, path, token, body = line
        headers = {"Authorization": f"Bearer {token}"}
        if body:
            headers["Content-Type"] = "application/json"
        try:
            answer = self.client.request(method, path, body=body.encode(), headers=headers)
            answer.read()
            status = str(answer.status_code)
        except Exception as error:
            status = type(error).__name__
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == "200":
            self.latencies.append((time.perf_counter() - due) * 1000)

    def run(self) -> dict[str, Any]:
        pool = Pool()
        began = due = time.perf_counter()
        arrivals = 0
        while True:
            due += self.rng.expovariate(self.options.rate)
            if due > began + self.options.seconds:
                break
            now = time.perf_counter()
            # Even where it is late: the others have to have their turn.
            gevent.sleep(max(0.0, due - now))
            self.late = max(self.late, now - due)
            arrivals += 1
            if len(pool) >= WAITING:
                self.dropped += 1
            else:
                pool.spawn(self.one, due, self.rng.choice(self.lines))
        pool.join(timeout=60)
        took = time.perf_counter() - began
        found = sorted(self.latencies)

        def share(part: float) -> float | None:
            return found[min(int(len(found) * part), len(found) - 1)] if found else None

        return {
            "arrivals": arrivals,
            "answered": len(found),
            "rate": len(found) / took,
            "statuses": self.statuses,
            "dropped": self.dropped,
            "late": self.late * 1000,
            **{f"p{p}": share(p / 100) for p in (50, 95, 99)},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("requests", type=Path)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lines = [line.split("\t") for line in options.requests.read_text().splitlines()]
    print(json.dumps(OpenLoop(lines, options.url, options).run()))


if __name__ == "__main__":
    main()
