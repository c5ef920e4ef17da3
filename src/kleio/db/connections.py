"""One connection: how each is prepared, and the transactions that last longer than a request.

Connections are in autocommit mode. It holds no SQL but settings of the session and transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads

from kleio.db.errors import translate
from kleio.db.liveness import with_network_limits
from kleio.db.queries import Connection
from kleio.db.session import long_options
from kleio.settings import Settings

# psycopg keeps at most this many prepared statements on a connection; Kleio has fewer queries,
# but a value's size decides its integer type, and each combination is a statement of its own.
PREPARED_STATEMENTS = 300

SNAPSHOT_SECONDS = 300.0
"""How long a snapshot may be read: an export of a million plays takes a tenth of it."""

BULK_SECONDS = 1800.0
"""How long a bulk transaction may take: an import of a million rows takes a tenth of it."""


async def configure(conn: Connection) -> None:
    """Prepare a new connection: JSON is passed through as bytes, never decoded."""
    set_json_loads(_raw, conn)
    set_json_dumps(msgspec.json.encode, conn)
    conn.prepared_max = PREPARED_STATEMENTS


@asynccontextmanager
async def snapshot(conn: Connection) -> AsyncIterator[Connection]:
    """Open a transaction that only reads, and sees the database as it was when it began.

    However many statements it has and however slowly their rows are taken, they agree with each
    other. It ends after SNAPSHOT_SECONDS, because an old snapshot keeps dead rows from vacuum.
    """
    await conn.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
    await conn.set_read_only(True)
    try:
        async with conn.transaction():
            await _set_limits(conn, SNAPSHOT_SECONDS)
            yield conn
    finally:
        if not conn.closed:
            await conn.set_isolation_level(None)
            await conn.set_read_only(None)


@asynccontextmanager
async def patient_transaction(conn: Connection) -> AsyncIterator[Connection]:
    """Open a transaction for work that nobody waits for, which may take and wait long."""
    async with conn.transaction():
        await _set_limits(conn, BULK_SECONDS)
        yield conn


@asynccontextmanager
async def bulk_transaction(conn: Connection) -> AsyncIterator[Connection]:
    """Open a patient transaction for statements over many rows that were written a moment ago.

    The rows have no statistics yet, so the planner thinks that there are hardly any and would
    compare each with each: it is kept from nested loops where there is another way.
    """
    async with patient_transaction(conn):
        await conn.execute("SELECT set_config('enable_nestloop', 'off', true)")
        yield conn


async def _set_limits(conn: Connection, seconds: float) -> None:
    """Let a single statement, and a wait for a lock, take as long as the whole transaction."""
    await conn.execute(
        "SELECT set_config(name, %s, true)"
        "  FROM unnest(ARRAY['transaction_timeout', 'statement_timeout', 'lock_timeout',"
        "                    'idle_in_transaction_session_timeout']) AS name",
        [str(round(seconds * 1000))],
    )


@asynccontextmanager
async def unchecked_references(conn: Connection) -> AsyncIterator[None]:
    """Spare the rows that are added in the block the checks of their foreign keys.

    For a block in a transaction, whose caller keeps what the rows refer to from being deleted, as
    the checks would: it has added it in the same transaction, or locked it FOR KEY SHARE. A check
    is a query for each row and key; of rows by the thousand they are a third of the cost. Unique
    keys and values stay checked.

    Where the role may not (GRANT SET ON PARAMETER session_replication_role), the checks go on.
    """
    change = (
        "SELECT set_config('session_replication_role', %s, true)"
        " WHERE has_parameter_privilege('session_replication_role', 'SET')"
    )
    await conn.execute(change, ["replica"])
    yield
    # Not left to the end of the transaction, which may be the caller's; a failure resets it.
    await conn.execute(change, ["origin"])


def _raw(data: str | bytes) -> msgspec.Raw:
    return msgspec.Raw(data if isinstance(data, str) else bytes(data))


async def connect(
    settings: Settings, conninfo: str, *, application_name: str = "kleio", options: str = ""
) -> Connection:
    """Return one configured connection outside any pool, for the command line and imports.

    Args:
        settings: how statements are prepared.
        conninfo: libpq's connection string.
        application_name: as PostgreSQL's views show it.
        options: more of libpq's `options`.

    Raises:
        Unavailable: the server can't be reached or refuses the connection.
    """
    try:
        conn = await psycopg.AsyncConnection.connect(
            with_network_limits(conninfo),
            autocommit=True,
            application_name=application_name,
            options=f"{long_options()} {options}".strip(),
            prepare_threshold=settings.db_prepare_threshold or None,
        )
    except psycopg.Error as error:
        raise translate(error, operation="connect") from error
    await configure(conn)
    return conn


@asynccontextmanager
async def own_connection(settings: Settings, conninfo: str) -> AsyncIterator[Connection]:
    """Lend a new connection outside any pool, for work that lasts longer than a request.

    Raises:
        Unavailable: the server can't be reached or refuses the connection.
        DatabaseError: whatever else the connection meets.
    """
    conn = await connect(settings, conninfo)
    try:
        yield conn
    except psycopg.Error as error:
        raise translate(error, operation="transaction") from error
    finally:
        await conn.close()
