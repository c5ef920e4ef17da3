"""The shelf by what was played and cleaned, and a copy by chance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from http_site import NOWHERE, Site, field_problem, follow, problem

from factories import NOW

pytestmark = pytest.mark.anyio

URL = "/api/v1/collection"
LATER = "2026-06-01T00:00:00Z"


async def listen(site: Site) -> list[str]:
    """Let Alice play and clean, and return her releases' ids: the first is played most."""
    alice = await site.user_id("alice")
    rows = await site.rows(
        "SELECT DISTINCT release_id FROM user_releases WHERE user_id = %s ORDER BY 1", alice
    )
    releases: list[UUID] = [release_id for (release_id,) in rows]
    for number, plays in enumerate((6, 4, 1)):
        await site.rows(
            "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
            " updated_at) VALUES (%s, %s, %s, false, %s, %s)",
            *(alice, releases[number], NOW, NOW, NOW),
        )
        for play in range(plays):
            await site.rows(
                "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
                " duration_estimated, created_at, updated_at)"
                " VALUES (%s, %s, %s, 60, false, %s, %s)",
                *(alice, releases[number], NOW + timedelta(days=10 * number + play), NOW, NOW),
            )
    return [str(id_) for id_ in releases]


async def read(site: Site, **parameters: Any) -> list[dict[str, Any]]:
    answer = await site.alice.get(URL, params={"limit": "200", "total": "true", **parameters})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == len(body["items"])
    items: list[dict[str, Any]] = body["items"]
    return items


def releases_of(items: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(item["releaseId"] for item in items))


async def test_sorts(site: Site) -> None:
    first, second, third, *_ = releases = await listen(site)
    everything = len(await read(site))
    assert releases_of(await read(site, sort="-plays"))[:3] == [first, second, third]
    assert releases_of(await read(site, sort="-played"))[:3] == [third, second, first]
    assert releases_of(await read(site, sort="played"))[-3:] == [first, second, third]
    assert releases_of(await read(site, sort="cleaning"))[:2] == [third, second]
    for sort in ("played", "plays", "cleaning", "-played", "-plays", "-cleaning"):
        pages = await follow(site.alice, f"{URL}?sort={sort}&limit=7")
        found = [item["id"] for page in pages for item in page]
        assert len(found) == len(set(found)) == everything
        assert set(releases_of(await read(site, sort=sort))) == set(releases)


async def test_filters(site: Site) -> None:
    first, second, third, *others = await listen(site)
    played = {first, second, third}

    async def found(**parameters: str) -> set[str]:
        up = await read(site, sort="title", **parameters)
        assert await read(site, sort="-title", **parameters) == up[::-1]
        return set(releases_of(up))

    assert await found(neverPlayed="true") == set(others)
    assert await found(neverPlayed="false") == played
    moment = (NOW + timedelta(days=12)).isoformat()
    assert await found(playedSince=moment) == {second, third}
    assert await found(notPlayedSince=moment) == {first, *others}
    assert await found(notPlayedSince=moment, neverPlayed="false") == {first}
    assert await found(playedSince=LATER) == set()
    # 6 and 4 plays are due at a cleaning every 5, none is at one every 1,000.
    assert await found(needsCleaning="true", neverPlayed="false") == {first, second}
    assert await found(needsCleaning="false") == {third}
    await site.alice.patch("/api/v1/me/preferences", json={"cleaningFrequencyPlays": 1000})
    assert await found(needsCleaning="false") == played
    assert await found(needsCleaning="true") == set(others)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("playedSince", "2026-01-01T00:00:00"),
        ("notPlayedSince", "2026-01-01T00:00:00"),
        ("playedSince", "yesterday"),
        ("notPlayedSince", "2026-13-01T00:00:00Z"),
        ("neverPlayed", "perhaps"),
        ("needsCleaning", "2"),
    ],
)
@pytest.mark.parametrize("path", ["", "/random"])
async def test_a_filter_that_can_not_be_one(
    reading: Site, path: str, name: str, value: str
) -> None:
    field_problem(await reading.alice.get(URL + path, params={name: value}), name, "query")


async def test_a_cursor_belongs_to_its_order(reading: Site) -> None:
    cursor = (await reading.alice.get(URL, params={"sort": "plays", "limit": 1})).json()["next"]
    answer = await reading.alice.get(URL, params={"sort": "-plays", "cursor": cursor})
    field_problem(answer, "cursor", "query")


# --- by chance ----------------------------------------------------------------------------------


async def test_a_copy_by_chance(reading: Site) -> None:
    shelf = {item["id"]: item for item in await read(reading)}
    picks = []
    for _ in range(30):
        answer = await reading.alice.get(f"{URL}/random")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        picks.append(answer.json())
        assert picks[-1] == shelf[picks[-1]["id"]]
    # 30 draws of 50 copies: all the same once in 10 to the 49.
    assert len({pick["id"] for pick in picks}) > 1


async def test_a_seed_repeats_it(reading: Site) -> None:
    async def pick(seed: str) -> str:
        answer = await reading.alice.get(f"{URL}/random", params={"seed": seed})
        id_: str = answer.json()["id"]
        return id_

    first = [await pick(str(seed)) for seed in range(20)]
    assert [await pick(str(seed)) for seed in range(20)] == first
    assert len(set(first)) > 1
    for seed in ("a\0b", "x" * 101):
        answer = await reading.alice.get(f"{URL}/random", params={"seed": seed})
        field_problem(answer, "seed", "query")


async def test_chance_takes_the_filters_of_the_list(site: Site) -> None:
    first, *_ = await listen(site)
    for filters in (
        {"artist": "the beatles"},
        {"neverPlayed": "false", "notPlayedSince": LATER, "q": "e"},
        {"yearTo": "1970", "minRating": "0"},
        {"needsCleaning": "false"},
        {"label": "same label", "genre": "electronic", "neverPlayed": "true"},
    ):
        expected = {item["id"] for item in await read(site, **filters)}
        for seed in range(5):
            answer = await site.alice.get(f"{URL}/random", params={**filters, "seed": str(seed)})
            if expected:
                assert answer.json()["id"] in expected
            else:
                problem(answer, 404, "not-found")
    for nothing in ({"artist": "Nobody"}, {"folderId": str(NOWHERE)}, {"playedSince": LATER}):
        problem(await site.alice.get(f"{URL}/random", params=nothing), 404, "not-found")
    for item in await read(site):
        if item["releaseId"] != first:
            await site.alice.post(f"{URL}/{item['id']}/archive", json={"reason": "lost"})
    left = (await site.alice.get(f"{URL}/random")).json()
    assert left["releaseId"] == first
    for archived in ("archived", "sort", "limit"):
        answer = await site.alice.get(f"{URL}/random", params={archived: "true"})
        field_problem(answer, archived, "query")
