"""Who gets a place next: queues that end, who goes first, whose share is used up, who gives up."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID

import pytest

from kleio.db.admission import WHOSE, Admission, NoPlaceError

pytestmark = pytest.mark.anyio

LONG = 60.0
ADA, BEN = UUID(int=1), UUID(int=2)


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
    admission = Admission(places=1, share=9, waiting=5)
    entrants = Entrants(admission)
    for name in ("first", "second", "third"):
        await entrants.send(name)
    assert (entrants.came_in, admission.waiting) == (["first"], 2)
    for _ in range(2):
        admission.leave(None)
        await settle()
    assert entrants.came_in == ["first", "second", "third"]
    assert (admission.waiting, admission.queued, admission.refused) == (0, 2, 0)
    admission.leave(None)
    await entrants.send("later")
    assert entrants.came_in[-1] == "later"


async def test_who_is_ahead_goes_before_all_who_wait() -> None:
    admission = Admission(places=1, share=9, waiting=5)
    entrants = Entrants(admission)
    for name in ("in", "other", "another"):
        await entrants.send(name)
    await entrants.send("ahead", ahead=True)
    await entrants.send("ahead, too", ahead=True)
    for _ in range(4):
        admission.leave(None)
        await settle()
    assert entrants.came_in == ["in", "ahead", "ahead, too", "other", "another"]


async def test_each_queue_ends() -> None:
    admission = Admission(places=1, share=9, waiting=2)
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
    admission = Admission(places=1, share=9, waiting=2)
    await admission.enter(LONG)
    with pytest.raises(NoPlaceError):
        await admission.enter(0.01)
    assert (admission.waiting, admission.queued, admission.refused) == (0, 1, 1)
    assert admission.waited > 0
    admission.leave(None)
    await admission.enter(0.0)


async def test_a_place_is_not_lost_with_who_gives_up() -> None:
    admission = Admission(places=1, share=9, waiting=5)
    entrants = Entrants(admission)
    for name in ("in", "first", "second", "third"):
        await entrants.send(name)
    entrants.tasks["second"].cancel()  # while it waits
    await settle()
    assert admission.waiting == 2
    admission.leave(None)
    entrants.tasks["first"].cancel()  # in the moment in which its turn has come
    await settle()
    assert entrants.came_in == ["in", "third"]
    admission.leave(None)
    await entrants.send("last")
    assert entrants.came_in == ["in", "third", "last"]


async def test_there_is_room_until_those_who_come_would_be_refused() -> None:
    admission = Admission(places=2, share=9, waiting=4)
    entrants = Entrants(admission)
    admission.check_room(100, None, 0)  # places are free
    for name in ("in", "in, too", "first"):
        await entrants.send(name)
    admission.check_room(100, None, 0)  # one waits, as one that serves many of them may
    await entrants.send("second")
    admission.check_room(1, None, 0)
    with pytest.raises(NoPlaceError):
        admission.check_room(2, None, 0)
    await entrants.send("third")
    await entrants.send("fourth")
    with pytest.raises(NoPlaceError):
        admission.check_room(0, None, 0)
    assert admission.refused == 2
    for task in entrants.tasks.values():
        task.cancel()


# --- shares ---------------------------------------------------------------------------------------


async def enter(
    admission: Admission, whose: UUID | None, *, seconds: float = LONG, ahead: bool = False
) -> UUID | None:
    WHOSE.set(whose)
    return await admission.enter(seconds, ahead=ahead)


def entering(admission: Admission, whose: UUID | None) -> asyncio.Task[UUID | None]:
    return asyncio.create_task(enter(admission, whose))


def is_empty(admission: Admission) -> bool:
    return not (admission._held or admission._own or admission.waiting)


async def test_who_has_a_share_waits_in_line_and_nobody_else_does() -> None:
    admission = Admission(places=9, share=2, waiting=10)
    assert [await enter(admission, ADA) for _ in range(2)] == [ADA, ADA]
    waiting = [entering(admission, ADA) for _ in range(2)]
    await settle()
    assert await enter(admission, BEN) == BEN
    assert await enter(admission, None) is None
    assert await enter(admission, ADA, ahead=True) is None
    assert [task.done() for task in waiting] == [False, False]
    admission.leave(ADA)
    await settle()
    assert [task.done() for task in waiting] == [True, False]
    for whose in (None, None, BEN, ADA, ADA, ADA):
        admission.leave(whose)
        await settle()
    assert waiting[1].done()
    assert is_empty(admission)


async def test_one_too_many_of_a_user_is_refused_and_so_is_who_would_be() -> None:
    admission = Admission(places=9, share=1, waiting=2)
    await enter(admission, ADA)
    admission.check_room(100, ADA, 100)
    waiting = [entering(admission, ADA) for _ in range(2)]
    await settle()
    with pytest.raises(NoPlaceError):
        await enter(admission, ADA)
    with pytest.raises(NoPlaceError):
        admission.check_room(0, ADA, 0)
    admission.check_room(100, BEN, 100)
    admission.check_room(100, None, 100)
    waiting[0].cancel()
    await settle()
    admission.check_room(0, ADA, 0)
    with pytest.raises(NoPlaceError):
        admission.check_room(1, ADA, 1)
    admission.leave(ADA)
    admission.leave(await waiting[1])
    assert is_empty(admission)


async def test_a_share_is_free_again_where_there_is_no_place() -> None:
    admission = Admission(places=1, share=1, waiting=2)
    await enter(admission, None)
    for _ in range(3):
        with pytest.raises(NoPlaceError):
            await enter(admission, ADA, seconds=0.001)
    admission.leave(None)
    assert is_empty(admission)
    assert await enter(admission, ADA, seconds=0.001) == ADA


@pytest.mark.parametrize("is_given", [False, True])
async def test_who_is_cancelled_takes_no_share_along(is_given: bool) -> None:
    admission = Admission(places=9, share=1, waiting=9)
    await enter(admission, ADA)
    first, second = entering(admission, ADA), entering(admission, ADA)
    await settle()
    if is_given:  # and cancelled before it hears of it
        admission.leave(ADA)
    first.cancel()
    if not is_given:  # and given before it has left the line
        admission.leave(ADA)
    await settle()
    assert first.cancelled()
    admission.leave(await second)
    assert is_empty(admission)


async def test_nothing_is_lost_in_a_crowd(rng: random.Random) -> None:
    admission = Admission(places=4, share=3, waiting=50)
    held = {ADA: 0, BEN: 0, None: 0}
    most, most_of_one = 0, 0

    async def work() -> None:
        nonlocal most, most_of_one
        asked = rng.choice((ADA, ADA, ADA, BEN, None))
        try:
            whose = await enter(admission, asked, seconds=0.002, ahead=rng.random() < 0.1)
        except NoPlaceError:
            return
        held[whose] += 1
        most, most_of_one = max(most, sum(held.values())), max(most_of_one, held[ADA], held[BEN])
        try:
            await settle()
        finally:
            held[whose] -= 1
            admission.leave(whose)

    tasks = [asyncio.create_task(work()) for _ in range(500)]
    while not all(task.done() for task in tasks):
        rng.choice(tasks).cancel()
        for _ in range(rng.randrange(6)):
            await asyncio.sleep(0)
    assert most == 4
    assert most_of_one <= 3
    assert is_empty(admission)
    assert admission._free == 4
