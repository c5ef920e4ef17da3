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


@query
async def list_partitions(conn: Connection) -> list[Partition]:
    """Return every partition, oldest first."""


@query
async def create_partitions(conn: Connection, *, since: datetime, months: int) -> list[str]:
    """Make what is missing of some months' partitions; return the names of the new ones."""


@query
async def count_months_ahead(conn: Connection, *, now: datetime) -> int:
    """Return for how many months after the current one there are partitions, at most 24."""
