"""`kleio seed`: an invented music library and users' shelves, of any size, into the database.

This module decides what is missing, spreads it over processes and says how far it is; what is
written is `kleio.seed`'s. Each chunk of albums and each user is one transaction, so a run that was
killed is repeated with the same options and writes what is missing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from itertools import islice
from uuid import UUID

import msgspec
from msgspec.structs import replace

from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import store
from kleio.processes import end_with_parent
from kleio.repositories import library_stats, partitions, seeds, words
from kleio.seed.music import (
    Library,
    MusicPlan,
    artist_id_range,
    artist_names,
    first_album_id,
    shelf,
    user_id,
)
from kleio.seed.pressings import demo_catalogue
from kleio.settings import Settings

_ARTISTS_A_STATEMENT = 20_000
_RELEASES_A_BATCH = 1000
_ALL = 2**31 - 1


class SeedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed consists of; copies and plays are those of each user."""

    music: MusicPlan
    releases: int = 0
    users: int = 0
    copies: int = 0
    plays: int = 0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a kind there are after so many seconds; what was there already counts."""

    kind: str
    done: int
    total: int
    seconds: float


class SeedReport(msgspec.Struct, kw_only=True, rename="camel"):
    """What a run wrote, and what the songs took; `present` are those that were there already."""

    artists: int = 0
    albums: int = 0
    songs: int = 0
    present_songs: int = 0
    song_seconds: float = 0.0
    releases: int = 0
    users: int = 0
    copies: int = 0
    plays: int = 0
    until: datetime | None = None


class SeedError(Exception):
    """The seed can't be written into this database."""


ProgressCallback = Callable[[Progress], None]


async def load_seed(
    conn: Connection,
    plan: SeedPlan,
    settings: Settings,
    conninfo: str,
    *,
    workers: int,
    beside_others: bool = False,
    progress: ProgressCallback = lambda _: None,
) -> SeedReport:
    """Write what is missing of a seed.

    Args:
        conn: in autocommit mode, to a migrated database.
        plan: what to write; `until` counts for the first run, a repeated one keeps that run's.
        settings: how the workers connect.
        conninfo: where the workers connect.
        workers: how many processes make and load albums and songs, and how many users are written
            at once.
        beside_others: also where there are users or libraries that are not a seed's.
        progress: called after each batch.

    Raises:
        SeedError: there are such users or libraries.
    """
    if not beside_others and await seeds.count_others(conn):
        raise SeedError(
            "this database has users or libraries of its own, "
            "which invented ones would be mixed with"
        )
    report = SeedReport()
    if plan.music.songs or plan.users:
        music, report.artists = await prepare_library(conn, plan.music, progress)
        plan = replace(plan, music=music)
        report.until = music.until
        await _add_songs(conn, music, settings, conninfo, workers, report, progress)
    if plan.releases:
        report.releases = await _add_releases(conn, plan, progress)
    if plan.users:
        await _add_users(conn, plan, settings, conninfo, workers, report, progress)
    await seeds.refresh_seed_statistics(conn)
    await library_stats.refresh_library_stats(conn)
    await library_stats.refresh_artist_stats(conn)
    await library_stats.refresh_catalogue_totals(conn)
    await library_stats.refresh_release_popularity(conn)
    await library_stats.refresh_genre_counts(conn)
    return report


async def prepare_library(
    conn: Connection, plan: MusicPlan, progress: ProgressCallback = lambda _: None
) -> tuple[MusicPlan, int]:
    """Make the library, its artists and its months where they are missing.

    Returns:
        The plan with the moment up to which the first run's songs reach, and how many artists are
        new.
    """
    library = await seeds.upsert_seed_library(
        conn,
        library_id=plan.library_id,
        name=f"Seed {plan.seed}",
        root=f"seed:{plan.seed}",
        until=plan.until,
    )
    assert library is not None
    plan = replace(plan, until=library.created_at)
    if not plan.songs:
        return plan, 0
    await partitions.create_partitions(conn, since=plan.since, months=plan.months)
    return plan, await _add_artists(conn, plan, progress)


async def _add_artists(conn: Connection, plan: MusicPlan, progress: ProgressCallback) -> int:
    began = time.monotonic()
    names = artist_names(plan)
    done = added = 0
    while batch := list(islice(names, _ARTISTS_A_STATEMENT)):
        given = [name for _, name in batch]
        # First, because without a name they do no harm.
        await words.insert_words(conn, names=given, texts=[])
        added += await seeds.insert_seed_artists(
            conn,
            artist_ids=[artist_id for artist_id, _ in batch],
            names=given,
            now=plan.since,
        )
        done += len(batch)
        progress(_progress("artists", done, plan.artists, began))
    return added


async def _add_songs(
    conn: Connection,
    plan: MusicPlan,
    settings: Settings,
    conninfo: str,
    workers: int,
    report: SeedReport,
    progress: ProgressCallback,
) -> None:
    if not plan.songs:
        return
    began = time.monotonic()
    firsts = [first_album_id(plan, chunk) for chunk in range(plan.chunks)]
    present = set(await seeds.list_seed_albums(conn, album_ids=firsts))
    missing = [chunk for chunk, first in enumerate(firsts) if first not in present]
    report.present_songs = done = plan.songs - sum(plan.song_count(chunk) for chunk in missing)
    progress(_progress("songs", done, plan.songs, began))
    if not missing:
        return
    loop = asyncio.get_running_loop()
    # Spawned, not forked: a child must not share the parent's connections.
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
        initargs=(plan, settings, conninfo),
    ) as pool:
        futures = [loop.run_in_executor(pool, _load_chunk, chunk) for chunk in missing]
        try:
            for future in asyncio.as_completed(futures):
                albums, songs = await future
                report.albums += albums
                report.songs += songs
                progress(_progress("songs", done + report.songs, plan.songs, began))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    report.song_seconds = time.monotonic() - began


class _Worker(msgspec.Struct):
    library: Library
    settings: Settings
    conninfo: str


_worker: _Worker


def _begin_worker(plan: MusicPlan, settings: Settings, conninfo: str) -> None:
    global _worker
    end_with_parent()

    async def read() -> Library:
        async with await connect(settings, conninfo) as conn:
            return await read_library(conn, plan)

    _worker = _Worker(asyncio.run(read()), settings, conninfo)


async def read_library(conn: Connection, plan: MusicPlan) -> Library:
    """Return what makes a plan's chunks, with the artists that the database holds."""
    first_id, last_id = artist_id_range(plan)
    found = await seeds.list_seed_artists(conn, first_id=first_id, last_id=last_id)
    return Library(plan, [(artist.id.bytes, artist.name.encode()) for artist in found])


def _load_chunk(number: int) -> tuple[int, int]:
    return asyncio.run(_copy_chunk(number))


async def _copy_chunk(number: int) -> tuple[int, int]:
    async with await connect(_worker.settings, _worker.conninfo) as conn:
        return await copy_chunk(conn, _worker.library, number)


async def copy_chunk(conn: Connection, library: Library, number: int) -> tuple[int, int]:
    """Make a chunk of albums and load it, all or nothing; return how many albums and songs."""
    chunk = library.chunk(number)
    async with conn.transaction():
        albums = await seeds.copy_seed_albums(conn, chunk.albums)
        songs = await seeds.copy_seed_songs(conn, chunk.songs)
        if songs:
            first_id, last_id = (UUID(bytes=chunk.songs[place][0]) for place in (0, -1))
            album_ids = [UUID(bytes=album[0]) for album in chunk.albums]
            await seeds.insert_seed_words(
                conn, first_id=first_id, last_id=last_id, album_ids=album_ids
            )
        await seeds.copy_seed_song_artists(conn, chunk.further_artists)
    return albums, songs


async def _add_releases(conn: Connection, plan: SeedPlan, progress: ProgressCallback) -> int:
    """Store the first releases of the demo's catalogue, which goes on as long as one likes."""
    began = time.monotonic()
    documents = demo_catalogue(plan.releases)
    done = added = 0
    while batch := list(islice(documents, _RELEASES_A_BATCH)):
        added += (await store(conn, "releases", batch)).inserted
        done += len(batch)
        progress(_progress("releases", done, plan.releases, began))
    return added


async def _add_users(
    conn: Connection,
    plan: SeedPlan,
    settings: Settings,
    conninfo: str,
    workers: int,
    report: SeedReport,
    progress: ProgressCallback,
) -> None:
    began = time.monotonic()
    releases = await seeds.list_release_ids(conn, max_rows=plan.releases or _ALL)
    if plan.copies and not releases:
        raise SeedError("copies need releases: give --releases too")
    numbers = iter(range(1, plan.users + 1))
    done = 0

    async def write() -> None:
        nonlocal done
        async with await connect(settings, conninfo) as own:
            for number in numbers:
                written = await _add_user(own, plan, number, releases)
                if written is not None:
                    report.users += 1
                    report.copies += plan.copies
                    report.plays += written
                done += 1
                progress(_progress("users", done, plan.users, began))

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(write())


async def _add_user(
    conn: Connection, plan: SeedPlan, number: int, releases: Sequence[UUID]
) -> int | None:
    return await seeds.insert_seed_user(
        conn,
        user_id=user_id(plan.music, number),
        username=f"seed{plan.music.seed}-{number}",
        chance=plan.music.seed,
        release_ids=shelf(plan.music, number, releases, plan.copies),
        play_count=plan.plays if plan.copies else 0,
        until=plan.music.until,
    )


def _progress(kind: str, done: int, total: int, began: float) -> Progress:
    return Progress(kind=kind, done=done, total=total, seconds=time.monotonic() - began)
