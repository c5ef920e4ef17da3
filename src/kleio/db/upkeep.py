"""Commands of the upkeep that take no parameters, so that no query file can hold them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import sql

from kleio.db.errors import translate
from kleio.db.queries import Connection

ADVISORY_LOCK = 0x6B6C65696F2D6D
"""Held by the session that maintains the database: `kleio-m` in ASCII."""

LOCK_TIMEOUT = "5s"
"""How long a step waits for a table that another transaction has locked."""


@asynccontextmanager
async def maintaining(conn: Connection) -> AsyncIterator[bool]:
    """Tell whether this session may maintain the database, and keep others from it meanwhile.

    The lock is the session's: it ends with the connection, and needs one that leads straight to
    the server, not through a pooler in transaction mode.
    """
    try:
        cursor = await conn.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,))
        is_ours = await cursor.fetchone() == (True,)
        try:
            yield is_ours
        finally:
            if is_ours and not conn.closed:
                await conn.execute("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
    except psycopg.Error as error:
        raise translate(error, operation="maintain") from error


async def analyze(conn: Connection, schema: str, table: str, *, only: bool = False) -> None:
    """Collect a table's statistics; with `only`, of a partitioned one but not of its partitions.

    Raises:
        DatabaseError: the table is gone or locked. A role that may not is only warned by
            PostgreSQL, so ask first.
    """
    command = sql.SQL("ANALYZE {} {}").format(
        sql.SQL("ONLY") if only else sql.SQL(""), sql.Identifier(schema, table)
    )
    try:
        await conn.execute(command)
    except psycopg.Error as error:
        raise translate(error, operation=f"analyze {table}") from error
