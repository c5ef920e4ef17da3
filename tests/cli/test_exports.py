"""`kleio export`: the same bytes as the API's, a file that is whole or not there, bad input."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factories import Account, make_copy, make_play, make_release, make_user
from kleio.db.queries import Connection
from kleio.http.exports import AccountFile

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(conn: Connection) -> Account:
    """A user with two copies and a play."""
    account = await make_user(conn, "ada")
    for title in ("日本", 'A "b"'):
        release_id = await make_release(conn, title=title)
        await make_copy(conn, account, release_id)
    await make_play(conn, account.id, release_id, notes="two\nlines")
    return account


@pytest.mark.parametrize(
    ("args", "check"),
    [
        (("collection",), lambda text: len(list(csv.DictReader(text.splitlines()))) == 2),
        (("collection", "--archived", "only"), lambda text: len(text.splitlines()) == 1),
        (("plays", "--format", "json"), lambda text: len(json.loads(text)["items"]) == 1),
        (("plays", "--format", "ndjson"), lambda text: json.loads(text)["notes"] == "two\nlines"),
        (("cleanings",), lambda text: text.startswith("cleaned_at,") and text.count("\n") == 1),
        (("cleanings", "--spreadsheet"), lambda text: text.startswith("\ufeffcleaned_at,")),
        (("all",), lambda text: len(msgspec.json.decode(text, type=AccountFile).copies) == 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "-",
)
async def test_to_stdout_and_to_a_file(
    args: tuple[str, ...], check: Any, run: Run, ada: Account, tmp_path: Path
) -> None:
    printed = run("export", *args, "--user", "ADA")
    assert (printed.exit_code, printed.stderr) == (0, "")
    text = printed.stdout_bytes.decode()
    assert check(text)
    file = tmp_path / "out"
    written = run("export", *args, "--user", "ada", "--output", str(file))
    assert (written.exit_code, written.output) == (0, "")
    # The time of the export aside.
    assert file.read_bytes().decode().partition("\n")[2] == text.partition("\n")[2]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert_no_part_is_left(tmp_path)


def assert_no_part_is_left(folder: Path) -> None:
    assert [path.name for path in folder.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("everything", "--user", "ada"), "everything"),
        (("all",), "--user"),
        (("all", "--user", "ada", "--format", "csv"), "--format"),
        (("plays", "--user", "ada", "--archived", "too"), "--archived"),
        (("plays", "--user", "ada", "--format", "json", "--spreadsheet"), "--spreadsheet"),
    ],
)
def test_wrong_usage_is_told(args: tuple[str, ...], said: str, run: Run) -> None:
    result = run("export", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in one_line(result)


async def test_a_user_who_is_not_there(run: Run, ada: Account, tmp_path: Path) -> None:
    file = tmp_path / "out"
    result = run("export", "all", "--user", "eve", "--output", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert one_line(result) == "kleio: user 'eve' does not exist"
    assert not file.exists()


async def test_a_file_that_can_t_be_written(run: Run, ada: Account, tmp_path: Path) -> None:
    result = run("export", "all", "--user", "ada", "--output", str(tmp_path / "no" / "out"))
    assert result.exit_code == 1
    assert one_line(result).endswith("no/out: No such file or directory")


async def test_a_failed_export_leaves_the_file_as_it_was(
    run: Run, ada: Account, conn: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    file.write_text("the last one")
    await conn.execute("ALTER TABLE cleaning_history RENAME COLUMN deep TO elsewhere")
    result = run("export", "all", "--user", "ada", "--output", str(file))
    assert result.exit_code == 1
    assert "account_exports" in one_line(result)
    assert file.read_text() == "the last one"
    assert_no_part_is_left(tmp_path)
