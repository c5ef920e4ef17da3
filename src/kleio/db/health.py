"""What Kleio asks of a server before it serves, in a health check, and for `kleio doctor`."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from kleio.db.errors import NotMigrated, translate
from kleio.db.queries import Connection

MINIMUM_SERVER_VERSION = 180000


def check_server_version(version: int) -> None:
    """Raise NotMigrated unless the server is PostgreSQL 18 or later (`180006` is 18.6)."""
    if version < MINIMUM_SERVER_VERSION:
        raise NotMigrated(
            f"PostgreSQL {version // 10000} is too old; Kleio needs PostgreSQL 18 or later",
            operation="connect",
        )


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What `kleio doctor` looks at; an extension is its name and version, `letters` LC_CTYPE."""

    connection_limit: int
    extensions: list[str]
    letters: str


def server_facts(conn: psycopg.Connection[Any]) -> ServerFacts:
    """Return the facts of the server and database that a connection leads to."""
    row: Any = conn.execute(
        "SELECT least(current_setting('max_connections')::int"
        "             - current_setting('superuser_reserved_connections')::int"
        "             - current_setting('reserved_connections')::int,"
        # -1 is no limit.
        "             (SELECT nullif(datconnlimit, -1) FROM pg_database"
        "               WHERE datname = current_database()),"
        "             (SELECT nullif(rolconnlimit, -1) FROM pg_roles"
        "               WHERE rolname = current_user)),"
        "       (SELECT coalesce(array_agg(extname || ' ' || extversion ORDER BY extname), '{}')"
        "          FROM pg_extension WHERE extname <> 'plpgsql'),"
        "       (SELECT datctype FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return ServerFacts(connection_limit=row[0], extensions=row[1], letters=row[2])


def check_connection(info: psycopg.ConnectionInfo) -> None:
    """Check what a connection tells of its server and database.

    Raises:
        NotMigrated: the server is too old, or the database is not in UTF-8.
    """
    check_server_version(info.server_version)
    encoding = info.parameter_status("server_encoding")
    if encoding not in (None, "UTF8"):  # a pooler may not say
        raise NotMigrated(
            f"the database's encoding is {encoding}; Kleio needs UTF8", operation="connect"
        )


async def check_ready(conn: Connection) -> None:
    """Check that the server is recent enough and has the tables.

    Raises:
        NotMigrated: it is not, or has not.
    """
    check_connection(conn.info)
    await _ask(conn, "SELECT FROM users, releases, user_releases LIMIT 0")


async def ping(conn: Connection) -> None:
    """Have the server answer the shortest statement.

    Raises:
        DatabaseError: it does not.
    """
    await _ask(conn, "SELECT 1")


async def _ask(conn: Connection, statement: str) -> None:
    try:
        await conn.execute(statement)
    except psycopg.Error as error:
        raise translate(error, operation="health") from error
