"""Detaches partitions: DETACH takes names, not parameters, so no query file can hold it.

Which partitions there are and when one goes is `kleio.partitions`'.
"""

from __future__ import annotations

from typing import Literal

import psycopg
from psycopg import sql

from kleio.db.errors import translate
from kleio.db.queries import Connection


async def detach(
    conn: Connection, parent: str, child: str, *, how: Literal["CONCURRENTLY", "FINALIZE"]
) -> None:
    """Detach a partition without keeping readers waiting, or end what was cut short.

    Args:
        conn: in autocommit mode, outside a transaction: CONCURRENTLY refuses one.
        parent: the table.
        child: its partition.
        how: FINALIZE where an earlier DETACH CONCURRENTLY did not get to its end.

    Raises:
        DatabaseError: the partition is still referred to, or a lock was not free in time.
    """
    statement = sql.SQL("ALTER TABLE public.{} DETACH PARTITION public.{} {}").format(
        sql.Identifier(parent), sql.Identifier(child), sql.SQL(how)
    )
    try:
        await conn.execute(statement)
    except psycopg.Error as error:
        raise translate(error, operation="detach") from error
