"""`kleio maintain`: options and output; `kleio.maintenance` does the work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich_click as click

from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    prepare_database,
    print_json,
    read_settings,
)

if TYPE_CHECKING:
    from kleio.maintenance import StepResult
    from kleio.settings import Settings


@click.command("maintain", epilog="Example: kleio maintain --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what there is to do and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.option(
    "--archive-before",
    type=click.DateTime(["%Y-%m"]),
    help="Move songs and albums added before this month out of Kleio, into the schema archive.",
)
def maintain(dry_run: bool, as_json: bool, archive_before: datetime | None) -> None:
    """Keep the database well: partitions, views, statistics, what has expired; exit 1 on failure.

    `kleio serve` does the same every KLEIO_MAINTAIN_INTERVAL. Any number may run at once: one does
    the work, the others leave it. It needs a direct connection, not a transaction pooler.
    """
    import asyncio

    if archive_before is not None:
        archive_before = archive_before.replace(tzinfo=UTC)
        if archive_before > datetime.now(UTC):
            fail(f"--archive-before {archive_before:%Y-%m} lies in the future", 2)
    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)
        results = asyncio.run(
            _run(settings, conninfo, dry_run=dry_run, quiet=as_json, archive_before=archive_before)
        )
    if as_json:
        print_json(results or [])
    if results is None:
        click.echo("another kleio is maintaining this database", err=True)
        return
    if failed := [result.step for result in results if result.problem]:
        fail(f"failed: {', '.join(failed)}")


async def _run(
    settings: Settings,
    conninfo: str,
    *,
    dry_run: bool,
    quiet: bool,
    archive_before: datetime | None,
) -> list[StepResult] | None:
    from kleio import maintenance

    steps = maintenance.STEPS
    if archive_before is not None:
        steps = (*steps, maintenance.archiving(archive_before, settings.cache_url))
    conn = await maintenance.connect_to_maintain(settings, conninfo)
    async with conn:
        return await maintenance.maintain(
            conn,
            dry_run=dry_run,
            keep_runs=settings.keep_runs,
            steps=steps,
            report=(lambda _: None) if quiet else lambda result: _print(result, dry_run=dry_run),
        )


def _print(result: StepResult, *, dry_run: bool) -> None:
    done = "; ".join(result.lines) or ("failed" if result.problem else "nothing to do")
    if dry_run and result.lines:
        done = f"would do: {done}"
    click.echo(f"{result.step:<22} {result.seconds:8.3f} s  {done}")
    for warning in result.warnings:
        click.echo(f"{'':<22} WARNING     {warning}")
    if result.problem:
        click.echo(f"{'':<22} FAILED      {result.problem}")
