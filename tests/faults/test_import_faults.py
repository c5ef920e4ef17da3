"""A worker killed while it imports what a user has sent: nothing is half there, nothing twice."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from importing import csv_of, shelf_of, without_ids
from invariants import broken_rules
from kleio_process import PATIENCE, Process, wait_until, workers_of
from servers import Server

from .conftest import Place, slow

LINES = 8000


class Site:
    """A server with one worker on a place's database, and its user's requests."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: Process = place.serve(DATABASE_URL=place.conninfo)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.place.token}", **options.pop("headers", {})}
        url = f"{self.process.url}/api/v1{path}"
        return httpx.request(method, url, headers=headers, timeout=PATIENCE, **options)

    def offer(self, file: bytes) -> httpx.Response:
        return self.ask("POST", "/imports", content=file, headers={"Content-Type": "text/csv"})

    def send(self, file: bytes) -> str:
        """Have a file imported and return the run's path."""
        answer = self.offer(file)
        assert answer.status_code == 202, answer.text
        return f"/imports/{answer.json()['id']}"

    def count(self, query: str) -> int:
        with psycopg.connect(self.place.conninfo, autocommit=True) as conn:
            (count,) = conn.execute(query).fetchone()
        return int(count)

    def kill_when(self, table: str, least: int) -> None:
        """Kill the worker when it writes to a table of so many rows, and start the server anew.

        It is held at its next row there until it is dead.
        """
        with psycopg.connect(self.place.conninfo) as conn:

            def is_waiting() -> bool:
                query = (
                    "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
                )
                (count,) = conn.execute(query, [table]).fetchone()
                return bool(count)

            wait_until(
                lambda: self.count(f"SELECT count(*) FROM {table}") >= least,
                lambda: f"{table} has never {least} rows",
            )
            conn.execute(f"LOCK TABLE {table} IN SHARE MODE")
            wait_until(is_waiting, lambda: f"nobody writes to {table}")
            os.kill(workers_of(self.process.process.pid)[0], signal.SIGKILL)
            conn.rollback()
        self.process.stop()
        self.process = self.place.serve(DATABASE_URL=self.place.conninfo)

    def let_a_minute_pass(self, run: str) -> None:
        """Make the runs' last sign of life older, as if somebody had waited: nothing goes on."""
        with psycopg.connect(self.place.conninfo) as conn:
            conn.execute("UPDATE import_runs SET updated_at = updated_at - interval '61 seconds'")
        assert self.ask("GET", run).json()["stalled"]

    def until_done(self, run: str) -> None:
        wait_until(
            lambda: self.ask("GET", run).json()["state"] in ("done", "failed"),
            lambda: f"it does not end: {self.ask('GET', run).text}",
        )
        assert self.ask("GET", run).json()["state"] == "done"

    def account(self) -> bytes:
        return without_ids(self.ask("GET", "/export/all").content)


@pytest.fixture
def undisturbed(
    server: Server, template_database: str, tmp_path: Path, rng: random.Random
) -> tuple[bytes, bytes]:
    """A file, and what an account holds that it was imported into."""
    file = csv_of(*shelf_of(LINES, rng))
    with server.database(template_database) as conninfo:
        place = Place(tmp_path / "undisturbed")
        place.fill(conninfo)
        try:
            site = Site(place)
            site.until_done(site.send(file))
            return file, site.account()
        finally:
            place.end()


@slow
def test_a_worker_killed_while_it_reads(
    place: Place, undisturbed: tuple[bytes, bytes], rng: random.Random
) -> None:
    file, expected = undisturbed
    site = Site(place)
    run = site.send(file)
    site.kill_when("import_chunks", rng.randint(1, 6))
    cut = site.ask("GET", run).json()
    assert (cut["state"], cut["stalled"]) == ("reading", False)
    # For a minute nobody knows whether it lives, and what may still write is not done twice.
    assert site.offer(file).json()["type"].endswith("import-running")
    site.let_a_minute_pass(run)
    assert site.ask("POST", f"{run}/apply").status_code == 409  # it was not read to its end
    assert site.count("SELECT count(*) FROM user_releases") == 0
    site.until_done(site.send(file))
    assert site.account() == expected
    assert broken_rules(place.conninfo) == []


@slow
def test_a_worker_killed_while_it_applies(
    place: Place, undisturbed: tuple[bytes, bytes], rng: random.Random
) -> None:
    """Twice among the releases that it adds to the catalogue, then in the middle of the shelf."""
    file, expected = undisturbed
    site = Site(place)
    run = site.send(file)
    points = (
        ("releases", rng.randint(9, LINES // 3)),
        ("releases", rng.randint(LINES // 3, LINES // 2)),
        ("user_releases", 0),
    )
    for number, (table, least) in enumerate(points):
        site.kill_when(table, least)
        assert site.ask("GET", run).json()["state"] == "applying"
        assert site.count("SELECT count(*) FROM user_releases") == 0
        assert broken_rules(place.conninfo) == []
        if number == 0:  # later it may have been killed before it gave a sign of life
            assert site.ask("POST", f"{run}/apply").json()["type"].endswith("import-running")
        site.let_a_minute_pass(run)
        assert site.ask("POST", f"{run}/apply").status_code == 202
    site.until_done(run)
    assert site.account() == expected
    assert broken_rules(place.conninfo) == []
    # The same file again is known to its last line.
    site.until_done(again := site.send(file))
    assert list(site.ask("GET", again).json()["counts"]["copy"]) == ["known"]
