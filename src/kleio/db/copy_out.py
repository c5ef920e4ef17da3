"""Rows on their way out in bounded memory: a named query inside `COPY ... TO STDOUT`.

PostgreSQL writes the text, CSV or lines of JSON, and it is passed on in blocks as it comes; nothing
is decoded and no more than a block is held. The statement is the file's own, like every other; the
COPY around it is written here, once.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable
from time import perf_counter
from typing import Literal, ParamSpec

import psycopg

from kleio.db.errors import translate
from kleio.db.queries import bind_parameters, check_parameters, ended

P = ParamSpec("P")
Blocks = AsyncGenerator[bytes]
"""Whole lines in blocks; to be closed (`contextlib.aclosing`) where it is not read to its end."""

BLOCK_BYTES = 48 * 1024
"""What a block has at least, the last one aside; it ends with the line that fills it."""

# JSON text holds no control characters but as escapes: nothing is ever quoted, so lines are raw.
_OPTIONS = {
    "csv": "FORMAT csv, HEADER",
    "lines": r"FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02'",
}


def copy_query(
    kind: Literal["csv", "lines"],
) -> Callable[[Callable[P, Blocks]], Callable[P, Blocks]]:
    """Bind a repository function to the query of its module's and its own name, as `query` does.

    The function has no body and returns `Blocks`: of CSV with a header, or of the query's one
    column of JSON, an item a line.

    Raises:
        QueryError: the query does not exist, or takes other parameters.
    """

    def bind(function: Callable[P, Blocks]) -> Callable[P, Blocks]:
        described = bind_parameters(function, copies=kind)
        expected = frozenset(described.parameters)
        statement = f"COPY (\n{described.sql}\n) TO STDOUT ({_OPTIONS[kind]})"

        @functools.wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> Blocks:
            check_parameters(described.name, kwargs, expected)
            conn: psycopg.AsyncConnection[object] = args[0]  # type: ignore[assignment]
            block = bytearray()
            # As long as its reader takes: a slow download is a slow query.
            started, failed = perf_counter(), True
            try:
                async with conn.cursor() as cursor, cursor.copy(statement, kwargs) as copy:
                    async for data in copy:
                        block += data
                        if len(block) >= BLOCK_BYTES and block.endswith(b"\n"):
                            yield bytes(block)
                            block.clear()
                failed = False
            except psycopg.Error as error:
                raise translate(error, query=described.name) from error
            finally:
                ended(described.name, started, kwargs, failed=failed)
            if block:
                yield bytes(block)

        return run

    return bind
