"""A connection that can only read: for tools that look at any database, a live one too.

Its transaction is read only and its settings are those of Kleio's own connections, so that plans
and searches are the server's; it is rolled back whatever happened in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from kleio.db.errors import translate
from kleio.db.session import SESSION_OPTIONS

SyncConnection = psycopg.Connection[Any]


@contextmanager
def reading(
    conninfo: str, *, timeout: float = 60.0, may_write: bool = False
) -> Iterator[SyncConnection]:
    """Lend a connection inside a transaction that is rolled back at the end.

    Args:
        conninfo: libpq's connection string.
        timeout: seconds that a statement may take.
        may_write: whether statements may write, until the rollback undoes it.

    Raises:
        Unavailable: the server can't be reached or refuses the connection.
    """
    try:
        conn = psycopg.connect(
            conninfo,
            application_name="kleio sql",
            connect_timeout=10,
            # psycopg forgets all that is prepared at a rollback, also what EXPLAIN goes on with.
            prepare_threshold=None,
            options=f"{SESSION_OPTIONS} -c statement_timeout={round(timeout * 1000)}"
            " -c lock_timeout=5s",
        )
    except psycopg.Error as error:
        raise translate(error, operation="connect") from error
    with conn:
        conn.read_only = not may_write
        with conn.transaction(force_rollback=True):
            yield conn
