"""A user with a Discogs token, a stand-in for Discogs, and syncs in this process."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from discogs_standin import Discogs, serving
from factories import Account, make_user, settings_for
from kleio.db.connections import own_connection
from kleio.db.queries import Connection
from kleio.discogs import runs
from kleio.discogs.sync import work
from kleio.repositories import sync_runs
from kleio.repositories.sync_runs import SyncRun
from kleio.settings import Settings
from shelf_at_discogs import Shelf
from syncing import SECRET_KEY, give_token

UNLIMITED = 100_000
"""Calls a minute where a test is not about them."""


@pytest.fixture
def discogs() -> Discogs:
    """A stand-in that knows nobody yet, and allows any number of calls."""
    return Discogs(limit=UNLIMITED)


@pytest.fixture
def discogs_url(discogs: Discogs) -> Iterator[str]:
    with serving(discogs) as url:
        yield url


@pytest.fixture
def settings(conninfo: str, tmp_path: Path, discogs_url: str) -> Settings:
    """Settings for this test's own database, with the stand-in for Discogs."""
    return settings_for(
        conninfo,
        tmp_path,
        KLEIO_DISCOGS_URL=discogs_url,
        KLEIO_DISCOGS_RATE=str(UNLIMITED),
        KLEIO_SECRET_KEY=SECRET_KEY,
    )


@pytest.fixture
def shelf(discogs: Discogs) -> Shelf:
    """A small shelf at Discogs, without copies, with two folders and a field of its own."""
    made = Shelf("collector", "t0ken-of-collector", fields={4: "Purchase place"})
    made.folders |= {501: "Jazz", 502: "Attic"}
    return discogs.add_shelf(made)


@pytest.fixture
async def ada(conn: Connection, settings: Settings, shelf: Shelf) -> Account:
    """A user whose token is that of the small shelf."""
    account = await make_user(conn, "ada")
    await give_token(conn, account, shelf.token, settings)
    return account


Sync = Callable[..., Awaitable[SyncRun]]


@pytest.fixture
def sync(settings: Settings, conninfo: str) -> Sync:
    """Sync a user as a process of its own would: `await sync(ada, dry_run=True)`."""

    async def run(
        account: Account,
        *,
        dry_run: bool = False,
        with_details: bool = False,
        settings: Settings = settings,
    ) -> SyncRun:
        async with own_connection(settings, conninfo) as conn:
            await runs.begin(
                conn,
                user_id=account.id,
                dry_run=dry_run,
                with_details=with_details,
                now=runs.utc_now(),
            )
            owned = await runs.claim(conn, user_id=account.id, now=runs.utc_now())
            assert owned is not None
            await work(conn, owned, settings)
            found = await sync_runs.get_run(
                conn, user_id=account.id, run_id=owned.run_id, calls_a_minute=50
            )
            assert found is not None
            return found

    return run


@pytest.fixture
def large_shelf(discogs: Discogs, rng: random.Random) -> Shelf:
    """Three pages at Discogs, of the user that `shelf` is of otherwise."""
    return discogs.add_shelf(Shelf.generated(250, rng))
