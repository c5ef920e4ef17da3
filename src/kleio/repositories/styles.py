"""Styles of the shared catalogue: `queries/styles.sql`."""

from __future__ import annotations

from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class Style(Row, frozen=True):
    """A style by its Discogs name."""

    id: UUID
    name: str


@query
async def list_styles(
    conn: Connection,
    *,
    after_name: str | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Style]]:
    """Return one page of styles by name."""


@query
async def count_styles(conn: Connection) -> int:
    """Return how many styles there are."""


@query
async def get_style(conn: Connection, *, style_id: UUID) -> Style | None:
    """Return one style."""
