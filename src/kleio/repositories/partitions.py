"""The months' partitions of songs and albums: `queries/partitions.sql`."""

from __future__ import annotations

from datetime import datetime

from kleio.db.queries import Connection, Row, query


class Partition(Row, frozen=True):
    """A month of a table: `rows` is an estimate, `bytes` counts the indexes as well."""

    parent: str
    name: str
    month: datetime
    rows: int | None
    bytes: int


class HalfArchived(Row, frozen=True):
    """A month that an interrupted archiving left: `is_pending` while its DETACH is not finished."""

    name: str
    parent: str
    is_pending: bool


@query
async def list_partitions(conn: Connection) -> list[Partition]:
    """Return every partition, oldest first."""


@query
async def create_partitions(conn: Connection, *, since: datetime, months: int) -> list[str]:
    """Make what is missing of some months' partitions; return the names of the new ones."""


@query
async def update_archived_references(conn: Connection, *, child: str) -> int | None:
    """Move what refers to a month's songs to the archive; return how many rows."""


@query
async def update_archived_month(conn: Connection, *, child: str) -> str | None:
    """Move a detached month to the schema archive."""


@query
async def list_half_archived(conn: Connection) -> list[HalfArchived]:
    """Return the months that an interrupted archiving left."""


@query
async def count_months_ahead(conn: Connection, *, now: datetime) -> int:
    """Return for how many months after the current one there are partitions, at most 24."""
