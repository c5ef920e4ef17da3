"""`kleio sync`: a user's collection, brought up to date with Discogs.

This module owns the options, the progress display and the closing lines; what a sync does is
`kleio.discogs.sync`'s.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.display import Display
from kleio.cli.runtime import (
    fail,
    print_json,
    run_with_connection,
    with_own_key,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.discogs.runs import Owned
    from kleio.repositories.sync_runs import SyncRun
    from kleio.settings import Settings


PHASES = {
    "identity": "account",
    "pages": "pages of the collection",
    "checking": "copies that are gone",
    "shelf": "shelf",
    "releases": "releases",
    "done": "done",
}


@click.command("sync", epilog="Example: kleio sync --user ada --dry-run")
@click.option("--user", "username", required=True, metavar="NAME", help="Whose collection.")
@click.option("--dry-run", is_flag=True, help="Only tell what would change; write nothing.")
@click.option(
    "--no-details",
    is_flag=True,
    help="Leave tracks and credits of releases that the catalogue lacks for another time.",
)
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON on stdout.")
def sync(username: str, dry_run: bool, no_details: bool, as_json: bool) -> None:
    """Bring a user's collection up to date with Discogs.

    The user's token is that of PUT /me/discogs-token. What the user has changed in Kleio since the
    last sync stays as it is, copies that are gone at Discogs are archived. One that was cut short
    is taken up where it stopped; Ctrl-C ends it.
    """
    display = _Display()

    async def main(conn: AsyncConnection[Any], settings: Settings) -> SyncRun:
        return await _sync(conn, settings, username, dry_run, not no_details, display)

    with display:
        run = run_with_connection(main)
    display.finish(run)
    if as_json:
        print_json(run)
    if run.status != "completed":
        fail(run.error or f"the sync is {run.status}")


async def _sync(
    conn: AsyncConnection[Any],
    settings: Settings,
    username: str,
    dry_run: bool,
    with_details: bool,
    display: _Display,
) -> SyncRun:
    import asyncio

    from kleio.cli.users import find_user
    from kleio.discogs import runs
    from kleio.discogs.runs import RunCancelled, RunLost
    from kleio.discogs.sync import work
    from kleio.repositories import sync_runs

    settings = with_own_key(settings)
    user = await find_user(conn, username)
    owned = await _own(conn, user.id, dry_run, with_details)
    try:
        await work(conn, owned, settings, progress=display.progress)
    except RunLost:
        fail("another process has taken the sync over")
    except RunCancelled:
        pass
    except asyncio.CancelledError:
        async with conn.transaction():
            await runs.end(conn, owned, "cancelled", now=runs.utc_now())
        raise
    run = await sync_runs.get_run(
        conn, user_id=user.id, run_id=owned.run_id, calls_a_minute=settings.discogs_rate
    )
    assert run is not None
    return run


async def _own(
    conn: AsyncConnection[Any], user_id: Any, dry_run: bool, with_details: bool
) -> Owned:
    """Take up the user's run that was cut short where it is of the same kind, or begin one."""
    from kleio.discogs import runs
    from kleio.discogs.runs import AlreadyRunning
    from kleio.repositories import sync_runs

    now = runs.utc_now()
    owned = await runs.claim(conn, user_id=user_id, now=now)
    if owned is not None:
        run = await sync_runs.get_run_state(conn, user_id=user_id, run_id=owned.run_id)
        if run is not None and (run.dry_run, run.with_details) == (dry_run, with_details):
            return owned
        async with conn.transaction():
            await runs.end(conn, owned, "cancelled", now=now)
    try:
        await runs.begin(conn, user_id=user_id, dry_run=dry_run, with_details=with_details, now=now)
    except AlreadyRunning as error:
        fail(str(error))
    owned = await runs.claim(conn, user_id=user_id, now=now)
    if owned is None:
        fail("a server has taken the sync over; GET /api/v1/sync tells how far it is")
    return owned


class _Display(Display):
    """How far a sync is, with the remaining time, and what became of the copies."""

    def __init__(self) -> None:
        super().__init__(PHASES["identity"], ("count", "remaining", "elapsed"))
        self._began = time.monotonic()

    def progress(self, run: SyncRun) -> None:
        """Show how far the run is."""
        if run.phase == "releases":
            done, total = run.releases_done, run.releases_total
        else:
            done, total = run.pages_done, run.pages_total
        left = _left(run.remaining_seconds)
        self.show(
            time.monotonic() - self._began,
            lambda: f"{PHASES[run.phase]}: {done:,} of {total or 0:,}, {left}",
            description=PHASES[run.phase],
            completed=done,
            total=total,
            remaining=left,
        )

    def finish(self, run: SyncRun) -> None:
        """Say what became of the copies and releases, where the run came so far."""
        if run.phase not in ("releases", "done"):
            return
        import msgspec

        from kleio.discogs.progress import SyncCounts, SyncReport

        counts = msgspec.json.decode(run.counts, type=SyncCounts)
        report = msgspec.json.decode(run.report, type=SyncReport)
        would = "would be " if run.dry_run else ""
        self.line(
            f"copies: {counts.items:,} at Discogs; {would}{counts.added:,} added, "
            f"{counts.adopted:,} adopted, {counts.returned:,} returned, "
            f"{counts.changed:,} changed, {counts.unchanged:,} unchanged, "
            f"{counts.archived:,} archived"
        )
        if run.dry_run:
            self.line(f"releases: {counts.to_fetch:,} to fetch")
        else:
            self.line(
                f"releases: {counts.fetched:,} fetched, {counts.refused:,} refused; "
                f"{run.calls:,} calls to Discogs"
            )
        if counts.conflicts:
            self.line(f"kept as here, though changed at Discogs too: {counts.conflicts:,} copies")
        for folder in report.folders:
            self.line(f"folder {folder.here!r} is {folder.there!r} at Discogs")
        for refused in report.refused:
            self.line(f"refused: release {refused.discogs_id}: {refused.reason}")
        if report.incomplete:
            self.line("the collection changed while it was read: nothing was archived")


def _left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds} s left" if seconds < 100 else f"{-(-seconds // 60)} min left"
