"""`kleio import kleio-sqlite` and `kleio-json`: whose data, the report, the token, bad input."""

from __future__ import annotations

import base64
import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import old_kleio
import old_kleio_traps
from factories import Account, make_release, make_user
from importing import table_rows
from kleio import encryption
from kleio.cli import import_kleio
from kleio.db.queries import Connection
from kleio.importers import sqlite_files
from kleio.repositories import discogs_credentials, users
from old_kleio import TOKEN

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio

KEY = os.urandom(32)
KEY_VARIABLE = {"KLEIO_SECRET_KEY": base64.b64encode(KEY).decode()}
NEW = ("--create-user", "ada", "--email", "ada@example.org")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return old_kleio.build(tmp_path / "sqlite.db", traps=old_kleio_traps.every_trap())


@pytest.fixture
async def ada(conn: Connection) -> Account:
    return await make_user(conn, "ada")


def sqlite(*arguments: str | Path) -> tuple[str, ...]:
    return ("import", "kleio-sqlite", *map(str, arguments))


def columns(stderr: str) -> dict[str, list[str]]:
    """Return the lines of the tables by their first word."""
    return {line.split()[0]: line.split()[1:] for line in stderr.splitlines() if line[:1].strip()}


async def users_there(conn: Connection) -> int:
    row = await (await conn.execute("SELECT count(*) FROM users")).fetchone()
    assert row is not None
    return int(row[0])


async def test_first_user_is_made_with_all_of_it(
    run: Run, conn: Connection, database: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    result = run(*sqlite(database, *NEW, "--admin", "--report", report))
    assert result.exit_code == 0, result.stderr
    (token,) = result.stdout.splitlines()
    assert token.startswith("kleio_")
    user = await users.get_user_by_username(conn, username="ada")
    assert user is not None
    assert (user.role, user.discogs_username) == ("admin", old_kleio.USERNAME)
    found = columns(result.stderr)
    assert found["play_history"] == ["67", "0", "8", "59", "0", "59"]
    assert found["styluses"] == ["32", "18", "0", "14", "0", "14"]
    assert found["copy"] == ["47", "0", "0", "0", "0"]
    for line in (
        "invalid: play_history 900110, play: played_at: no time",
        "left: 2 of format_descriptions: of formats that were replaced since",
        "noted: folders 900082, folder: no name: called 'Folder 900082'",
        "syncs, complete: 1, 2025-01-01 10:00:00 to 2025-01-01 10:00:00",
        "Discogs token of old_collector: left in the file",
        "minutes played: 1,977.30 in the file, of these refused 320.00; 1,657.30 in Kleio",
        "old ids kept: folder 7, stylus 14, copy 47, play 59, cleaning 23",
        "14 more records are not as they stood; --report FILE has all",
        "check: passed",
        "user ada added; the token below is shown this once",
    ):
        assert line in result.stderr.splitlines()
    written: dict[str, Any] = json.loads(report.read_bytes())
    assert written["passed"] is True
    assert written["failures"] == []
    assert written["options"] == {"zone": "UTC"}
    back = written["readBack"]
    assert (back["rows"], back["missing"], back["differences"]) == (189, [], [])
    fields = f"{back['fields']:,}"
    assert f"read back: 189 rows; {fields} of {fields} fields are equal" in result.stderr
    assert {one["table"] for one in written["tables"]} == set(old_kleio.TABLES)
    assert len(written["records"]) == 50
    assert {
        "place": "play_history 900109",
        "kind": "play",
        "verdict": "invalid",
        "reason": "playedAt: before 1877",
    } in written["records"]


async def test_token_stays_in_the_file_unless_asked_for(
    run: Run, conn: Connection, ada: Account, database: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    result = run(*sqlite(database, "--user", "ada", "--report", report), **KEY_VARIABLE)
    assert result.exit_code == 0
    assert await discogs_credentials.get_credential(conn, user_id=ada.id) is None
    asked = run(
        *sqlite(database, "--user", "ada", "--with-discogs-token", "--report", report, "--json"),
        **KEY_VARIABLE,
    )
    assert asked.exit_code == 0
    assert "Discogs token of old_collector: kept, encrypted" in asked.stderr
    assert columns(asked.stderr)["auth"] == ["1", "0", "0", "1", "0"]
    kept = await discogs_credentials.get_credential(conn, user_id=ada.id)
    assert kept is not None
    assert encryption.decrypt(kept, user_id=ada.id, keys=[KEY]) == TOKEN
    user = await users.get_user(conn, user_id=ada.id)
    assert user is not None
    assert user.discogs_username == old_kleio.USERNAME
    # It is shown and written nowhere.
    told = (result.output, asked.output, result.stderr, asked.stderr, report.read_text())
    assert not [text for text in told if TOKEN in text]
    tables = await table_rows(conn, ada.id)
    runs = await (await conn.execute("SELECT r::text FROM import_runs AS r")).fetchall()
    assert TOKEN not in f"{tables}{runs}"


async def test_token_without_a_place_for_it(
    run: Run, conn: Connection, ada: Account, database: Path
) -> None:
    before = await table_rows(conn, ada.id)
    asking = sqlite(database, "--user", "ada", "--with-discogs-token")
    result = run(*asking)
    assert (result.exit_code, one_line(result)) == (
        1,
        "kleio: --with-discogs-token: no key to keep it with is configured (KLEIO_SECRET_KEY)",
    )
    await conn.execute("UPDATE users SET discogs_username = 'somebody'")
    result = run(*asking, **KEY_VARIABLE)
    assert one_line(result) == (
        "kleio: the file's token is old_collector's at Discogs, but ada is somebody there"
    )
    with closing(sqlite3.connect(database, isolation_level=None)) as app:
        app.execute("DELETE FROM auth")
    result = run(*asking, **KEY_VARIABLE)
    assert one_line(result) == f"kleio: {database}: there is no Discogs token in it"
    assert await table_rows(conn, ada.id) == before


async def test_closing_line_and_a_second_time(
    run: Run, conn: Connection, ada: Account, database: Path
) -> None:
    first = json.loads(run(*sqlite(database, "--user", "ADA", "--json")).stdout)
    assert {name: first[name] for name in ("read", "inserted", "unchanged", "refused")} == {
        "read": 214, "inserted": 197, "unchanged": 1, "refused": 16,
    }  # fmt: skip
    assert (first["passed"], first["dryRun"]) == (True, False)
    before = await table_rows(conn, ada.id)
    second = json.loads(run(*sqlite(database, "--user", "ada", "--json")).stdout)
    assert (second["inserted"], second["unchanged"], second["passed"]) == (0, 198, True)
    assert await table_rows(conn, ada.id) == before


async def test_dry_run(run: Run, conn: Connection, ada: Account, database: Path) -> None:
    before = await table_rows(conn, ada.id)
    result = run(*sqlite(database, "--user", "ada", "--dry-run"))
    assert result.exit_code == 0
    assert columns(result.stderr)["play"] == ["59", "0", "0", "0", "8"]
    assert columns(result.stderr)["play_history"] == ["67", "0", "8", "59", "0"]
    assert "Nothing was written: this was a dry run." in result.stderr
    assert "check:" not in result.stderr
    assert await table_rows(conn, ada.id) == before


async def test_zone_of_times_without_one(
    run: Run, conn: Connection, ada: Account, tmp_path: Path
) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db")
    result = run(*sqlite(path, "--user", "ada", "--zone", "Europe/Amsterdam"))
    assert result.exit_code == 0, result.stderr
    row = await (await conn.execute("SELECT min(played_at)::text FROM play_history")).fetchone()
    assert row == ("2006-01-03 18:30:00+00",)
    result = run(*sqlite(path, "--user", "ada", "--zone", "Middle/Earth"))
    assert (result.exit_code, one_line(result)) == (
        2, "kleio: --zone: there is no time zone 'Middle/Earth'",
    )  # fmt: skip


USAGE = {
    "nobody": ((), "give either --user or --create-user"),
    "two": (("--user", "ben", *NEW), "give either --user or --create-user"),
    "no address": (("--create-user", "ada"), "--create-user needs --email"),
    "address of nobody": (("--user", "ben", "--email", "x@y.org"), "of a user to be added"),
    "dry": ((*NEW, "--dry-run"), "--dry-run compares with what a user has: give --user"),
    "odd name": (("--create-user", "a b", "--email", "a@b.org"), "username: must be"),
}


@pytest.mark.parametrize("name", list(USAGE))
async def test_usage(run: Run, conn: Connection, database: Path, name: str) -> None:
    arguments, words = USAGE[name]
    result = run(*sqlite(database, *arguments))
    assert result.exit_code == 2
    assert words in one_line(result)
    assert await users_there(conn) == 0


async def test_users_who_are_there_or_not(
    run: Run, conn: Connection, ada: Account, database: Path
) -> None:
    for arguments, words in (
        (("--user", "ben"), "user 'ben' does not exist"),
        (NEW, "user 'ada' exists already; --user imports into it"),
        (
            ("--create-user", "ben", "--email", "ada@example.org"),
            "a user with the e-mail ada@example.org exists already",
        ),
    ):
        result = run(*sqlite(database, *arguments))
        assert (result.exit_code, one_line(result)) == (1, f"kleio: {words}")
    assert await users_there(conn) == 1


async def test_bad_files_write_nothing(
    run: Run, conn: Connection, tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No user is made, no run is begun, and there is one line and exit code 1."""
    monkeypatch.setattr(sqlite_files, "BUSY_SECONDS", 0.05)
    path = tmp_path / "a.db"
    whole = old_kleio.build(tmp_path / "whole.db").read_bytes()
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as app:
        app.execute("CREATE TABLE contacts (id INTEGER)")
    for content, words in (
        (b"", "the file is empty"),
        (rng.randbytes(5000), "not an SQLite database, or an encrypted one"),
        (whole[:9000], "cut short: an SQLite database without its end"),
        (b"PK\x03\x04zip", "this is a zip archive or an Excel workbook (XLSX)"),
        (b'{"playHistory": []}', "this is JSON; see kleio-json"),
        (
            other.read_bytes(),
            "not a database of the older Kleio: no table folders, releases, styluses, play_history",
        ),
    ):
        path.write_bytes(content)
        result = run(*sqlite(path, *NEW))
        assert (result.exit_code, one_line(result)) == (1, f"kleio: {path}: {words}")
    for missing, words in (
        (tmp_path / "nothing.db", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        result = run(*sqlite(missing, *NEW))
        assert (result.exit_code, one_line(result)) == (1, f"kleio: {missing}: {words}")
    with closing(sqlite3.connect(tmp_path / "whole.db", isolation_level=None)) as app:
        app.execute("BEGIN EXCLUSIVE")
        result = run(*sqlite(tmp_path / "whole.db", *NEW, "--json"))
    assert result.exit_code == 1
    assert "another program holds it locked" in one_line(result)
    assert "another program holds it locked" in json.loads(result.stdout)["error"]
    assert await users_there(conn) == 0


async def test_damage_found_half_way_makes_no_user(
    run: Run, conn: Connection, tmp_path: Path
) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db", releases=300)
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as app:
        (page,) = app.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tracks'").fetchone()
    content[(page - 1) * 4096 : page * 4096] = b"\x55" * 4096
    path.write_bytes(content)
    result = run(*sqlite(path, *NEW))
    assert (result.exit_code, one_line(result)) == (
        1, f"kleio: {path}: damaged: SQLite can't read it to its end",
    )  # fmt: skip
    assert await users_there(conn) == 0


async def test_check_that_fails_is_an_error(
    run: Run, conn: Connection, ada: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db")
    real = import_kleio._carry_out

    async def forgetful(conn: Connection, *args: Any, **choices: Any) -> Any:
        imported, report = await real(conn, *args, **choices)
        report.failures = ["play: 40 records, but 39 rows"]
        report.passed = False
        return imported, report

    monkeypatch.setattr(import_kleio, "_carry_out", forgetful)
    result = run(*sqlite(path, "--user", "ada"))
    assert result.exit_code == 1
    assert "check: FAILED" in result.stderr
    assert result.stderr.splitlines()[-1] == (
        f"kleio: {path}: imported, but the check failed: play: 40 records, but 39 rows"
    )


async def test_history(run: Run, conn: Connection, ada: Account, tmp_path: Path) -> None:
    await make_release(conn, 1001)
    path = tmp_path / "history.json"
    play = {"releaseId": 1001, "playedAt": "2025-01-01T20:00:00Z"}
    path.write_text(json.dumps({"playHistory": [play, play | {"releaseId": 1002}]}))
    report = tmp_path / "report.json"
    result = run(
        "import", "kleio-json", str(path), "--user", "ada", "--json", "--report", str(report)
    )
    assert result.exit_code == 0, result.stderr
    closing_line = json.loads(result.stdout)
    assert closing_line["counts"] == {
        "release": {"known": 1, "unmatched": 1},
        "play": {"new": 1, "unmatched": 1},
    }
    assert "unmatched: $.playHistory[1].releaseId, release: the catalogue has no release 1002" in (
        result.stderr.splitlines()
    )
    assert columns(result.stderr)["playHistory"] == ["2", "0", "1", "1", "0", "1"]
    assert "minutes played: not in the file; 4.75 in Kleio" in result.stderr.splitlines()
    assert json.loads(report.read_bytes())["passed"] is True
    path.write_text("[]")
    result = run("import", "kleio-json", str(path), "--user", "ada")
    assert (result.exit_code, one_line(result)) == (
        1,
        f"kleio: {path}: this is not a history export of the older Kleio, which begins with {{",
    )


async def test_report_that_cannot_be_written(run: Run, ada: Account, tmp_path: Path) -> None:
    path = old_kleio.build(tmp_path / "sqlite.db")
    report = tmp_path / "nowhere" / "report.json"
    result = run(*sqlite(path, "--user", "ada", "--report", str(report)))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"kleio: {report}: No such file or directory"
