"""`migrations/schema.md`, drawn from the migrated database.

Renew it as `schema.sql` beside this file: KLEIO_RENEW_SCHEMA=1 make test ARGS=tests/migrations
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kleio.db.queries import Connection
from kleio.diagram import draw, markdown
from kleio.repositories.schema import SchemaColumn, SchemaReference

PAGE = Path(__file__).parents[2] / "migrations" / "schema.md"


@pytest.mark.anyio
async def test_the_committed_diagram_is_that_of_the_schema(tx: Connection) -> None:
    page = await draw(tx)
    if os.environ.get("KLEIO_RENEW_SCHEMA"):
        PAGE.write_text(page, "utf-8")
    assert page == PAGE.read_text("utf-8"), "if that is meant: KLEIO_RENEW_SCHEMA=1"
    cursor = await tx.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename !~ '^_?(yoyo|kleio)|_[0-9]{4}_[0-9]{2}$'"
    )
    for (table,) in await cursor.fetchall():
        assert f"    {table} {{\n" in page


def test_columns_and_references_in_mermaid() -> None:
    columns = [
        SchemaColumn("folders", "user_id", "uuid", True, True, True, "r"),
        SchemaColumn("folders", "seen_at", "timestamp with time zone", False, False, False, "r"),
        SchemaColumn("songs", "id", "uuid", True, True, False, "p"),
        SchemaColumn("other", "n", "double precision", True, False, False, "r"),
    ]
    references = [
        SchemaReference("folders", "users", "x", "user_id", False),
        SchemaReference("songs", "albums", "y", "album_id", True),
    ]
    page = markdown(columns, references)
    for part in (
        '    folders {\n        uuid user_id PK,FK\n        timestamptz seen_at "or NULL"\n    }\n',
        '    folders }|--|| users : "user_id"\n',
        '    songs }o--o| albums : "album_id"\n',
        "## Care\n\n```mermaid\nerDiagram\n    other {\n        float8 n\n    }\n```\n",
        "Partitioned by month: songs.",
    ):
        assert part in page
