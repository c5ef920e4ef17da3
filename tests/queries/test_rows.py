"""Every query against the migrated schema, without running it: what sqlc and sqlx do (D12).

PREPARE gives the parameters and the result's columns; they are compared with the repository
functions and with the row Structs, which are filled by position.
"""

from __future__ import annotations

import importlib
import re
import types
import typing
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import psycopg
import pytest

from kleio.db.copy_out import Blocks
from kleio.db.queries import Query
from query_files import QUERIES, numbered


def by_name(query: Query) -> str:
    return query.name


each_query = pytest.mark.parametrize("query", QUERIES, ids=by_name)

# What psycopg's binary loaders, with JSON passed through, make of a type.
PYTHON_TYPES: dict[str, type] = {
    "boolean": bool,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "double precision": float,
    "text": str,
    "bytea": bytes,
    "uuid": UUID,
    "json": msgspec.Raw,
    "jsonb": msgspec.Raw,
    "timestamp with time zone": datetime,
    "date": date,
}
# What a parameter of a type may be annotated as, None aside.
PARAMETER_TYPES: dict[str, set[Any]] = {
    **{name: {kind} for name, kind in PYTHON_TYPES.items()},
    "jsonb": {str},
    "bytea[]": {list[bytes]},
    "integer[]": {list[int]},
    "text[]": {list[str]},
    "uuid[]": {list[UUID]},
}


class Column(NamedTuple):
    name: str
    type: str
    is_not_null: bool | None
    """As the table's column is declared; None where the column is computed."""


class Described(NamedTuple):
    parameters: list[str]
    columns: list[Column]


class Describer:
    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.conn = conn
        self.types = dict(conn.execute("SELECT oid, format_type(oid, NULL) FROM pg_type"))
        self.not_null = {
            (table, number): is_not_null
            for table, number, is_not_null in conn.execute(
                "SELECT a.attrelid, a.attnum, a.attnotnull"
                "  FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
                # No column of a view is declared NOT NULL.
                " WHERE a.attnum > 0 AND c.relkind <> 'm'"
            )
        }

    def describe(self, query: Query) -> Described:
        pgconn = self.conn.pgconn
        for answer in (
            pgconn.prepare(b"", numbered(query).encode()),
            result := pgconn.describe_prepared(b""),
        ):
            assert answer.status == psycopg.pq.ExecStatus.COMMAND_OK, answer.get_error_message()
        return Described(
            [self.types[result.param_type(i)] for i in range(result.nparams)],
            [
                Column(
                    (result.fname(i) or b"").decode(),
                    self.types[result.ftype(i)],
                    self.not_null.get((result.ftable(i), result.ftablecol(i))),
                )
                for i in range(result.nfields)
            ],
        )


@pytest.fixture(scope="module")
def describer(shared_conninfo: str) -> Iterator[Describer]:
    with psycopg.connect(shared_conninfo, autocommit=True) as conn:
        yield Describer(conn)


def function_of(query: Query) -> Any:
    module = importlib.import_module(f"kleio.repositories.{query.file[:-4]}")
    return getattr(module, query.name.partition(".")[2])


def optional(annotation: Any) -> tuple[Any, bool]:
    """Return the annotation without None, and whether None was in it."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        (inner,) = (arg for arg in typing.get_args(annotation) if arg is not type(None))
        return inner, True
    return annotation, False


def row_columns(query: Query, described: Described) -> list[Column]:
    """Return the columns that fill the row, without the two of the page's key."""
    return described.columns[2:] if query.is_keyed else described.columns


def is_struct(query: Query) -> bool:
    return isinstance(query.row, type) and issubclass(query.row, msgspec.Struct)


def fields(query: Query) -> dict[str, Any]:
    hints = typing.get_type_hints(query.row)
    return {name: hints[name] for name in query.row.__struct_fields__}


@each_query
def test_the_parameters_are_those_of_the_function(query: Query, describer: Describer) -> None:
    described = describer.describe(query)
    assert len(described.parameters) == len(query.parameters)
    hints = typing.get_type_hints(function_of(query))
    for name, kind in zip(query.parameters, described.parameters, strict=True):
        annotation, _ = optional(hints[name])
        assert annotation in PARAMETER_TYPES[kind], f"{name} is {kind}"


@each_query
def test_the_result_has_the_columns_of_the_row(query: Query, describer: Describer) -> None:
    columns = row_columns(query, describer.describe(query))
    if query.copies == "lines":
        assert [(column.name, column.type) for column in columns] == [("line", "json")]
    elif query.copies == "csv":
        assert len({column.name for column in columns}) == len(columns) > 1
    elif query.row is None:
        assert columns == []
    elif not is_struct(query):
        assert [PYTHON_TYPES[column.type] for column in columns] == [query.row]
    else:
        assert [column.name for column in columns] == list(fields(query))
        found = [PYTHON_TYPES[column.type] for column in columns]
        assert found == [optional(annotation)[0] for annotation in fields(query).values()]


@pytest.mark.parametrize("query", [q for q in QUERIES if q.is_keyed], ids=by_name)
def test_a_page_has_its_key_and_id_before_the_row(query: Query, describer: Describer) -> None:
    key, id_, *_ = describer.describe(query).columns
    assert (id_.name, id_.type) == ("id", "uuid")
    # The cursor's parameters are named before_... or after_..., key first.
    cursor = [name for name in query.parameters if name.startswith(("before_", "after_"))]
    assert cursor[-1] in ("before_id", "after_id")
    hints = typing.get_type_hints(function_of(query))
    assert [optional(hints[name])[0] for name in cursor] in (
        [PYTHON_TYPES[key.type], UUID],
        [UUID],
    )
    assert all(optional(hints[name])[1] for name in cursor), "None is the first page"


@pytest.mark.parametrize("query", [q for q in QUERIES if is_struct(q)], ids=by_name)
def test_a_field_may_be_none_where_its_column_may_be_null(
    query: Query, describer: Describer
) -> None:
    columns = row_columns(query, describer.describe(query))
    for column, annotation in zip(columns, fields(query).values(), strict=True):
        _, may_be_none = optional(annotation)
        if column.is_not_null is False and not is_compared(query, column.name):
            assert may_be_none, f"{column.name} may be NULL"
        elif column.is_not_null and not has_outer_join(query):
            assert not may_be_none, f"{column.name} is never NULL"


def is_compared(query: Query, column: str) -> bool:
    """Whether a row is only found where the column equals something."""
    return re.search(rf"\bWHERE \w+\.{column} = ", query.sql) is not None


def has_outer_join(query: Query) -> bool:
    return re.search(r"\b(?:LEFT|RIGHT|FULL)\s+(?:OUTER\s+)?JOIN\b", query.sql) is not None


@each_query
def test_whether_a_row_may_be_missing_is_in_the_function_s_type(query: Query) -> None:
    returned = typing.get_type_hints(function_of(query))["return"]
    inner, may_be_none = optional(returned)
    if query.copies:
        assert returned == Blocks
    elif query.operation == "SELECT":
        assert typing.get_origin(inner) is list
    elif query.operation == "SELECT_ONE":
        assert may_be_none
    else:
        assert returned is int


@pytest.mark.parametrize("wrong", ["SELECT 1", "SELECT u.nonsense FROM users AS u"])
def test_the_comparison_can_fail(wrong: str, describer: Describer) -> None:
    query = next(query for query in QUERIES if query.name == "users.get_user")
    broken = msgspec.structs.replace(query, sql=wrong, parameters=())
    with pytest.raises(AssertionError):
        test_the_result_has_the_columns_of_the_row(broken, describer)
