"""What is counted, where it lands, and the text that Prometheus reads."""

from __future__ import annotations

import math
import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kleio.cache import CacheCounters
from kleio.sight.exposition import exposition, reading
from kleio.sight.meters import QUERY_BUCKETS, REQUEST_BUCKETS, Meters

ROUTES = [("GET", "/plays"), ("POST", "/plays")]
QUERIES = ["plays.list_plays", "plays.get_play"]


@pytest.fixture
def meters() -> Meters:
    return Meters(ROUTES, QUERIES, shared=False)


def read(meters: Meters) -> dict[tuple[str, ...], float]:
    """Return what Prometheus would read: (name, label values...) to value."""
    text, _ = exposition(meters, [], None)
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_a_request_is_counted_by_route_and_status(meters: Meters) -> None:
    for status in (200, 200, 404, 418):
        meters.request_began()
        meters.request_ended("GET", "/plays", status, 0.003)
    meters.request_began()
    found = read(meters)
    name = "kleio_http_requests_total"
    assert found[name, "GET", "/plays", "200"] == 2
    assert found[name, "GET", "/plays", "404"] == 1
    assert found[name, "GET", "/plays", "other"] == 1
    assert (name, "POST", "/plays", "200") not in found
    assert found["kleio_http_requests_in_progress",] == 1


def test_what_no_route_takes_is_one_series(meters: Meters) -> None:
    for method, route in (("GET", None), ("PURGE", "/plays"), ("GET", "/other")):
        meters.request_began()
        meters.request_ended(method, route, 404, 0.001)
    assert read(meters)["kleio_http_requests_total", "", "(none)", "404"] == 3


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, "0.001"), (0.001, "0.001"), (0.0011, "0.0025"), (10.0, "10.0"), (10.1, "+Inf")],
)
def test_a_duration_falls_into_its_bucket(meters: Meters, seconds: float, bound: str) -> None:
    meters.request_began()
    meters.request_ended("GET", "/plays", 200, seconds)
    found = read(meters)
    name = "kleio_http_request_seconds"
    bounds = [*(str(b) for b in REQUEST_BUCKETS), "+Inf"]
    counts = [found[f"{name}_bucket", one, "GET", "/plays"] for one in bounds]
    assert counts == [float(position >= bounds.index(bound)) for position in range(len(bounds))]
    assert found[f"{name}_count", "GET", "/plays"] == 1
    assert found[f"{name}_sum", "GET", "/plays"] == seconds


def test_queries_are_counted_by_name(meters: Meters) -> None:
    meters.query_ended("plays.list_plays", 0.004, failed=False)
    meters.query_ended("plays.list_plays", 2.0, failed=True)
    meters.query_ended("unknown.query", 1.0, failed=False)
    found = read(meters)
    assert found["kleio_query_seconds_count", "plays.list_plays"] == 2
    assert found["kleio_query_seconds_sum", "plays.list_plays"] == pytest.approx(2.004)
    assert found["kleio_query_errors_total", "plays.list_plays"] == 1
    assert len(QUERY_BUCKETS) == len(set(QUERY_BUCKETS))
    assert not [key for key in found if "unknown.query" in key]


def test_pool_and_cache_are_brought_in(meters: Meters) -> None:
    cache = CacheCounters(hits=3, misses=1, read_seconds=0.5)
    cache.latencies[0] = 2
    cache.latencies[-1] = 1
    for times in (1, 2):  # the same numbers twice are not twice as many
        pool = {"pool_size": 3, "pool_max": 9, "requests_num": 100 * times, "usage_ms": 1500}
        meters.publish(pool, cache)
    found = read(meters)
    assert found["kleio_pool_connections",] == 3
    assert found["kleio_pool_max_connections",] == 9
    assert found["kleio_pool_checkouts_total",] == 200
    assert found["kleio_pool_usage_seconds_total",] == 1.5
    assert found["kleio_cache_hits_total",] == 3
    assert found["kleio_cache_read_seconds_count",] == 3
    assert found["kleio_cache_read_seconds_sum",] == 0.5


def test_counters_go_on_after_a_worker_s_death(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("KLEIO_SHARED_METERS", str(tmp_path))
    first, second = Meters(ROUTES, QUERIES), Meters(ROUTES, QUERIES)
    first.publish({"requests_num": 10, "pool_size": 4}, None)
    second.publish({"requests_num": 5, "pool_size": 2}, None)
    found = read(first)
    assert found == read(second)
    assert found["kleio_pool_checkouts_total",] == 15
    assert found["kleio_pool_connections",] == 6
    assert found["kleio_workers",] == 2
    os.close(first._shared._lock)  # as its death does
    found = read(second)
    assert found["kleio_pool_checkouts_total",] == 15
    assert found["kleio_pool_connections",] == 2
    assert found["kleio_workers",] == 1
    third = Meters(ROUTES, QUERIES)
    third.publish({"requests_num": 1, "pool_size": 1}, None)
    found = read(second)
    assert found["kleio_pool_checkouts_total",] == 16
    assert found["kleio_pool_connections",] == 3


def test_both_versions_of_the_format(meters: Meters) -> None:
    value = reading("kleio_view_age_seconds", "Age.", 3.5, view='mv_"x"\n')
    text, kind = exposition(meters, [value], "text/plain")
    assert kind.startswith("text/plain; version=")
    assert 'kleio_view_age_seconds{view="mv_\\"x\\"\\n"} 3.5' in text.decode()
    text, kind = exposition(meters, [value], "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_what_is_not_known_has_no_series(meters: Meters) -> None:
    text, _ = exposition(meters, [reading("kleio_x", "X.", None)], None)
    assert b"# TYPE kleio_x gauge\n" in text
    assert b"\nkleio_x " not in text
    assert not math.isnan(read(meters)["kleio_workers",])
