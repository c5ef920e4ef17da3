"""PostgreSQL restarted, killed, stopped, locked, out of connections: what clients see of it."""

from __future__ import annotations

import os
import signal

import psycopg

from embedded_processes import postmaster, until

from .conftest import Place, Report


def kill(place: Place, number: signal.Signals) -> None:
    """Send PostgreSQL's parent process a signal and wait until it has ended."""
    pid = postmaster(place.home)
    assert pid is not None
    os.kill(pid, number)
    until(lambda: postmaster(place.home) not in (None, pid))


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


def test_a_backend_killed(embedded: Place, report: Report) -> None:
    with embedded.traffic(embedded.process) as traffic:
        with psycopg.connect(embedded.conninfo) as conn:
            (pid,) = conn.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'kleio' LIMIT 1"
            ).fetchone()
        os.kill(pid, signal.SIGKILL)  # PostgreSQL ends all sessions and recovers
        traffic.lifted()
    report("a backend killed (-9)", traffic, embedded.conninfo)
