"""Who gets a place next: queues that end, who goes first, and who gives up."""

from __future__ import annotations

import asyncio

import pytest

from kleio.db.admission import Admission, NoPlaceError

pytestmark = pytest.mark.anyio

LONG = 60.0


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Entrants:
    """Who wants to be in, by name, and in what order they came in."""

    def __init__(self, admission: Admission) -> None:
        self.came_in: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._admission = admission

    async def send(self, name: str, *, ahead: bool = False) -> None:
        async def enter() -> None:
            await self._admission.enter(LONG, ahead=ahead)
            self.came_in.append(name)

        self.tasks[name] = asyncio.create_task(enter())
        await settle()


async def test_places_are_given_in_turn() -> None:
    admission = Admission(places=1, waiting=5)
    entrants = Entrants(admission)
    for name in ("first", "second", "third"):
        await entrants.send(name)
    assert (entrants.came_in, admission.waiting) == (["first"], 2)
    for _ in range(2):
        admission.leave()
        await settle()
    assert entrants.came_in == ["first", "second", "third"]
    assert (admission.waiting, admission.queued, admission.refused) == (0, 2, 0)
    admission.leave()
    await entrants.send("later")
    assert entrants.came_in[-1] == "later"


async def test_who_is_ahead_goes_before_all_who_wait() -> None:
    admission = Admission(places=1, waiting=5)
    entrants = Entrants(admission)
    for name in ("in", "other", "another"):
        await entrants.send(name)
    await entrants.send("ahead", ahead=True)
    await entrants.send("ahead, too", ahead=True)
    for _ in range(4):
        admission.leave()
        await settle()
    assert entrants.came_in == ["in", "ahead", "ahead, too", "other", "another"]


async def test_each_queue_ends() -> None:
    admission = Admission(places=1, waiting=2)
    entrants = Entrants(admission)
    for name in ("in", "first", "second"):
        await entrants.send(name)
    with pytest.raises(NoPlaceError):
        await admission.enter(LONG)
    # The other queue is not full; it ends as well.
    for name in ("ahead", "ahead, too"):
        await entrants.send(name, ahead=True)
    with pytest.raises(NoPlaceError):
        await admission.enter(LONG, ahead=True)
    assert (admission.waiting, admission.refused) == (4, 2)
    for task in entrants.tasks.values():
        task.cancel()


async def test_who_waits_too_long_goes_away_and_takes_no_place() -> None:
    admission = Admission(places=1, waiting=2)
    await admission.enter(LONG)
    with pytest.raises(NoPlaceError):
        await admission.enter(0.01)
    assert (admission.waiting, admission.queued, admission.refused) == (0, 1, 1)
    assert admission.waited > 0
    admission.leave()
    await admission.enter(0.0)


async def test_a_place_is_not_lost_with_who_gives_up() -> None:
    admission = Admission(places=1, waiting=5)
    entrants = Entrants(admission)
    for name in ("in", "first", "second", "third"):
        await entrants.send(name)
    entrants.tasks["second"].cancel()  # while it waits
    await settle()
    assert admission.waiting == 2
    admission.leave()
    entrants.tasks["first"].cancel()  # in the moment in which its turn has come
    await settle()
    assert entrants.came_in == ["in", "third"]
    admission.leave()
    await entrants.send("last")
    assert entrants.came_in == ["in", "third", "last"]


async def test_there_is_room_until_those_who_come_would_be_refused() -> None:
    admission = Admission(places=2, waiting=4)
    entrants = Entrants(admission)
    admission.check_room(100)  # places are free
    for name in ("in", "in, too", "first"):
        await entrants.send(name)
    admission.check_room(100)  # one waits, as one that serves many of them may
    await entrants.send("second")
    admission.check_room(1)
    with pytest.raises(NoPlaceError):
        admission.check_room(2)
    await entrants.send("third")
    await entrants.send("fourth")
    with pytest.raises(NoPlaceError):
        admission.check_room(0)
    assert admission.refused == 2
    for task in entrants.tasks.values():
        task.cancel()
