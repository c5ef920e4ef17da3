"""Dump files into the database: counts, repetition, refusals, damage and the command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kleio.cli.imports import import_group
from kleio.db.errors import DatabaseError, InvalidData, Unavailable
from kleio.db.queries import Connection
from kleio.importers import discogs_batches
from kleio.importers.discogs_dump import ImportReport, Progress, import_dump
from kleio.importers.discogs_xml import DumpError, Refused

pytestmark = pytest.mark.anyio

KINDS = ("artists", "labels", "masters", "releases")

TABLES = {
    "artists": "discogs_id, name, resource_url, profile, metadata, source_hash",
    "labels": "discogs_id, name, resource_url, profile, metadata, source_hash",
    "masters": "discogs_id, title, year, main_release_discogs_id, metadata, source_hash",
    "releases": "discogs_id, title, year, released, play_duration, metadata, source_hash",
}
CHILDREN = (
    "release_artists",
    "release_labels",
    "release_formats",
    "release_genres",
    "release_styles",
    "tracks",
)


def sample_paths(folder: Path) -> list[Path]:
    return [folder / f"discogs_20200806_{kind}.xml.gz" for kind in reversed(KINDS)]


async def counted(conn: Connection, table: str) -> int:
    cursor = await conn.execute(f"SELECT count(*) FROM {table}")  # type: ignore[arg-type]
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def content(conn: Connection) -> dict[str, Any]:
    """All rows of the catalogue without their generated keys and times, in a fixed order."""
    rows: dict[str, Any] = {}
    for table, columns in TABLES.items():
        statement = f"SELECT {columns} FROM {table} ORDER BY discogs_id"
        rows[table] = await (await conn.execute(statement)).fetchall()  # type: ignore[arg-type]
    for table in CHILDREN:
        order = "seq" if table == "tracks" else "position"
        statement = (
            f"SELECT r.discogs_id, to_jsonb(c) - '{{release_id,artist_id,label_id,genre_id,"
            f"style_id}}'::text[] FROM {table} AS c JOIN releases AS r ON r.id = c.release_id "
            f"ORDER BY r.discogs_id, c.{order}"
        )
        rows[table] = await (await conn.execute(statement)).fetchall()  # type: ignore[arg-type]
    return rows


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    assert report.read == (report.inserted + report.updated + report.unchanged + report.refused)
    for field in ("read", "inserted", "updated", "unchanged", "refused"):
        assert getattr(report, field) == sum(getattr(k, field) for k in report.kinds.values())
    return report.read, report.inserted, report.updated, report.unchanged, report.refused


def write(tmp_path: Path, kind: str, *entries: str) -> Path:
    path = tmp_path / f"{kind}.xml"
    path.write_text(f"<{kind}>\n" + "\n".join(entries) + f"\n</{kind}>\n")
    return path


def artist(number: int, name: str = "A") -> str:
    return f"<artist><id>{number}</id><name>{name}</name></artist>"


async def test_samples_twice(conn: Connection, dump_samples: Path) -> None:
    seen: list[Progress] = []
    report = await import_dump(conn, sample_paths(dump_samples), progress=seen.append)
    assert report.read == 4000
    assert report.refused == 0
    assert list(report.kinds) == list(KINDS)
    assert all(kind.read == 1000 for kind in report.kinds.values())
    assert report.errors == []
    counts(report)
    assert await counted(conn, "releases") == 1000
    assert await counted(conn, "masters") == 1000
    assert await counted(conn, "tracks") == 9430
    assert await counted(conn, "tracks WHERE parent_seq IS NULL") == 9178
    assert await counted(conn, "tracks WHERE type = 'heading'") == 186
    assert seen[-1].read == 4000
    assert seen[-1].bytes_done == seen[-1].bytes_total
    assert [p.bytes_done for p in seen] == sorted(p.bytes_done for p in seen)

    before = await content(conn)
    again = await import_dump(conn, sample_paths(dump_samples))
    assert counts(again) == (4000, 0, 0, 4000, 0)
    assert await content(conn) == before


async def test_a_run_that_stopped_is_repeated(
    conn: Connection, dump_samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the third batch the server is gone; the repetition ends as one run would have."""
    stored = 0
    real = discogs_batches.store

    async def failing(*args: Any) -> Any:
        nonlocal stored
        stored += 1
        if stored > 3:
            raise Unavailable("gone")
        return await real(*args)

    path = dump_samples / "discogs_20200806_releases.xml.gz"
    report = ImportReport()
    monkeypatch.setattr(discogs_batches, "store", failing)
    with pytest.raises(Unavailable):
        await import_dump(conn, [path], batch_size=100, report=report)
    assert counts(report) == (300, 300, 0, 0, 0)
    monkeypatch.undo()

    again = await import_dump(conn, [path], batch_size=170)
    assert counts(again) == (1000, 700, 0, 300, 0)
    repeated = await content(conn)
    await conn.execute("TRUNCATE releases, artists, labels, genres, styles CASCADE")
    await import_dump(conn, [path])
    once = await content(conn)
    assert once["releases"] == repeated["releases"]
    assert {t: once[t] for t in CHILDREN} == {t: repeated[t] for t in CHILDREN}


async def test_changed_entries_are_updated(conn: Connection, tmp_path: Path) -> None:
    await import_dump(conn, [write(tmp_path, "artists", artist(1), artist(2))])
    path = write(tmp_path, "artists", artist(1, "B"), artist(2), artist(3))
    assert counts(await import_dump(conn, [path])) == (3, 1, 1, 1, 0)


async def test_the_last_of_equal_numbers_wins(conn: Connection, tmp_path: Path) -> None:
    path = write(tmp_path, "artists", artist(1, "Old"), artist(2), artist(1, "New"))
    assert counts(await import_dump(conn, [path])) == (3, 2, 0, 1, 0)
    cursor = await conn.execute("SELECT name FROM artists WHERE discogs_id = 1")
    assert await cursor.fetchone() == ("New",)
    assert counts(await import_dump(conn, [path])) == (3, 0, 0, 3, 0)


async def test_one_bad_entry_is_refused_alone(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = discogs_batches.store
    bad = {7, 64}

    async def picky(conn: Connection, kind: Any, documents: Any, texts: Any) -> Any:
        if bad & {document.discogs_id for document in documents}:
            raise InvalidData("a value is not allowed", sqlstate="22P05")
        return await real(conn, kind, documents, texts)

    monkeypatch.setattr(discogs_batches, "store", picky)
    refused: list[Refused] = []
    path = write(tmp_path, "artists", *(artist(n) for n in range(1, 101)), "<artist/>")
    report = await import_dump(
        conn, [path], batch_size=50, refused=lambda _path, entry: refused.append(entry)
    )
    assert counts(report) == (101, 98, 0, 0, 3)
    assert [entry.discogs_id for entry in refused] == [7, 64, None]
    assert "22P05" in refused[0].reason
    assert refused[2].line == 102
    assert await counted(conn, "artists") == 98


async def test_a_limit_that_one_value_exceeds_refuses_that_entry(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def limited(*_args: Any) -> Any:
        raise DatabaseError("the statement failed", sqlstate="54000")

    monkeypatch.setattr(discogs_batches, "store", limited)
    path = write(tmp_path, "artists", artist(1), artist(2))
    assert counts(await import_dump(conn, [path])) == (2, 0, 0, 0, 2)


async def test_damaged_file_keeps_what_was_whole(conn: Connection, tmp_path: Path) -> None:
    entries = "".join(artist(n) for n in range(1, 2001))
    packed = gzip.compress(f"<artists>{entries}</artists>".encode())
    broken = tmp_path / "artists.xml.gz"
    broken.write_bytes(packed[: len(packed) // 2])
    labels = write(tmp_path, "labels", "<label><id>1</id><name>L</name></label>")
    report = await import_dump(conn, [labels, broken], batch_size=100)
    assert len(report.errors) == 1
    assert f"byte {len(packed) // 2}" in report.errors[0]
    assert 500 < report.kinds["artists"].inserted < 2000
    assert report.kinds["artists"].inserted == await counted(conn, "artists")
    assert report.kinds["labels"].inserted == 1


async def test_no_file_is_imported_when_one_cannot_be_opened(
    conn: Connection, tmp_path: Path
) -> None:
    good = write(tmp_path, "artists", artist(1))
    for bad in (tmp_path / "absent.xml", tmp_path):
        with pytest.raises(DumpError):
            await import_dump(conn, [good, bad])
    assert await counted(conn, "artists") == 0


async def test_traps_of_real_dumps_reach_the_database(conn: Connection, tmp_path: Path) -> None:
    quantity = "1" + "0" * 62 + "1"
    title = "Ünïcödé" * 2000
    nobody = "<artist><id>0</id><name>Nobody</name><role>Flute</role></artist>"
    path = write(
        tmp_path,
        "releases",
        f"<release id='1'><title>{title}\0&#0;</title><released>1999-03-00</released>"
        f"<artists><artist><id>194</id><name>Various</name></artist></artists>"
        f"<extraartists>{nobody * 2}</extraartists>"
        f"<formats><format name='Vinyl' qty='{quantity}' text=''/></formats>"
        "<labels><label name='L' catno='' id=''/><label name='L' catno='' id=''/></labels>"
        "<genres><genre>Jazz</genre><genre>Jazz</genre></genres>"
        "<companies><company><id>999999</id><name>Gone</name></company></companies>"
        "</release>",
    )
    assert counts(await import_dump(conn, [path])) == (1, 1, 0, 0, 0)
    cursor = await conn.execute("SELECT title, released, year FROM releases")
    assert await cursor.fetchone() == (title, "1999-03-00", 1999)
    assert await counted(conn, "release_artists WHERE name = 'Nobody' AND role = 'Flute'") == 2
    assert await counted(conn, "release_labels") == 2
    assert await counted(conn, f"release_formats WHERE qty = '{quantity}'") == 1


async def test_batch_size_is_checked(conn: Connection, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await import_dump(conn, [write(tmp_path, "artists")], batch_size=0)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def run_command(conninfo: str, tmp_path: Path) -> Any:
    def run(*arguments: str | Path) -> Result:
        environment = {"DATABASE_URL": conninfo, "KLEIO_HOME": str(tmp_path / "home")}
        command = ["discogs-dump", *map(str, arguments)]
        return CliRunner().invoke(import_group, command, env=environment)

    return run


def test_command_ends_with_a_line_of_json(run_command: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "artists", artist(1), artist(2), "<artist/>")
    result = run_command(path, "--json")
    assert result.exit_code == 0, result.output
    line = json.loads(result.stdout.splitlines()[-1])
    assert line.pop("seconds") > 0
    assert line == {"read": 3, "inserted": 2, "updated": 0, "unchanged": 0, "refused": 1}
    assert "refused: artists.xml, line 4: the artist has no id" in result.stderr
    again = json.loads(run_command(path, "--json").stdout)
    assert (again["unchanged"], again["refused"]) == (2, 1)


def test_command_bounds_the_refused_lines(run_command: Any, tmp_path: Path) -> None:
    path = write(tmp_path, "artists", *["<artist/>"] * 30)
    shown = run_command(path).stderr.splitlines()
    assert sum(line.startswith("refused: artists.xml") for line in shown) == 20
    assert "refused: 10 more; --show-refused -1 names all" in shown
    shown = run_command(path, "--show-refused", "-1").stderr.splitlines()
    assert sum(line.startswith("refused: artists.xml") for line in shown) == 30


def test_command_exits_with_1_for_a_broken_file(run_command: Any, tmp_path: Path) -> None:
    path = tmp_path / "artists.xml"
    path.write_text(f"<artists>\n{artist(1)}\n{artist(2)}\n<artist><id>3")
    result = run_command(path, "--json")
    assert result.exit_code == 1
    line = json.loads(result.stdout.splitlines()[-1])
    assert (line["read"], line["inserted"]) == (2, 2)
    assert "line 4" in line["error"]
    assert "error: " in result.stderr


@pytest.mark.parametrize("name", ["absent.xml", "."])
def test_command_refuses_what_it_cannot_open(run_command: Any, tmp_path: Path, name: str) -> None:
    result = run_command(write(tmp_path, "artists", artist(1)), tmp_path / name, "--json")
    assert result.exit_code == 1
    line = json.loads(result.stdout.splitlines()[-1])
    assert line["read"] == 0
    assert "cannot be opened" in line["error"]
    assert "Traceback" not in result.output
