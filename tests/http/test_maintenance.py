"""The server maintains its database by itself, where the setting lets it."""

from __future__ import annotations

import asyncio

import pytest

from kleio import maintenance

pytestmark = pytest.mark.anyio


async def test_a_server_maintains_its_database(start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "FIRST_SECONDS", (0.0, 0.0))
    async with start(KLEIO_MAINTAIN_INTERVAL="1h") as site, asyncio.timeout(60):
        done = "SELECT step FROM maintenance_steps WHERE step = 'run'"
        while not await site.rows(done):  # noqa: ASYNC110 -- another task, which tells nobody
            await asyncio.sleep(0.01)
        assert await site.rows("SELECT step FROM maintenance_steps WHERE problem <> ''") == []


async def test_the_schedule_can_be_off(reading, settings) -> None:
    assert reading.settings.maintain_interval == 0
    await maintenance.maintain_on_schedule(reading.settings, "host=nowhere")  # ends at once
