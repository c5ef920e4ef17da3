"""SQLite files that can't be read, or only with care: one sentence, and the file as it was."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

import old_kleio
from kleio.importers import sqlite_files
from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.sources import SourceError


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return old_kleio.build(tmp_path / "data" / "sqlite.db")


def refusal(path: Path) -> str:
    """Return why a file can't be read to its end."""
    with pytest.raises(SourceError) as caught, closing(KleioSqlite(path)) as source:
        list(source)
    words = str(caught.value)
    assert words.startswith(f"{path}: ")
    assert "\n" not in words
    return words.removeprefix(f"{path}: ")


@contextmanager
def untouched(path: Path) -> Iterator[None]:
    """Check that a file and its folder are afterwards as before."""
    before = path.read_bytes(), sorted(os.listdir(path.parent))
    yield
    assert (path.read_bytes(), sorted(os.listdir(path.parent))) == before


def test_no_file_and_no_database(tmp_path: Path, rng: random.Random) -> None:
    assert refusal(tmp_path / "nothing.db") == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"
    path = tmp_path / "a.db"
    for content, words in (
        (b"", "the file is empty"),
        (b"hello", "not an SQLite database, or an encrypted one"),
        (rng.randbytes(8192), "not an SQLite database, or an encrypted one"),
        (b"PK\x03\x04" + rng.randbytes(500), "this is a zip archive"),
        (b"\x1f\x8b" + rng.randbytes(500), "this is packed with gzip"),
        (b'{"playHistory": []}', "this is JSON; see kleio-json"),
        (b"<!doctype html><html>", "this is a web page"),
    ):
        path.write_bytes(content)
        assert words in refusal(path)


def test_file_that_is_cut_short_anywhere(database: Path, rng: random.Random) -> None:
    content = database.read_bytes()
    lengths = [50, 99, 100, 4095, 4096, len(content) - 1]
    for length in [*lengths, *(rng.randrange(100, len(content)) for _ in range(10))]:
        database.write_bytes(content[:length])
        assert refusal(database) == "cut short: an SQLite database without its end"


def test_pages_that_are_overwritten(database: Path, rng: random.Random) -> None:
    content = database.read_bytes()
    pages = len(content) // 4096
    for page in range(1, pages):
        junk = content[: page * 4096] + rng.randbytes(4096) + content[(page + 1) * 4096 :]
        database.write_bytes(junk)
        # A page of an index, or one that is free, is not read at all.
        with suppress(SourceError), closing(KleioSqlite(database)) as source:
            list(source)
    database.write_bytes(content[:4096] + rng.randbytes(len(content) - 4096))
    assert refusal(database) == "damaged: SQLite can't read it to its end"


def test_other_applications_databases(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE contacts (id INTEGER)")
        conn.execute("CREATE TABLE releases (id INTEGER)")
        conn.commit()
    assert refusal(path) == (
        "not a database of the older Kleio: no table folders, styluses, play_history"
    )
    with closing(sqlite3.connect(path)) as conn:
        for table in ("folders", "styluses", "play_history"):
            conn.execute(f"CREATE TABLE {table} (id INTEGER, name TEXT)")
        conn.commit()
    assert refusal(path) == (
        "not a database of the older Kleio: no column releases.instance_id, releases.folder_id, "
        "releases.title, play_history.release_id, play_history.played_at"
    )


def test_value_without_end(database: Path) -> None:
    with closing(sqlite3.connect(database)) as conn:
        conn.execute("CREATE TABLE notes AS SELECT printf('%.*c', 20000000, 'x') AS note")
        conn.commit()
    opened = closing(sqlite_files.SqliteFile(database))
    with opened as file, pytest.raises(SourceError, match="16,777,216"):
        list(file.rows("SELECT note FROM notes"))


def test_file_is_only_read(database: Path) -> None:
    with untouched(database), closing(KleioSqlite(database)) as source:
        list(source)
        with pytest.raises(SourceError, match="readonly"):
            source.file.value("DELETE FROM releases RETURNING id")


def test_file_with_a_log_that_is_closed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = old_kleio.build(tmp_path / "data" / "sqlite.db", traps=["write_ahead_log"])
    assert path.read_bytes()[18] == 2
    with untouched(path), closing(KleioSqlite(path)) as source:
        assert sum(row.kind == "play" for row in source) == 40


def test_app_that_goes_on_with_a_log(tmp_path: Path) -> None:
    """What is not in the file yet but in its log is read, and one state of it to the end."""
    path = old_kleio.build(tmp_path / "sqlite.db", traps=["write_ahead_log"])
    with closing(sqlite3.connect(path, isolation_level=None)) as app:
        add = (
            "INSERT INTO play_history (release_id, stylus_id, played_at)"
            " VALUES (1001, 0, '2025-01-01')"
        )
        app.execute(add)
        with closing(KleioSqlite(path)) as source:
            app.execute(add)
            assert sum(row.kind == "play" for row in source) == 41


@pytest.mark.parametrize("is_link", [False, True])
def test_app_that_was_killed_with_a_log(tmp_path: Path, is_link: bool) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db", traps=["write_ahead_log"])
    _die_after(path, "INSERT INTO play_history (release_id, played_at) VALUES (1001, '2025-01-01')")
    assert path.with_name("sqlite.db-wal").stat().st_size
    if is_link:
        (tmp_path / "elsewhere").mkdir()
        path = tmp_path / "elsewhere" / "link.db"
        path.symlink_to("../sqlite.db")
    with closing(KleioSqlite(path)) as source:
        assert sum(row.kind == "play" for row in source) == 41


def test_app_that_was_killed_while_it_wrote(database: Path) -> None:
    _die_after(
        database, "PRAGMA cache_size = 5", "BEGIN", "UPDATE tracks SET title = hex(randomblob(900))"
    )
    with untouched(database):
        assert "its last transaction was cut short" in refusal(database)
    # As the message says.
    with closing(sqlite3.connect(database)) as conn:
        conn.execute("SELECT count(*) FROM tracks").fetchone()
    with closing(KleioSqlite(database)) as source:
        assert sum(row.kind == "play" for row in source) == 40


def test_file_that_is_locked(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_files, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(database, isolation_level=None)) as app:
        app.execute("BEGIN EXCLUSIVE")
        assert refusal(database) == (
            "another program holds it locked; stop the older Kleio and try again"
        )
        app.execute("ROLLBACK")
    with closing(KleioSqlite(database)) as source:
        list(source)


def test_name_that_is_no_plain_address(tmp_path: Path) -> None:
    path = old_kleio.build(tmp_path / "my records?#%41 №1.db")
    with closing(KleioSqlite(path)) as source:
        assert sum(row.kind == "play" for row in source) == 40


def _die_after(path: Path, *statements: str) -> None:
    """Run statements in a process that ends without closing the file."""
    code = (
        "import os, sqlite3, sys\n"
        "conn = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]:\n"
        "    conn.execute(statement)\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path), *statements], check=True)
