"""Tasks are ended however they take a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from kleio import tasks
from kleio.tasks import end_tasks

pytestmark = pytest.mark.anyio


async def stubborn(losses: int, lost: list[int]) -> None:
    """Work for ever, and lose so many cancellations."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if len(lost) == losses:
                raise
            lost.append(1)


async def failing() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError("while it cleans up")


async def started(*works: object) -> list[asyncio.Task[None]]:
    running = [asyncio.create_task(work) for work in works]  # type: ignore[arg-type]
    for _ in range(3):
        await asyncio.sleep(0)
    return running


async def test_all_have_ended_however_they_did() -> None:
    running = await started(asyncio.Event().wait(), asyncio.sleep(0), failing())
    await end_tasks(running)
    waiting, done, failed = running
    assert waiting.cancelled()
    assert done.result() is None
    assert isinstance(failed.exception(), ValueError)
    await end_tasks(running)
    await end_tasks([])


async def test_a_lost_cancellation_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    lost: list[int] = []
    running = await started(stubborn(3, lost))
    async with asyncio.timeout(30):
        await end_tasks(running)
    assert len(lost) == 3
    assert running[0].cancelled()


async def test_the_caller_s_own_cancellation_comes_after_their_end() -> None:
    lost: list[int] = []
    running = await started(stubborn(1, lost))
    (ending,) = await started(end_tasks(running))
    ending.cancel()
    async with asyncio.timeout(30):
        await asyncio.wait([ending])
    assert ending.cancelled()
    assert running[0].cancelled()
