"""`kleio sql check`: every query against the migrated schema, and what it finds (D12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from kleio.db.queries import Keyed, Row
from kleio.db.reading import SyncConnection
from kleio.sql.check import check, check_entry, declared_types
from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry
from kleio.sql.python_types import plain
from kleio.sql.schema import Schema
from query_files import (
    ENTRIES,
    HEAD,
    INVENTORY,
    each_entry,
    own_inventory,
    query_text,
    reading_schema,
)

Found = tuple[SyncConnection, Schema]


@pytest.fixture(scope="module")
def database(shared_conninfo: str) -> Iterator[Found]:
    with reading_schema(shared_conninfo) as found:
        yield found


@each_entry
def test_a_query_agrees_with_schema_function_row_and_header(entry: Entry, database: Found) -> None:
    assert check_entry(entry, *database, INVENTORY) == []


def test_no_field_may_be_none_for_nothing(database: Found) -> None:
    assert check(INVENTORY, database[0], ENTRIES) == []


class Thing(Row, frozen=True):
    """A folder, or what a broken query makes of it."""

    id: UUID
    name: str
    number: int


Function = Callable[..., Any]


async def list_things(conn: Any, *, user_id: UUID) -> list[Thing]:
    """Return things."""


async def get_thing(conn: Any, *, user_id: UUID) -> Thing | None:
    """Return a thing."""


async def count_things(conn: Any, *, user_id: UUID) -> int:
    """Return how many there are."""


async def delete_things(conn: Any, *, user_id: UUID) -> int:
    """Delete things."""


async def update_thing(conn: Any, *, user_id: UUID) -> Thing:
    """Change a thing."""


async def page(
    conn: Any, *, user_id: UUID, before_id: UUID | None, page_size: int
) -> list[Keyed[Thing]]:
    """Return a page."""


async def page_from_the_start(
    conn: Any, *, user_id: UUID, before_id: UUID, page_size: int
) -> list[Keyed[Thing]]:
    """Return a page."""


async def by_text(conn: Any, *, user_id: str) -> list[Thing]:
    """Return things."""


class Noted(Row, frozen=True):
    """A copy's notes."""

    notes: str


async def list_notes(conn: Any, *, user_id: UUID) -> list[Noted]:
    """Return notes."""


LIST = "SELECT f.id, f.name, f.number\n  FROM folders AS f\n WHERE f.user_id = :user_id::uuid;"
PAGE = LIST.replace("SELECT ", "SELECT f.id, f.id, ").replace(
    ";", "\n   AND f.id < :before_id::uuid\n LIMIT :page_size::int;"
)
PAGED = "list_things(user_id, before_id, page_size)"


def findings(
    tmp_path: Path,
    database: Found,
    sql: str,
    function: Function | None,
    name: str = "list_things(user_id)",
    **header: str,
) -> list[Finding]:
    text = HEAD + query_text(sql, name, header)
    short = name.partition("(")[0]
    inventory = own_inventory(tmp_path, text, {short: function} if function else {})
    (entry,) = inventory.entries.values()
    return check_entry(entry, *database, inventory)


def test_what_fits_is_not_found(tmp_path: Path, database: Found) -> None:
    assert findings(tmp_path, database, LIST, list_things) == []
    keyed = {"Returns": "0..page_size rows Keyed[Thing]: id, id, then the thing."}
    assert findings(tmp_path, database, PAGE, page, PAGED, **keyed) == []


# What is wrong: the statement, its function, its name line; the rule, line and column, and words.
BROKEN: dict[str, tuple[str, Function | None, str, str, tuple[int, int], str]] = {
    "a column that is gone": (
        LIST.replace("f.name", "f.title"),
        list_things,
        "list_things(user_id)",
        "prepare",
        (11, 14),
        "column f.title does not exist",
    ),
    "a table that is gone": (
        LIST.replace("folders", "boxes"),
        list_things,
        "list_things(user_id)",
        "prepare",
        (12, 8),
        'relation "boxes" does not exist',
    ),
    "two columns swapped": (
        LIST.replace("f.name, f.number", "f.number, f.name"),
        list_things,
        "list_things(user_id)",
        "columns",
        (11, 14),
        "column 2 is number, Thing's field 2 is name",
    ),
    "a column of another type": (
        LIST.replace("f.number", "f.number::text AS number"),
        list_things,
        "list_things(user_id)",
        "column-type",
        (11, 22),
        "Thing.number is text, which becomes str; it is annotated int",
    ),
    "a column that nothing is agreed for": (
        LIST.replace("f.number", "point(1, 2) AS number"),
        list_things,
        "list_things(user_id)",
        "column-type",
        (11, 22),
        "Thing.number is point, for which no Python type is agreed",
    ),
    "a column too many": (
        LIST.replace("f.number", "f.number, f.created_at"),
        list_things,
        "list_things(user_id)",
        "columns",
        (11, 32),
        "it gives 4 columns, Thing has 3 fields: created_at",
    ),
    "a column too few": (
        LIST.replace(", f.number", ""),
        list_things,
        "list_things(user_id)",
        "columns",
        (11, 14),
        "it gives 2 columns, Thing has 3 fields: number",
    ),
    "a parameter of another type": (
        LIST,
        by_text,
        "list_things(user_id)",
        "parameter-type",
        (13, 20),
        ":user_id is uuid, which takes UUID; the function's parameter is str",
    ),
    "one row where the function gives a list": (
        LIST,
        list_things,
        "get_thing(user_id)^",
        "return-type",
        (4, 1),
        "has to return ... | None",
    ),
    "rows where the function gives one": (
        LIST,
        get_thing,
        "list_things(user_id)",
        "return-type",
        (4, 1),
        "has to return list",
    ),
    "a row that may be missing": (
        LIST.replace(
            "SELECT",
            "UPDATE folders AS f SET name = 'x' WHERE f.user_id = :user_id::uuid\nRETURNING",
        ).split("\n  FROM")[0]
        + ";",
        update_thing,
        "update_thing(user_id)^",
        "return-type",
        (4, 1),
        "has to return ... | None",
    ),
    "rows that the operator drops": (
        "DELETE FROM folders AS f\n WHERE f.user_id = :user_id::uuid\nRETURNING f.id;",
        delete_things,
        "delete_things(user_id)!",
        "columns",
        (13, 11),
        "its operator ! drops them",
    ),
    "a value of another type": (
        "SELECT 'x'::text FROM folders AS f WHERE f.user_id = :user_id::uuid;",
        count_things,
        "count_things(user_id)$",
        "column-type",
        (11, 8),
        "is text, which becomes str; it is annotated int",
    ),
    "two columns for a value": (
        "SELECT count(*), 1 FROM folders AS f WHERE f.user_id = :user_id::uuid;",
        count_things,
        "count_things(user_id)$",
        "columns",
        (11, 8),
        "one column, not 2",
    ),
    "a page without its key": (
        PAGE.replace("f.id, f.id, f.id", "f.id"),
        page,
        PAGED,
        "columns",
        (11, 8),
        "a keyed page gives its sort key, then an id",
    ),
    "a page that can't begin": (
        PAGE,
        page_from_the_start,
        PAGED,
        "parameter-type",
        (4, 1),
        "has to take None",
    ),
    "a NULL where none may be": (
        "SELECT c.notes\n  FROM user_releases AS c\n WHERE c.user_id = :user_id::uuid;",
        list_notes,
        "list_things(user_id)",
        "nullable",
        (11, 8),
        "it may be NULL, and Noted.notes can't be None",
    ),
    "no function": (LIST, None, "list_things(user_id)", "function", (4, 1), "write list_things in"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_what_does_not_fit_is_found_with_its_place(
    case: tuple[str, Function | None, str, str, tuple[int, int], str],
    tmp_path: Path,
    database: Found,
) -> None:
    sql, function, name, rule, place, words = case
    keyed = "0..page_size rows Keyed[Thing]."
    returns = {page: keyed, page_from_the_start: keyed, list_notes: "0..n rows Noted."}.get(
        function,
        "0..n rows Thing.",  # type: ignore[arg-type]
    )
    if name.startswith(("delete", "count")):
        returns = "one bigint." if name.startswith("count") else "the number of things."
    found = findings(tmp_path, database, sql, function, name, Returns=returns)
    assert [finding.rule for finding in found] == [rule], found
    assert (found[0].line, found[0].column) == place, found
    assert words in found[0].message
    assert found[0].file == "queries/examples.sql"


def test_a_header_that_says_otherwise_is_found(tmp_path: Path, database: Found) -> None:
    header = {"Returns": "0..n rows Folder.", "Params": "user_id text: whose they are."}
    returns, params = findings(tmp_path, database, LIST, list_things, **header)
    assert (returns.rule, returns.line) == ("header-returns", 7)
    assert "the function gives '0..n rows Thing'" in returns.message
    assert (params.rule, params.line) == ("header-params", 8)
    assert "Params says user_id text, PostgreSQL takes uuid" in params.message


def test_a_refused_statement_leaves_the_others_to_be_checked(
    tmp_path: Path, database: Found
) -> None:
    text = HEAD + query_text("SELECT nothing FROM nowhere;", "get_x()^") + "\n" + query_text(LIST)
    inventory = own_inventory(tmp_path, text, {"list_things": list_things})
    broken, whole = inventory.entries.values()
    assert [f.rule for f in check_entry(broken, *database, inventory)] == ["prepare"]
    assert check_entry(whole, *database, inventory) == []


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int, False)),
        (int | None, (int, True)),
        (Annotated[int, msgspec.Meta(ge=0)] | None, (int, True)),
        (Literal["a", "b"], (str, False)),
        (list[UUID] | None, (list[UUID], True)),
        (tuple[UUID, ...], (list[UUID], False)),
        (datetime, (datetime, False)),
    ],
)
def test_annotations_are_compared_without_what_postgresql_does_not_know(
    annotation: Any, expected: tuple[Any, bool]
) -> None:
    assert plain(annotation) == expected


def test_types_in_a_header_are_read_where_they_are_declared() -> None:
    text = (
        "before_at timestamptz, before_id uuid: the last row. kind text: 'a' or what; ids uuid[]."
    )
    assert list(declared_types(text)) == [
        ("before_at", "timestamptz"),
        ("before_id", "uuid"),
        ("kind", "text"),
        ("ids", "uuid[]"),
    ]
