"""`kleio sql show --psql` prints a script that psql runs, for every query."""

from __future__ import annotations

import re

import pytest

from kleio.sql.inventory import Entry
from kleio.sql.psql import psql_script
from kleio.sql.samples import Value, sample
from kleio.sql.trees import is_plannable
from plan_cases.samples import UNRUN, samples
from psql_program import run_psql
from query_files import ENTRIES, INVENTORY

from .conftest import Seeded


def script_of(entry: Entry, seeded: Seeded) -> str:
    given = samples(seeded.facts).get(entry.query.name)
    return psql_script(entry, sample(entry, seeded.reads, seeded.schema, given))


def test_every_script_runs_in_psql(seeded: Seeded) -> None:
    entries = [e for e in ENTRIES if is_plannable(e.tree) and e.query.name not in UNRUN]
    scripts = [f"\\echo == {e.query.name}\n{script_of(e, seeded)}" for e in entries]
    done = run_psql(seeded.written, "".join(scripts))
    last = re.findall(r"^== (.+)$", done.stdout, re.MULTILINE)[-1]
    assert done.returncode == 0, f"{last}: {done.stderr}"
    assert done.stderr == ""
    assert done.stdout.count("== ") >= len(entries)


def test_a_script_leaves_nothing_behind(seeded: Seeded) -> None:
    entry = INVENTORY.entries["tokens.insert_token"]
    assert entry.writes
    count = "SELECT count(*) FROM auth_tokens;"
    script = f"\\pset tuples_only on\n{count}\n{script_of(entry, seeded)}\n{count}"
    numbers = re.findall(r"^ +(\d+)$", run_psql(seeded.written, script).stdout, re.MULTILINE)
    assert len(numbers) == 2
    assert numbers[0] == numbers[1]


HOSTILE = ["a\r\\! id\r", "a\x1b[201~\n\\! id\n", "\x07\x08\x9b2J", "a\u2028b", "'\r\n'\x7f4"]
"""What a name in the database may be, to whoever pastes it into a psql on a terminal."""


@pytest.mark.parametrize(
    "text", ["it's", 'a "b"', "back\\slash \\n", "two\nlines", "", ":name", "%", *HOSTILE]
)
def test_a_value_means_in_psql_what_it_means_here(text: str, seeded: Seeded) -> None:
    entry = INVENTORY.entries["users.get_user_by_username"]
    script = psql_script(entry, {"username": Value(text, "text", "given")})
    assert script.replace("\n", "").isprintable()
    variables = "\n".join(line for line in script.splitlines() if line.startswith("\\set"))
    statement = "SELECT encode(convert_to(:username, 'UTF8'), 'hex');"
    shown = run_psql(seeded.conninfo, f"{variables}\n\\pset tuples_only on\n{statement}")
    assert shown.stdout.strip() == text.encode().hex(), shown.stderr


def test_the_script_has_header_statement_and_single_percent_signs(seeded: Seeded) -> None:
    entry = INVENTORY.entries["collection_pages.list_collection_ascending"]
    script = script_of(entry, seeded)
    assert "-- name: list_collection_ascending(" in script
    assert " %> ALL (" in script
    assert "%%" not in script
    assert "BEGIN" not in script
    assert script.endswith(";\n")
