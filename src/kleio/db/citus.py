"""Whether Citus distributes a database (`deploy/citus.sql`), which a few places have to know."""

from __future__ import annotations

import psycopg

from kleio.db.errors import translate
from kleio.db.queries import Connection
from kleio.db.reading import SyncConnection

_FOUND = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"


async def is_distributed(conn: Connection) -> bool:
    """Return whether the database has the extension.

    Raises:
        DatabaseError: it can't be asked.
    """
    try:
        row = await (await conn.execute(_FOUND)).fetchone()
    except psycopg.Error as error:
        raise translate(error, operation="health") from error
    return bool(row and row[0])


def is_distributed_sync(conn: SyncConnection) -> bool:
    """Return whether the database has the extension, for the command line's reading."""
    row = conn.execute(_FOUND).fetchone()
    return bool(row and row[0])
