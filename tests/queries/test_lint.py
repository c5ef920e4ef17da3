"""`kleio sql lint`: the files keep to every rule, and each rule speaks where it is broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kleio.db.queries import Keyed, Row, sql_folder
from kleio.sql.findings import Finding
from kleio.sql.lint import RULES, lint
from kleio.sql.rules_header import cost_of, partitions_of, steady_indexes
from kleio.sql.rules_text import slices
from kleio.sql.rules_use import normalised
from kleio.sql.schema import ForeignKey, Schema
from kleio.sql.sources import read_files
from query_files import (
    HEAD,
    INVENTORY,
    QUERIES,
    own_inventory,
    query_text,
    reading_schema,
    write_file,
)


@pytest.fixture(scope="module")
def schema(shared_conninfo: str) -> Schema:
    with reading_schema(shared_conninfo) as (_, found):
        return found


def test_the_files_keep_to_every_rule(schema: Schema) -> None:
    found = lint(INVENTORY, schema)
    assert found == [], "\n".join(map(str, found))


class Thing(Row, frozen=True):
    """A folder."""

    name: str


async def list_things(conn: Any, **parameters: Any) -> list[Thing]:
    """Return things."""


async def page(conn: Any, **parameters: Any) -> list[Keyed[Thing]]:
    """Return a page."""


async def silent(conn: Any, **parameters: Any) -> list[Thing]:
    pass


# About the files and functions of the whole project, not of an example.
ELSEWHERE = {"unread-table", "unread-column", "unnamed-index", "named-query", "unused-query"}


def run(
    tmp_path: Path, schema: Schema, text: str, function: Callable[..., Any] | None = list_things
) -> list[Finding]:
    names = re.findall(r"^-- name: (\w+)", text, re.MULTILINE)
    functions = {name: function for name in names if function is not None}
    inventory = own_inventory(tmp_path, text, functions)
    return [f for f in lint(inventory, schema) if f.rule not in ELSEWHERE]


LIST = "SELECT f.name\n  FROM folders AS f\n WHERE f.user_id = :user_id::uuid;"
UPDATE = "UPDATE folders AS f\n   SET name = 'x'\n WHERE f.user_id = :user_id::uuid;"


def one(sql: str = LIST, name: str = "list_things(user_id)", **header: str) -> str:
    return HEAD + query_text(sql, name, header)


def test_a_query_that_breaks_no_rule(tmp_path: Path, schema: Schema) -> None:
    assert run(tmp_path, schema, one()) == []
    page_text = one(
        LIST.replace("f.name", "f.id, f.id, f.name").replace(
            ";",
            "\n   AND f.id > coalesce(:after_id::uuid, '00000000-0000-0000-0000-000000000000')"
            "\n ORDER BY f.id\n LIMIT :page_size::int OFFSET :page_offset::int;",
        ),
        "list_things(user_id, after_id, page_size, page_offset)",
        Order="id; total.",
    )
    assert run(tmp_path, schema, page_text, page) == []


# What is broken: the file, the rule, line and column of its finding.
BROKEN: dict[str, tuple[str, str, tuple[int, int]]] = {
    "no purpose": (one().replace("-- Examples.\n", ""), "file-head", (1, 1)),
    "no tables": (one().replace("-- Tables: folders.\n", ""), "file-head", (2, 1)),
    "no empty line below the head": (
        one().replace("folders.\n\n", "folders.\n"),
        "file-head",
        (2, 1),
    ),
    "a banner between queries": (one() + "\n-- Part two\n", "banner", (15, 1)),
    "a comment behind SQL": (
        one(LIST.replace("f.name\n", "f.name -- it's\n")),
        "comment",
        (11, 15),
    ),
    "a comment in the old way": (
        one(LIST.replace("f.name\n", "/* x */ f.name\n")),
        "comment",
        (11, 8),
    ),
    "a single percent sign": (
        one(LIST.replace(";", "\n   AND f.name LIKE 'x%';")),
        "percent",
        (14, 22),
    ),
    "a long line": (one(LIST.replace(";", " " * 80 + "AND true;")), "line-length", (13, 101)),
    "a star": (one(LIST.replace("f.name", "f.*")), "select-star", (11, 8)),
    "a bare star": (one(LIST.replace("f.name", "*")), "select-star", (11, 8)),
    "a star in RETURNING": (
        one(
            "DELETE FROM folders AS f\n WHERE f.user_id = :user_id::uuid\nRETURNING f.*;",
            "delete_things(user_id)",
        ),
        "select-star",
        (13, 11),
    ),
    "a whole row": (one(LIST.replace("f.name", "to_json(f) AS name")), "select-star", (11, 16)),
    "rows skipped by a number": (
        one(LIST.replace(";", "\n ORDER BY f.id\n OFFSET 5;"), Order="id."),
        "offset",
        (16, 2),
    ),
    "rows skipped without a keyset": (
        one(
            LIST.replace(";", "\n ORDER BY f.id\n OFFSET :page_offset::int;"),
            "list_things(user_id, page_offset)",
            Order="id.",
        ),
        "offset",
        (16, 9),
    ),
    "a page size that limits nothing": (
        one(
            LIST.replace(";", "\n   AND f.number < :page_size::int\n ORDER BY f.id;"),
            "list_things(user_id, page_size)",
            Order="id; total.",
        ),
        "offset",
        (15, 19),
    ),
    "a parameter without a type": (one(LIST.replace("::uuid", "")), "parameter-cast", (13, 20)),
    "a line out of order": (
        one()
        .replace("-- Cost:    at most 5 buffers.\n", "")
        .replace("-- Locks:   none.\n", "-- Locks:   none.\n-- Cost:    at most 5 buffers.\n"),
        "header-order",
        (9, 1),
    ),
    "no sentence": (one().replace("-- Things.", "-- Things"), "header-missing", (4, 1)),
    "no Returns": (one(Returns=""), "header-missing", (4, 1)),
    "no Locks": (one(Locks=""), "header-missing", (4, 1)),
    "no Index": (one(Index=""), "header-missing", (4, 1)),
    "no Cost": (one(Cost=""), "header-missing", (4, 1)),
    "Locks without a dot": (one(Locks="none"), "header-missing", (10, 1)),
    "a Cost without a number": (one(Cost="little."), "header-measure", (9, 1)),
    "sorted and not said": (one(LIST.replace(";", "\n ORDER BY f.id;")), "header-order-by", (4, 1)),
    "said and not sorted": (one(Order="id."), "header-order-by", (9, 1)),
    "an index that is not there": (one(Index="folders_nonsense_idx."), "header-index", (8, 1)),
    "another user's rows": (
        one(LIST.replace("f.user_id = :user_id::uuid", "f.id = :user_id::uuid")),
        "isolation",
        (12, 8),
    ),
    "now() in a write": (
        one(UPDATE.replace("'x'", "'x', updated_at = now()"), "update_things(user_id)!"),
        "time-in-write",
        (12, 33),
    ),
    "CURRENT_DATE in a write": (
        one(UPDATE.replace("'x'", "CURRENT_DATE::text"), "update_things(user_id)!"),
        "time-in-write",
        (12, 15),
    ),
    "a volatile function in an update": (
        one(UPDATE.replace("'x'", "random()::text"), "update_things(user_id)!"),
        "volatile-in-update",
        (12, 15),
    ),
    "MERGE": (
        one(
            "MERGE INTO genres AS g\nUSING (SELECT :user_id::uuid AS id) AS s\n   ON g.id = s.id\n"
            " WHEN MATCHED THEN DELETE;",
            "update_things(user_id)!",
        ),
        "statement-kind",
        (11, 12),
    ),
    "TRUNCATE": (one("TRUNCATE genres;", "delete_things()!"), "statement-kind", (4, 1)),
    "a subquery in VALUES": (
        one(
            "INSERT INTO genres (name, created_at)\nVALUES ((SELECT 'x'), :now::timestamptz);",
            "insert_thing(now)!",
        ),
        "statement-kind",
        (12, 9),
    ),
    "a user who is looked up": (
        one(LIST.replace(";", "\n   AND f.user_id = (SELECT u.id FROM users AS u LIMIT 1);")),
        "user-of-a-query",
        (14, 18),
    ),
    "a setting": (
        one(LIST.replace("f.name\n", "current_setting('TimeZone') AS name\n")),
        "session-setting",
        (11, 8),
    ),
    "a day of the session's zone": (
        one(LIST.replace("f.name\n", "f.created_at::date AS name\n")),
        "zone",
        (11, 20),
    ),
    "a month of the session's zone": (
        one(LIST.replace("f.name\n", "date_trunc('month', f.created_at) AS name\n")),
        "zone",
        (11, 8),
    ),
    "an unknown rule is allowed": (one(Allow="nonsense: because."), "allow", (11, 1)),
    "nothing needs the allowance": (one(Allow="percent: because."), "allow", (11, 1)),
    "no reason is given": (
        one(LIST.replace("f.name", "f.*"), Allow="select-star"),
        "allow",
        (11, 1),
    ),
    "no statement": (
        one("SELECT f.name FROM folders AS WHERE true;", "list_things()"),
        "syntax",
        (11, 31),
    ),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_found_with_its_place(
    case: tuple[str, str, tuple[int, int]], tmp_path: Path, schema: Schema
) -> None:
    text, rule, place = case
    found = [f for f in run(tmp_path, schema, text) if f.rule == rule]
    assert [(f.line, f.column) for f in found] == [place], run(tmp_path, schema, text)


FINE = {
    "percent signs in pairs": LIST.replace(";", "\n   AND f.name LIKE '%%x%%' AND 5 %% 2 = 1;"),
    "dashes in a string": LIST.replace(";", "\n   AND f.name <> ' -- x /* y */';"),
    "a slice with spaces": LIST.replace("f.name\n", "(('{a,b}'::text[])[1 : 2])::text AS name\n"),
    "count(*)": LIST.replace("f.name", "count(*)::text AS name"),
    "the star of a column list": (
        "SELECT d.*\n  FROM jsonb_to_recordset(:user_id::jsonb) AS d (name text);"
    ),
    "an alias that is a column's name": LIST.replace("f.name", "f.name AS f"),
    "now() in a read": LIST.replace(";", "\n   AND f.created_at < now();"),
    "a day of a zone that is said": LIST.replace(
        "f.name\n", "(f.created_at AT TIME ZONE 'UTC')::date::text AS name\n"
    ),
    "a month of a zone that is said": LIST.replace(
        "f.name\n", "date_trunc('month', f.created_at, 'UTC') AS name\n"
    ),
    "a second, which no zone changes": LIST.replace(
        "f.name\n", "date_trunc('second', f.created_at) AS name\n"
    ),
    "REFRESH": "REFRESH MATERIALIZED VIEW CONCURRENTLY mv_things;",
    "seconds, which no zone changes": LIST.replace(
        "f.name\n", "extract(epoch FROM f.created_at)::text AS name\n"
    ),
    "uuidv7() in an insert": (
        "INSERT INTO genres (id, name, created_at)\nVALUES (uuidv7(), 'x', :user_id::timestamptz);"
    ),
    "COPY and ANALYZE of what is no user's": "ANALYZE genres;",
}


@pytest.mark.parametrize("sql", FINE.values(), ids=FINE)
def test_what_is_fine_is_not_found(sql: str, tmp_path: Path, schema: Schema) -> None:
    writes = sql.startswith(("INSERT", "ANALYZE", "REFRESH"))
    name = "update_things(user_id)!" if writes else "list_things(user_id)"
    name = name.replace("user_id", "") if ":user_id" not in sql else name
    assert run(tmp_path, schema, one(sql, name)) == []


@pytest.mark.parametrize("part", ["[1:2]", "[:1]", "[(a):b]"])
def test_a_slice_without_spaces_is_found_though_the_file_does_not_load(
    part: str, tmp_path: Path
) -> None:
    text = one(LIST.replace("f.name\n", f"('{{a,b}}'::text[]){part}\n"))
    (source,) = write_file(tmp_path, text).sources
    (found,) = slices(source)
    assert (found.rule, found.line, found.column) == ("slice", 11, 25)


def test_an_allowance_lets_its_rule_pass_in_its_query_alone(tmp_path: Path, schema: Schema) -> None:
    star = LIST.replace("f.name", "f.*")
    allowed = query_text(star, header={"Allow": "select-star: the whole row is what is asked."})
    other = query_text(star, "list_others(user_id)")
    found = run(tmp_path, schema, HEAD + allowed + "\n" + other)
    assert sorted((f.rule, f.subject) for f in found) == [
        ("duplicate-query", "examples.list_others"),
        ("select-star", "examples.list_others"),
    ]


def test_the_head_of_a_file_allows_for_all_of_it(tmp_path: Path, schema: Schema) -> None:
    head = HEAD.replace("folders.\n", "folders.\n--\n-- Allow:   select-star: they are examples.\n")
    star = LIST.replace("f.name", "f.*")
    assert run(tmp_path, schema, head + query_text(star)) == []


def test_a_statement_that_stands_twice_is_found(tmp_path: Path, schema: Schema) -> None:
    again = LIST.replace("SELECT f.name", "select  F.name\n  -- differently").replace(
        ":user_id", ":owner"
    )
    text = one() + "\n" + query_text(again, "list_again(owner)")
    (found,) = [f for f in run(tmp_path, schema, text) if f.rule == "duplicate-query"]
    assert (found.line, found.subject) == (15, "examples.list_again")
    assert "it is examples.list_things again (queries/examples.sql:4)" in found.message


def test_statements_that_differ_in_a_string_are_two(tmp_path: Path) -> None:
    texts = [LIST.replace("f.name", word) for word in ("'A' AS x", "'a' AS x", '"A" AS x')]
    queries = "\n".join(query_text(t, f"list_{n}(user_id)") for n, t in enumerate(texts))
    inventory = own_inventory(tmp_path, HEAD + queries)
    assert len({normalised(entry) for entry in inventory.entries.values()}) == 3


def test_one_name_has_one_type(tmp_path: Path, schema: Schema) -> None:
    other = LIST.replace(":user_id::uuid", ":user_id::uuid AND f.number = :number::int")
    third = other.replace("::int", "::bigint")
    text = HEAD + "\n".join(
        query_text(sql, f"list_{n}(user_id, number)") for n, sql in enumerate((other, other, third))
    )
    (found,) = [f for f in run(tmp_path, schema, text) if f.rule == "parameter-type"]
    assert (found.subject, found.line) == ("examples.list_2", 35)
    assert ":number is bigint here and integer in examples.list_0" in found.message


def test_a_query_without_a_function_and_one_without_a_sentence_are_found(
    tmp_path: Path, schema: Schema
) -> None:
    assert [f.rule for f in run(tmp_path, schema, one(), None)] == ["function"]
    (found,) = run(tmp_path, schema, one(), silent)
    assert found.rule == "function"
    assert "says what it returns" in found.message


def rules(found: list[Finding]) -> list[tuple[str, str]]:
    return [(f.rule, f.subject) for f in found]


def test_a_table_and_a_column_that_nothing_reads_are_found(schema: Schema) -> None:
    users = schema.tables["users"]
    column = msgspec.structs.replace(users.columns["email"], name="shoe_size")
    lonely = msgspec.structs.replace(users, name="lonely")
    more = msgspec.structs.replace(users, columns={**users.columns, "shoe_size": column})
    tables = {**schema.tables, "users": more, "lonely": lonely}
    found = lint(INVENTORY, msgspec.structs.replace(schema, tables=tables))
    assert rules(found) == [("unread-table", "lonely"), ("unread-column", "users.shoe_size")]
    assert found[1].file == "queries/users.sql"


def test_an_index_that_nothing_names_is_found(schema: Schema) -> None:
    index = msgspec.structs.replace(schema.indexes["releases_year_idx"], name="releases_odd_idx")
    indexes = {**schema.indexes, index.name: index}
    found = lint(INVENTORY, msgspec.structs.replace(schema, indexes=indexes))
    assert rules(found) == [("unnamed-index", "releases_odd_idx")]


def test_an_index_that_was_dropped_is_found_where_it_is_named(schema: Schema) -> None:
    indexes = {n: i for n, i in schema.indexes.items() if n != "auth_tokens_user_idx"}
    found = lint(INVENTORY, msgspec.structs.replace(schema, indexes=indexes))
    named = {q.name for q in QUERIES if "auth_tokens_user_idx" in q.header.get("Index", "")}
    assert {(f.rule, f.subject) for f in found} == {("header-index", name) for name in named}


def test_what_a_schema_may_not_have_is_found(schema: Schema) -> None:
    loose = ForeignKey("loose_fkey", "play_history", ("stylus_id",), "styluses", ("id",), "n")
    folders = schema.tables["folders"]
    keyed = msgspec.structs.replace(folders, unique_keys=(*folders.unique_keys, ("name",)))
    found = lint(
        INVENTORY,
        msgspec.structs.replace(
            schema,
            foreign_keys=[*schema.foreign_keys, loose],
            tables={**schema.tables, "folders": keyed},
            triggers=[("folders", "folders_touch")],
            reading_functions=["how_many_folders"],
        ),
    )
    assert sorted(rules(found)) == [
        ("on-delete", "loose_fkey"),
        ("per-user-key", "folders"),
        ("per-user-key", "loose_fkey"),
        ("reading-function", "how_many_folders"),
        ("trigger", "folders"),
    ]


def test_a_partitioned_table_is_read_with_a_word(tmp_path: Path, schema: Schema) -> None:
    folders = msgspec.structs.replace(schema.tables["folders"], kind="p")
    tables = {**schema.tables, "folders": folders}
    split = msgspec.structs.replace(schema, tables=tables)
    (found,) = run(tmp_path, split, one())
    assert (found.rule, found.line, found.column) == ("header-measure", 12, 8)
    assert run(tmp_path, split, one(Partitions="the one of the id.")) == []
    insert = "INSERT INTO folders (user_id, number) VALUES (:user_id::uuid, 1);"
    assert run(tmp_path, split, one(insert, "insert_thing(user_id)!")) == []


def test_the_header_s_measures_are_read() -> None:
    by_name = {query.name: query for query in QUERIES}
    query = by_name["collection_pages.list_collection_ascending"]
    assert steady_indexes(query) == {"releases_pkey"}
    assert steady_indexes(by_name["plays.list_plays"]) == {
        "play_history_user_played_idx",
        "releases_pkey",
    }
    assert steady_indexes(by_name["artists.list_artists"]) == {"artists_name_idx"}
    header = {"Cost": "at most 1,200 buffers: it sorts.", "Partitions": "at most 1, by id."}
    measured = msgspec.structs.replace(query, header=header)
    assert (cost_of(measured), partitions_of(measured)) == (1200, 1)
    for words, expected in {
        "all, by their index.": None,
        "the one of the id, under a generic plan too.": 1,
        "the one of each id.": None,
        "from the one of before_id down, until the page is full.": None,
    }.items():
        assert (
            partitions_of(msgspec.structs.replace(query, header={"Partitions": words})) == expected
        )


def test_the_readme_lists_every_rule() -> None:
    text = (sql_folder("queries") / "README.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text, re.MULTILINE))
    assert {name: listed.get(name) for name in RULES} == RULES


def test_allowances_of_the_project_have_a_reason() -> None:
    allowed = [a for f in read_files() for a in f.allowances]
    allowed += [a for f in read_files() for s in f.sources for a in s.allowances]
    assert allowed
    assert all(len(allowance.reason) > 20 for allowance in allowed)
