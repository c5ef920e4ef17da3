"""The one tree of database errors, and the one place where psycopg's errors become it.

Nothing above this room sees a psycopg exception, and nothing here knows HTTP. An error carries
what a person needs to find the cause (operation, query, table, constraint, SQLSTATE); the text of
PostgreSQL stays in `__cause__` for the log and is never sent to a client.
"""

from __future__ import annotations

import re
from typing import ClassVar
from uuid import UUID

import psycopg
import psycopg_pool


class DatabaseError(Exception):
    """A statement or a connection failed.

    Attributes:
        operation: what was tried: `query`, `connect`, `transaction` or `migrate`.
        query: the query's full name (`collection.insert_copy`), where there is one.
        table, column, constraint: as PostgreSQL reports them, None where it does not.
        sqlstate: five characters, None for errors of the client side.
    """

    is_data_error: ClassVar[bool] = False
    """Whether the values that were sent are the cause, so that other values may succeed."""

    def __init__(
        self,
        message: str,
        *,
        operation: str = "query",
        query: str | None = None,
        table: str | None = None,
        column: str | None = None,
        constraint: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.query = query
        self.table = table
        self.column = column
        self.constraint = constraint
        self.sqlstate = sqlstate

    def __str__(self) -> str:
        where = self.query or self.operation
        facts = [
            f"{name} {value}"
            for name, value in (
                ("table", self.table),
                ("constraint", self.constraint),
                ("SQLSTATE", self.sqlstate),
            )
            if value
        ]
        return f"{where}: {self.message}" + (f" ({', '.join(facts)})" if facts else "")


class Conflict(DatabaseError):
    """A row with this key exists already (23505)."""

    is_data_error = True


class MissingReference(DatabaseError):
    """A row refers to one that does not exist, or is still referred to (23503)."""

    is_data_error = True


class InvalidData(DatabaseError):
    """A value is not one that the schema allows (22xxx, 23502, 23514)."""

    is_data_error = True


class MissingPartition(InvalidData):
    """A row's month has no partition (23514); `kleio.partitions.healing` makes it."""

    key: UUID
    """The id of the row."""


class Contention(DatabaseError):
    """The statement lost against another one and may be tried again (40xxx, 55P03)."""


class StatementTimeout(DatabaseError):
    """A statement (57014) or a transaction (25P04) took longer than it may, or was cancelled."""


class Unavailable(DatabaseError):
    """The server can't be reached, is stopping, or cut the connection."""


class Overloaded(Unavailable):
    """All connections are in use and the queue is full or the wait too long."""


class NotMigrated(DatabaseError):
    """The schema is not the one that this Kleio needs."""


class NotPermitted(DatabaseError):
    """The role lacks a right (42501), such as to change the schema."""


_BY_SQLSTATE: dict[str, type[DatabaseError]] = {
    "23505": Conflict,
    "23503": MissingReference,
    "57014": StatementTimeout,
    "25P03": StatementTimeout,
    "25P04": StatementTimeout,
    "55P03": Contention,
    "42501": NotPermitted,
    "42P01": NotMigrated,
    "42703": NotMigrated,
    "53300": Overloaded,
}

_BY_CLASS: dict[str, type[DatabaseError]] = {
    "08": Unavailable,
    "22": InvalidData,
    "23": InvalidData,
    "40": Contention,
    "53": Unavailable,
    "57": Unavailable,
}

_MESSAGES: dict[type[DatabaseError], str] = {
    Conflict: "the row exists already",
    MissingReference: "a row that is referred to does not exist",
    InvalidData: "a value is not allowed",
    MissingPartition: "the row's month has no partition",
    Contention: "another transaction was in the way",
    StatementTimeout: "the statement took too long",
    Unavailable: "the database is not available",
    Overloaded: "the database is overloaded",
    NotMigrated: "the database is not migrated to this version; run `kleio migrate`",
    NotPermitted: "the database's role lacks a right; deploy/grants.sql gives it",
    DatabaseError: "the statement failed",
}


# PostgreSQL translates the words around it.
_PARTITION_KEY = re.compile(r"\(id\) = \(([0-9a-f-]{36})\)")


_CONSTRAINT = re.compile(r"""constraint ["\u201e\u00ab']\s?(\w+)""")
_SHARD = re.compile(r"_[0-9]{6,}$")


def _whole(name: str | None) -> str | None:
    """Return the name of what a shard is a part of; Citus puts the shard's number behind it."""
    return None if name is None else _SHARD.sub("", name)


def translate(
    error: psycopg.Error, *, operation: str = "query", query: str | None = None
) -> DatabaseError:
    """Return the domain error for a psycopg error; raise it `from` the original.

    The class is decided by SQLSTATE alone; table and constraint refine the message where they are
    known. Citus names a shard's, whose number is left out; of a shard on another server it names
    none, but for the constraint in PostgreSQL's sentence.
    """
    sqlstate = error.sqlstate
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        kind: type[DatabaseError] = Overloaded
    elif sqlstate is not None:
        kind = _BY_SQLSTATE.get(sqlstate) or _BY_CLASS.get(sqlstate[:2], DatabaseError)
    elif isinstance(error, psycopg.DataError):
        kind = InvalidData
    elif isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        kind = Unavailable
    else:
        kind = DatabaseError
    diagnostic = error.diag
    constraint = diagnostic.constraint_name
    if constraint is None and (sqlstate or "").startswith("23"):
        named = _CONSTRAINT.search(diagnostic.message_primary or "")
        constraint = named[1] if named else None
    key = None
    if sqlstate == "23514" and diagnostic.constraint_name is None:
        key = _PARTITION_KEY.search(diagnostic.message_detail or "")
        kind = MissingPartition if key else kind
    translated = kind(
        _MESSAGES[kind],
        operation=operation,
        query=query,
        table=_whole(diagnostic.table_name),
        column=diagnostic.column_name,
        constraint=_whole(constraint),
        sqlstate=sqlstate,
    )
    if key and isinstance(translated, MissingPartition):
        translated.key = UUID(key[1])
    return translated
