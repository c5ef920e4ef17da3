"""Cleanings: logged, read page by page, changed, deleted; and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_site import ALICES_CLEANINGS, API, NOWHERE, Site, field_problem, follow, problem

pytestmark = pytest.mark.anyio

URL = f"{API}/cleanings"


async def add(site: Site, body: dict[str, Any], **headers: str) -> Any:
    return await site.alice.post(URL, json=body, headers=headers)


async def test_a_cleaning_is_logged_read_changed_and_deleted(site: Site) -> None:
    copy_id = str(await site.copy_id("alice"))
    body = {"copyId": copy_id, "cleanedAt": "2020-02-29T12:00:00Z", "deep": True, "notes": "ü"}
    answer = await add(site, body)
    assert answer.status_code == 201
    cleaning = answer.json()
    assert cleaning.items() >= body.items()
    url = f"{URL}/{cleaning['id']}"
    assert answer.headers["location"] == url
    read = await site.alice.get(url)
    assert read.json() == cleaning
    changes = {"deep": False, "notes": None}
    changed = await site.alice.patch(url, json=changes, headers={"If-Match": read.headers["etag"]})
    assert changed.json() == cleaning | changes | {"updatedAt": changed.json()["updatedAt"]}
    again = await site.alice.patch(url, json=changes, headers={"If-Match": read.headers["etag"]})
    problem(again, 412, "version-changed")
    assert (await site.alice.delete(f"{API}/collection/{copy_id}")).status_code == 204
    assert (await site.alice.get(url)).json()["copyId"] is None
    assert (await site.alice.delete(url)).status_code == 204
    for gone in (site.alice.get(url), site.alice.delete(url), site.alice.patch(url, json={})):
        problem(await gone, 404, "not-found")


async def test_what_is_left_out(site: Site) -> None:
    before = datetime.now(UTC)
    cleaning = (await add(site, {"releaseId": str(await site.release_id())})).json()
    assert before <= datetime.fromisoformat(cleaning["cleanedAt"]) <= datetime.now(UTC)
    assert (cleaning["deep"], cleaning["notes"], cleaning["copyId"]) == (False, None, None)


async def test_what_is_refused_changes_nothing(site: Site) -> None:
    before = await site.rows("SELECT * FROM cleaning_history ORDER BY id")
    release_id = str(await site.release_id())
    future = (datetime.now(UTC) + timedelta(days=1, minutes=1)).isoformat()
    url = f"{URL}/{before[0][1]}"
    for more, field in (
        ({"cleanedAt": future}, "cleanedAt"),
        ({"cleanedAt": "1876-01-01T00:00:00Z"}, "cleanedAt"),
        ({"cleanedAt": "2020-01-01T00:00:00"}, "cleanedAt"),
        ({"deep": 1}, "deep"),
        ({"notes": "a\0b"}, "notes"),
        ({"stylusId": None}, "stylusId"),
    ):
        field_problem(await add(site, {"releaseId": release_id, **more}), field, "body")
        field_problem(await site.alice.patch(url, json=more), field, "body")
    field_problem(await add(site, {}), "releaseId", "body")
    alices = str(await site.copy_id("alice"))
    for body, field in (
        ({"releaseId": str(NOWHERE)}, "releaseId"),
        ({"copyId": str(NOWHERE)}, "copyId"),
        ({"copyId": alices}, "copyId"),
    ):
        found = problem(await site.bob.post(URL, json=body), 404, "not-found")
        assert [error["field"] for error in found["errors"]] == [field]
    assert await site.rows("SELECT * FROM cleaning_history ORDER BY id") == before


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_the_list_is_read_to_its_end(reading: Site, limit: int) -> None:
    pages = await follow(reading.alice, f"{URL}?limit={limit}")
    items = [item for page in pages for item in page]
    assert len({item["id"] for item in items}) == len(items) == ALICES_CLEANINGS
    order = [(item["cleanedAt"], item["id"]) for item in items]
    assert order == sorted(order, reverse=True)
    assert (await reading.bob.get(URL)).json()["items"] == []


async def test_filters(reading: Site) -> None:
    release_id = str(await reading.release_id(2))
    for filters, condition in (
        ({"releaseId": release_id}, f"release_id = '{release_id}'"),
        ({"copyId": str(NOWHERE)}, "false"),
        ({"since": "2026-01-02T03:04:05Z"}, "cleaned_at >= '2026-01-02T03:04:05Z'"),
        ({"until": "2026-01-02T03:04:05Z"}, "cleaned_at < '2026-01-02T03:04:05Z'"),
    ):
        expected = await reading.rows(f"SELECT id FROM cleaning_history WHERE {condition}")
        body = (await reading.alice.get(URL, params={"total": "true", **filters})).json()
        assert {item["id"] for item in body["items"]} == {str(id) for (id,) in expected}
        assert body["total"] == len(expected)
    backwards = "since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z"
    field_problem(await reading.alice.get(f"{URL}?{backwards}"), "until", "query")


async def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    body = {"releaseId": str(await site.release_id())}
    first, again = [await add(site, body, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert first.content == again.content
