"""Generated rows on their way in: a named `COPY ... FROM STDIN (FORMAT binary)`.

Binary spares PostgreSQL the reading of text, but casts nothing: each value has to come as its
column's type, which the function that is bound here says.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import psycopg

from kleio.db.errors import translate
from kleio.db.queries import Connection, bind_parameters

BinaryRows = Iterable[tuple[Any, ...]]
"""Rows in the order of the statement's columns."""

CopyFunction = Callable[[Connection, BinaryRows], Awaitable[int]]


_ARRAY_HEAD = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i").pack
_TEXT_OID = 25
_EMPTY_ARRAY = struct.pack(">iiI", 0, 0, _TEXT_OID)


def text_array(texts: Sequence[bytes]) -> bytes:
    """Return the binary form of a text[] without NULLs: dimensions, element type, elements."""
    if not texts:
        return _EMPTY_ARRAY
    parts = [_ARRAY_HEAD.pack(1, 0, _TEXT_OID, len(texts), 1)]
    for text in texts:
        parts += (_LENGTH(len(text)), text)
    return b"".join(parts)


def jsonb(text: bytes) -> bytes:
    """Return the binary form of a jsonb from the text of its JSON: the format's version before."""
    return b"\x01" + text


def copy_binary(*types: str) -> Callable[[CopyFunction], CopyFunction]:
    """Bind a repository function to the query of its module's and its own name, as `query` does.

    The function has no body; it takes the connection and the rows, and returns how many there were.

    Args:
        types: of the columns, by PostgreSQL's names. `bytea` stands for uuid and text as well, as
            16 bytes and as UTF-8: on the wire they are the same, and nothing has to be encoded.

    Raises:
        QueryError: the query does not exist, or takes parameters.
    """

    def bind(function: CopyFunction) -> CopyFunction:
        described = bind_parameters(function)

        @functools.wraps(function)
        async def run(conn: Connection, rows: BinaryRows) -> int:
            try:
                async with conn.cursor() as cursor:
                    async with cursor.copy(described.sql) as copy:
                        copy.set_types(types)
                        for row in rows:
                            await copy.write_row(row)
                    return cursor.rowcount
            except psycopg.Error as error:
                raise translate(error, query=described.name) from error

        return run

    return bind
