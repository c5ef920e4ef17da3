"""What users do with songs: stars, ratings and plays, alone and by many at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_site import ALICES_SONG, API, NOWHERE, Site, field_problem, follow, problem

from factories import NOW
from library_rows import MISSING

pytestmark = pytest.mark.anyio


async def address(site: Site, name: str = "Something") -> str:
    return f"{API}/songs/{await site.song_id(name)}"


async def test_a_song_that_was_never_touched(reading: Site) -> None:
    url = await address(reading)
    state = (await reading.alice.get(f"{url}/state")).json()
    assert state == {
        "songId": url.rpartition("/")[2],
        "playCount": 0,
        "lastPlayedAt": None,
        "starredAt": None,
        "rating": 0,
    }


async def test_the_states_of_many_are_in_the_order_of_the_ids(reading: Site) -> None:
    ids = [str(await reading.song_id(name)) for name in ("Something", ALICES_SONG, "Something")]
    answer = await reading.alice.post(f"{API}/songs/states", json={"ids": [*ids, str(NOWHERE)]})
    items = answer.json()["items"]
    assert [item["songId"] for item in items] == [*ids, str(NOWHERE)]
    assert [item["rating"] for item in items] == [0, 4, 0, 0]
    assert items[1]["playCount"] == 7


async def test_a_star_keeps_its_first_time_and_is_taken_back(site: Site) -> None:
    url = f"{await address(site)}/state"
    first = (await site.alice.patch(url, json={"starred": True})).json()
    assert first["starredAt"] is not None
    again = (await site.alice.patch(url, json={"starred": True})).json()
    assert again["starredAt"] == first["starredAt"]
    rated = (await site.alice.patch(url, json={"rating": 5})).json()
    assert (rated["rating"], rated["starredAt"]) == (5, first["starredAt"])
    gone = (await site.alice.patch(url, json={"starred": False, "rating": 0})).json()
    assert (gone["rating"], gone["starredAt"]) == (0, None)
    assert (await site.alice.get(url)).json() == gone


async def test_both_changes_are_one(site: Site) -> None:
    url = f"{await address(site)}/state"
    refused = await site.alice.patch(url, json={"starred": True, "rating": 6})
    field_problem(refused, "rating", "body")
    assert (await site.alice.get(url)).json()["starredAt"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"rating": -1}, "rating"),
        ({"rating": 2.5}, "rating"),
        ({"rating": None}, "rating"),
        ({"starred": "yes"}, "starred"),
        ({"playCount": 3}, "playCount"),
    ],
)
async def test_bad_changes_are_named(reading: Site, body: Any, field: str) -> None:
    url = f"{await address(reading)}/state"
    field_problem(await reading.alice.patch(url, json=body), field, "body")


async def test_plays_are_counted_in_any_order(site: Site) -> None:
    url = await address(site)
    times = [NOW, NOW - timedelta(days=400), NOW + timedelta(hours=1)]
    for count, played_at in enumerate(times, 1):
        answer = await site.alice.post(f"{url}/plays", json={"playedAt": played_at.isoformat()})
        assert answer.status_code == 201
        assert answer.json()["playCount"] == count
    last = (await site.alice.get(f"{url}/state")).json()["lastPlayedAt"]
    assert datetime.fromisoformat(last) == times[2]
    before = datetime.now(UTC)
    now = (await site.alice.post(f"{url}/plays", json={})).json()
    assert before <= datetime.fromisoformat(now["lastPlayedAt"]) <= datetime.now(UTC)
    assert (now["playCount"], now["rating"], now["starredAt"]) == (4, 0, None)


async def test_plays_at_once_are_all_counted(site: Site) -> None:
    url = await address(site)
    answers = await asyncio.gather(*(site.alice.post(f"{url}/plays", json={}) for _ in range(25)))
    assert sorted(answer.json()["playCount"] for answer in answers) == list(range(1, 26))


async def test_a_play_sent_again_with_its_key_counts_once(site: Site) -> None:
    url = f"{await address(site)}/plays"
    body, key = {"playedAt": NOW.isoformat()}, {"Idempotency-Key": "player-1"}
    first = await site.alice.post(url, json=body, headers=key)
    assert (await site.alice.post(url, json=body, headers=key)).content == first.content
    assert first.json()["playCount"] == 1
    other = await site.alice.post(url, json={}, headers=key)
    problem(other, 422, "idempotency-key-reused")


async def test_a_missing_file_can_still_be_rated_and_its_plays_come_late(site: Site) -> None:
    url = await address(site, MISSING)
    assert (await site.alice.patch(f"{url}/state", json={"rating": 2})).json()["rating"] == 2
    assert (await site.alice.post(f"{url}/plays", json={})).json()["playCount"] == 1


async def test_what_is_no_song(reading: Site) -> None:
    url = f"{API}/songs/{NOWHERE}"
    problem(await reading.alice.get(f"{url}/state"), 404, "not-found")
    for body in ({"rating": 1}, {"starred": True}, {"starred": False, "rating": 1}):
        problem(await reading.alice.patch(f"{url}/state", json=body), 404, "not-found")
    problem(await reading.alice.post(f"{url}/plays", json={}), 404, "not-found")


@pytest.mark.parametrize(
    "played_at", ["2100-01-01T00:00:00Z", "1850-01-01T00:00:00Z", "2025-01-01T00:00:00", "soon"]
)
async def test_a_time_that_can_not_be_is_named(reading: Site, played_at: str) -> None:
    url = f"{await address(reading)}/plays"
    answer = await reading.alice.post(url, json={"playedAt": played_at})
    field_problem(answer, "playedAt", "body")


async def test_starred_and_played_songs_are_pages(site: Site) -> None:
    names = ["Intro", "Something", "The End", "Война"]
    for number, name in enumerate(names):
        url = await address(site, name)
        await site.bob.patch(f"{url}/state", json={"starred": True})
        played_at = (NOW - timedelta(days=number % 2)).isoformat()
        await site.bob.post(f"{url}/plays", json={"playedAt": played_at})
    starred = await follow(site.bob, f"{API}/songs/starred?limit=1")
    assert [song["name"] for page in starred for song in page] == names[::-1]
    played = await follow(site.bob, f"{API}/songs/played?limit=1")
    # Of one time the later song first.
    assert [song["name"] for page in played for song in page] == [
        *("The End", "Intro"),
        *("Война", "Something"),
    ]
    hers = (await site.alice.get(f"{API}/songs/starred")).json()["items"]
    assert [song["name"] for song in hers] == [ALICES_SONG]
