"""Rows on their way in by the thousand: a named `COPY ... FROM STDIN`, fed in bounded memory.

The statement is the file's own, like every other, in the text format, in which PostgreSQL itself
reads each value as its column's type.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

import psycopg

from kleio.db.errors import translate
from kleio.db.queries import Connection, bind_parameters

Rows = AsyncIterable[tuple[Any, ...]]
"""Rows in the order of the statement's columns."""

CopyFunction = Callable[[Connection, Rows], Awaitable[int]]


def copy_rows(function: CopyFunction) -> CopyFunction:
    """Bind a repository function to the query of its module's and its own name, as `query` does.

    The function has no body; it takes the connection and the rows, and returns how many there were.

    Raises:
        QueryError: the query does not exist, or takes parameters.
    """
    described = bind_parameters(function)

    @functools.wraps(function)
    async def run(conn: Connection, rows: Rows) -> int:
        try:
            async with conn.cursor() as cursor:
                async with cursor.copy(described.sql) as copy:
                    async for row in rows:
                        await copy.write_row(row)
                return cursor.rowcount
        except psycopg.Error as error:
            raise translate(error, query=described.name) from error

    return run
