"""The shelf: copies are added, changed, removed, filtered; and what happens at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_site import ALICES_FOLDER, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

URL = "/api/v1/collection"


async def add(site: Site, body: dict[str, Any], **headers: str) -> Any:
    return await site.alice.post(URL, json=body, headers=headers)


async def test_a_copy_is_added_read_changed_and_removed(site: Site) -> None:
    release_id = await site.release_id()
    body = {
        "releaseId": str(release_id),
        "rating": 4,
        "mediaCondition": "VG+",
        "sleeveCondition": "No Cover",
        "notes": "ein Fund \U0001f3b5",
        "customFields": {"Shelf": "B 7"},
        "addedAt": "1999-12-31T23:30:00+01:00",
    }
    answer = await add(site, body)
    assert answer.status_code == 201
    copy = answer.json()
    assert copy.items() >= (body | {"addedAt": "1999-12-31T22:30:00Z"}).items()
    assert copy["release"]["title"] == "Stockholm"
    url = f"{URL}/{copy['id']}"
    assert answer.headers["location"] == url
    read = await site.alice.get(url)
    assert read.json() == copy
    changes = {"rating": 0, "notes": None, "mediaCondition": None, "customFields": {}}
    changed = await site.alice.patch(url, json=changes)
    assert changed.status_code == 200
    assert changed.json() == copy | changes | {"updatedAt": changed.json()["updatedAt"]}
    assert changed.headers["etag"] != read.headers["etag"]
    untouched = (await site.alice.patch(url, json={})).json()
    assert untouched == changed.json() | {"updatedAt": untouched["updatedAt"]}
    assert (await site.alice.delete(url)).status_code == 204
    for again in (site.alice.get(url), site.alice.delete(url), site.alice.patch(url, json={})):
        problem(await again, 404, "not-found")


async def test_custom_fields_that_a_page_could_not_show(start) -> None:
    """A page has 200 copies, and would else have as many megabytes."""
    long = {"customFields": {f"field {number}": "x" * 1000 for number in range(70)}}
    async with start(KLEIO_MAX_BODY_BYTES="1MiB") as site:
        answer = await site.alice.post(URL, json={"discogsId": 2} | long)
        assert "65,536" in field_problem(answer, "customFields", "body")["message"]
        url = f"{URL}/{await site.copy_id('alice')}"
        field_problem(await site.alice.patch(url, json=long), "customFields", "body")


async def test_several_copies_of_one_release(site: Site) -> None:
    before = await site.value("SELECT count(*) FROM user_releases")
    ids = {(await add(site, {"discogsId": 2})).json()["id"] for _ in range(3)}
    assert len(ids) == 3
    assert await site.value("SELECT count(*) FROM user_releases") == before + 3


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"releaseId": str(NOWHERE)}, 404, None),
        ({"discogsId": 2_147_483_647}, 404, None),
        ({"discogsId": 1, "folderId": str(NOWHERE)}, 404, "folderId"),
        ({}, 400, "releaseId"),
        ({"releaseId": str(NOWHERE), "discogsId": 1}, 400, "releaseId"),
    ],
)
async def test_what_a_copy_refers_to_must_exist(
    reading: Site, body: dict[str, Any], status: int, field: str | None
) -> None:
    found = problem(await add(reading, body), status)
    assert [error["field"] for error in found.get("errors", [])] == ([field] if field else [])


async def test_a_copy_moves_to_another_folder(site: Site) -> None:
    folders = {f["name"]: f for f in (await site.alice.get(f"{URL}/folders")).json()["items"]}
    first, own = folders["Uncategorized"], folders[ALICES_FOLDER]
    copy = (await add(site, {"discogsId": 1})).json()
    assert copy["folderId"] == first["id"]
    moved = await site.alice.patch(f"{URL}/{copy['id']}", json={"folderId": own["id"]})
    assert moved.json()["folderId"] == own["id"]
    after = {f["name"]: f for f in (await site.alice.get(f"{URL}/folders")).json()["items"]}
    assert after[ALICES_FOLDER]["copies"] == own["copies"] + 1
    lost = await site.alice.patch(f"{URL}/{copy['id']}", json={"folderId": str(NOWHERE)})
    assert problem(lost, 404)["errors"][0]["field"] == "folderId"


# --- filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({}, "true"),
        ({"artist": "the persuader"}, "r.discogs_id = 1"),
        ({"q": "stokholm persuder"}, "r.discogs_id = 1"),
        ({"q": "beatels"}, "r.discogs_id = 2"),
        ({"q": "qqqxyzzy"}, "false"),
        ({"q": "byrjun", "country": "iceland", "format": "CD"}, "r.discogs_id = 3"),
        ({"label": "same label", "minRating": "2"}, "c.rating >= 2 AND r.discogs_id > 5000"),
        ({"minRating": "0"}, "true"),
        ({"minRating": "5"}, "false"),
        ({"yearTo": "1970"}, "r.year <= 1970"),
        ({"yearFrom": "1977", "yearTo": "1977"}, "r.year = 1977"),
        ({"genre": "rock", "style": "POP ROCK"}, "r.discogs_id IN (2, 3)"),
        ({"folderId": str(NOWHERE)}, "false"),
    ],
    ids=str,
)
@pytest.mark.parametrize("sort", ["-added", "added", "title", "-year"])
async def test_filters(reading: Site, filters: dict[str, str], condition: str, sort: str) -> None:
    expected = await reading.rows(
        "SELECT c.id FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id"
        f" JOIN users AS u ON u.id = c.user_id WHERE u.username = 'alice' AND {condition}"
    )
    parameters = {"limit": "200", "total": "true", "sort": sort, **filters}
    body = (await reading.alice.get(URL, params=parameters)).json()
    assert {item["id"] for item in body["items"]} == {str(id) for (id,) in expected}
    assert body["total"] == len(body["items"]) == len(expected)


async def test_a_folder_is_a_filter(reading: Site) -> None:
    for folder in (await reading.alice.get(f"{URL}/folders")).json()["items"]:
        parameters = {"folderId": folder["id"], "limit": "200"}
        items = (await reading.alice.get(URL, params=parameters)).json()["items"]
        assert {item["folderId"] for item in items} == {folder["id"]}
        assert len(items) == folder["copies"] > 0


# --- versions -----------------------------------------------------------------------------------


async def test_if_match(site: Site) -> None:
    url = f"{URL}/{await site.copy_id('alice')}"
    tag = (await site.alice.get(url)).headers["etag"]

    async def change(if_match: str) -> Any:
        return await site.alice.patch(url, json={"rating": 5}, headers={"If-Match": if_match})

    for none_of_ours in ("nonsense", '"zz"', "", '""', '"' + "f" * 40 + '"', '"1"', f"W/{tag}"):
        problem(await change(none_of_ours), 412, "version-changed")
    changed = await change(tag)
    assert changed.status_code == 200
    problem(await change(tag), 412, "version-changed")
    assert (await change("*")).status_code == 200
    latest = (await site.alice.get(url)).headers["etag"]
    assert (await change(f'"none of ours", {latest}')).status_code == 200
    latest = (await site.alice.get(url)).headers["etag"]
    answer = await site.alice.patch(f"{URL}/{NOWHERE}", json={}, headers={"If-Match": latest})
    problem(answer, 404, "not-found")


async def test_two_changes_from_one_version(site: Site) -> None:
    url = f"{URL}/{await site.copy_id('alice')}"
    tag = (await site.alice.get(url)).headers["etag"]
    answers = await asyncio.gather(
        *(
            site.alice.patch(url, json={"rating": rating}, headers={"If-Match": tag})
            for rating in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


# --- Idempotency-Key ----------------------------------------------------------------------------


async def copies(site: Site) -> int:
    count: int = await site.value("SELECT count(*) FROM user_releases")
    return count


async def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    before = await copies(site)
    body = {"discogsId": 1, "notes": "once"}
    first = await add(site, body, **{"Idempotency-Key": "k 1"})
    again = await add(site, body, **{"Idempotency-Key": "k 1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    assert await copies(site) == before + 1
    other = await add(site, body, **{"Idempotency-Key": "k 2"})
    assert other.json()["id"] != first.json()["id"]


async def test_another_request_with_the_key_is_refused(site: Site) -> None:
    key = {"Idempotency-Key": "k"}
    assert (await add(site, {"discogsId": 1}, **key)).status_code == 201
    before = await copies(site)
    answer = await add(site, {"discogsId": 2}, **key)
    problem(answer, 422, "idempotency-key-reused")
    release = {"title": "x", "artists": [{"name": "y"}]}
    elsewhere = await site.alice.post("/api/v1/releases", json=release, headers=key)
    problem(elsewhere, 422, "idempotency-key-reused")
    assert await copies(site) == before
    # Another user's key is another key.
    mine = await site.bob.post(URL, json={"discogsId": 2}, headers=key)
    assert mine.status_code == 201


async def test_two_requests_at_once_make_one_copy(site: Site) -> None:
    before = await copies(site)
    key = {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(*(add(site, {"discogsId": 1}, **key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await copies(site) == before + 1


async def test_a_failure_releases_the_key(site: Site) -> None:
    key = {"Idempotency-Key": "retry"}
    problem(await add(site, {"discogsId": 77_777}, **key), 404)
    problem(await add(site, {"discogsId": 1, "folderId": str(NOWHERE)}, **key), 404)
    assert (await add(site, {"discogsId": 1}, **key)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f", "\xa0"])
async def test_a_key_that_can_not_be_one(reading: Site, key: str) -> None:
    answer = await reading.alice.post(
        URL, json={"discogsId": 1}, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    field_problem(answer, "Idempotency-Key", "header")
