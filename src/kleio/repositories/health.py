"""What health and metrics tell of the database: `queries/health.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, Row, query


class DatabaseFacts(Row, frozen=True):
    """Connections to the whole server and their limit, migrations, and partitions.

    `months_ahead` is how many months after this one have their partitions, None where no table
    is partitioned by months.
    """

    connections: int
    connection_limit: int
    pending_migrations: int
    unknown_migrations: int
    months_ahead: int | None


@query
async def get_database_facts(
    conn: Connection, *, migrations: list[str], this_month: UUID
) -> DatabaseFacts | None:
    """Return connections, migrations and partitions."""
