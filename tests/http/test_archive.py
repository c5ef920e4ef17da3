"""Archive and restore: off the shelf and back, with the reason, and no history lost."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

import pytest
from http_site import NOWHERE, Site, field_problem, problem

from factories import NOW
from kleio.http.collection import ArchiveReason

pytestmark = pytest.mark.anyio

URL = "/api/v1/collection"


async def ids(site: Site, **parameters: str) -> list[str]:
    answer = await site.alice.get(URL, params={"limit": "200", **parameters})
    assert answer.status_code == 200
    return [item["id"] for item in answer.json()["items"]]


async def test_a_copy_leaves_the_shelf_and_comes_back(site: Site) -> None:
    shelf = await ids(site)
    url = f"{URL}/{shelf[3]}"
    before = (await site.alice.get(url)).json()
    assert (before["archivedAt"], before["archiveReason"]) == (None, None)
    archived = await site.alice.post(f"{url}/archive", json={"reason": "given away"})
    assert archived.status_code == 200
    copy = archived.json()
    assert copy["archiveReason"] == "given away"
    assert copy["archivedAt"] == copy["updatedAt"] > before["updatedAt"]
    changed = {name: copy[name] for name in ("archivedAt", "archiveReason", "updatedAt")}
    assert copy == before | changed
    read = await site.alice.get(url)
    assert (read.json(), read.headers["etag"]) == (copy, archived.headers["etag"])
    assert await ids(site) == [id_ for id_ in shelf if id_ != shelf[3]]
    for sort in ("-added", "added", "title", "-played"):
        assert await ids(site, archived="true", sort=sort) == [shelf[3]]
        assert shelf[3] not in await ids(site, sort=sort)
    counted = await site.alice.get(URL, params={"archived": "true", "total": "true"})
    assert counted.json()["total"] == 1
    assert await ids(site, archived="true", artist="Nobody") == []
    restored = await site.alice.post(f"{url}/restore")
    assert restored.status_code == 200
    assert restored.json() == before | {"updatedAt": restored.json()["updatedAt"]}
    assert restored.headers["etag"] not in (archived.headers["etag"], None)
    assert await ids(site) == shelf
    assert await ids(site, archived="true") == []


async def test_a_version_may_be_demanded(site: Site) -> None:
    url = f"{URL}/{await site.copy_id('alice')}"
    first = {"If-Match": (await site.alice.get(url)).headers["etag"]}
    body = {"reason": "sold"}
    archived = await site.alice.post(f"{url}/archive", json=body, headers=first)
    assert archived.status_code == 200
    for path, given in (("archive", body), ("restore", None)):
        late = await site.alice.post(f"{url}/{path}", json=given, headers=first)
        problem(late, 412, "version-changed")
    second = {"If-Match": archived.headers["etag"]}
    again = await site.alice.post(f"{url}/archive", json=body, headers=second)
    problem(again, 409, "already-archived")
    assert (await site.alice.post(f"{url}/restore", headers=second)).status_code == 200


async def test_twice_is_a_conflict(site: Site) -> None:
    url = f"{URL}/{await site.copy_id('alice')}"
    problem(await site.alice.post(f"{url}/restore"), 409, "not-archived")
    body = {"reason": "sold"}
    answers = await asyncio.gather(
        *(site.alice.post(f"{url}/archive", json=body) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    again = await site.alice.post(f"{url}/archive", json={"reason": "lost"})
    problem(again, 409, "already-archived")
    assert (await site.alice.get(url)).json()["archiveReason"] == "sold"
    answers = await asyncio.gather(*(site.alice.post(f"{url}/restore") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


@pytest.mark.parametrize("reason", get_args(ArchiveReason))
async def test_the_reasons(site: Site, reason: str) -> None:
    url = f"{URL}/{await site.copy_id('alice')}/archive"
    answer = await site.alice.post(url, json={"reason": reason})
    assert answer.json()["archiveReason"] == reason


@pytest.mark.parametrize("reason", ["", "bored", "Sold", None, 1])
async def test_a_reason_that_is_none(reading: Site, reason: Any) -> None:
    url = f"{URL}/{await reading.copy_id('alice')}/archive"
    field_problem(await reading.alice.post(url, json={"reason": reason}), "reason", "body")
    field_problem(await reading.alice.post(url, json={}), "reason", "body")


async def test_a_copy_that_is_not_there(reading: Site) -> None:
    answer = await reading.alice.post(f"{URL}/{NOWHERE}/archive", json={"reason": "lost"})
    problem(answer, 404, "not-found")
    problem(await reading.alice.post(f"{URL}/{NOWHERE}/restore"), 404, "not-found")


async def test_history_stays(site: Site) -> None:
    copy_id = await site.copy_id("alice")
    await site.rows(
        "INSERT INTO play_history (user_id, release_id, user_release_id, played_at,"
        " duration_seconds, duration_estimated, created_at, updated_at)"
        " SELECT user_id, release_id, id, %s, 60, false, %s, %s FROM user_releases WHERE id = %s",
        *(NOW, NOW, NOW, copy_id),
    )
    await site.alice.post(f"{URL}/{copy_id}/archive", json={"reason": "removed at Discogs"})
    kept = "SELECT count(*) FROM play_history WHERE user_release_id = %s"
    assert await site.value(kept, copy_id) == 1
    assert str(copy_id) in await ids(site, archived="true", neverPlayed="false")
