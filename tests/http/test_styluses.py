"""Styluses: copied from a model, made primary, worn out, removed; and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_site import ALICES_STYLUS, API, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

URL = f"{API}/styluses"


async def add(site: Site, body: dict[str, Any], **headers: str) -> Any:
    return await site.alice.post(URL, json=body, headers=headers)


async def primaries(site: Site) -> list[str]:
    items = (await site.alice.get(URL)).json()["items"]
    return [item["name"] for item in items if item["primary"]]


async def test_a_stylus_is_added_read_changed_and_removed(site: Site) -> None:
    models = (await site.alice.get(f"{URL}/models")).json()
    assert models["total"] == len(models["items"]) > 10
    model = models["items"][0]
    body = {"modelId": model["id"], "installDate": "2024-02-29", "purchaseDate": None}
    answer = await add(site, body)
    assert answer.status_code == 201
    stylus = answer.json()
    copied = ("name", "manufacturer", "cartridgeType", "expectedLifespanHours")
    assert {name: stylus[name] for name in copied} == {name: model[name] for name in copied}
    assert stylus.items() >= body.items()
    assert (stylus["active"], stylus["primary"], stylus["owned"]) == (True, False, True)
    assert (stylus["plays"], stylus["hoursUsed"], stylus["warning"]) == (0, 0, "ok")
    assert stylus["hoursLeft"] == model["expectedLifespanHours"]
    url = f"{URL}/{stylus['id']}"
    assert answer.headers["location"] == url
    read = await site.alice.get(url)
    assert read.json() == stylus
    changes = {"name": "Mine", "manufacturer": None, "expectedLifespanHours": None}
    changed = await site.alice.patch(url, json=changes, headers={"If-Match": read.headers["etag"]})
    assert changed.json().items() >= changes.items()
    assert changed.json()["warning"] is changed.json()["hoursLeft"] is None
    again = await site.alice.patch(url, json=changes, headers={"If-Match": read.headers["etag"]})
    problem(again, 412, "version-changed")
    assert (await site.alice.delete(url)).status_code == 204
    for gone in (site.alice.get(url), site.alice.delete(url), site.alice.patch(url, json={})):
        problem(await gone, 404, "not-found")


async def test_the_warning_follows_the_plays(site: Site) -> None:
    stylus = (await add(site, {"name": "S", "expectedLifespanHours": 10})).json()
    release_id = str(await site.release_id())
    for minutes, expected in ((479, "ok"), (1, "soon"), (119, "soon"), (1, "due")):
        body = {"releaseId": release_id, "stylusId": stylus["id"], "minutes": minutes}
        play = (await site.alice.post(f"{API}/plays", json=body)).json()
        found = (await site.alice.get(f"{URL}/{stylus['id']}")).json()
        assert found["warning"] == expected
    assert (found["hoursUsed"], found["hoursLeft"], found["percentUsed"]) == (10, 0, 100)
    assert found in (await site.alice.get(URL)).json()["items"]
    await site.alice.delete(f"{API}/plays/{play['id']}")
    assert (await site.alice.get(f"{URL}/{stylus['id']}")).json()["warning"] == "soon"


async def test_a_new_primary_takes_the_mark_off_the_other(site: Site) -> None:
    assert await primaries(site) == [ALICES_STYLUS]
    first = (await add(site, {"name": "first", "primary": True})).json()
    assert await primaries(site) == ["first"]
    second = (await add(site, {"name": "second"})).json()
    assert await primaries(site) == ["first"]
    changed = await site.alice.patch(f"{URL}/{second['id']}", json={"primary": True})
    assert changed.json()["primary"] is True
    assert await primaries(site) == ["second"]
    # Once more, with its own version.
    again = await site.alice.patch(
        f"{URL}/{second['id']}",
        json={"primary": True},
        headers={"If-Match": changed.headers["etag"]},
    )
    assert again.status_code == 200
    release_id = str(await site.release_id())
    play = (await site.alice.post(f"{API}/plays", json={"releaseId": release_id})).json()
    assert play["stylusId"] == second["id"]
    await site.alice.patch(f"{URL}/{second['id']}", json={"active": False})
    assert await primaries(site) == []
    refused = await site.alice.patch(f"{URL}/{second['id']}", json={"primary": True})
    field_problem(refused, "primary", "body")
    field_problem(
        await add(site, {"name": "x", "primary": True, "active": False}), "primary", "body"
    )
    kept = await site.alice.patch(f"{URL}/{first['id']}", json={"primary": True})
    assert kept.status_code == 200
    await site.alice.delete(f"{URL}/{first['id']}")
    assert await primaries(site) == []


async def test_a_change_that_fails_leaves_the_mark(site: Site) -> None:
    other = (await add(site, {"name": "other"})).json()
    before = await site.rows("SELECT * FROM styluses ORDER BY id")
    for url, body, headers, status in (
        (f"{URL}/{NOWHERE}", {"primary": True}, {}, 404),
        (f"{URL}/{other['id']}", {"primary": True}, {"If-Match": '"1"'}, 412),
    ):
        problem(await site.alice.patch(url, json=body, headers=headers), status)
    foreign = await site.bob.patch(f"{URL}/{other['id']}", json={"primary": True})
    problem(foreign, 404)
    missing = await add(site, {"modelId": str(NOWHERE), "primary": True})
    assert problem(missing, 404, "not-found")["errors"][0]["field"] == "modelId"
    assert await site.rows("SELECT * FROM styluses ORDER BY id") == before


async def test_two_at_once_leave_one_primary(site: Site) -> None:
    answers = await asyncio.gather(
        *(add(site, {"name": f"s{number}", "primary": True}) for number in range(4))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "conflict")["errors"][0]["field"] == "primary"
    assert len(await primaries(site)) == 1


async def test_a_stylus_that_goes_leaves_its_plays(site: Site) -> None:
    (stylus,) = (await site.alice.get(URL)).json()["items"]
    assert stylus["plays"] > 0
    before = await site.value("SELECT count(*) FROM play_history")
    assert (await site.alice.delete(f"{URL}/{stylus['id']}")).status_code == 204
    assert await site.value("SELECT count(*) FROM play_history") == before
    assert await site.value("SELECT count(*) FROM play_history WHERE stylus_id IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x", "manufacturer": "a\0b"}, "manufacturer"),
        ({"name": "x", "cartridgeType": ""}, "cartridgeType"),
        ({"name": "x", "expectedLifespanHours": 0}, "expectedLifespanHours"),
        ({"name": "x", "expectedLifespanHours": 100_001}, "expectedLifespanHours"),
        ({"name": "x", "purchaseDate": "2023-02-29"}, "purchaseDate"),
        ({"name": "x", "installDate": "2023-02-01T00:00:00Z"}, "installDate"),
        ({"name": "x", "primary": 1}, "primary"),
        ({"name": "x", "hoursUsed": 1}, "hoursUsed"),
    ],
)
async def test_bad_values_are_refused(reading: Site, body: dict[str, Any], field: str) -> None:
    field_problem(await add(reading, body), field, "body")


async def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    first, again = [await add(site, {"name": "x"}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.content == again.content
