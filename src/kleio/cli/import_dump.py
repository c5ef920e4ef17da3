"""`kleio import discogs-dump`: monthly dumps into the catalogue.

This module owns the options, the progress display and the closing line. It holds no logic of an
import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.display import Display
from kleio.cli.runtime import (
    CommandError,
    clear_errors,
    describe_end,
    open_database,
    prepare_database,
    print_json,
    read_settings,
    run_connected,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.importers.discogs_dump import ImportReport, Progress
    from kleio.importers.discogs_xml import Refused
    from kleio.settings import Settings


@click.command(
    "discogs-dump",
    epilog="Example: kleio import discogs-dump discogs_20260301_*.xml.gz",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON on stdout.")
@click.option(
    "--batch-size",
    type=click.IntRange(1, 50_000),
    default=1000,
    show_default=True,
    help="Entries a transaction.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    help="Processes that parse and store [one a CPU and one; none for small files].",
)
@click.option(
    "--show-refused",
    type=click.IntRange(min=-1),
    default=20,
    show_default=True,
    help="How many refused entries to name on stderr; -1 names all.",
)
def discogs_dump(
    files: tuple[Path, ...],
    as_json: bool,
    batch_size: int,
    workers: int | None,
    show_refused: int,
) -> None:
    """Import monthly Discogs dumps: artists, labels, masters and releases, .xml or .xml.gz.

    The files may come in any order and again at any time: what is there already and the same is
    left alone. A damaged file gives what is whole in it and exit code 1.
    """
    from kleio.importers.discogs_dump import ImportReport, import_dump
    from kleio.importers.discogs_workers import (
        WorkerDied,
        Workers,
        spare_the_collector,
        suitable_workers,
    )
    from kleio.importers.discogs_xml import DumpError

    spare_the_collector()
    display = _Display(show_refused)
    report = ImportReport()
    number = suitable_workers(files) if workers is None else workers
    settings = read_settings()

    def run(conninfo: str) -> None:
        async def main(conn: AsyncConnection[Any], _settings: Settings) -> None:
            async with Workers(number, settings, conninfo) as processes:
                await import_dump(
                    conn,
                    files,
                    batch_size=batch_size,
                    progress=display.progress,
                    refused=display.refused,
                    report=report,
                    workers=processes if number else None,
                )

        run_connected(main, settings, conninfo)

    try:
        with display, clear_errors(), open_database(settings) as conninfo:
            prepare_database(settings, conninfo)
            try:
                run(conninfo)
            except (DumpError, WorkerDied) as error:
                raise CommandError(str(error)) from error
    except BaseException as error:
        if as_json:
            _print_report(report, describe_end(error))
        raise
    display.finish(report)
    if as_json:
        _print_report(report, "; ".join(report.errors) or None)
    if report.errors:
        raise SystemExit(1)


def _print_report(report: ImportReport, error: str | None) -> None:
    line: dict[str, object] = {
        "read": report.read,
        "inserted": report.inserted,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "seconds": round(report.seconds, 3),
    }
    if error is not None:
        line["error"] = error
    print_json(line)


class _Display(Display):
    """Where the import is, at which rate, and what it refused."""

    def __init__(self, show_refused: int) -> None:
        super().__init__("opening", ("bytes", "rate", "left"))
        self._show_refused = show_refused
        self._refused = 0

    def progress(self, now: Progress) -> None:
        """Show where the import is."""
        rate = f"{now.read / now.seconds:,.0f} entries/s" if now.seconds else ""
        share = now.bytes_done / now.bytes_total if now.bytes_total else 1.0
        left = now.seconds / share - now.seconds if share else 0.0
        self.show(
            now.seconds,
            lambda: f"{now.kind}: {now.read:,} read, {share:.0%}, {rate}, {left:,.0f} s left",
            description=now.kind,
            completed=now.bytes_done,
            total=now.bytes_total,
            rate=rate,
        )

    def refused(self, path: Path, entry: Refused) -> None:
        """Name an entry that was not kept, up to the number asked for."""
        self._refused += 1
        if self._show_refused < 0 or self._refused <= self._show_refused:
            line = f", line {entry.line}" if entry.line is not None else ""
            number = f", id {entry.discogs_id}" if entry.discogs_id is not None else ""
            self.line(f"refused: {path.name}{line}{number}: {entry.reason}")

    def finish(self, report: ImportReport) -> None:
        """Say how the import ended."""
        hidden = self._refused - self._show_refused
        if self._show_refused >= 0 and hidden > 0:
            self.line(f"refused: {hidden:,} more; --show-refused -1 names all")
        for kind, counts in report.kinds.items():
            self.line(
                f"{kind}: {counts.read:,} read, {counts.inserted:,} inserted, "
                f"{counts.updated:,} updated, {counts.unchanged:,} unchanged, "
                f"{counts.refused:,} refused"
            )
        for error in report.errors:
            self.line(f"error: {error}")
