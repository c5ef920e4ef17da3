"""Plays: logged, read page by page, changed, deleted; and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_site import ALICES_PLAYS, API, NOWHERE, Site, field_problem, follow, problem

pytestmark = pytest.mark.anyio

URL = f"{API}/plays"


async def add(site: Site, body: dict[str, Any], **headers: str) -> Any:
    return await site.alice.post(URL, json=body, headers=headers)


async def release(site: Site, number: int = 1) -> str:
    return str(await site.release_id(number))


async def test_a_play_is_logged_read_changed_and_deleted(site: Site) -> None:
    body = {
        "releaseId": await release(site),
        "playedAt": "1999-12-31T23:30:00+01:00",
        "durationSeconds": 1234,
        "side": "B",
        "notes": "laut \U0001f3b5",
    }
    answer = await add(site, body)
    assert answer.status_code == 201
    play = answer.json()
    assert play.items() >= (body | {"playedAt": "1999-12-31T22:30:00Z"}).items()
    assert (play["durationEstimated"], play["copyId"]) == (False, None)
    assert play["release"]["title"] == "Stockholm"
    url = f"{URL}/{play['id']}"
    assert answer.headers["location"] == url
    read = await site.alice.get(url)
    assert read.json() == play
    changes = {"notes": None, "side": None, "playedAt": "2000-01-01T00:00:00Z", "stylusId": None}
    changed = await site.alice.patch(url, json=changes)
    assert changed.status_code == 200
    assert changed.json() == play | changes | {"updatedAt": changed.json()["updatedAt"]}
    assert changed.headers["etag"] != read.headers["etag"]
    assert (await site.alice.delete(url)).status_code == 204
    for again in (site.alice.get(url), site.alice.delete(url), site.alice.patch(url, json={})):
        problem(await again, 404, "not-found")


async def test_what_is_left_out(site: Site) -> None:
    before = datetime.now(UTC)
    play = (await add(site, {"copyId": str(await site.copy_id("alice"))})).json()
    assert before <= datetime.fromisoformat(play["playedAt"]) <= datetime.now(UTC)
    assert play["durationEstimated"] is True
    assert play["durationSeconds"] > 0
    primary = (await site.alice.get(f"{API}/styluses")).json()["items"][0]
    assert (primary["primary"], primary["id"]) == (True, play["stylusId"])
    assert play["releaseId"] == play["release"]["id"]
    none = await add(site, {"releaseId": play["releaseId"], "stylusId": None})
    assert none.json()["stylusId"] is None
    # Bob has no stylus.
    bobs = await site.bob.post(URL, json={"releaseId": play["releaseId"]})
    assert bobs.json()["stylusId"] is None


async def test_durations(site: Site) -> None:
    url = (
        f"{URL}/"
        + (await add(site, {"releaseId": await release(site), "minutes": 22.5})).json()["id"]
    )

    async def duration(**changes: Any) -> tuple[int, bool]:
        play = (await site.alice.patch(url, json=changes)).json()
        return play["durationSeconds"], play["durationEstimated"]

    assert await duration() == (1350, False)
    # Release 1 is two 12" records at 33 without durations: 88 minutes.
    assert await duration(durationSeconds=None) == (5280, True)
    assert await duration(side="A") == (2640, True)
    assert await duration(minutes=1) == (60, False)
    assert await duration(side="B") == (60, False)
    assert await duration(minutes=None) == (2640, True)
    assert await duration(durationSeconds=48 * 3600) == (48 * 3600, False)


async def bad_moments() -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "future": (now + timedelta(days=1, minutes=1)).isoformat(),
        "before records": "1876-12-31T23:59:59Z",
        "no zone": "2020-01-01T00:00:00",
        "far": "9999-12-31T23:59:59-14:00",
        "first": "0001-01-01T00:00:00+14:00",
        "none": "2023-02-29T00:00:00Z",
        "text": "yesterday",
    }


async def test_bad_times_are_refused(site: Site) -> None:
    before = await site.rows("SELECT * FROM play_history ORDER BY id")
    url = f"{URL}/" + str(await site.value("SELECT id FROM play_history LIMIT 1"))
    for moment in (await bad_moments()).values():
        body = {"releaseId": await release(site), "playedAt": moment}
        field_problem(await add(site, body), "playedAt", "body")
        field_problem(await site.alice.patch(url, json={"playedAt": moment}), "playedAt", "body")
    assert await site.rows("SELECT * FROM play_history ORDER BY id") == before
    soon = (datetime.now(UTC) + timedelta(hours=23)).isoformat()
    assert (await add(site, {"releaseId": await release(site), "playedAt": soon})).is_success
    assert (
        await add(site, {"releaseId": await release(site), "playedAt": "1877-01-01T00:00:00Z"})
    ).is_success


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"durationSeconds": -1}, "durationSeconds"),
        ({"durationSeconds": 48 * 3600 + 1}, "durationSeconds"),
        ({"durationSeconds": 1.5}, "durationSeconds"),
        ({"durationSeconds": "60"}, "durationSeconds"),
        ({"minutes": -0.1}, "minutes"),
        ({"minutes": 2881}, "minutes"),
        ({"minutes": 1, "durationSeconds": 60}, "minutes"),
        ({"side": ""}, "side"),
        ({"side": "a"}, "side"),
        ({"side": "AAA"}, "side"),
        ({"side": "A\n"}, "side"),
        ({"side": "Ä"}, "side"),
        ({"side": "A\0"}, "side"),
        ({"notes": "a\0b"}, "notes"),
        ({"notes": "x" * 20_001}, "notes"),
        ({"stylusId": "x"}, "stylusId"),
        ({"rating": 3}, "rating"),
    ],
)
async def test_bad_values_are_refused(site: Site, more: dict[str, Any], field: str) -> None:
    before = await site.rows("SELECT * FROM play_history ORDER BY id")
    answer = await add(site, {"releaseId": await release(site), **more})
    field_problem(answer, field, "body")
    url = f"{URL}/{before[0][1]}"
    field_problem(await site.alice.patch(url, json=more), field, "body")
    assert await site.rows("SELECT * FROM play_history ORDER BY id") == before


async def test_what_a_play_refers_to_must_be_there_and_the_user_s(site: Site) -> None:
    before = await site.rows("SELECT * FROM play_history ORDER BY id")
    release_id, alices = await release(site), str(await site.copy_id("alice"))
    (hers,) = (await site.alice.get(f"{API}/styluses")).json()["items"]
    bobs_play = await site.bob.post(URL, json={"releaseId": release_id})
    own = f"{URL}/{bobs_play.json()['id']}"
    for body, field in (
        ({"releaseId": str(NOWHERE)}, "releaseId"),
        ({"copyId": str(NOWHERE)}, "copyId"),
        ({"copyId": alices}, "copyId"),
        ({"releaseId": release_id, "stylusId": str(NOWHERE)}, "stylusId"),
        ({"releaseId": release_id, "stylusId": hers["id"]}, "stylusId"),
    ):
        found = problem(await site.bob.post(URL, json=body), 404, "not-found")
        assert [error["field"] for error in found["errors"]] == [field]
    for stylus_id in (str(NOWHERE), hers["id"]):
        answer = await site.bob.patch(own, json={"stylusId": stylus_id, "notes": "x"})
        assert problem(answer, 404)["errors"][0]["field"] == "stylusId"
    assert (await site.bob.get(own)).json() == bobs_play.json()
    await site.bob.delete(own)
    assert await site.rows("SELECT * FROM play_history ORDER BY id") == before
    field_problem(await add(site, {}), "releaseId", "body")
    field_problem(await add(site, {"releaseId": release_id, "copyId": alices}), "releaseId", "body")


async def test_if_match(site: Site) -> None:
    url = f"{URL}/{await site.value('SELECT id FROM play_history LIMIT 1')}"
    tag = (await site.alice.get(url)).headers["etag"]

    async def change(if_match: str, to: str = url) -> Any:
        return await site.alice.patch(to, json={"notes": "x"}, headers={"If-Match": if_match})

    for none_of_ours in ("nonsense", '"1"'):
        problem(await change(none_of_ours), 412, "version-changed")
    assert (await change(tag)).status_code == 200
    problem(await change(tag), 412, "version-changed")
    assert (await change("*")).status_code == 200
    problem(await change(tag, f"{URL}/{NOWHERE}"), 404, "not-found")


async def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    before = await site.value("SELECT count(*) FROM play_history")
    body = {"releaseId": await release(site)}
    first = await add(site, body, **{"Idempotency-Key": "k"})
    again = await add(site, body, **{"Idempotency-Key": "k"})
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    assert await site.value("SELECT count(*) FROM play_history") == before + 1
    problem(await add(site, {}, **{"Idempotency-Key": "k"}), 400)
    other = await add(site, body | {"notes": "x"}, **{"Idempotency-Key": "k"})
    problem(other, 422, "idempotency-key-reused")


async def test_a_copy_that_is_removed_leaves_its_plays(site: Site) -> None:
    copy_id = await site.copy_id("alice")
    play = (await add(site, {"copyId": str(copy_id)})).json()
    assert (await site.alice.delete(f"{API}/collection/{copy_id}")).status_code == 204
    left = (await site.alice.get(f"{URL}/{play['id']}")).json()
    assert left == play | {"copyId": None}


# --- lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
async def test_the_list_is_read_to_its_end(reading: Site, limit: int) -> None:
    pages = await follow(reading.alice, f"{URL}?limit={limit}")
    items = [item for page in pages for item in page]
    assert len({item["id"] for item in items}) == len(items) == ALICES_PLAYS
    order = [(item["playedAt"], item["id"]) for item in items]
    assert order == sorted(order, reverse=True)
    assert (await reading.bob.get(URL)).json() == {"items": [], "next": None, "total": None}


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"artist": "the persuader"}, "r.discogs_id = 1"),
        ({"genre": "ROCK"}, "r.discogs_id IN (2, 3)"),
        ({"genre": "Rock", "artist": "Sigur Ros"}, "r.discogs_id = 3"),
        ({"artist": "Nobody"}, "false"),
        ({"stylusId": str(NOWHERE)}, "false"),
        ({"copyId": str(NOWHERE)}, "false"),
        ({"since": "2025-12-30T03:04:05Z"}, "p.played_at >= '2025-12-30T03:04:05Z'"),
        ({"until": "2025-12-30T03:04:05Z"}, "p.played_at < '2025-12-30T03:04:05Z'"),
        (
            {"since": "2025-12-28T00:00:00+02:00", "until": "2025-12-30T03:04:06Z"},
            "p.played_at BETWEEN '2025-12-27T22:00:00Z' AND '2025-12-30T03:04:05Z'",
        ),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "false"),
    ],
    ids=str,
)
async def test_filters(reading: Site, filters: dict[str, str], condition: str) -> None:
    expected = await reading.rows(
        "SELECT p.id FROM play_history AS p JOIN releases AS r ON r.id = p.release_id"
        f" WHERE {condition}"
    )
    body = (await reading.alice.get(URL, params={"total": "true", **filters})).json()
    assert {item["id"] for item in body["items"]} == {str(id) for (id,) in expected}
    assert body["total"] == len(body["items"]) == len(expected)
    query = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in filters.items())
    pages = await follow(reading.alice, f"{URL}?limit=2&{query}")
    assert [item["id"] for page in pages for item in page] == [i["id"] for i in body["items"]]


async def test_a_release_and_a_stylus_are_filters(reading: Site) -> None:
    release_id = await release(reading, 2)
    (stylus,) = (await reading.alice.get(f"{API}/styluses")).json()["items"]
    for name, value in (("releaseId", release_id), ("stylusId", stylus["id"])):
        items = (await reading.alice.get(URL, params={name: value})).json()["items"]
        assert {item[name] for item in items} == {value}
        assert 0 < len(items) < ALICES_PLAYS


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=2020-01-01T00:00:00", "since"),
        ("until=2020-01-01T00:00:00", "until"),
        ("since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z", "until"),
        ("since=soon", "since"),
        ("artist=%00", "artist"),
        ("genre=", "genre"),
        ("releaseId=1", "releaseId"),
        ("stylus=1", "stylus"),
        ("limit=201", "limit"),
        ("cursor=x", "cursor"),
    ],
)
async def test_bad_queries_are_refused(reading: Site, query: str, field: str) -> None:
    field_problem(await reading.alice.get(f"{URL}?{query}"), field, "query")
