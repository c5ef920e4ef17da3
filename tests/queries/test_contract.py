"""The contract of `queries/*.sql`: what each header says, and what no statement may hold."""

from __future__ import annotations

import re
import typing

import pglast
import psycopg
import pytest
from pglast import ast

from kleio.db.migration_files import migration_files
from kleio.db.queries import HEADER_KEYS, Query, sql_folder
from query_files import INDEX_NAME, QUERIES, body, numbered, sources

SOURCES = sources()
each_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)


def statement(query: Query) -> str:
    """Return the statement's text without comments and strings."""
    text = re.sub(r"^\s*--[^\n]*$", "", body(SOURCES[query.name]), flags=re.MULTILINE)
    return re.sub(r"'(?:[^']|'')*'", "''", text)


def test_every_name_line_is_loaded() -> None:
    assert sorted(SOURCES) == sorted(query.name for query in QUERIES)


@pytest.mark.parametrize("path", sorted(sql_folder("queries").glob("*.sql")), ids=lambda p: p.stem)
def test_a_file_begins_with_its_purpose_and_its_tables(path) -> None:
    purpose, _, _ = path.read_text("utf-8").partition("-- name:")
    lines = purpose.splitlines()
    assert re.match(r"-- \S.*\.$", lines[0])
    assert lines[1].startswith("-- Tables: ")
    assert lines[-1] == "", "no banner before the first query: aiosql would take it as its header"


@each_query
def test_no_banner_stands_between_queries(query: Query) -> None:
    assert "--" not in SOURCES[query.name].rstrip().rpartition(";")[2]


@each_query
def test_header_keys_stand_in_their_order_and_the_mandatory_ones_are_there(query: Query) -> None:
    keys = [key for key in query.header if key not in ("Summary", "Notes")]
    assert keys == [key for key in HEADER_KEYS if key in keys]
    assert query.header["Summary"].endswith(".")
    assert query.header["Returns"].endswith(".")
    assert "Locks" in query.header
    if "Index" not in query.header:
        assert is_plain_insert(query), "Index: names the index, or says why there is none"


def is_plain_insert(query: Query) -> bool:
    """Whether the statement only writes given values, so that it looks nothing up."""
    (parsed,) = pglast.parse_sql(numbered(query))
    node = parsed.stmt
    return (
        isinstance(node, ast.InsertStmt)
        and node.selectStmt.valuesLists is not None
        and node.onConflictClause is None
    )


@each_query
def test_a_sorted_list_says_its_order_and_a_page_is_in_a_total_one(query: Query) -> None:
    (parsed,) = pglast.parse_sql(numbered(query))
    is_sorted = isinstance(parsed.stmt, ast.SelectStmt) and parsed.stmt.sortClause is not None
    if query.operation == "SELECT" and query.name.partition(".")[2].startswith("list_"):
        assert ("Order" in query.header) == is_sorted
    if query.copies:
        assert is_sorted
        assert "total" in query.header["Order"]
        assert query.header["Plan"] == "custom."
    if "page_size" in query.parameters:
        assert query.is_keyed
        assert is_sorted
        assert "total" in query.header["Order"]


@each_query
def test_every_query_is_bound_to_a_repository_function(query: Query) -> None:
    module = __import__(f"kleio.repositories.{query.file[:-4]}", fromlist=["_"])
    function = getattr(module, query.name.partition(".")[2], None)
    assert function is not None
    assert typing.get_type_hints(function)["return"] is not None
    assert function.__doc__.strip().endswith(".")


@each_query
def test_the_header_names_the_row_type_of_the_function(query: Query) -> None:
    named = re.match(r"(?:one|0\.\.\w+) rows? (\w+(?:\[\w+\])?)", query.header["Returns"])
    if query.row is None:
        assert named is None
        starts = {"csv": "CSV, one line a ", "lines": "lines of JSON, one a "}
        assert query.header["Returns"].startswith(starts.get(query.copies, ""))
        return
    name = "bytes" if query.row is bytes else query.row.__name__
    if named is None:
        assert query.row is int
        assert query.header["Returns"].startswith("one bigint")
        return
    expected = f"Keyed[{name}]" if query.is_keyed else name
    assert named[1].lower() == expected.lower()


@each_query
def test_columns_are_listed_and_never_starred(query: Query) -> None:
    text = statement(query)
    for alias in re.findall(r"(?:\bSELECT\s+|\bRETURNING\s+|,\s*)(?:(\w+)\.)?\*", text):
        # `d.*` of a column definition list stands for the columns that are written right there.
        assert alias
        assert re.search(rf"\bAS {alias} \(", text)


@each_query
def test_offset_stands_only_at_the_end_of_a_page(query: Query) -> None:
    text = statement(query)
    offsets = re.findall(r"[^\n]*\bOFFSET\b[^\n]*", text)
    for line in offsets:
        # In a SELECT of their own they are hidden from the planner.
        plain = re.sub(r"\(SELECT (:page_\w+::int)\)", r"\1", line)
        assert re.fullmatch(r" *LIMIT :page_size::int OFFSET :page_offset::int;?", plain)
    assert len(offsets) <= 1
    assert ("page_offset" in query.parameters) == bool(offsets)
    assert ("page_size" in query.parameters) == bool(
        re.search(r"LIMIT (?:\(SELECT )?:page_size::int", text)
    )


@each_query
def test_comments_stand_on_lines_of_their_own(query: Query) -> None:
    for line in SOURCES[query.name].splitlines():
        assert "--" not in line or line.lstrip().startswith("--")
    assert "/*" not in SOURCES[query.name]


@each_query
def test_a_percent_sign_is_doubled(query: Query) -> None:
    assert not re.search(r"(?<!%)(?:%%)*%(?!%)", body(SOURCES[query.name]))


@each_query
def test_a_slice_has_spaces_that_keep_it_from_being_a_parameter(query: Query) -> None:
    assert not re.search(r"\[[^\]\s]*:[^:\]]", statement(query))


@each_query
def test_every_parameter_is_cast_where_it_is_first_used(query: Query) -> None:
    text = statement(query)
    for name in query.parameters:
        first = re.search(rf"(?<!:):{name}\b(::\w+)?", text)
        assert first is not None
        assert first[1], f":{name} has no type where it is first used"


@each_query
def test_lines_have_no_more_than_100_characters(query: Query) -> None:
    _, *lines = SOURCES[query.name].splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_parameters_of_one_name_have_one_type_everywhere() -> None:
    types: dict[str, set[str]] = {}
    for query in QUERIES:
        for name, kind in re.findall(r"(?<!:):(\w+)::(\w+(?:\[\])?)", statement(query)):
            types.setdefault(name, set()).add(kind)
    unlike = {name: kinds for name, kinds in types.items() if len(kinds) > 1}
    assert unlike == {}


@pytest.fixture(scope="module")
def indexes(shared_conninfo: str) -> dict[str, bool]:
    """Kleio's indexes, and whether each belongs to a primary key or a UNIQUE constraint."""
    with psycopg.connect(shared_conninfo) as conn:
        rows = conn.execute(
            "SELECT c.relname, EXISTS (SELECT FROM pg_constraint AS k"
            "                           WHERE k.conindid = c.oid AND k.contype IN ('p', 'u'))"
            "  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid"
            " WHERE c.relnamespace = 'public'::regnamespace"
            "   AND c.relname !~ '^_?(yoyo|kleio)_'"
            # The parts of a partitioned index go by its name.
            "   AND NOT c.relispartition"
        ).fetchall()
    return dict(rows)


@each_query
def test_every_index_that_a_header_names_exists(query: Query, indexes: dict[str, bool]) -> None:
    text = " ".join(query.header.get(key, "") for key in ("Index", "Locks"))
    assert set(INDEX_NAME.findall(text)) <= set(indexes)


def test_every_index_is_named_by_a_query_or_explained_in_its_migration(
    indexes: dict[str, bool],
) -> None:
    text = " ".join(query.header.get(key, "") for query in QUERIES for key in ("Index", "Locks"))
    wanted = set(INDEX_NAME.findall(text)) | set(explained())
    assert [name for name, is_key in indexes.items() if not is_key and name not in wanted] == []


def test_queries_that_a_migration_names_as_the_reason_of_an_index_exist() -> None:
    files = {query.file[:-4] for query in QUERIES}
    names = {query.name for query in QUERIES}
    missing = {
        index: found
        for index, comment in explained().items()
        for found in re.findall(r"\b([a-z_]+\.[a-z_]+)\b", comment)
        if found.partition(".")[0] in files and found not in names
    }
    assert missing == {}


def explained() -> dict[str, str]:
    """Return the comment right above each CREATE INDEX of the migrations."""
    pattern = re.compile(r"((?:^--[^\n]*\n)+)CREATE (?:UNIQUE )?INDEX[A-Z ]* (\w+) ON", re.M)
    return {
        match[2]: match[1]
        for path in migration_files().values()
        for match in pattern.finditer(path.read_text("utf-8"))
    }
