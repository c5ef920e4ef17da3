"""PostgreSQL restarted, killed, stopped, locked, out of connections: what clients see of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from embedded_processes import postmaster, until
from kleio.db.embedded import embedded_server
from traffic import Traffic

from .conftest import Place, Report, slow


def kill(place: Place, number: signal.Signals) -> None:
    """Send PostgreSQL's parent process a signal and wait until another one has taken its place."""
    pid = postmaster(place.home)
    assert pid is not None
    os.kill(pid, number)
    until(lambda: postmaster(place.home) not in (None, pid))


@contextmanager
def stopped(place: Place) -> Iterator[None]:
    """Stop all processes of PostgreSQL, as a machine does that has no time or memory for them."""
    parent = postmaster(place.home)
    assert parent is not None
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    pids = [parent, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def locked(conninfo: str, table: str) -> Iterator[None]:
    with psycopg.connect(conninfo) as conn:
        conn.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        conn.rollback()


def slugs(traffic: Traffic) -> set[str]:
    """Return the types of the problems that clients were told of."""
    return {
        sample.why.partition("urn:kleio:problem:")[2].partition('"')[0] or sample.why
        for sample in traffic.failures()
    }


def as_admin(place: Place, statement: str) -> None:
    with (
        embedded_server(place.home) as server,
        psycopg.connect(server.admin_conninfo, autocommit=True) as conn,
    ):
        conn.execute(statement)


def test_postgresql_killed(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process) as traffic:
        kill(embedded, signal.SIGKILL)
        traffic.lifted()
    report("PostgreSQL killed (-9)", traffic, embedded.conninfo)


def test_postgresql_restarted(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process) as traffic:
        kill(embedded, signal.SIGINT)
        traffic.lifted()
    report("PostgreSQL restarted", traffic, embedded.conninfo)


@slow
def test_a_backend_killed(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process) as traffic:
        with psycopg.connect(embedded.conninfo) as conn:
            (pid,) = conn.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'kleio' LIMIT 1"
            ).fetchone()
        os.kill(pid, signal.SIGKILL)  # PostgreSQL ends all sessions and recovers
        traffic.lifted()
    report("a backend killed (-9)", traffic, embedded.conninfo)


@slow
@pytest.mark.parametrize("seconds", [1, 30])
def test_postgresql_stopped(embedded: Place, report: Report, seconds: int) -> None:
    with embedded.traffic(embedded.process) as traffic:
        with stopped(embedded):
            # Health says so, in less time than PostgreSQL is away.
            answer = embedded.process.get("/health")
            assert (answer.status_code, answer.json()["db"]["status"]) == (503, "unavailable")
            began = traffic.samples[-1].ended
            traffic.wait_out(began + seconds)
        traffic.lifted()
    # What was under way waits, and is done, unless it has taken as long as a statement may by then.
    assert slugs(traffic) <= {"overloaded", "unavailable", "timeout"}
    report(f"PostgreSQL stopped for {seconds} s", traffic, embedded.conninfo)


@slow
def test_a_table_locked_for_long(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process, clients=12) as traffic:
        with locked(embedded.conninfo, "user_releases"):
            traffic.wait_out(traffic.samples[-1].ended + 12)
        traffic.lifted()
    # A request gives up after LOCK_SECONDS and not after the 30 s that a statement may take.
    assert slugs(traffic) == {"contention"}
    assert all(sample.ended - sample.began < 20 for sample in traffic.samples)
    report("a table locked for 12 s", traffic, embedded.conninfo)


@slow
def test_a_statement_over_its_timeout(place: Place, report: Report) -> None:
    process = place.serve(DATABASE_URL=place.conninfo, DB_STATEMENT_TIMEOUT="0.2s")
    with place.traffic(process) as traffic:
        with locked(place.conninfo, "play_history"):
            traffic.until(lambda: len(traffic.failures()) >= 10, "no statement is ended")
        traffic.lifted()
    assert slugs(traffic) == {"timeout"}
    report("statements over their timeout", traffic, place.conninfo)


@slow
def test_out_of_connections(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process) as traffic:
        # One for who looks into the database, one for both workers.
        as_admin(embedded, "ALTER ROLE kleio CONNECTION LIMIT 2")
        as_admin(
            embedded,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'kleio'",
        )
        traffic.wait_out(traffic.samples[-1].ended + 5)
        as_admin(embedded, "ALTER ROLE kleio CONNECTION LIMIT -1")
        traffic.lifted()
    assert slugs(traffic) <= {"overloaded", "unavailable"}
    report("the server out of connections for 5 s", traffic, embedded.conninfo)
