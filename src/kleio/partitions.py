"""Keeps the months' partitions of songs and albums: made ahead, healed, put away.

What can be a query is one, in `queries/partitions.sql`; DETACH is `kleio.db.partitions`'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from kleio.db.citus import is_distributed
from kleio.db.errors import DatabaseError, MissingPartition
from kleio.db.partitions import detach
from kleio.db.queries import Connection
from kleio.repositories import partitions

R = TypeVar("R")

MONTHS_AHEAD = 6
"""How many months after the current one are kept ready."""

MIN_MONTHS_AHEAD = 2
"""With fewer a server is degraded: its maintenance has not run for months."""


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """A month that was put away, and how many users' states and credits went with it."""

    name: str
    references: int


async def ensure_partitions(conn: Connection, *, now: datetime) -> list[str]:
    """Make what is missing of the current month's partitions and those of MONTHS_AHEAD more.

    Readers go on; two callers at once both succeed.

    Returns:
        The names of the new ones.
    """
    return await partitions.create_partitions(conn, since=now, months=MONTHS_AHEAD + 1)


async def healing(conn: Connection, write: Callable[[], Awaitable[R]]) -> R:
    """Run a write; where a row's month has no partition, make it and run the write once more.

    The write is all or nothing: a transaction of its own, or inside one a part of it.

    Raises:
        MissingPartition: the second run met another month without one.
    """
    try:
        async with conn.transaction():
            return await write()
    except MissingPartition as error:
        month = _month_of(error)
    await partitions.create_partitions(conn, since=month, months=1)
    async with conn.transaction():
        return await write()


def _month_of(error: MissingPartition) -> datetime:
    """Return the moment in a UUIDv7, which is its first 48 bits in milliseconds since 1970."""
    if error.key.version != 7:
        raise error
    try:
        return datetime.fromtimestamp((error.key.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise error from None


async def archive_partitions(conn: Connection, *, before: datetime) -> list[Archived]:
    """Put away all months that ended before the month of a moment: out of the live tables.

    Each month goes to the schema `archive`, with what users did with its songs, and nothing reads
    it any more; `ALTER TABLE ... ATTACH PARTITION` would bring it back. The files stay known, so a
    scan doesn't add the songs again. What an interrupted run left is finished first.

    Args:
        conn: in autocommit mode, outside a transaction.
        before: the current month or an earlier moment; its own month stays.

    Raises:
        DatabaseError: a partition is still referred to, a lock was not free in time, or Citus
            distributes the database: there users' rows and songs lie on different servers.
    """
    if await is_distributed(conn):
        raise DatabaseError(
            "months can't be put away on Citus: users' rows and songs lie on different servers",
            operation="detach",
        )
    archived = []
    for half in await partitions.list_half_archived(conn):
        if half.is_pending:
            await detach(conn, half.parent, half.name, how="FINALIZE")
        archived.append(await _finish(conn, half.name, references=0))
    first_kept = before.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for partition in await partitions.list_partitions(conn):
        if partition.month >= first_kept:
            continue
        moved = await partitions.update_archived_references(conn, child=partition.name)
        await detach(conn, partition.parent, partition.name, how="CONCURRENTLY")
        archived.append(await _finish(conn, partition.name, references=moved or 0))
    return archived


async def _finish(conn: Connection, name: str, *, references: int) -> Archived:
    await partitions.update_archived_month(conn, child=name)
    return Archived(name=name, references=references)
