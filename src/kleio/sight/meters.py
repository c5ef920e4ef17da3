"""The worker's meters: what is counted, where its cells are, and the sums over all workers.

Counting is on every request's path: it is an addition to a cell that was found when the worker
started (0.3 us for a histogram). Families are declared here and nowhere else; their names are what
`deploy/alerts.yml` and the dashboard refer to.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from kleio.cache import LATENCY_BUCKETS, CacheCounters
from kleio.sight.cells import SharedCells, shared_directory

REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of requests' durations, in seconds."""

QUERY_BUCKETS = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0)
"""Upper bounds of queries' durations, in seconds."""

STATUSES = (
    *(200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429),
    *(500, 503),
)
"""Statuses that are counted one by one; any other one is `other`."""

NO_ROUTE = ("", "(none)")
"""Method and address of requests that no route takes."""


class Family(NamedTuple):
    """Series of one name: each of `series` has a value for each of `labels`.

    A histogram has a cell for each bucket, one for what exceeds them, and one for the sum.
    A gauge counts only while its worker runs.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    series: tuple[tuple[str, ...], ...] = ((),)
    buckets: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


class Sample(NamedTuple):
    """One series with the sums of all workers: a number, or a histogram's cells."""

    labels: tuple[str, ...]
    cells: list[float]


_POOL_GAUGES = {
    "pool_size": ("kleio_pool_connections", "Open database connections."),
    "pool_available": ("kleio_pool_idle_connections", "Open database connections without work."),
    "pool_max": ("kleio_pool_max_connections", "Database connections allowed."),
    "requests_waiting": ("kleio_pool_waiting_requests", "Requests that wait for a connection."),
}
_POOL_COUNTERS = {
    "requests_num": ("kleio_pool_checkouts_total", "Connections lent.", 1.0),
    "requests_queued": ("kleio_pool_queued_total", "Loans that had to wait.", 1.0),
    "requests_wait_ms": ("kleio_pool_wait_seconds_total", "Time that loans waited.", 1e-3),
    "requests_errors": ("kleio_pool_refused_total", "Loans refused: timeout or full queue.", 1.0),
    "usage_ms": ("kleio_pool_usage_seconds_total", "Time that connections were lent.", 1e-3),
    "connections_num": ("kleio_pool_connects_total", "Connections tried to be made.", 1.0),
    "connections_errors": ("kleio_pool_connect_errors_total", "Connections not made.", 1.0),
    "connections_lost": ("kleio_pool_lost_total", "Connections that the server cut.", 1.0),
}
_CACHE_COUNTERS = {
    "hits": "Rows found in the cache.",
    "misses": "Rows looked for in the cache in vain.",
    "broken": "Entries of the cache that could not be read.",
    "bypassed": "Rows read past a cache that is out of order.",
    "stored": "Rows stored in the cache.",
    "failures": "Operations of the cache that failed.",
    "outages": "Times that the cache was found out of order.",
}
_CACHE_READ = "kleio_cache_read_seconds"


def _families(routes: Iterable[tuple[str, str]], queries: Iterable[str]) -> Iterator[Family]:
    known = (*routes, NO_ROUTE)
    statuses = (*map(str, STATUSES), "other")
    yield Family(
        "kleio_http_requests_total",
        "counter",
        "Requests answered.",
        ("method", "route", "status"),
        tuple((*route, status) for route in known for status in statuses),
    )
    yield Family(
        "kleio_http_request_seconds",
        "histogram",
        "Time from a request's head to the end of its answer.",
        ("method", "route"),
        known,
        REQUEST_BUCKETS,
    )
    yield Family("kleio_http_requests_in_progress", "gauge", "Requests being answered.")
    names = tuple((name,) for name in queries)
    yield Family(
        "kleio_query_seconds",
        "histogram",
        "Time of a query as its caller sees it, the network included.",
        ("query",),
        names,
        QUERY_BUCKETS,
    )
    yield Family("kleio_query_errors_total", "counter", "Queries that failed.", ("query",), names)
    yield Family("kleio_workers", "gauge", "Server workers.")
    for name, text in _POOL_GAUGES.values():
        yield Family(name, "gauge", text)
    for name, text, _ in _POOL_COUNTERS.values():
        yield Family(name, "counter", text)
    for field, text in _CACHE_COUNTERS.items():
        yield Family(f"kleio_cache_{field}_total", "counter", text)
    yield Family(_CACHE_READ, "histogram", "Time of the cache's reads.", buckets=LATENCY_BUCKETS)


class Meters:
    """One worker's meters.

    Args:
        routes: method and address template of every route, in the same order in every worker.
        queries: every query's full name, likewise.
        cells: where the numbers lie; a worker's own, unless it shares them.
    """

    def __init__(
        self, routes: Sequence[tuple[str, str]], queries: Sequence[str], *, shared: bool = True
    ) -> None:
        self.families = tuple(_families(routes, queries))
        self._first: dict[str, int] = {}
        count = 0
        for family in self.families:
            self._first[family.name] = count
            count += len(family.series) * family.width
        self._shared = SharedCells(count, shared_directory() if shared else None)
        cells = self._shared.mine
        # What another worker left in these cells; what a process counts itself begins at zero.
        self._inherited = list(cells)
        for family in self.families:
            if family.kind == "gauge":
                cells[self._first[family.name]] = 0.0
        cells[self._first["kleio_workers"]] = 1.0
        self._cells = cells

        known = [*routes, NO_ROUTE]
        width = len(STATUSES) + 1
        self._requests = {
            route: (
                self._first["kleio_http_requests_total"] + number * width,
                self._first["kleio_http_request_seconds"] + number * (len(REQUEST_BUCKETS) + 2),
            )
            for number, route in enumerate(known)
        }
        self._no_route = self._requests[NO_ROUTE]
        self._status = {status: number for number, status in enumerate(STATUSES)}
        self._in_progress = self._first["kleio_http_requests_in_progress"]
        self._queries = {
            name: (
                self._first["kleio_query_seconds"] + number * (len(QUERY_BUCKETS) + 2),
                self._first["kleio_query_errors_total"] + number,
            )
            for number, name in enumerate(queries)
        }

    def request_began(self) -> None:
        """Count a request that is being answered."""
        self._cells[self._in_progress] += 1.0

    def request_ended(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count an answered request; `route` is None where there was none."""
        cells = self._cells
        cells[self._in_progress] -= 1.0
        counter, timer = self._requests.get((method, route), self._no_route)  # type: ignore[arg-type]
        cells[counter + self._status.get(status, len(STATUSES))] += 1.0
        cells[timer + bisect_left(REQUEST_BUCKETS, seconds)] += 1.0
        cells[timer + len(REQUEST_BUCKETS) + 1] += seconds

    def query_ended(self, name: str, seconds: float, *, failed: bool) -> None:
        """Count a query."""
        place = self._queries.get(name)
        if place is None:
            return
        timer, errors = place
        cells = self._cells
        cells[timer + bisect_left(QUERY_BUCKETS, seconds)] += 1.0
        cells[timer + len(QUERY_BUCKETS) + 1] += seconds
        if failed:
            cells[errors] += 1.0

    def publish(self, pool: Mapping[str, int], cache: CacheCounters | None) -> None:
        """Bring in what the pool and the cache count themselves; now and then and at a scrape."""
        for key, (name, _) in _POOL_GAUGES.items():
            self._cells[self._first[name]] = float(pool.get(key, 0))
        for key, (name, _, unit) in _POOL_COUNTERS.items():
            self._continue(self._first[name], pool.get(key, 0) * unit)
        if cache is None:
            return
        for field in _CACHE_COUNTERS:
            self._continue(self._first[f"kleio_cache_{field}_total"], getattr(cache, field))
        first = self._first[_CACHE_READ]
        for number, value in enumerate((*cache.latencies, cache.read_seconds)):
            self._continue(first + number, value)

    def _continue(self, place: int, value: float) -> None:
        self._cells[place] = self._inherited[place] + value

    def samples(self) -> Iterator[tuple[Family, list[Sample]]]:
        """Yield every family with all workers' sums, without series that never counted."""
        workers = list(self._shared.workers())
        for family in self.families:
            place, found = self._first[family.name], []
            for labels in family.series:
                counted = [
                    worker.cells for worker in workers if worker.is_alive or family.kind != "gauge"
                ]
                cells = [
                    sum((each[place + offset] for each in counted), 0.0)
                    for offset in range(family.width)
                ]
                place += family.width
                if any(cells) or not family.labels:
                    found.append(Sample(labels, cells))
            yield family, found


def family_names(families: Iterable[Any]) -> set[str]:
    """Return the names of families."""
    return {family.name for family in families}


@functools.cache
def process_meters(routes: tuple[tuple[str, str], ...], queries: tuple[str, ...]) -> Meters:
    """Return the meters of this process, which has them once, however many applications it has."""
    return Meters(routes, queries)
