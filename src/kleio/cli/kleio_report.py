"""The report of an import from an older Kleio, on the terminal and as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kleio.cli.runtime import fail

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.cli.import_account import ImportDisplay
    from kleio.importers.older_report import Report
    from kleio.repositories.imports import Run
    from kleio.repositories.users import User


async def show_report(
    conn: AsyncConnection[Any],
    user: User,
    run: Run,
    result: Report,
    display: ImportDisplay,
    show: int,
) -> None:
    """Show a report: verdicts, tables, what is to be said of records, and the check."""
    from kleio.importers.older_report import lines

    await display.finish(conn, user.id, run, show)
    notes: list[str] = []
    more = 0
    async with aclosing(_notes(conn, user, run)) as found:
        async for note in found:
            if len(notes) < show:
                notes.append(note)
            else:
                more += 1
    for line in lines(result, notes, more):
        display.line(line)


async def _notes(conn: AsyncConnection[Any], user: User, run: Run) -> AsyncGenerator[str]:
    """Yield what is to be said of records that were kept; the refused ones are shown already."""
    import msgspec

    from kleio.repositories import import_checks

    blocks = import_checks.export_reasons(conn, user_id=user.id, run_id=run.id)
    async with aclosing(blocks):
        async for block in blocks:
            for line in block.splitlines():
                record = msgspec.json.decode(line)
                if record["verdict"] not in ("invalid", "unmatched"):
                    yield f"noted: {record['place']}, {record['kind']}: {record['reason']}"


async def write_report(
    conn: AsyncConnection[Any], user: User, run: Run, result: Report, report: Path
) -> None:
    """Write a report as one JSON, with all records of which something is to be said."""
    import msgspec

    from kleio.export import json_document
    from kleio.repositories import import_checks

    document = json_document(
        msgspec.to_builtins(result),
        {"records": lambda: import_checks.export_reasons(conn, user_id=user.id, run_id=run.id)},
    )
    try:
        with report.open("wb") as file:
            async with aclosing(document):
                async for piece in document:
                    file.write(piece)
    except OSError as error:
        fail(f"{report}: {error.strerror or error}")
