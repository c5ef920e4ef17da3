"""What health and metrics tell of the database: `queries/health.sql`."""

from __future__ import annotations

from kleio.db.queries import Connection, Row, query


class DatabaseFacts(Row, frozen=True):
    """Connections to the whole server and their limit, and migrations."""

    connections: int
    connection_limit: int
    pending_migrations: int
    unknown_migrations: int


@query
async def get_database_facts(conn: Connection, *, migrations: list[str]) -> DatabaseFacts | None:
    """Return connections and migrations."""
