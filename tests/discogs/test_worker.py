"""A server worker's look for syncs: how it ends."""

from __future__ import annotations

import asyncio

import pytest

from kleio.db.pool import Database
from kleio.discogs.worker import SyncWorker
from kleio.settings import Settings

pytestmark = pytest.mark.anyio


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("between", range(8))
async def test_a_stop_that_comes_with_a_call_is_not_lost(
    settings: Settings, database: Database, conninfo: str, between: int
) -> None:
    """A sync that ends calls, and the server may stop in the same moment."""
    worker = SyncWorker(settings, conninfo, database)
    running = asyncio.create_task(worker.run())
    await turns(5)  # it waits
    worker.call()
    await turns(between)
    running.cancel()
    await asyncio.wait([running], timeout=10)
    assert running.cancelled()
