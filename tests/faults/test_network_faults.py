"""The network between Kleio and PostgreSQL: cut, also in the middle of a write, held up, slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kleio_process import Process
from tcp_proxy import TcpProxy

from .conftest import Place, Report, slow


@pytest.fixture
def proxy(place: Place) -> Iterator[TcpProxy]:
    """A proxy before the database."""
    parts = conninfo_to_dict(place.conninfo)
    host, port = str(parts.get("host") or "localhost"), int(str(parts.get("port") or 5432))
    target = Path(host) / f".s.PGSQL.{port}" if host.startswith("/") else port
    with TcpProxy(target) as running:
        yield running


@pytest.fixture
def process(place: Place, proxy: TcpProxy) -> Process:
    """A server whose database is behind the proxy."""
    conninfo = make_conninfo(place.conninfo, host="127.0.0.1", port=proxy.port)
    return place.serve(DATABASE_URL=conninfo, DB_STATEMENT_TIMEOUT="2s", DB_MAX_IDLE_CONNS="4")


def test_every_connection_cut(
    place: Place, proxy: TcpProxy, process: Process, report: Report
) -> None:
    with place.traffic(process) as traffic:
        for _ in range(5):
            assert proxy.cut() > 0
            traffic.pass_by(40)
        traffic.lifted()
    # Each client had at most one request under way at each cut; what had not begun is untouched.
    assert len(traffic.failures()) <= 5 * 6
    report("every connection cut, 5 times", traffic, place.conninfo)


@pytest.mark.parametrize("arrives", [False, True])
def test_cut_in_the_middle_of_a_commit(
    place: Place, proxy: TcpProxy, process: Process, report: Report, arrives: bool
) -> None:
    with place.traffic(process) as traffic:
        for _ in range(10):
            proxy.cut_at(b"COMMIT", arrives=arrives)
            traffic.until(proxy.sprung.is_set, "nothing is committed")
            traffic.pass_by(20)  # it is tried once more, not twice
        traffic.lifted()
    kinds = {sample.kind for sample in traffic.failures()}
    # What has no key can't be sent again.
    assert kinds <= {"POST /plays", "change", "archive", "restore", "delete"}
    where = "after" if arrives else "before"
    report(f"cut {where} a COMMIT arrives, 10 times", traffic, place.conninfo)


@slow
def test_a_network_that_swallows(
    place: Place, proxy: TcpProxy, process: Process, report: Report
) -> None:
    with place.traffic(process) as traffic:
        proxy.hold()
        # Longer than a statement and PATIENCE_SECONDS: what hangs is given up.
        traffic.until(lambda: len(traffic.failures()) >= 12, "requests hang")
        answer = process.get("/health")
        assert answer.json()["db"]["status"] == "unavailable"
        proxy.release()
        traffic.lifted()
    assert max(sample.ended - sample.began for sample in traffic.samples) < 30
    report("a network that swallows", traffic, place.conninfo)


@slow
def test_a_slow_network(place: Place, proxy: TcpProxy, process: Process, report: Report) -> None:
    with place.traffic(process) as traffic:
        proxy.slow(delay=0.02)
        traffic.pass_by(150)
        proxy.slow(delay=0.001, piece=16)
        traffic.pass_by(60)
        proxy.slow()
        traffic.lifted()
    assert traffic.failures() == []
    report("20 ms a block, then 16 bytes a millisecond", traffic, place.conninfo)
