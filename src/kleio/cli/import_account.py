"""`kleio import collection-csv` and `account`: a user's own data from a file.

This module owns the options, the progress display, the table of verdicts and the closing line; what
is read and written is `kleio.importers`' to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rich_click as click

from kleio.cli.display import Display
from kleio.cli.runtime import (
    CommandError,
    describe_end,
    fail,
    print_json,
    run_with_connection,
)

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import AsyncConnection

    from kleio.importers.account_import import Counts
    from kleio.importers.import_progress import Progress
    from kleio.importers.sources import Source
    from kleio.repositories.imports import Run
    from kleio.settings import Settings

OpenSource = Callable[[BinaryIO, str], "Source"]

_ENDS = {"new": "inserted", "known": "unchanged"}
"""What the closing line calls a verdict; all else is refused, or with updates updated."""

user_option = click.option("--user", "username", required=True, metavar="NAME", help="Whose data.")
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Tell what would become of each record, and write nothing."
)
update_option = click.option(
    "--update",
    "with_updates",
    is_flag=True,
    help="Where a record is there and differs, what the file says counts; else it stays.",
)
report_option = click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the verdict on every record to this file, as CSV.",
)
show_option = click.option(
    "--show",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many records that are not simply new or known to name on stderr.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="End with one line of JSON.")


@click.command(
    "collection-csv",
    epilog="Example: kleio import collection-csv shelf.csv --user ada --dry-run",
)
@click.argument("file", type=click.Path(path_type=Path))
@user_option
@dry_run_option
@update_option
@click.option(
    "--dates",
    type=click.Choice(["iso", "dmy", "mdy"]),
    default="iso",
    show_default=True,
    help="How days are written that a spreadsheet turned: 31/12/2020 or 12/31/2020.",
)
@click.option(
    "--zone", default="UTC", show_default=True, help="Time zone of the file's times (IANA name)."
)
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "cp1252"]),
    default="utf-8",
    show_default=True,
    help="Of a file that an older spreadsheet wrote.",
)
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="Take the apostrophes of an export with --spreadsheet away, though the file has no byte"
    " order mark (a spreadsheet that saved it may have left it out).",
)
@report_option
@show_option
@json_option
def collection_csv(
    file: Path, dates: str, zone: str, encoding: str, spreadsheet: bool, **choices: Any
) -> None:
    """Import the CSV of a collection, as Discogs or `kleio export collection` writes it.

    A line is a copy of a release. Of n lines of one release, as many are new as there are more than
    copies on the shelf, so that the same file again adds nothing. Columns that are not Discogs' own
    become custom fields. A release that the catalogue lacks is made from the line, until a dump or
    a sync completes it.
    """
    from zoneinfo import ZoneInfo, available_timezones

    from kleio.importers.collection_csv import CollectionCsv

    if zone not in available_timezones():
        fail(f"--zone: there is no time zone {zone!r}", 2)

    def open_source(opened: BinaryIO, name: str) -> Source:
        return CollectionCsv(
            opened,
            name,
            dates=dates,  # type: ignore[arg-type]
            zone=ZoneInfo(zone),
            encoding=encoding,  # type: ignore[arg-type]
            spreadsheet=spreadsheet,
        )

    options = {"dates": dates, "zone": zone, "encoding": encoding, "spreadsheet": spreadsheet}
    import_file(file, open_source, options=options, **choices)


@click.command("account", epilog="Example: kleio import account kleio-ada-account.json --user ada")
@click.argument("file", type=click.Path(path_type=Path))
@user_option
@dry_run_option
@update_option
@report_option
@show_option
@json_option
def account(file: Path, **choices: Any) -> None:
    """Import a whole account, as `kleio export all` writes it.

    Into an empty account it brings all of the other one; into one that is not empty, what it lacks.
    The same file again adds nothing.
    """
    from kleio.importers.account_json import AccountJson

    import_file(file, AccountJson, options={}, **choices)


def import_file(
    file: Path,
    open_source: OpenSource,
    *,
    username: str,
    dry_run: bool,
    with_updates: bool,
    report: Path | None,
    show: int,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    """Import a file of a user's own data, whatever its format, and tell how it ended.

    Args:
        file: where it is.
        open_source: makes a source of the open file.
        username: whose data it becomes.
        dry_run: write nothing.
        with_updates: what the file says counts where a record differs.
        report: where to write the verdicts, None for nowhere.
        show: how many records to name.
        as_json: end with a line of JSON on stdout.
        options: what the format was told, for the run's own record.
    """
    from kleio.cli.users import find_user
    from kleio.importers.account_import import import_source
    from kleio.importers.files import open_file
    from kleio.importers.sources import SourceError

    display = ImportDisplay(file.name)
    started = time.monotonic()

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> Run:
        user = await find_user(conn, username)
        try:
            with closing(_open(open_file(file), open_source, file.name)) as source, display:
                run = await import_source(
                    conn,
                    user.id,
                    source,
                    dry_run=dry_run,
                    with_updates=with_updates,
                    options=options,
                    progress=display.progress,
                )
        except SourceError as error:
            words = str(error).removeprefix(f"{file}: ")
            raise CommandError(f"{file}: {words}") from error
        await display.finish(conn, user.id, run, show)
        if report is not None:
            await _write_report(conn, user.id, run, report)
        return run

    def end(found: Counts, **more: object) -> None:
        seconds = round(time.monotonic() - started, 3)
        print_json({**summary(found, with_updates), "seconds": seconds, **more})

    try:
        run = run_with_connection(main)
    except BaseException as error:
        if as_json:
            end({}, error=describe_end(error))
        raise
    if as_json:
        from kleio.importers.account_import import counts_of

        end(counts_of(run), dryRun=run.dry_run, id=run.id, counts=counts_of(run))


def _open(opened: BinaryIO, open_source: OpenSource, name: str) -> Source:
    try:
        return open_source(opened, name)
    except BaseException:
        opened.close()
        raise


def summary(counts: Counts, with_updates: bool) -> dict[str, int]:
    """Return the counts in the words that all imports end with; the last four add up to `read`."""
    summary = dict.fromkeys(("read", "inserted", "updated", "unchanged", "refused"), 0)
    for verdicts in counts.values():
        for verdict, records in verdicts.items():
            end = _ENDS.get(verdict, "refused")
            if verdict == "changed":
                end = "updated" if with_updates else "unchanged"
            summary["read"] += records
            summary[end] += records
    return summary


async def _write_report(conn: AsyncConnection[Any], user_id: UUID, run: Run, report: Path) -> None:
    from kleio.repositories import imports

    try:
        with report.open("wb") as file:
            blocks = imports.export_rows_csv(
                conn, user_id=user_id, run_id=run.id, verdict=None, kind=None
            )
            async with aclosing(blocks):
                async for block in blocks:
                    file.write(block)
    except OSError as error:
        fail(f"{report}: {error.strerror or error}")


class ImportDisplay(Display):
    """Where the import of a file is, and what became of its records.

    Args:
        file_name: what is imported.
    """

    def __init__(self, file_name: str) -> None:
        super().__init__("reading", ("records", "elapsed"))
        self._name = file_name

    def progress(self, now: Progress) -> None:
        """Show where the import is."""
        is_reading = now.step == "reading"
        share = now.bytes_read / now.bytes_total if now.bytes_total else 1.0
        where = f", {share:.0%}" if is_reading else ""
        self.show(
            now.seconds,
            lambda: f"{self._name}: {now.step}, {now.records:,} records{where}",
            description=now.step,
            completed=now.bytes_read if is_reading else 0,
            total=now.bytes_total if is_reading else None,
            records=f"{now.records:,} records",
        )

    async def finish(self, conn: AsyncConnection[Any], user_id: UUID, run: Run, show: int) -> None:
        """Name the records that need a look, and give the table of verdicts."""
        from kleio.importers.account_import import KINDS, VERDICTS, counts_of

        counts = counts_of(run)
        left = show
        for verdict in ("invalid", "unmatched", "changed"):
            there = sum(of_kind.get(verdict, 0) for of_kind in counts.values())
            shown = await self._show_rows(conn, user_id, run, verdict, min(left, there))
            left -= shown
            if shown < there:
                self.line(f"{verdict}: {there - shown:,} more; --report FILE has all")
        header = ("", *VERDICTS)
        rows = [
            (kind, *(f"{counts[kind].get(verdict, 0):,}" for verdict in VERDICTS))
            for kind in KINDS
            if kind in counts
        ]
        for row in (header, *rows):
            self.line(
                "".join(cell.ljust(12) if not n else cell.rjust(11) for n, cell in enumerate(row))
            )
        if run.dry_run:
            self.line("Nothing was written: this was a dry run.")

    async def _show_rows(
        self, conn: AsyncConnection[Any], user_id: UUID, run: Run, verdict: str, most: int
    ) -> int:
        from kleio.repositories import imports

        if not most:
            return 0
        rows = await imports.list_rows(
            conn,
            user_id=user_id,
            run_id=run.id,
            verdict=verdict,
            kind=None,
            after_seq=None,
            after_id=None,
            page_size=most,
            page_offset=0,
        )
        for keyed in rows:
            row = keyed.row
            why = row.reason or (bytes(row.changes).decode() if row.changes else "")
            self.line(f"{verdict}: {row.place}, {row.kind}: {why}")
        return len(rows)
