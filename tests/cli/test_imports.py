"""`kleio import collection-csv` and `account`: tables, closing lines, reports, bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exporting import export
from factories import Account, make_copy, make_play, make_release, make_user
from importing import HEADER, csv_of, line, table_rows
from kleio.cli.import_account import ImportDisplay
from kleio.db.queries import Connection
from kleio.importers.import_progress import Progress

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(conn: Connection) -> Account:
    return await make_user(conn, "ada")


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Three lines: two copies, and one that is refused."""
    file = tmp_path / "shelf.csv"
    file.write_bytes(csv_of(line(1), line(2, CollectionFolder="Jazz"), line(3, Rating="7")))
    return file


def written(folder: Path, content: bytes) -> Path:
    file = folder / "written.csv"
    file.write_bytes(content)
    return file


def closing(result: Any) -> dict[str, Any]:
    (text,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(text)
    assert found.pop("seconds") >= 0
    assert found["read"] == sum(
        found[name] for name in ("inserted", "updated", "unchanged", "refused")
    )
    return found


async def test_a_dry_run_tells_and_writes_nothing(
    run: Run, ada: Account, conn: Connection, shelf: Path
) -> None:
    before = await table_rows(conn, ada.id)
    result = run("import", "collection-csv", str(shelf), "--user", "ADA", "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "")
    assert [text.split() for text in result.stderr.splitlines()] == [
        ["invalid:", "line", "4,", "copy:", "Rating:", "'7'", "is", "not", "0", "to", "5"],
        ["new", "known", "changed", "unmatched", "invalid"],
        ["release", "2", "0", "0", "0", "0"],
        ["folder", "1", "1", "0", "0", "0"],
        ["copy", "2", "0", "0", "0", "1"],
        ["Nothing", "was", "written:", "this", "was", "a", "dry", "run."],
    ]
    assert await table_rows(conn, ada.id) == before


async def test_the_closing_line_and_a_second_time(run: Run, ada: Account, shelf: Path) -> None:
    arguments = ("import", "collection-csv", str(shelf), "--user", "ada", "--json")
    first = closing(run(*arguments))
    assert {name: first[name] for name in ("read", "inserted", "unchanged", "refused")} == {
        "read": 7, "inserted": 5, "unchanged": 1, "refused": 1,
    }  # fmt: skip
    assert first["dryRun"] is False
    assert first["counts"]["copy"] == {"new": 2, "invalid": 1}
    second = closing(run(*arguments))
    assert (second["inserted"], second["updated"], second["unchanged"]) == (0, 0, 6)


async def test_what_differs_is_named_and_with_update_changed(
    run: Run, ada: Account, shelf: Path, conn: Connection, tmp_path: Path
) -> None:
    run("import", "collection-csv", str(shelf), "--user", "ada")
    file = written(tmp_path, csv_of(line(1, Rating="4"), line(2)))
    arguments = ("import", "collection-csv", str(file), "--user", "ada", "--json")
    kept = run(*arguments)
    assert closing(kept)["unchanged"] == 5
    assert 'changed: line 2, copy: {"rating": [0, 4]}' in kept.stderr
    assert closing(run(*arguments, "--update"))["updated"] == 2
    cursor = await conn.execute("SELECT max(rating) FROM user_releases")
    assert await cursor.fetchone() == (4,)


async def test_the_report_holds_every_record(
    run: Run, ada: Account, shelf: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    arguments = ("import", "collection-csv", str(shelf), "--user", "ada", "--report")
    assert run(*arguments, str(report)).exit_code == 0
    with report.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    assert (rows[-1]["place"], rows[-1]["verdict"]) == ("line 4", "invalid")
    result = run(*arguments, str(tmp_path / "no" / "report.csv"))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("report.csv: No such file or directory")


async def test_few_records_are_named(run: Run, ada: Account, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(csv_of(*(line(1, Rating="9") for _ in range(30))))
    result = run("import", "collection-csv", str(file), "--user", "ada", "--show", "3")
    lines = result.stderr.splitlines()
    assert sum(text.startswith("invalid: line") for text in lines) == 3
    assert "invalid: 27 more; --report FILE has all" in lines


async def test_what_a_file_says_commands_no_terminal(
    run: Run, ada: Account, tmp_path: Path
) -> None:
    """As where an administrator imports what a user has sent in."""
    file = tmp_path / "account.json"
    copies = [{"id": "c", "releaseId": "\x1b]0;title\x07\r\u202e"}]
    file.write_text(json.dumps({"format": "kleio-account", "version": 1, "copies": copies}))
    shown = run("import", "account", str(file), "--user", "ada", "--dry-run")
    assert "release ?]0;title??? is not in the file" in shown.stderr
    assert shown.output.replace("\n", "").isprintable()


async def test_a_whole_account_out_and_into_another(
    run: Run, ada: Account, conn: Connection, tmp_path: Path
) -> None:
    await make_user(conn, "ben")
    release_id = await make_release(conn)
    await make_copy(conn, ada, release_id)
    await make_play(conn, ada.id, release_id)
    file = tmp_path / "account.json"
    file.write_bytes(await export(conn, ada.user, "all"))
    first = closing(run("import", "account", str(file), "--user", "ben", "--json"))
    assert first["counts"] == {
        "preferences": {"known": 1}, "release": {"known": 1}, "folder": {"known": 1},
        "copy": {"new": 1}, "play": {"new": 1},
    }  # fmt: skip
    again = closing(run("import", "account", str(file), "--user", "ben", "--json"))
    assert (again["inserted"], again["refused"]) == (0, 0)


async def test_spreadsheet_options(
    run: Run, ada: Account, tmp_path: Path, conn: Connection
) -> None:
    file = tmp_path / "excel.csv"
    text = csv_of(line(1, Date_Added="31/12/2020 10:00", Title="'=Ágætis"), delimiter=";").decode()
    file.write_bytes(text.encode("cp1252"))
    arguments = ("import", "collection-csv", str(file), "--user", "ada")
    assert "--encoding" not in one_line(run(*arguments))
    assert "the option encoding names another one" in one_line(run(*arguments))
    result = run(*arguments, "--encoding", "cp1252")
    assert "the option dates says which" in one_line(result)
    assert result.exit_code == 1
    options = ("--encoding", "cp1252", "--dates", "dmy", "--zone", "Europe/Lisbon")
    assert run(*arguments, *options, "--spreadsheet").exit_code == 0
    assert await (await conn.execute("SELECT title FROM releases")).fetchall() == [("=Ágætis",)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04", "this is a zip archive or an Excel workbook (XLSX), not CSV"),
        (b"<!DOCTYPE html>", "this is a web page (HTML or XML), not CSV"),
        (b"a,b\n", "no column release_id, Artist, Title"),
        (",".join(HEADER).encode() + b'\n"', "line 2: a quote is opened here and not closed"),
    ],
)
async def test_a_file_that_is_none(
    run: Run, ada: Account, conn: Connection, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "shelf.csv"
    file.write_bytes(content)
    before = await table_rows(conn, ada.id)
    result = run("import", "collection-csv", str(file), "--user", "ada", "--json")
    assert result.exit_code == 1
    assert said in one_line(result)
    assert one_line(result).startswith(f"kleio: {file}: ")
    assert said in closing(result)["error"]
    assert await table_rows(conn, ada.id) == before


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("collection-csv", "absent.csv", "--user", "ada"), 1, "absent.csv: No such file"),
        (("collection-csv", ".", "--user", "ada"), 1, ".: Is a directory"),
        (("collection-csv", "SHELF", "--user", "eve"), 1, "user 'eve' does not exist"),
        (("collection-csv", "SHELF"), 2, "--user"),
        (("collection-csv", "SHELF", "--user", "ada", "--zone", "Mars"), 2, "'Mars'"),
        (("collection-csv", "SHELF", "--user", "ada", "--dates", "ymd"), 2, "--dates"),
        (("account", "SHELF", "--user", "ada"), 1, "not the JSON of an account"),
        (("account", "SHELF", "--user", "ada", "--dates", "dmy"), 2, "--dates"),
    ],
)
async def test_wrong_usage(
    run: Run, ada: Account, shelf: Path, args: tuple[str, ...], code: int, said: str
) -> None:
    result = run("import", *(str(shelf) if arg == "SHELF" else arg for arg in args))
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in one_line(result)


def test_without_a_terminal_progress_is_lines_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = ImportDisplay("shelf.csv")
    half = Progress(step="reading", records=1000, bytes_read=5, bytes_total=10, seconds=0.1)
    with display:
        for seconds in (0.1, 6.0, 7.0, 12.0):
            display.progress(msgspec.structs.replace(half, seconds=seconds))
        display.progress(msgspec.structs.replace(half, step="writing", records=2000, seconds=20.0))
    assert capsys.readouterr().err.splitlines() == [
        "shelf.csv: reading, 1,000 records, 50%",
        "shelf.csv: reading, 1,000 records, 50%",
        "shelf.csv: writing, 2,000 records",
    ]
