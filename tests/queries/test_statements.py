"""The statements that the tools look at are those that are sent, and every place is known."""

from __future__ import annotations

import re
from pathlib import Path

import pglast
import pytest

from kleio.db.queries import sql_folder
from kleio.sql.inventory import Entry
from kleio.sql.sources import read_statement
from query_files import INVENTORY, each_entry, write_file


def numbered(entry: Entry) -> str:
    """Return what psycopg makes of the loader's text."""
    places = {name: f"${number}" for number, name in enumerate(entry.query.parameters, 1)}
    pattern = r"%(?:\((\w+)\)s|%)"
    return re.sub(pattern, lambda match: places[match[1]] if match[1] else "%", entry.query.sql)


@each_entry
def test_a_statement_is_what_the_loader_sends(entry: Entry) -> None:
    def tokens(text: str) -> list[str]:
        found = pglast.parser.scan(text)
        return [
            text[t.start : t.end + 1] for t in found if t.name not in ("SQL_COMMENT", "C_COMMENT")
        ]

    assert tokens(entry.statement.text) == tokens(numbered(entry))


@each_entry
def test_every_place_leads_back_to_the_file(entry: Entry) -> None:
    lines = (sql_folder("queries") / entry.query.file).read_text("utf-8").splitlines()
    assert lines[entry.query.line - 1].startswith(f"-- name: {entry.query.name.partition('.')[2]}(")
    for name, uses in entry.statement.uses.items():
        assert uses
        for offset in uses:
            line, column = entry.statement.place(offset)
            assert re.match(rf":{name}\b", lines[line - 1][column - 1 :])


def test_every_name_line_is_loaded() -> None:
    text = "".join(path.read_text("utf-8") for path in sql_folder("queries").glob("*.sql"))
    assert len(INVENTORY.entries) == len(re.findall(r"^-- name: ", text, re.MULTILINE))
    assert INVENTORY.problems == []


TRAPS = """-- name: list_x(a, b)
-- Sentence with :a and 'a quote.
SELECT 'it''s :a %%' AS one, "a:b", t.c::text, :b::int, 5 %% 2, arr[1 : 2]
  -- a comment with :a, 100 % and don't
  FROM t WHERE t.d = :a AND t.e LIKE '%%x%%' AND :b = 1;

-- name: list_y()
SELECT 1;
"""


def test_parameters_in_strings_names_and_comments_are_none(tmp_path: Path) -> None:
    source, other = write_file(tmp_path, TRAPS).sources
    statement = read_statement(source, ("a", "b"))
    assert statement.text == (
        "SELECT 'it''s :a %' AS one, \"a:b\", t.c::text, $2::int, 5 % 2, arr[1 : 2]\n"
        "  -- a comment with :a, 100 % and don't\n"
        "  FROM t WHERE t.d = $1 AND t.e LIKE '%x%' AND $2 = 1"
    )
    assert (source.line, other.line, other.text) == (1, 7, "-- name: list_y()\nSELECT 1;")
    lines = TRAPS.splitlines()
    for word in ("t.c", "$2::int", "% 2", "t.d", "$1", "x%'", "= 1"):
        line, column = statement.place(statement.text.index(word))
        shown = word.replace("$2", ":b").replace("$1", ":a").replace("%", "%%")
        assert lines[line - 1][column - 1 :].startswith(shown), word


@pytest.mark.parametrize("sql", ["SELECT %% 2", "SELECT '%%'", "SELECT '%%%%' || :a"])
def test_doubled_percent_signs_are_one(sql: str, tmp_path: Path) -> None:
    (source,) = write_file(tmp_path, f"-- name: get_x(a)^\n{sql};").sources
    expected = sql.replace("%%", "%").replace(":a", "$1")
    assert read_statement(source, ("a",)).text == expected
