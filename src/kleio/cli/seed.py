"""`kleio seed`: options, progress and the closing lines; the work is `kleio.seeding`'s."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.display import Display
from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    prepare_database,
    print_json,
    read_settings,
    run_connected,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.seeding import Progress, SeedPlan, SeedReport
    from kleio.settings import Settings

_COUNT = click.IntRange(min=0)


@click.command("seed", epilog="Example: kleio seed --songs 1000000 --releases 5000 --users 100")
@click.option("--songs", type=_COUNT, default=0, help="Songs of the library.")
@click.option("--albums", type=click.IntRange(min=1), help="Albums [a song in eleven].")
@click.option("--artists", type=click.IntRange(min=1), help="Artists [a song in 33].")
@click.option("--releases", type=_COUNT, default=0, help="Releases of the catalogue.")
@click.option("--users", type=_COUNT, default=0, help="Users with a shelf.")
@click.option(
    "--copies", type=_COUNT, default=100, show_default=True, help="Copies on each user's shelf."
)
@click.option("--plays", type=_COUNT, default=400, show_default=True, help="Plays of each user.")
@click.option(
    "--months",
    type=click.IntRange(1, 600),
    default=12,
    show_default=True,
    help="Months, the current one included, that songs were added in.",
)
@click.option(
    "--seed", type=click.IntRange(1, 2**31 - 1), default=1, show_default=True,
    help="Another number is another library beside this one.",
)  # fmt: skip
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When the last song was added, UTC [now; a repeated run keeps the first one's].",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes that make and load [one a CPU]."
)
@click.option(
    "--here", is_flag=True, help="Write it beside users and libraries that are not a seed's."
)
@click.option("--json", "as_json", is_flag=True, help="End with one line of JSON on stdout.")
def seed(
    songs: int,
    albums: int | None,
    artists: int | None,
    releases: int,
    users: int,
    copies: int,
    plays: int,
    months: int,
    seed: int,
    until: datetime | None,
    workers: int | None,
    here: bool,
    as_json: bool,
) -> None:
    """Fill a database with an invented library and invented shelves, to try and measure Kleio.

    The same options give the same rows. A run that was cut short is repeated with the same options
    and writes what is missing.
    """
    from kleio.seed.music import SONGS_AN_ALBUM, SONGS_AN_ARTIST, MusicPlan
    from kleio.seeding import SeedError, SeedPlan, load_seed

    albums = albums or max(songs // SONGS_AN_ALBUM, 1)
    if songs and albums > songs:
        fail(f"--albums {albums} are more than --songs {songs}: an album has at least one", 2)
    if not songs + releases + users:
        fail("nothing to write: give --songs, --releases or --users", 2)
    plan = SeedPlan(
        music=MusicPlan(
            seed=seed,
            songs=songs,
            albums=albums,
            artists=artists or max(songs // SONGS_AN_ARTIST, 1),
            months=months,
            until=until.replace(tzinfo=UTC) if until else datetime.now(UTC),
        ),
        releases=releases,
        users=users,
        copies=copies,
        plays=plays,
    )
    settings = read_settings()
    with _Display() as display, clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)

        async def main(conn: AsyncConnection[Any], settings: Settings) -> SeedReport:
            return await load_seed(
                conn,
                plan,
                settings,
                conninfo,
                workers=workers or os.cpu_count() or 1,
                beside_others=here,
                progress=display.progress,
            )

        try:
            report = run_connected(main, settings, conninfo)
        except SeedError as error:
            fail(f"{error}; write it there anyway with --here" if not here else str(error))
    for line in _summary(report, plan):
        click.echo(line, err=True)
    if as_json:
        print_json(report)


def _summary(report: SeedReport, plan: SeedPlan) -> list[str]:
    lines = []
    if plan.music.songs:
        rate = f", {report.songs / report.song_seconds:,.0f}/s" if report.song_seconds else ""
        lines.append(
            f"songs: {report.songs:,} written{rate}, {report.present_songs:,} there already; "
            f"{report.albums:,} albums, {report.artists:,} artists"
        )
    if plan.releases:
        lines.append(f"releases: {report.releases:,} written")
    if plan.users:
        lines.append(
            f"users: {report.users:,} written, with {report.copies:,} copies, "
            f"{report.plays:,} plays"
        )
    return lines


class _Display(Display):
    """Where the seed is, and at which rate."""

    def __init__(self) -> None:
        super().__init__("starting", ("count", "rate", "left"))
        self._kind = ""

    def progress(self, now: Progress) -> None:
        """Show where the seed is."""
        rate = f"{now.done / now.seconds:,.0f}/s" if now.seconds else ""
        if now.kind != self._kind:
            self._kind = now.kind
            self.begin(now.kind)
        self.show(
            now.seconds,
            lambda: f"{now.kind}: {now.done:,} of {now.total:,}, {rate}",
            at_once=now.done == now.total,
            completed=now.done,
            total=now.total,
            rate=rate,
        )
