"""Loads `queries/*.sql` and binds each named query to its typed repository function.

A file is a namespace: `queries/plays.sql` holds `plays.list_plays`. The decorator `query` gives
a repository function the query of its own module and name; its return annotation says what a row
becomes. Loading fails on a duplicate, on a verb that does not agree with the operator, and on a
function whose parameters are not the query's. No SQL is written or changed here but for the
trailing comment that names the query in the server's views and logs.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from importlib import resources
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, ParamSpec, TypeVar, cast
from uuid import UUID

import aiosql
import msgspec
import psycopg
from aiosql.adapters.pyformat import PyFormatAdapter
from aiosql.types import SQLOperationType
from psycopg.rows import RowFactory, args_row, scalar_row, tuple_row

from kleio.db.errors import translate

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Connection = psycopg.AsyncConnection[Any]


class Row(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Base of all row Structs: a row on its way from PostgreSQL to JSON.

    The fields stand in the order of the SELECT list, because the fastest way to fill a Struct is
    by position (packages differ by a factor of 1.5); therefore rows are not keyword-only, and a
    test compares names and types with what PostgreSQL reports.
    """


class Keyed(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A row of a page with its place in the order, which the next page starts after.

    The query's first two columns are the sort key and the id; the others fill the row, or are the
    row where there is only one.
    """

    key: Any
    id: UUID
    row: T


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one named query.

    `line` is that of its `-- name:`, `sql` the text as sent (psycopg placeholders, name comment at
    the end), `header` the contract's lines by their key, `row` the type of one row (None for a
    statement that returns a count), `is_keyed` whether it comes in a `Keyed`, `copies` as what a
    query of `kleio.db.copy_out` leaves PostgreSQL.
    """

    name: str
    file: str
    line: int
    operation: str
    parameters: tuple[str, ...]
    sql: str
    header: Mapping[str, str]
    row: Any = None
    returns_list: bool = False
    is_keyed: bool = False
    copies: typing.Literal["csv", "lines"] | None = None


# The operator that goes with a verb: what aiosql does with the result.
_OPERATIONS: dict[str, tuple[SQLOperationType, ...]] = {
    "get": (SQLOperationType.SELECT_ONE,),
    "list": (SQLOperationType.SELECT,),
    "search": (SQLOperationType.SELECT,),
    "export": (SQLOperationType.SELECT,),
    "count": (SQLOperationType.SELECT_VALUE,),
    "exists": (SQLOperationType.SELECT_VALUE,),
}
WRITE_VERBS = ("insert", "upsert", "update", "delete", "refresh", "lock", "create", "copy")
_WRITE_OPERATIONS = (
    SQLOperationType.INSERT_UPDATE_DELETE,
    SQLOperationType.SELECT_ONE,
    SQLOperationType.SELECT,
    SQLOperationType.SCRIPT,
)

HEADER_KEYS = (
    "Returns",
    "Params",
    "Index",
    "Partitions",
    "Order",
    "Stale",
    "Plan",
    "Cost",
    "Locks",
    "Allow",
)
_HEADER_LINE = re.compile(rf"^({'|'.join(HEADER_KEYS)}):\s*(.*)$")
NAME_LINE = re.compile(r"^-- name: (\w+)", re.MULTILINE)


class QueryError(Exception):
    """A query file, or a function bound to one of its queries, is wrong.

    `file` is the one of `queries/`, `query` the name in it where one is at fault.
    """

    def __init__(self, message: str, *, file: str, query: str = "") -> None:
        super().__init__(message)
        self.file = file
        self.query = query


def sql_folder(name: str) -> Path:
    """Return the folder `queries` or `migrations`: the wheel's, else the checkout's."""
    packaged = Path(str(resources.files("kleio"))) / name
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / name


def parse_header(comment: str) -> dict[str, str]:
    """Return the contract's lines by key; a line that starts with a space continues the last."""
    header: dict[str, str] = {}
    key = "Summary"
    for line in comment.splitlines():
        if match := _HEADER_LINE.match(line.strip()):
            key = match[1]
            # Only Allow may stand there again.
            header[key] = f"{header[key]} {match[2]}" if key in header else match[2]
        elif line.strip():
            header[key] = f"{header.get(key, '')} {line.strip()}".strip()
        elif key == "Summary":
            key = "Notes"
    return header


Observer = Callable[[str, float, Any, bool], None]
"""Told of each query that ended: its full name, seconds, parameters, and whether it failed."""

_observer: Observer | None = None


def observe(observer: Observer | None) -> None:
    """Have this process's queries told to somebody, or no more to anybody."""
    global _observer
    _observer = observer


def ended(name: str, started: float, parameters: Any, *, failed: bool) -> None:
    """Tell the observer of a query that ended now; `started` is a time of perf_counter()."""
    if _observer is not None:
        _observer(name, perf_counter() - started, parameters, failed)


_to_pyformat = cast(Any, PyFormatAdapter)().process_sql


class KleioAdapter:
    """aiosql's driver adapter: binary rows straight into Structs, errors translated.

    `is_aio_driver` is False on purpose: aiosql's asynchronous wrappers turn a list into an
    asynchronous generator, which costs more than the query's round trip at 1,000 rows; its plain
    wrappers hand our coroutines through.
    """

    is_aio_driver = False

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.row_factories: dict[str, RowFactory[Any]] = {}
        self.unprepared: set[str] = set()
        self._prefix = f"{namespace}."

    def process_sql(self, query_name: str, op_type: SQLOperationType, sql: str) -> str:
        """Return the SQL with psycopg's placeholders and the query's name at its end.

        At the end, because PostgreSQL 18 drops leading comments from pg_stat_statements.
        """
        text = str(_to_pyformat(query_name, op_type, sql)).rstrip().rstrip(";").rstrip()
        return f"{text}\n/* kleio:{self.namespace}.{query_name} */"

    async def _execute(
        self, conn: Connection, query_name: str, sql: str, parameters: Any
    ) -> psycopg.AsyncCursor[Any]:
        rows: Any = self.row_factories.get(query_name, tuple_row)
        cursor = conn.cursor(row_factory=rows, binary=True)
        started, failed = perf_counter(), True
        try:
            await cursor.execute(
                sql, parameters, prepare=False if query_name in self.unprepared else None
            )
            failed = False
        except psycopg.Error as error:
            raise translate(error, query=self._prefix + query_name) from error
        finally:
            ended(self._prefix + query_name, started, parameters, failed=failed)
        return cursor

    async def select(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, _record_class: Any
    ) -> list[Any]:
        return await (await self._execute(conn, query_name, sql, parameters)).fetchall()

    async def select_one(
        self, conn: Connection, query_name: str, sql: str, parameters: Any, _record_class: Any
    ) -> Any:
        return await (await self._execute(conn, query_name, sql, parameters)).fetchone()

    async def select_value(
        self, conn: Connection, query_name: str, sql: str, parameters: Any
    ) -> Any:
        return await (await self._execute(conn, query_name, sql, parameters)).fetchone()

    async def insert_update_delete(
        self, conn: Connection, query_name: str, sql: str, parameters: Any
    ) -> int:
        return (await self._execute(conn, query_name, sql, parameters)).rowcount

    async def execute_script(self, conn: Connection, sql: str) -> str | None:
        try:
            return (await conn.execute(sql)).statusmessage
        except psycopg.Error as error:
            raise translate(error, query=f"{self.namespace} script") from error


class Namespace:
    """The queries of one file."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.adapter = KleioAdapter(self.name)
        try:
            # aiosql's types know its own two kinds of adapter, not one that returns coroutines.
            self._queries = aiosql.from_path(path, lambda: cast(Any, self.adapter))
        except aiosql.SQLParseException as error:
            raise QueryError(f"{path.name}: {error}", file=path.name) from error
        text = path.read_text("utf-8")
        self._lines = {
            match[1]: text.count("\n", 0, match.start()) + 1 for match in NAME_LINE.finditer(text)
        }
        self.queries: dict[str, Query] = {}
        for name in self._queries.available_queries:
            if name.endswith("_cursor"):
                continue
            self.queries[name] = self._describe(name, path)

    def _describe(self, name: str, path: Path) -> Query:
        function = getattr(self._queries, name)
        operation: SQLOperationType = function.operation
        verb = name.partition("_")[0]
        allowed = _OPERATIONS.get(verb) or (_WRITE_OPERATIONS if verb in WRITE_VERBS else ())
        if operation not in allowed:
            raise QueryError(
                f"{path.name}: {name}: the verb '{verb}' does not go with {operation.name}",
                file=path.name,
                query=name,
            )
        header = parse_header(function.__doc__ or "")
        if header.get("Plan", "").startswith("custom"):
            self.adapter.unprepared.add(name)
        return Query(
            name=f"{self.name}.{name}",
            file=path.name,
            line=self._lines[name],
            operation=operation.name,
            parameters=tuple(function.parameters or ()),
            sql=function.sql,
            header=header,
        )

    def bind(
        self, name: str, row: Any, *, returns_list: bool, is_keyed: bool
    ) -> Callable[..., Awaitable[Any]]:
        """Say what a row of the query becomes and return the function that runs it."""
        described = self.queries[name]
        is_struct = isinstance(row, type) and issubclass(row, msgspec.Struct)
        if is_keyed:
            self.adapter.row_factories[name] = args_row(_keyed(row) if is_struct else Keyed)
        elif is_struct:
            self.adapter.row_factories[name] = args_row(row)
        elif row is not None:
            self.adapter.row_factories[name] = scalar_row
        self.queries[name] = msgspec.structs.replace(
            described, row=row, returns_list=returns_list, is_keyed=is_keyed
        )
        return getattr(self._queries, name)  # type: ignore[no-any-return]


@functools.cache
def namespace(name: str) -> Namespace:
    """Return the queries of `queries/<name>.sql`, loaded once in a process."""
    return Namespace(sql_folder("queries") / f"{name}.sql")


def all_queries() -> dict[str, Query]:
    """Return every query of every file by its full name."""
    found: dict[str, Query] = {}
    for path in sorted(sql_folder("queries").glob("*.sql")):
        for query in namespace(path.stem).queries.values():
            found[query.name] = query
    return found


def query(
    function: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Bind a repository function to the query of its module's and its own name.

    The function has no body; its keyword-only parameters are the query's, and its return
    annotation is `list[Row]`, `Row | None`, a scalar, or `int` for a count of written rows.

    Raises:
        QueryError: the query does not exist, or takes other parameters.
    """
    stem, name = function.__module__.rpartition(".")[2], function.__name__
    row, returns_list = _row_type(typing.get_type_hints(function)["return"])
    is_keyed = typing.get_origin(row) is Keyed
    if is_keyed:
        (row,) = typing.get_args(row)
    described = bind_parameters(function)
    if described.operation == SQLOperationType.INSERT_UPDATE_DELETE.name:
        row = None
    bound = namespace(stem).bind(name, row, returns_list=returns_list, is_keyed=is_keyed)

    expected = frozenset(described.parameters)

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        check_parameters(described.name, kwargs, expected)
        return await bound(*args, **kwargs)  # type: ignore[no-any-return]

    return run


def bind_parameters(
    function: Callable[..., Any], *, copies: typing.Literal["csv", "lines"] | None = None
) -> Query:
    """Return the query of a repository function, whose parameters must be the query's.

    Raises:
        QueryError: the query does not exist, or takes other parameters.
    """
    stem, name = function.__module__.rpartition(".")[2], function.__name__
    parameters = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    file = namespace(stem)
    if name not in file.queries:
        raise QueryError(
            f"queries/{stem}.sql has no query {name!r}", file=f"{stem}.sql", query=name
        )
    described = msgspec.structs.replace(file.queries[name], copies=copies)
    if sorted(parameters) != sorted(described.parameters):
        raise QueryError(
            f"{described.name} takes {sorted(described.parameters)}, "
            f"its function takes {sorted(parameters)}",
            file=f"{stem}.sql",
            query=name,
        )
    file.queries[name] = described
    return described


def check_parameters(name: str, given: Mapping[str, Any], expected: frozenset[str]) -> None:
    """Refuse a call without one of the query's parameters, or with one more.

    aiosql would ignore a parameter that the query does not have: a filter that does not filter.
    """
    if given.keys() != expected:
        wrong = ", ".join(sorted(given.keys() ^ expected))
        raise TypeError(f"{name}: missing or unknown parameters: {wrong}")


def _keyed(row: Callable[..., Any]) -> Callable[..., Keyed[Any]]:
    return lambda key, id, *values: Keyed(key, id, row(*values))


def _row_type(annotation: Any) -> tuple[Any, bool]:
    """Return the type of one row and whether the function returns a list of them."""
    if typing.get_origin(annotation) is list:
        return typing.get_args(annotation)[0], True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (inner,) = (arg for arg in typing.get_args(annotation) if arg is not type(None))
        return inner, False
    return annotation, False
