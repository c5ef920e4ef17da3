"""Songs: pages both ways, filters, totals with their age, one song, and many by their ids."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from http_site import API, NOWHERE, Site, field_problem, follow, problem
from uuid6 import uuid7

from library_rows import ALBUMS, LIBRARY, MANY, MISSING, SONGS

pytestmark = pytest.mark.anyio

URL = f"{API}/songs"


async def names(site: Site, **filters: Any) -> list[str]:
    answer = await site.bob.get(URL, params={"limit": 200, **filters})
    assert answer.status_code == 200, answer.text
    return [song["name"] for song in answer.json()["items"]]


@pytest.mark.parametrize("limit", [1, 7, 50])
@pytest.mark.parametrize("query", ["", "sort=added", "q=sketch", "genre=Rock", "codec=mp3"])
async def test_pages_have_no_gap_and_no_repeat(reading: Site, query: str, limit: int) -> None:
    whole = (await reading.alice.get(f"{URL}?{query}&limit=200")).json()["items"]
    pages = await follow(reading.alice, f"{URL}?limit={limit}{'&' if query else ''}{query}")
    assert [song["id"] for page in pages for song in page] == [song["id"] for song in whole]
    assert len(whole) == len({song["id"] for song in whole}) > 7
    assert all(len(page) == limit for page in pages[:-1])


async def test_the_two_orders_are_each_other_backwards(reading: Site) -> None:
    newest = (await reading.alice.get(f"{URL}?limit=200")).json()["items"]
    oldest = (await reading.alice.get(f"{URL}?limit=200&sort=added")).json()["items"]
    assert newest == oldest[::-1]
    assert len(newest) == SONGS
    assert MISSING not in {song["name"] for song in newest}


async def test_an_offset_is_a_small_jump(reading: Site) -> None:
    whole = await names(reading)
    assert await names(reading, offset=5, limit=3) == whole[5:8]
    assert await names(reading, offset=10_000) == []
    field_problem(await reading.bob.get(f"{URL}?offset=10001"), "offset", "query")


async def test_the_total_of_all_is_counted_a_while_ago(site: Site) -> None:
    page = (await site.bob.get(URL)).json()
    assert (page["total"], page["totalIsEstimate"]) == (SONGS, True)
    assert datetime.fromisoformat(page["refreshedAt"]).tzinfo is not None
    await site.rows("UPDATE songs SET missing_since = now() WHERE name = 'Sketch'")
    assert (await site.bob.get(URL)).json()["total"] == SONGS
    exact = (await site.bob.get(f"{URL}?total=true")).json()
    assert exact["total"] == SONGS - MANY
    assert (exact["totalIsEstimate"], exact["refreshedAt"]) == (False, None)
    await site.rows("REFRESH MATERIALIZED VIEW mv_library_stats")
    fresh = (await site.bob.get(URL)).json()
    assert fresh["total"] == SONGS - MANY
    assert fresh["refreshedAt"] > page["refreshedAt"]


async def test_a_filtered_list_has_a_total_on_request_alone(reading: Site) -> None:
    page = (await reading.bob.get(f"{URL}?codec=mp3")).json()
    assert (page["total"], page["totalIsEstimate"], page["refreshedAt"]) == (None, False, None)
    counted = (await reading.bob.get(f"{URL}?codec=mp3&total=true&limit=1")).json()
    assert counted["total"] == len(await names(reading, codec="mp3"))
    searched = (await reading.bob.get(f"{URL}?q=sketch&total=true&limit=1")).json()
    assert searched["total"] == MANY


SIGUR = ALBUMS["Sigur Rós", "Ágætis byrjun", 1999][::-1]
BEATLES = ALBUMS["The Beatles", "Abbey Road", 1969][::-1]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"artist": "sigur ros"}, SIGUR),
        ({"artist": "Sigur Ros", "codec": "mp3"}, SIGUR[:1]),
        ({"album": "abbey road"}, BEATLES),
        ({"album": "abbey"}, []),
        ({"album": "Abbey Road", "minDurationMs": 200_000, "maxDurationMs": 300_000}, BEATLES[1:3]),
        ({"album": "Abbey Road", "minDurationMs": 400_000}, BEATLES[:1]),
        ({"yearFrom": 1969, "yearTo": 1969}, BEATLES),
        ({"artist": "Кино", "genre": "Rock"}, ["Война", "Группа крови"]),
        ({"genre": "Polka"}, []),
        ({"since": "2100-01-01T00:00:00Z"}, []),
        ({"until": "2001-01-01T00:00:00Z"}, []),
        ({"q": "staralfur"}, ["Starálfur"]),
        ({"q": "svefn englar", "artist": "Sigur Rós"}, ["Svefn-g-englar"]),
        ({"q": "come togehter", "artist": "Sigur Rós"}, []),
        ({"q": "закрой двер"}, ["Закрой за мной дверь"]),
        ({"q": "丸の内サ"}, ["丸の内サディスティック"]),
    ],
)
async def test_filters(reading: Site, filters: dict[str, Any], expected: list[str]) -> None:
    assert await names(reading, **filters) == expected
    if "q" not in filters:
        assert await names(reading, **filters, sort="added") == expected[::-1]


async def test_a_library_and_a_time_are_filters(reading: Site) -> None:
    library = await reading.value("SELECT id FROM libraries WHERE name = %s", LIBRARY)
    assert len(await names(reading, libraryId=library)) == SONGS
    assert await names(reading, libraryId=NOWHERE) == []
    song = (await reading.bob.get(f"{URL}?limit=1&offset=30")).json()["items"][0]
    after = await names(reading, since=song["createdAt"])
    before = await names(reading, until=song["createdAt"])
    assert len(after) + len(before) == SONGS
    assert len(after) >= 31


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("yearFrom=2000&yearTo=1999", "yearTo"),
        ("minDurationMs=2&maxDurationMs=1", "maxDurationMs"),
        ("minDurationMs=2147483648", "minDurationMs"),
        ("since=2025-01-02T00:00:00Z&until=2025-01-01T00:00:00Z", "until"),
        ("since=2025-01-02T00:00:00", "since"),
        ("q=x&sort=added", "sort"),
        ("sort=name", "sort"),
        ("q=%20", "q"),
        ("artist=a%00b", "artist"),
        ("libraryId=x", "libraryId"),
        ("name=x", "name"),
        ("limit=201", "limit"),
    ],
)
async def test_bad_parameters_are_named(reading: Site, query: str, field: str) -> None:
    field_problem(await reading.bob.get(f"{URL}?{query}"), field, "query")


async def test_a_cursor_of_another_sort_or_list_is_refused(reading: Site) -> None:
    newest = (await reading.bob.get(f"{URL}?limit=1")).json()["next"]
    oldest = (await reading.bob.get(f"{URL}?limit=1&sort=added")).json()["next"]
    best = (await reading.bob.get(f"{URL}?limit=1&q=sketch")).json()["next"]
    release = (await reading.bob.get(f"{API}/releases?limit=1")).json()["next"]
    for url, cursors in {
        URL: (oldest, best, release),
        f"{URL}?sort=added": (newest, best, release),
        f"{URL}?q=sketch": (newest, oldest, release),
        f"{API}/albums?sort=name": (newest, oldest, best, release),
    }.items():
        for cursor in cursors:
            mark = "&" if "?" in url else "?"
            field_problem(await reading.bob.get(f"{url}{mark}cursor={cursor}"), "cursor", "query")


# --- one song, and many -------------------------------------------------------------------------


async def test_one_song(reading: Site) -> None:
    song_id = await reading.song_id("Something")
    answer = await reading.bob.get(f"{URL}/{song_id}")
    song = answer.json()
    assert song["id"] == str(song_id)
    assert (song["artistName"], song["albumName"]) == ("The Beatles", "Abbey Road")
    assert (song["discNumber"], song["trackNumber"], song["durationMs"]) == (1, 2, 200_000)
    assert song["missingSince"] is None
    again = await reading.bob.get(
        f"{URL}/{song_id}", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_a_song_whose_file_is_missing_is_still_one(reading: Site) -> None:
    answer = await reading.bob.get(f"{URL}/{await reading.song_id(MISSING)}")
    assert answer.json()["missingSince"] is not None


async def test_no_such_song(reading: Site) -> None:
    for id_ in (NOWHERE, uuid7(), UUID(int=0), UUID(int=2**128 - 1)):
        problem(await reading.bob.get(f"{URL}/{id_}"), 404, "not-found")
    field_problem(await reading.bob.get(f"{URL}/17"), "songId", "path")


async def test_songs_that_are_asked_for_at_once_are_each_ones_own(reading: Site) -> None:
    ids = [id_ for (id_,) in await reading.rows("SELECT id FROM songs")]
    wanted = [*ids, NOWHERE, *ids[:10]]
    answers = await asyncio.gather(*(reading.bob.get(f"{URL}/{id_}") for id_ in wanted))
    for id_, answer in zip(wanted, answers, strict=True):
        if id_ == NOWHERE:
            problem(answer, 404, "not-found")
        else:
            assert answer.json()["id"] == str(id_)


async def test_a_look_up_answers_in_the_order_of_the_ids(reading: Site) -> None:
    wanted = ["Война", "The End", "Intro", "The End", MISSING]
    ids: list[Any] = [await reading.song_id(name) for name in wanted]
    ids[1:1] = [NOWHERE, uuid7()]
    answer = await reading.bob.post(f"{URL}/lookup", json={"ids": [str(id_) for id_ in ids]})
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item and item["name"] for item in items] == [wanted[0], None, None, *wanted[1:]]
    assert (items[0]["albumName"], items[0]["artistName"]) == ("Группа крови", "Кино")


@pytest.mark.parametrize("path", ["lookup", "states"])
async def test_a_look_up_of_too_many_or_malformed_ids(reading: Site, path: str) -> None:
    url = f"{URL}/{path}"
    most = [str(uuid7()) for _ in range(1000)]
    assert len((await reading.bob.post(url, json={"ids": most})).json()["items"]) == 1000
    for body in (
        {"ids": [*most, str(NOWHERE)]},
        {"ids": []},
        {"ids": str(NOWHERE)},
        {"ids": None},
        {},
    ):
        field_problem(await reading.bob.post(url, json=body), "ids", "body")
    for wrong in ("x", None, 17, "", f"{NOWHERE}\0", [str(NOWHERE)]):
        answer = await reading.bob.post(url, json={"ids": [*most[:7], wrong]})
        field_problem(answer, "ids[7]", "body")
    field_problem(await reading.bob.post(url, json={"ids": most, "x": 1}), "x", "body")
