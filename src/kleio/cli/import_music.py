"""`kleio import music`: folders of music files into libraries.

This module owns the options, the progress display and the closing line. It holds no logic of a
scan.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.display import Display
from kleio.cli.runtime import (
    CommandError,
    describe_end,
    print_json,
    run_with_connection,
)
from kleio.words import show_text

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.importers.music_report import Progress, ScanReport
    from kleio.repositories.library_scans import ScanProblem
    from kleio.settings import Settings

COUNTS = ("files", "read", "inserted", "updated", "unchanged", "moved", "missing", "refused")


@click.command("music", epilog="Example: kleio import music /srv/music --library home")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path())
@click.option(
    "--library",
    "name",
    metavar="NAME",
    help="The library that the folders are; by default the one that they lie in, or a new one "
    "called like the folder.",
)
@click.option("--moved", is_flag=True, help="The library's folder is now DIR; its songs stay.")
@click.option("--full", "is_full", is_flag=True, help="Read files again that are unchanged.")
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Believe it when nothing is found where songs were, and mark them all as missing.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Compare files by size and time with what is known; read no tags, write nothing.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes that read tags; by default one a CPU. More help where the disk is far away.",
)
@click.option(
    "--show-refused",
    type=click.IntRange(min=-1),
    default=20,
    show_default=True,
    help="How many files that can't be read to name on stderr; -1 names all.",
)
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON on stdout.")
def music(folders: tuple[str, ...], show_refused: int, as_json: bool, **choices: Any) -> None:
    """Scan folders of music: mp3, flac, ogg, opus, m4a, wav, aiff, wma, ape, wv and more.

    Only new and changed files are read. A file that was moved or renamed stays the song that it
    was; what is gone is marked as missing and comes back with its file. What can't be read is named
    with the reason and harms nothing else. Folders that can't be looked into keep their songs and
    give exit code 1.
    """
    from kleio.cache import SONGS, forget
    from kleio.importers.music_report import ScanError, ScanReport
    from kleio.importers.music_walk import FolderError

    display = _Display(show_refused)
    total = ScanReport(library="")
    started = time.monotonic()

    async def main(conn: AsyncConnection[Any], settings: Settings) -> None:
        try:
            await _scan_all(conn, folders, choices, display, total)
        except FolderError as error:
            from kleio.importers.music_paths import path_shown

            raise CommandError(f"{path_shown(error.path)}: {error.reason}") from error
        except ScanError as error:
            raise CommandError(str(error)) from error
        finally:
            # Also of a scan that was cut short: what it wrote is there.
            if not choices["dry_run"]:
                await forget(settings.cache_url, SONGS)

    try:
        with display:
            run_with_connection(main)
    except BaseException as error:
        if as_json:
            _print_end(total, started, choices["dry_run"], describe_end(error))
        raise
    unread = len(total.unread)
    if as_json:
        words = f"{unread:,} folders or links could not be read" if unread else None
        _print_end(total, started, choices["dry_run"], words)
    if unread:
        raise SystemExit(1)


async def _scan_all(
    conn: AsyncConnection[Any],
    folders: tuple[str, ...],
    choices: dict[str, Any],
    display: _Display,
    total: ScanReport,
) -> None:
    from kleio.importers.music_files import scan
    from kleio.importers.music_libraries import find_targets
    from kleio.importers.music_report import Options, ScanReport
    from kleio.importers.music_walk import find_roots

    dry_run = choices["dry_run"]
    targets = await find_targets(
        conn,
        find_roots(folders),
        name=choices["name"],
        has_moved=choices["moved"],
        dry_run=dry_run,
    )
    options = Options(
        allow_empty=choices["allow_empty"],
        is_full=choices["is_full"],
        dry_run=dry_run,
        workers=choices["workers"],
    )
    for target in targets:
        report = ScanReport(library=target.name)
        display.begin_library(target.name)
        try:
            problems = await scan(
                conn,
                library_id=target.library_id,
                root=target.root,
                folders=target.folders,
                report=report,
                options=options,
                progress=display.progress,
                problem_count=None if display.show_refused < 0 else display.show_refused,
            )
        finally:
            for name in COUNTS:
                setattr(total, name, getattr(total, name) + getattr(report, name))
            total.unread += report.unread
        display.finish(report, problems, dry_run)


def _print_end(total: ScanReport, started: float, dry_run: bool, error: str | None) -> None:
    line: dict[str, object] = {name: getattr(total, name) for name in COUNTS}
    line["seconds"] = round(time.monotonic() - started, 3)
    if dry_run:
        line["dryRun"] = True
    if error is not None:
        line["error"] = error
    print_json(line)


class _Display(Display):
    """Where the scan of a library is, at which rate, and what it could not read."""

    def __init__(self, show_refused: int) -> None:
        super().__init__("looking", ("files", "rate", "left"))
        self.show_refused = show_refused
        self._name = ""
        self._read_since: float | None = None

    def begin_library(self, name: str) -> None:
        """Show that the scan of a library begins."""
        self._name = show_text(name)
        self._read_since = None
        self.begin(self._name, files="", rate="")

    def progress(self, now: Progress) -> None:
        """Show where the scan is."""
        if now.reading and self._read_since is None:
            self._read_since = now.seconds
        seconds = now.seconds - (self._read_since or 0.0)
        rate = f"{now.done / seconds:,.0f} files/s" if seconds > 0.1 else ""
        step = "read" if now.reading else "found"

        def line() -> str:
            of_all = f" of {now.total:,}" if now.total is not None else ""
            left = ""
            if now.total is not None and now.done and rate:
                left = f", {seconds * (now.total - now.done) / now.done:,.0f} s left"
            return ", ".join(filter(None, (f"{now.done:,}{of_all} {step}", rate))) + left

        self.show(
            now.seconds,
            line,
            completed=now.done if now.reading else 0,
            total=now.total,
            files=f"{now.done:,} {step}",
            rate=rate,
        )

    def finish(self, report: ScanReport, problems: list[ScanProblem], dry_run: bool) -> None:
        """Name what could not be read, and say how the scan ended."""
        from kleio.importers.music_paths import path_shown

        for problem in problems:
            self.line(f"refused: {path_shown(problem.path)}: {problem.reason}")
        hidden = report.refused - len(problems)
        if hidden > 0:
            self.line(f"refused: {hidden:,} more; --show-refused -1 names all")
        for unread in report.unread:
            self.line(f"not read: {path_shown(unread.path)}: {unread.reason}")
        counts = ", ".join(f"{getattr(report, name):,} {name}" for name in COUNTS)
        self.line(f"{counts}{'; a dry run, nothing was written' if dry_run else ''}")

    def line(self, text: str) -> None:
        """Write a line, with the library's name before it."""
        super().line(f"{self._name}: {text}")
