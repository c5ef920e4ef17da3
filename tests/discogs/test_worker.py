"""A server worker's look for syncs: how it ends."""

from __future__ import annotations

import asyncio

import pytest

from kleio import tasks
from kleio.db.pool import Database
from kleio.discogs.worker import SyncWorker
from kleio.settings import Settings
from kleio.tasks import end_tasks

pytestmark = pytest.mark.anyio


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def worker(settings: Settings, database: Database, conninfo: str) -> SyncWorker:
    return SyncWorker(settings, conninfo, database)


async def called(worker: SyncWorker, ago: int) -> asyncio.Task[None]:
    """Return a worker's task that was called some turns of the loop ago."""
    running = asyncio.create_task(worker.run())
    await turns(5)  # it waits
    worker.call()
    await turns(ago)
    return running


@pytest.mark.parametrize("ago", range(3))
async def test_a_stop_that_comes_with_a_call_is_not_lost(worker: SyncWorker, ago: int) -> None:
    """A sync that ends calls, and the server may stop in the same moment."""
    running = await called(worker, ago)
    running.cancel()
    await asyncio.wait([running], timeout=10)
    assert running.cancelled()


@pytest.mark.parametrize("ago", range(3, 12))
async def test_a_stop_that_the_pool_loses_is_repeated(
    worker: SyncWorker, ago: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By now it asks the pool, whose queue may lose a cancellation."""
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.2)
    running = await called(worker, ago)
    async with asyncio.timeout(30):
        await end_tasks([running])
    assert running.cancelled()
