"""The schema as PostgreSQL's catalogue has it: `queries/schema.sql`."""

from __future__ import annotations

from kleio.db.queries import Connection, Row, query


class SchemaColumn(Row, frozen=True):
    """A column; `kind` is its table's: r a table, p a partitioned one, m a materialised view."""

    table_name: str
    column_name: str
    type_name: str
    is_not_null: bool
    is_primary: bool
    is_reference: bool
    kind: str


class SchemaReference(Row, frozen=True):
    """A foreign key; `is_optional` where one of its columns may be NULL."""

    table_name: str
    target_name: str
    constraint_name: str
    columns: str | None
    is_optional: bool


@query
async def list_schema_columns(conn: Connection) -> list[SchemaColumn]:
    """Return every column of every table."""


@query
async def list_schema_references(conn: Connection) -> list[SchemaReference]:
    """Return every foreign key."""
