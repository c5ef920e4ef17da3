"""A record as one user knows it: counted as the lists count it, nothing of anybody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from factories import (
    NOW,
    make_cleaning,
    make_copy,
    make_play,
    make_stylus,
    make_user,
    release_document,
    store_releases,
)
from kleio.catalogue import TrackDocument
from kleio.db.queries import Connection
from kleio.repositories import preferences, recommendations, records
from kleio.repositories.records import Record

pytestmark = pytest.mark.anyio


async def read(tx: Connection, user_id: Any, release_id: Any, max_rows: int = 50) -> Record:
    record = await records.get_record(
        tx, user_id=user_id, release_id=release_id, now=NOW, max_rows=max_rows
    )
    assert record is not None
    return record


def lists(record: Record) -> dict[str, Any]:
    names = ("copies", "plays", "cleanings", "styluses", "folders", "sides", "months")
    return {name: json.loads(bytes(getattr(record, name))) for name in names}


async def make_release(tx: Connection) -> Any:
    titles = (("A1", "a"), ("B1", "b"), ("B2", "c"), ("", "heading"))
    tracks = [
        TrackDocument(seq=seq, position=position, title=title)
        for seq, (position, title) in enumerate(titles, 1)
    ]
    (release_id,) = await store_releases(tx, [release_document(1, tracks=tracks)])
    return release_id


async def test_of_a_record_that_is_nobody_s_all_is_empty(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    record = await read(tx, account.id, release_id)
    found = lists(record)
    assert (found["copies"], found["plays"], found["cleanings"], found["months"]) == (
        [],
        [],
        [],
        [],
    )
    assert found["sides"] == ["A", "B"]
    assert [folder["name"] for folder in found["folders"]] == ["Uncategorized"]
    assert (record.play_count, record.seconds_played, record.cleaning_count) == (0, 0, 0)
    assert (record.last_played_at, record.last_cleaned_at) == (None, None)
    assert (record.cleanliness, record.neglected) == (100, False)


async def test_what_one_did_with_it_and_nobody_else(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx, "other")
    release_id = await make_release(tx)
    (another,) = await store_releases(tx, [release_document(2)])
    stylus_id = await make_stylus(tx, account.id, name="mine", is_primary=True)
    await make_copy(tx, account, release_id, rating=4, notes="mine")
    await make_copy(tx, account, release_id)
    cleaned_at = NOW - timedelta(days=40)
    await make_cleaning(tx, account.id, release_id, cleaned_at=cleaned_at, deep=True)
    times = [cleaned_at - timedelta(days=400), cleaned_at, cleaned_at + timedelta(milliseconds=1)]
    times += [cleaned_at + timedelta(days=number) for number in (1, 2, 3)]
    for played_at in times:
        await make_play(tx, account.id, release_id, played_at=played_at, stylus_id=stylus_id)
    for somebody, release in ((other.id, release_id), (account.id, another)):
        await make_play(tx, somebody, release, played_at=NOW, notes="not this")
        await make_cleaning(tx, somebody, release, cleaned_at=NOW, notes="not this")
    await make_copy(tx, other, release_id, notes="not this")
    await make_stylus(tx, other.id, name="not this")

    record = await read(tx, account.id, release_id)
    found = lists(record)
    assert "not this" not in str(found)
    assert [copy["rating"] for copy in found["copies"]] == [4, 0]
    assert [play["at"] for play in found["plays"]] == [
        time.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for time in reversed(times)
    ]
    assert {play["stylusId"] for play in found["plays"]} == {str(stylus_id)}
    assert [(entry["deep"]) for entry in found["cleanings"]] == [True]
    assert found["styluses"] == [
        {"id": str(stylus_id), "name": "mine", "primary": True, "active": True}
    ]
    assert (record.play_count, record.cleaning_count) == (6, 1)
    assert record.last_played_at == times[-1]
    assert record.last_cleaned_at == cleaned_at
    # A play within a millisecond of the cleaning is the cleaning's.
    assert record.cleanliness == pytest.approx(3 / 5.01 * 100)
    assert sum(month["plays"] for month in found["months"]) == 6
    assert sum(month["cleanings"] for month in found["months"]) == 1
    assert found["months"] == sorted(found["months"], key=lambda month: month["month"])
    few = lists(await read(tx, account.id, release_id, max_rows=2))
    assert few["plays"] == found["plays"][:2]
    assert few["months"] == found["months"]


@pytest.mark.parametrize("days", [364, 365, 366])
async def test_it_is_neglected_when_the_list_says_so(tx: Connection, days: int) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    await make_copy(tx, account, release_id, added_at=NOW - timedelta(days=days))
    changes = json.dumps({"timeZone": "Pacific/Kiritimati"})
    await preferences.upsert_preferences(tx, user_id=account.id, changes=changes, now=NOW)
    listed = await recommendations.list_neglected(
        tx, user_id=account.id, tz=None, now=NOW, max_rows=5
    )
    record = await read(tx, account.id, release_id)
    assert record.neglected == bool(listed) == (days > 365)


async def test_months_are_those_of_the_zone(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    changes = json.dumps({"timeZone": "America/New_York"})
    await preferences.upsert_preferences(tx, user_id=account.id, changes=changes, now=NOW)
    played_at = NOW.replace(month=3, day=1, hour=3)
    await make_play(tx, account.id, release_id, played_at=played_at)
    (month,) = lists(await read(tx, account.id, release_id))["months"]
    assert month == {"month": f"{played_at.year}-02", "plays": 1, "cleanings": 0}
