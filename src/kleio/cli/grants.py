"""`kleio grants`: writes the script; `kleio.grants` derives it."""

from __future__ import annotations

import rich_click as click

from kleio.cli.runtime import fail


@click.command("grants", epilog="Example: kleio grants > deploy/grants.sql")
def grants() -> None:
    """Print the SQL that gives the serving role the rights that the queries need, and no others.

    It needs no database. `psql -f` runs what it prints; the head of it says how.
    """
    from kleio.grants import derive_rights, script
    from kleio.sql.trees import ToolMissing

    try:
        text = script(derive_rights())
    except ToolMissing as error:
        fail(str(error), 2)
    click.echo(text, nl=False)
