"""The shelf by plays and cleanings: every sort and filter against the same thing in Python."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from factories import NO_FILTERS, NOW, Account, make_copy, make_user, release_document
from factories import store_releases as store
from kleio.db.queries import Connection, Keyed
from kleio.repositories import collection, collection_pages, preferences
from paging import walk

pytestmark = pytest.mark.anyio

ANY_VERSION: dict[str, Any] = {"expected_updated_at": None}

RELEASES = 20
COPIES = 30
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)
SORTS = ("played", "plays", "cleaning")


class Shelf(msgspec.Struct):
    """What a user has and did, as Python keeps it."""

    account: Account
    copies: list[collection.Copy]
    plays: dict[UUID, list[datetime]]
    cleanings: dict[UUID, list[datetime]]
    frequency: int = 5

    @property
    def user_id(self) -> UUID:
        return self.account.id

    def score(self, copy: collection.Copy) -> float:
        """Return the cleanliness score by the formula of the seed's log page."""
        cleaned = self.cleanings.get(copy.release_id)
        if not cleaned:
            return 100
        since = [
            played
            for played in self.plays.get(copy.release_id, [])
            if played > max(cleaned) + MILLISECOND
        ]
        return min(100, len(since) / (self.frequency + 0.01) * 100)

    def key(self, sort: str, copy: collection.Copy) -> Any:
        played = self.plays.get(copy.release_id, [])
        if sort == "plays":
            return len(played)
        if sort == "cleaning":
            return round(self.score(copy), 3)
        return (bool(played), max(played, default=NOW))

    def in_order(self, sort: str, *, descending: bool = False) -> list[UUID]:
        ordered = sorted(self.copies, key=lambda copy: (self.key(sort, copy), copy.id))
        return [copy.id for copy in (reversed(ordered) if descending else ordered)]


async def play(conn: Connection, user_id: UUID, release_id: UUID, played_at: datetime) -> None:
    await conn.execute(
        "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
        " duration_estimated, created_at, updated_at) VALUES (%s, %s, %s, 60, false, %s, %s)",
        [user_id, release_id, played_at, NOW, NOW],
    )


async def clean(conn: Connection, user_id: UUID, release_id: UUID, cleaned_at: datetime) -> None:
    await conn.execute(
        "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
        " updated_at) VALUES (%s, %s, %s, false, %s, %s)",
        [user_id, release_id, cleaned_at, NOW, NOW],
    )


async def prefer(conn: Connection, user_id: UUID, **changes: Any) -> None:
    await preferences.upsert_preferences(
        conn, user_id=user_id, changes=json.dumps(changes), now=NOW
    )


async def fill(conn: Connection, rng: random.Random) -> Shelf:
    """Make a shelf with many equal keys, beside another user's with the same releases."""
    account, other = await make_user(conn), await make_user(conn)
    releases = await store(conn, [release_document(n) for n in range(1, RELEASES + 1)])
    shelf = Shelf(account, [], {}, {})
    for number in range(COPIES):
        shelf.copies.append(await make_copy(conn, account, releases[number % RELEASES]))
        await make_copy(conn, other, releases[number % RELEASES])
    days = [NOW - timedelta(days=rng.randrange(400)) for _ in range(6)]
    steps = [timedelta(), MICROSECOND, MILLISECOND, MILLISECOND + MICROSECOND, timedelta(hours=1)]
    for release_id in releases:
        for _ in range(rng.choice([0, 0, 1, 4, 9])):
            played_at = rng.choice(days) + rng.choice(steps)
            shelf.plays.setdefault(release_id, []).append(played_at)
            await play(conn, account.id, release_id, played_at)
        for _ in range(rng.choice([0, 1, 2])):
            cleaned_at = rng.choice(days)
            shelf.cleanings.setdefault(release_id, []).append(cleaned_at)
            await clean(conn, account.id, release_id, cleaned_at)
        for _ in range(3):
            await play(conn, other.id, release_id, NOW)
            await clean(conn, other.id, release_id, NOW)
    await prefer(conn, other.id, cleaningFrequencyPlays=1)
    return shelf


def pages(conn: Connection, shelf: Shelf, sort: str, page_size: int, **filters: Any) -> Any:
    """Return the function that fetches the page after a key and an id; a dash for descending."""
    way = "before" if sort.startswith("-") else "after"
    function = (
        collection_pages.list_collection_descending
        if sort.startswith("-")
        else collection_pages.list_collection_ascending
    )

    async def page(key: Any, last: UUID | None) -> list[Keyed[collection.Copy]]:
        given: dict[str, Any] = {
            **NO_FILTERS,
            "page_size": page_size,
            "page_offset": 0,
            "marks_at": None,
        }
        given |= filters
        given |= {f"{way}_key": key, f"{way}_id": last, "sort": sort.removeprefix("-")}
        return await function(conn, user_id=shelf.user_id, **given)

    return page


async def found(conn: Connection, shelf: Shelf, **filters: Any) -> set[UUID]:
    """Return the ids that pass the filters; both directions, the count and chance must agree."""
    given = {**NO_FILTERS, **filters}
    up = [row.id for row in await pages(conn, shelf, "plays", 1000, **filters)(None, None)]
    down = [row.id for row in await pages(conn, shelf, "-plays", 1000, **filters)(None, None)]
    assert up == down[::-1]
    count = await collection_pages.count_collection(conn, user_id=shelf.user_id, **given)
    assert count == len(up) == len(set(up))
    del given["archived"]
    pick = await collection.get_random_copy(conn, user_id=shelf.user_id, seed="x", **given)
    assert pick is None if not up else pick is not None and pick.id in up
    return set(up)


@pytest.mark.parametrize("frequency", [None, 1, 5, 12])
@pytest.mark.parametrize("sort", SORTS)
async def test_every_sort_is_that_of_the_formula_and_pages_to_its_end(
    sort: str, frequency: int | None, tx: Connection, rng: random.Random
) -> None:
    shelf = await fill(tx, rng)
    if frequency is not None:
        shelf.frequency = frequency
        await prefer(tx, shelf.user_id, cleaningFrequencyPlays=frequency, neglectedDays=3)
    for descending, name in ((False, sort), (True, f"-{sort}")):
        expected = shelf.in_order(sort, descending=descending)
        assert [row.id for row in await pages(tx, shelf, name, 1000)(None, None)] == expected
        for page_size in (1, 7, COPIES):
            rows = await walk(pages(tx, shelf, name, page_size), page_size)
            assert [row.id for row in rows] == expected, f"{name}, pages of {page_size}"


async def test_filters_by_plays(tx: Connection, rng: random.Random) -> None:
    shelf = await fill(tx, rng)
    played = {copy.id: shelf.plays.get(copy.release_id, []) for copy in shelf.copies}
    moments = sorted({moment for all_of_one in played.values() for moment in all_of_one})
    for since in (NOW + timedelta(days=2), NOW - timedelta(days=900), *moments[::3]):
        lately = {id_ for id_, at in played.items() if at and max(at) >= since}
        assert await found(tx, shelf, played_since=since) == lately
        assert await found(tx, shelf, not_played_since=since) == set(played) - lately
        assert await found(tx, shelf, played_since=since, not_played_since=since) == set()
    never = {id_ for id_, at in played.items() if not at}
    assert never
    assert await found(tx, shelf, never_played=True) == never
    assert await found(tx, shelf, never_played=False) == set(played) - never
    assert await found(tx, shelf, never_played=True, played_since=NOW) == set()


@pytest.mark.parametrize("frequency", [1, 5, 12])
async def test_the_filter_by_cleaning(frequency: int, tx: Connection, rng: random.Random) -> None:
    shelf = await fill(tx, rng)
    shelf.frequency = frequency
    await prefer(tx, shelf.user_id, cleaningFrequencyPlays=frequency)
    dirty = {copy.id for copy in shelf.copies if shelf.score(copy) >= 60}
    assert await found(tx, shelf, needs_cleaning=True) == dirty
    assert await found(tx, shelf, needs_cleaning=False) == {c.id for c in shelf.copies} - dirty


@pytest.mark.parametrize(
    ("plays", "after", "score"),
    [
        (0, timedelta(hours=1), "000.0000"),
        (1, timedelta(hours=1), "019.9601"),
        (3, timedelta(hours=1), "059.8802"),
        (4, timedelta(hours=1), "079.8403"),
        (5, timedelta(hours=1), "099.8004"),
        (6, timedelta(hours=1), "100.0000"),
        (4, MILLISECOND, "000.0000"),
        (4, MILLISECOND + MICROSECOND, "079.8403"),
        (4, -timedelta(hours=1), "000.0000"),
    ],
)
async def test_worked_examples_of_the_score(
    plays: int, after: timedelta, score: str, tx: Connection
) -> None:
    """Plays over 5.01, in percent; "since" is more than a millisecond after the cleaning."""
    account = await make_user(tx)
    (release_id,) = await store(tx, [release_document(1)])
    shelf = Shelf(account, [await make_copy(tx, account, release_id)], {}, {})
    (never,) = await pages(tx, shelf, "cleaning", 5)(None, None)
    assert never.key == "100.0000"
    await clean(tx, account.id, release_id, NOW - timedelta(days=9))
    await clean(tx, account.id, release_id, NOW)
    for _ in range(plays):
        await play(tx, account.id, release_id, NOW + after)
    (row,) = await pages(tx, shelf, "cleaning", 5)(None, None)
    assert row.key == score
    dirty = await found(tx, shelf, needs_cleaning=True)
    assert bool(dirty) == (float(score) >= 60)


async def test_chance_finds_every_copy_about_as_often_and_the_same_seed_the_same_one(
    tx: Connection, rng: random.Random
) -> None:
    shelf = await fill(tx, rng)
    given = {name: value for name, value in NO_FILTERS.items() if name != "archived"}

    async def pick(seed: str, **filters: Any) -> UUID:
        copy = await collection.get_random_copy(
            tx, user_id=shelf.user_id, seed=seed, **{**given, **filters}
        )
        assert copy is not None
        return copy.id

    draws = 20 * COPIES
    picks = [await pick(str(number)) for number in range(draws)]
    times = {copy.id: picks.count(copy.id) for copy in shelf.copies}
    assert sum(times.values()) == draws
    # Chi-squared with 29 degrees of freedom; the ids are new in each run: one run in 10 million.
    assert sum((n - 20) ** 2 / 20 for n in times.values()) < 90, times
    assert [await pick(str(number)) for number in range(20)] == picks[:20]
    assert await pick("", min_rating=0)


async def test_archived_copies_are_listed_apart(tx: Connection, rng: random.Random) -> None:
    shelf = await fill(tx, rng)
    gone = shelf.copies[::3]
    for copy in gone:
        archived = await collection.update_copy_archived(
            tx,
            user_id=shelf.user_id,
            copy_id=copy.id,
            archive_reason="sold",
            **ANY_VERSION,
            now=NOW,
        )
        assert archived is not None
        assert (archived.archived_at, archived.archive_reason) == (NOW, "sold")
    shelf.copies = [copy for copy in shelf.copies if copy not in gone]
    left = {copy.id for copy in shelf.copies}
    assert await found(tx, shelf) == left
    everything = {**NO_FILTERS, "archived": True}
    count = await collection_pages.count_collection(tx, user_id=shelf.user_id, **everything)
    rows = await walk(pages(tx, shelf, "-played", 4, archived=True), 4)
    assert {row.id for row in rows} == {copy.id for copy in gone}
    assert count == len(rows) == len(gone)
