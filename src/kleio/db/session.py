"""What every session of Kleio has set, how it gets there, and how a session without it is found.

A direct connection is given its settings when it starts, as libpq's `options`. A pooler hands one
server connection to many clients and takes no such options; there the role has them
(`deploy/session.sql`), and `check_session` tells where it has not.
"""

from __future__ import annotations

import re

import psycopg

from kleio.db.errors import NotMigrated, translate
from kleio.db.queries import Connection

LOCK_SECONDS = 5.0
"""How long a statement of a request waits for a lock. A table that is locked for minutes must not
hold every connection of the pool, and with them the requests that don't need the table."""

IDLE_SECONDS = 60.0
"""How long a transaction of a request may stay open while nothing is asked: its client is gone,
and its locks with it."""

# Two swapped letters leave half of a word's trigrams ("beatels"): the default of 0.6 is too much.
# Parallel workers are for one query on an idle server: with 5,000 copies and other work going on
# they made the shelf by artist 38 ms instead of 13 (p95 65 instead of 18).
SESSION_SETTINGS = {
    "timezone": "UTC",
    "pg_trgm.word_similarity_threshold": "0.45",
    "max_parallel_workers_per_gather": "0",
}
"""What every connection of Kleio starts with: times are UTC, typing errors are forgiven, and a
statement has one process."""

REQUEST_SETTINGS = {
    "lock_timeout": f"{LOCK_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS:.0f}s",
    # A long statement ends when nobody is there any more to take its rows.
    "client_connection_check_interval": "5s",
}
"""What the connections of requests have beside, and `statement_timeout`: work that a user waits
for is given up rather than piled up."""

# Long work, on a connection of its own: whatever the role has for requests.
_LONG_SETTINGS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}


def _options(settings: dict[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


SESSION_OPTIONS = _options(SESSION_SETTINGS)
"""SESSION_SETTINGS as libpq's `options`."""


def request_options(statement_timeout: float) -> str:
    """Return libpq's `options` for a request's connection; the timeout is in seconds."""
    return _options({**SESSION_SETTINGS, **request_settings(statement_timeout)})


def request_settings(statement_timeout: float) -> dict[str, str]:
    """Return the settings that bound a request's statements; the timeout is in seconds."""
    return {**REQUEST_SETTINGS, "statement_timeout": _duration(statement_timeout)}


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds else "0"


def long_options() -> str:
    """Return libpq's `options` for a connection of long work."""
    return _options({**SESSION_SETTINGS, **_LONG_SETTINGS})


async def check_session(conn: Connection, *, statement_timeout: float) -> None:
    """Check that a request's connection has the settings it needs.

    Raises:
        NotMigrated: it has not; the message names each, and where to set them.
    """
    wanted = {**SESSION_SETTINGS, **request_settings(statement_timeout)}
    try:
        cursor = await conn.execute(
            "SELECT name, current_setting(name, true) FROM unnest(%s::text[]) AS name",
            [list(wanted)],
        )
        found = dict(await cursor.fetchall())
    except psycopg.Error as error:
        raise translate(error, operation="health") from error
    wrong = [
        f"{name} is {found[name] or 'not set'} and not {value}"
        for name, value in wanted.items()
        if _comparable(found[name]) != _comparable(value)
    ]
    if wrong:
        raise NotMigrated(
            f"the connection lacks settings ({'; '.join(wrong)}): a pooler such as PgBouncer "
            "drops them, so the role has to have them, see deploy/pgbouncer.md",
            operation="connect",
        )


_MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}


def _comparable(value: str | None) -> str | int | None:
    """Return a duration in milliseconds: PostgreSQL shows 60s as 1min."""
    match = re.fullmatch(r"(\d+)(ms|s|min|h|d)", value or "")
    return int(match[1]) * _MILLISECONDS[match[2]] if match else value


_HEAD = """\
-- What every session of Kleio has set, for a role whose connections come through a pooler such as
-- PgBouncer, which can't give them to each connection. As a superuser, or as the role itself where
-- it owns the database:
--
--   psql -d "$DATABASE" -v role=kleio -v database=kleio -f deploy/session.sql
--
-- Connections that don't come through a pooler have the same, from Kleio. See pgbouncer.md.

-- Loads the extension, without which its setting is not known.
SELECT show_trgm('');

"""


def script(statement_timeout: float = 30.0) -> str:
    """Return `deploy/session.sql`: the settings as those of a role; the timeout is in seconds."""
    settings = {**SESSION_SETTINGS, **request_settings(statement_timeout)}
    return _HEAD + "".join(
        f'ALTER ROLE :"role" IN DATABASE :"database" SET {name} = \'{value}\';\n'
        for name, value in settings.items()
    )
