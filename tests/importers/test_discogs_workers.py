"""Dumps in blocks and processes: the same as in one piece, whatever the file looks like."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue_rows import catalogue_rows
from embedded_processes import environment
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.importers.discogs_blocks import BLOCK_BYTES, Block, Cutter, parse_block
from kleio.importers.discogs_dump import ImportReport, import_dump
from kleio.importers.discogs_elements import Refused
from kleio.importers.discogs_workers import WorkerDied, Workers
from kleio.importers.discogs_xml import open_dump
from kleio.settings import Settings

pytestmark = pytest.mark.anyio


# --- cutting -------------------------------------------------------------------------------------


def release(number: int, title: str = "T", more: str = "") -> str:
    return f"<release id='{number}'><title>{title}</title>{more}</release>\n"


@pytest.mark.parametrize("piece", [1, 7, 64, 100_000])
@pytest.mark.parametrize("tag", ["release", "label"])
def test_blocks_are_whole_entries_and_lose_nothing(tag: str, piece: int) -> None:
    inner = "<sublabels><label id='3'>S</label>\n <label/></sublabels>" if tag == "label" else "x"
    entry = f"<{tag}><id>1</id>\n{inner}</{tag}>\n"
    text = (entry * 10 + f"</{tag}s>\n").encode()
    cutter = Cutter(tag, 3)
    cutter.begin(5)
    blocks = [
        block
        for start in range(0, len(text), piece)
        for block in cutter.feed(text[start : start + piece])
    ]
    assert b"".join(block.text for block in [*blocks, cutter.rest]) == text
    assert [block.text.count(b"<id>") for block in blocks] == [3, 3, 3]
    for block in blocks:
        entries = parse_block(f"{tag}s", block)
        assert entries is not None
        assert len(entries) == 3
    lines = [block.line for block in blocks]
    assert lines == [5 + sum(b.text.count(b"\n") for b in blocks[:n]) for n in range(3)]


def test_a_cutter_gives_up_where_there_is_no_place_to_cut() -> None:
    cutter = Cutter("label", 1000)
    for _ in range(2 * BLOCK_BYTES // 2**20 + 1):
        assert not list(cutter.feed(b"<label id='1'></label>" + b" " * 2**20))
    assert cutter.is_full


@pytest.mark.parametrize("bad", ["<!-- ", "<![CDATA[", "<a>", "&unknown;", "</releases><x/>"])
def test_a_block_that_is_not_whole_says_so(bad: str) -> None:
    assert parse_block("releases", Block((bad + release(1)).encode(), 1)) is None


def test_lines_of_a_block_are_those_of_the_file() -> None:
    text = release(1) + "<release id='x'/>\n<other/>\n"
    entries = parse_block("releases", Block(text.encode(), 11))
    assert entries is not None
    assert [entry.line for entry in entries if isinstance(entry, Refused)] == [12, 13]


# --- the same as in one piece --------------------------------------------------------------------

RELEASES = [release(n, more=f"<styles><style>S{n % 9}</style></styles>") for n in range(1, 121)]


def whole(entries: list[str], root: str = "<releases>") -> bytes:
    return f"{root}\n{''.join(entries)}</releases>\n".encode()


def with_entry(place: int, entry: str) -> bytes:
    return whole([*RELEASES[:place], entry, *RELEASES[place:]])


FILES: dict[str, bytes] = {
    "plain": whole(RELEASES),
    "packed": gzip.compress(whole(RELEASES)),
    "with a prolog": b"<?xml version='1.0'?>\n<!-- x -->\n" + whole(RELEASES, "<releases >"),
    "with attributes at the root": whole(RELEASES, "<releases x='1'>"),
    "one entry": RELEASES[0].encode(),
    "none": b"<releases/>",
    "none but space": b"<releases>\n\n</releases>",
    "a comment with an end tag": with_entry(33, f"<!-- </release> -->{release(500)}"),
    "a comment with an entry": with_entry(33, f"<!-- {release(501)} -->\n"),
    "an instruction": with_entry(5, release(503, "a<?x y?>b")),
    "refused entries": with_entry(31, "<release/>\n<release id='-1'/>\n<thing>\n</thing>\n"),
    "an entry twice": whole([*RELEASES, release(7, "Later"), release(8, "Later")]),
    "an entry twice in reverse": whole([*RELEASES[::-1], release(7, "Later")]),
    "an entry twice in one block": with_entry(41, release(41, "Earlier")),
    "broken": with_entry(70, "<release id='600'><title>&unknown;</title></release>\n"),
    "cut off": whole(RELEASES)[:-2000],
    "cut off at once": b"<releases>\n<release id='1'>",
    "cut off when packed": gzip.compress(whole(RELEASES))[:-100],
    "another document behind": whole(RELEASES) + whole(RELEASES),
}


async def run(conn: Connection, path: Path, workers: Workers | None) -> tuple[Any, ...]:
    report, refused = ImportReport(), []
    await import_dump(
        conn,
        [path],
        batch_size=10,
        workers=workers,
        report=report,
        refused=lambda _path, entry: refused.append(entry),
    )
    counts = (report.read, report.inserted, report.updated, report.unchanged, report.refused)
    return counts, report.errors, sorted(refused, key=str), await catalogue_rows(conn)


async def test_workers_do_what_one_process_does(
    conn: Connection, settings: Settings, conninfo: str, tmp_path: Path
) -> None:
    async with Workers(3, settings, conninfo) as workers:
        for name, text in FILES.items():
            path = tmp_path / "releases.xml"
            path.write_bytes(text)
            results = []
            for given in (None, workers):
                await conn.execute("TRUNCATE releases, artists, labels, genres, styles CASCADE")
                results.append(await run(conn, path, given))
            assert results[0] == results[1], name
            assert results[0][0][0] or name.startswith(("none", "cut off at")), name
            again = await run(conn, path, workers)
            assert again[0][1] == 0, name
            assert again[3] == results[0][3], name


async def test_real_files_are_stored_by_workers_as_by_one_process(
    conn: Connection, settings: Settings, conninfo: str, dump_samples: Path
) -> None:
    paths = [dump_samples / f"discogs_20200806_{kind}.xml.gz"
             for kind in ("artists", "labels", "masters", "releases")]  # fmt: skip
    await import_dump(conn, paths)
    once = without_names_of_stubs(await catalogue_rows(conn))
    await conn.execute("TRUNCATE releases, artists, labels, masters, genres, styles CASCADE")
    positions: list[int] = []
    async with Workers(2, settings, conninfo) as workers:
        report = await import_dump(
            conn, paths, batch_size=130, workers=workers,
            progress=lambda now: positions.append(now.bytes_done),
        )  # fmt: skip
    assert (report.read, report.refused) == (4000, 0)
    assert without_names_of_stubs(await catalogue_rows(conn)) == once
    assert positions == sorted(positions)


def without_names_of_stubs(
    rows: dict[str, list[tuple[Any, ...]]],
) -> dict[str, list[tuple[Any, ...]]]:
    """Leave out the names of artists and labels that no file holds: releases spell them as they do.

    Which release comes first is chance with several processes; what each wrote of them stays.
    """
    for table in ("artists", "labels"):
        rows[table] = [
            (number, None if source_hash is None else name, source_hash, *rest)
            for number, name, source_hash, *rest in rows[table]
        ]
    return rows


# --- what goes wrong -----------------------------------------------------------------------------


async def stopped_by(
    conn: Connection, path: Path, workers: Workers, act: Callable[[], None]
) -> ImportReport:
    """Import, and do something after the second block; return the report of what was done."""
    report, seen = ImportReport(), []

    def told(_now: Any) -> None:
        seen.append(1)
        if len(seen) == 2:
            act()

    await import_dump(conn, [path], batch_size=10, workers=workers, progress=told, report=report)
    return report


async def test_a_process_that_is_killed_ends_the_import_and_loses_nothing(
    conn: Connection, settings: Settings, conninfo: str, tmp_path: Path
) -> None:
    path = tmp_path / "releases.xml"
    path.write_bytes(whole(RELEASES))
    async with asyncio.timeout(60):
        with pytest.raises(WorkerDied, match="repeat the import"):
            async with Workers(2, settings, conninfo) as workers:
                await stopped_by(
                    conn, path, workers, lambda: os.kill(workers.pids()[0], signal.SIGKILL)
                )
        rows = await catalogue_rows(conn)
        assert 10 < len(rows["releases"]) < 120
        assert len(rows["release_styles"]) == len(rows["releases"])
        counts, errors, _, repeated = await run(conn, path, None)
    assert (counts[0], counts[3], errors) == (120, len(rows["releases"]), [])
    assert len(repeated["releases"]) == 120


async def test_an_import_that_is_killed_takes_its_processes_along_and_is_repeated(
    conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    path = tmp_path / "releases.xml"
    path.write_bytes(whole([release(n) for n in range(1, 4001)]))
    command = [sys.executable, "-m", "kleio", "import", "discogs-dump", "--json"]
    command += ["--workers", "2", "--batch-size", "60", str(path)]
    given = {**environment(), "DATABASE_URL": conninfo, "KLEIO_HOME": str(tmp_path / "home")}
    process = started(command, given)
    try:
        await until(conn, "SELECT count(*) > 100 FROM releases", "releases to be stored")
    finally:
        process.kill()
        process.wait(10)
    await until(
        conn,
        "SELECT count(*) = 0 FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'kleio import'",
        "the processes to end",
    )
    row = await (await conn.execute("SELECT count(*) FROM releases")).fetchone()
    stored = row[0] if row else 0
    assert 100 < stored < 4000
    assert stored % 60 == 0
    last = json.loads(said_by(command, given).splitlines()[-1])
    assert (last["read"], last["unchanged"], last["inserted"]) == (4000, stored, 4000 - stored)


def started(command: list[str], given: dict[str, str]) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, env=given, stdout=nowhere, stderr=nowhere)


def said_by(command: list[str], given: dict[str, str]) -> str:
    ended = subprocess.run(
        command, env=given, capture_output=True, text=True, check=True, timeout=120
    )
    return ended.stdout


async def until(conn: Connection, statement: str, what: str) -> None:
    """Wait until a statement says yes."""
    try:
        async with asyncio.timeout(60):
            while True:
                row = await (await conn.execute(statement)).fetchone()  # type: ignore[arg-type]
                if row == (True,):
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited 60 s for {what}")


async def test_an_error_of_the_database_ends_the_import(
    conn: Connection, settings: Settings, conninfo: str, tmp_path: Path
) -> None:
    path = tmp_path / "releases.xml"
    path.write_bytes(whole(RELEASES))
    await conn.execute("ALTER TABLE release_styles RENAME TO hidden")
    async with asyncio.timeout(60):
        with pytest.raises(DatabaseError) as failed:
            async with Workers(2, settings, conninfo) as workers:
                await import_dump(conn, [path], batch_size=10, workers=workers)
    assert failed.value.sqlstate == "42P01"
    assert "release_styles" in str(failed.value.__cause__)


async def test_a_server_that_is_not_there_is_an_error_of_the_import(
    conn: Connection, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "releases.xml"
    path.write_bytes(whole(RELEASES))
    async with asyncio.timeout(60):
        with pytest.raises(DatabaseError):
            async with Workers(2, settings, f"host={tmp_path} dbname=x") as workers:
                await import_dump(conn, [path], batch_size=10, workers=workers)


async def test_what_no_block_holds_is_read_in_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "releases.xml"
    path.write_bytes(whole(RELEASES))
    with open_dump(path) as dump:
        blocks = list(dump.blocks(50))
        dump.go_on(blocks[1:])
        assert [entry.discogs_id for entry in dump] == list(range(51, 121))
