"""`kleio diagram`: prints the picture; `kleio.diagram` draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.runtime import run_with_connection

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.settings import Settings


@click.command("diagram", epilog="Example: kleio diagram > migrations/schema.md")
def diagram() -> None:
    """Print diagrams of the database's tables and references: Markdown with Mermaid in it."""

    async def print_diagram(conn: AsyncConnection[Any], _: Settings) -> None:
        from kleio.diagram import draw

        click.echo(await draw(conn), nl=False)

    run_with_connection(print_diagram)
