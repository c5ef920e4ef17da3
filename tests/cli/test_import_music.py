"""`kleio import music`: which library, what it prints, exit codes, and killed half way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audio_files import mp3
from cache_server import CacheServer, needs_server
from kleio.db.queries import Connection
from kleio_process import PATIENCE

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four songs and a broken one."""
    root = tmp_path / "Tunes"
    for number in range(4):
        mp3(root / "A" / "B" / f"{number}.mp3", title=f"T{number}", artist="A", album="B")
    (root / "bad.mp3").write_bytes(b"x" * 1000)
    return root


async def rows(conn: Connection, sql: str) -> list[tuple[Any, ...]]:
    return await (await conn.execute(sql)).fetchall()  # type: ignore[arg-type]


async def names(conn: Connection) -> list[tuple[str, str]]:
    return await rows(conn, "SELECT name, root FROM libraries ORDER BY name")  # type: ignore[return-value]


def closing_line(result: Any) -> dict[str, Any]:
    line = json.loads(result.stdout.splitlines()[-1])
    assert line.pop("seconds") >= 0
    return line  # type: ignore[no-any-return]


async def test_a_folder_becomes_a_library_of_its_name(
    run: Run, conn: Connection, folder: Path
) -> None:
    result = run("import", "music", str(folder), "--json")
    assert result.exit_code == 0, result.output
    assert closing_line(result) == {
        "files": 5, "read": 5, "inserted": 4, "updated": 0, "unchanged": 0, "moved": 0,
        "missing": 0, "refused": 1,
    }  # fmt: skip
    assert result.stderr.splitlines() == [
        "Tunes: refused: bad.mp3: is broken: can't sync to MPEG frame",
        "Tunes: 5 files, 5 read, 4 inserted, 0 updated, 0 unchanged, 0 moved, 0 missing, 1 refused",
    ]
    assert await names(conn) == [("Tunes", str(folder))]
    assert await rows(conn, "SELECT scanned_at IS NOT NULL FROM libraries") == [(True,)]

    again = closing_line(run("import", "music", str(folder), "--json"))
    assert (again["read"], again["unchanged"], again["refused"]) == (0, 4, 1)
    # A folder inside is a part of the library.
    inside = closing_line(run("import", "music", str(folder / "A"), "--json"))
    assert inside["files"] == 4
    assert await names(conn) == [("Tunes", str(folder))]


async def test_a_library_of_several_folders_that_overlap(
    run: Run, conn: Connection, folder: Path, tmp_path: Path
) -> None:
    mp3(tmp_path / "More" / "x.mp3")
    mp3(tmp_path / "Not" / "y.mp3")
    folders = [str(folder), str(folder / "A"), str(tmp_path / "More")]
    result = run("import", "music", *folders, "--library", "All", "--json")
    assert closing_line(result)["files"] == 6
    assert await names(conn) == [("All", str(tmp_path))]
    again = closing_line(run("import", "music", *folders, "--library", "all", "--json"))
    assert (again["read"], again["unchanged"]) == (0, 5)


async def test_two_libraries_at_once(run: Run, conn: Connection, tmp_path: Path) -> None:
    mp3(tmp_path / "One" / "x.mp3")
    mp3(tmp_path / "Two" / "x.mp3")
    result = run("import", "music", str(tmp_path / "One"), str(tmp_path / "Two"), "--json")
    assert closing_line(result)["inserted"] == 2
    assert [name for name, _ in await names(conn)] == ["One", "Two"]


async def test_a_library_whose_folder_has_moved(
    run: Run, conn: Connection, folder: Path, tmp_path: Path
) -> None:
    run("import", "music", str(folder), "--library", "Home")
    ids = await rows(conn, "SELECT id FROM songs ORDER BY id")
    moved = tmp_path / "elsewhere"
    os.rename(folder, moved)
    result = run("import", "music", str(moved), "--library", "Home")
    assert result.exit_code == 1
    assert "if that is where it is now, say --moved" in one_line(result)
    result = run("import", "music", str(moved), "--library", "Home", "--moved", "--json")
    assert closing_line(result)["unchanged"] == 4
    assert await names(conn) == [("Home", str(moved))]
    assert await rows(conn, "SELECT id FROM songs ORDER BY id") == ids


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("{tmp}/nowhere",), "{tmp}/nowhere: no such file or directory"),
        (("{tmp}/Tunes/bad.mp3",), "{tmp}/Tunes/bad.mp3: not a directory"),
        (("{tmp}/other/Tunes",), "another library is called Tunes, in {tmp}/Tunes"),
        (("{tmp}",), "overlaps with {tmp}/Tunes, the folder of the library Tunes"),
        (("{tmp}/Tunes/A", "--library", "new"), "belongs to the library Tunes"),
        (("{tmp}/Tunes", "--library", " "), "a name has 1 to 200 characters"),
        (("{tmp}/Tunes", "--library", "x" * 201), "a name has 1 to 200 characters"),
        (("{tmp}/Tunes", "--moved"), "name it, --library"),
        (("{tmp}/Tunes", "--moved", "--library", "new"), "there is no library called new"),
        (("{tmp}/other", "/usr", "--library", "new"), "have none in common but /"),
    ],
)
async def test_what_cannot_be_scanned_is_said_in_one_line(
    run: Run, conn: Connection, folder: Path, tmp_path: Path, args: tuple[str, ...], message: str
) -> None:
    (tmp_path / "other" / "Tunes").mkdir(parents=True)
    run("import", "music", str(folder))
    result = run("import", "music", *(arg.format(tmp=tmp_path) for arg in args), "--json")
    assert result.exit_code == 1
    assert message.format(tmp=tmp_path) in one_line(result)
    line = closing_line(result)
    assert line["files"] == 0
    assert message.format(tmp=tmp_path) in line["error"]
    assert len(await names(conn)) == 1


async def test_a_dry_run_adds_no_library(run: Run, conn: Connection, folder: Path) -> None:
    result = run("import", "music", str(folder), "--dry-run", "--json")
    assert closing_line(result) == {
        "files": 5, "read": 0, "inserted": 5, "updated": 0, "unchanged": 0, "moved": 0,
        "missing": 0, "refused": 0, "dryRun": True,
    }  # fmt: skip
    assert result.stderr.endswith("; a dry run, nothing was written\n")
    assert await names(conn) == []


async def test_an_empty_folder_needs_an_option(
    run: Run, conn: Connection, folder: Path, tmp_path: Path
) -> None:
    run("import", "music", str(folder))
    os.rename(folder, tmp_path / "unplugged")
    os.mkdir(folder)
    result = run("import", "music", str(folder))
    assert result.exit_code == 1
    assert "no music is found where 5 files were" in one_line(result)
    result = run("import", "music", str(folder), "--allow-empty", "--json")
    assert result.exit_code == 0
    assert closing_line(result)["missing"] == 4


async def test_what_cannot_be_looked_into_gives_exit_code_1(
    run: Run, conn: Connection, folder: Path
) -> None:
    (folder / "usb").symlink_to("/nowhere/\x1b[31m")
    result = run("import", "music", str(folder), "--json")
    assert result.exit_code == 1
    assert f"Tunes: not read: {folder}/usb: a symbolic link to nothing" in result.stderr
    line = closing_line(result)
    assert line["inserted"] == 4
    assert line["error"] == "1 folders or links could not be read"


async def test_refused_files_are_named_up_to_a_number(run: Run, folder: Path) -> None:
    for number in range(5):
        (folder / f"bad{number}\n.mp3").write_bytes(b"x")
    shown = run("import", "music", str(folder), "--show-refused", "2").stderr.splitlines()
    assert sum("refused: bad" in line for line in shown) == 2
    assert "Tunes: refused: 4 more; --show-refused -1 names all" in shown
    shown = run("import", "music", str(folder), "--show-refused", "-1").stderr.splitlines()
    assert sum("refused: bad" in line for line in shown) == 6
    assert "Tunes: refused: bad0?.mp3: is broken: can't sync to MPEG frame" in shown


def start_scan(root: Path, conninfo: str, home: Path) -> subprocess.Popen[str]:
    """Start a scan as a process group of its own, which Ctrl-C reaches whole."""
    return subprocess.Popen(
        [sys.executable, "-m", "kleio", "import", "music", str(root), "--json"],
        env={**os.environ, "DATABASE_URL": conninfo, "KLEIO_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


async def test_killed_half_way_and_run_again(
    run: Run, conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    root = tmp_path / "Tunes"
    for number in range(6000):
        mp3(root / f"{number // 10}" / f"{number}.mp3", frames=3)
    process = start_scan(root, conninfo, tmp_path)
    half = 0
    while not half and process.poll() is None:
        ((half,),) = await rows(conn, "SELECT count(*) FROM songs")
    process.kill()
    process.communicate(timeout=PATIENCE)
    ((half,),) = await rows(conn, "SELECT count(*) FROM songs")
    assert 0 < half < 6000
    kept = dict(await rows(conn, "SELECT path, song_id FROM library_files"))
    result = run("import", "music", str(root), "--json")
    assert result.exit_code == 0, result.output
    line = closing_line(result)
    assert (line["read"], line["inserted"], line["unchanged"]) == (6000 - half, 6000 - half, half)
    whole = dict(await rows(conn, "SELECT path, song_id FROM library_files"))
    assert len(whole) == 6000
    assert kept.items() <= whole.items()
    assert await rows(conn, "SELECT count(*), sum(song_count) FROM albums") == [(600, 6000)]


async def test_ctrl_c_says_so_and_leaves_what_was_done(
    conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    root = tmp_path / "Tunes"
    for number in range(3000):
        mp3(root / f"{number}.mp3", frames=3)
    process = start_scan(root, conninfo, tmp_path)
    # The files are found, and now they are read.
    found = 0
    while not found and process.poll() is None:
        ((found,),) = await rows(conn, "SELECT count(*) FROM scan_files")
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert err.splitlines()[-1] == "kleio: interrupted"
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["error"] == "interrupted"
    assert await rows(conn, "SELECT error FROM library_scans") == [("it was cut short",)]


@needs_server
async def test_the_cache_forgets_songs(run: Run, folder: Path, cache_server: CacheServer) -> None:
    generations = set()
    for _ in range(2):
        assert run("import", "music", str(folder), CACHE_URL=cache_server.url).exit_code == 0
        generations.add(cache_server.value("song:generation"))
    assert len(generations) == 2
    run("import", "music", str(folder), "--dry-run", CACHE_URL=cache_server.url)
    assert cache_server.value("song:generation") in generations
    # The songs are there, whatever becomes of the cache; who runs it is told.
    cache_server.kill()
    result = run("import", "music", str(folder), "--full", CACHE_URL=cache_server.url)
    assert result.exit_code == 0
    assert "4 updated" in result.stderr or "4 unchanged" in result.stderr
