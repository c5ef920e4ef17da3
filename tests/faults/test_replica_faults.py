"""The primary is lost under load, and its replica takes its place."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from embedded_processes import alive, postmaster, until
from replicas import pair_of_servers

from .conftest import Place, Report, slow


def end(home: Path) -> None:
    pid = postmaster(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))


@slow
@pytest.mark.parametrize("reads", ["primary", "replica"])
def test_the_primary_lost_and_its_replica_promoted(
    tmp_path: Path, report: Report, reads: str
) -> None:
    place = Place(tmp_path)
    with pair_of_servers() as pair:
        try:
            place.fill(pair.first.conninfo)
            pair.wait_for_each_other()
            hosts = f"{pair.first.socket_dir},{pair.second.socket_dir}"
            either = make_conninfo(
                pair.first.conninfo,
                host=hosts,
                port="5432,5432",
                target_session_attrs="read-write",
            )
            replica = {"DATABASE_REPLICA_URL": pair.second.conninfo} if reads == "replica" else {}
            process = place.serve("--workers", "2", DATABASE_URL=either, **replica)
            with place.traffic(process, conninfo=either) as traffic:
                traffic.pass_by(100)
                end(pair.first_home)
                pair.promote()
                traffic.lifted()
            name = "primary lost, replica promoted" + (", reads there" if replica else "")
            report(name, traffic, pair.second.conninfo)
        finally:
            place.end()


@slow
def test_the_replica_lost(tmp_path: Path, report: Report) -> None:
    place = Place(tmp_path)
    with pair_of_servers() as pair:
        try:
            place.fill(pair.first.conninfo)
            process = place.serve(
                DATABASE_URL=pair.first.conninfo, DATABASE_REPLICA_URL=pair.second.conninfo
            )
            with place.traffic(process) as traffic:
                traffic.pass_by(100)
                end(pair.second_home)
                traffic.lifted()
            assert traffic.failures() == []
            report("replica lost", traffic, pair.first.conninfo)
        finally:
            place.end()
