"""`kleio export`: a user's data into a file or onto stdout.

What an export holds is `kleio.export`'s to say; this module owns the options and the file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rich_click as click

from kleio.cli.runtime import fail, run_with_connection

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.export import Export
    from kleio.settings import Settings

NOUNS = ("collection", "plays", "cleanings", "all")
FORMATS = ("csv", "json", "ndjson")
ARCHIVED: dict[str, bool | None] = {"no": False, "only": True, "too": None}


@click.command(
    "export", epilog="Example: kleio export collection --user ada --format csv --output shelf.csv"
)
@click.argument("what", type=click.Choice(NOUNS))
@click.option("--user", "username", required=True, metavar="NAME", help="Whose data.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="csv unless given; `all` is one JSON and nothing else.",
)
@click.option(
    "--archived",
    type=click.Choice(list(ARCHIVED)),
    help="Archived copies of the collection; not unless given. `all` holds them always.",
)
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="CSV for spreadsheets: texts that begin like a formula get an apostrophe.",
)
@click.option(
    "--output",
    metavar="FILE",
    default="-",
    show_default=True,
    help="A file, which is written whole or not at all; - is stdout.",
)
def export(
    what: str,
    username: str,
    form: str | None,
    archived: str | None,
    spreadsheet: bool,
    output: str,
) -> None:
    """Write a user's collection, plays, cleanings or the whole account (all).

    The collection's CSV has the columns of Discogs' own export; `all` is what `kleio import` reads
    again. Neither passwords nor tokens are in any of them. Times are UTC.
    """
    from kleio.export import Export

    if what == "all" and form not in (None, "json"):
        raise click.BadParameter("the whole account is one JSON", param_hint="--format")
    if archived is not None and what != "collection":
        raise click.BadParameter("only for the collection", param_hint="--archived")
    form = form or ("json" if what == "all" else "csv")
    if spreadsheet and form != "csv":
        raise click.BadParameter("only for csv", param_hint="--spreadsheet")
    chosen = Export(
        noun=what,  # type: ignore[arg-type]
        format=form,  # type: ignore[arg-type]
        archived=ARCHIVED[archived or "no"],
        spreadsheet=spreadsheet,
    )

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> None:
        await _write(conn, chosen, username, output)

    run_with_connection(main)


async def _write(conn: AsyncConnection[Any], chosen: Export, username: str, output: str) -> None:
    from kleio.cli.users import find_user
    from kleio.db.connections import snapshot

    user = await find_user(conn, username)
    async with snapshot(conn) as reading:
        blocks = chosen.blocks(
            reading, user_id=user.id, username=user.username, now=datetime.now(UTC)
        )
        async with aclosing(blocks):
            with _opened(output) as file:
                async for block in blocks:
                    file.write(block)


@contextmanager
def _opened(output: str) -> Iterator[BinaryIO]:
    """Yield stdout, or a new file that takes its name when it is whole; only its owner reads it."""
    if output == "-":
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # What is still in the buffer has nowhere to go; Python would say so at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            fail("the output was closed before its end")
        return
    path = Path(output)
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # the name must not outlive the content when power fails
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        fail(f"{output}: {error.strerror or error}")
