"""The shelf, its folders and the archive."""

from __future__ import annotations

import httpx
from http_site import ALICES_FOLDER, API, Site, problem

from isolation_cases.case import Hers, case


@case("get", f"{API}/collection")
async def list_collection(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection"
    plain = await site.bob.get(url, params={"limit": 200, "total": "true"})
    assert plain.json()["total"] == len(plain.json()["items"]) == 2
    foreign = await site.bob.get(url, params={"folderId": str(hers.folder), "total": "true"})
    assert foreign.json() == {"items": [], "next": None, "total": 0}
    # A cursor of hers shows Bob his own rows.
    cursor = (await site.alice.get(url, params={"limit": 1})).json()["next"]
    carried = await site.bob.get(url, params={"cursor": cursor})
    assert carried.status_code == 200
    return [plain, foreign, carried]


@case("post", f"{API}/collection")
async def add_copy(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection"
    refused = await site.bob.post(url, json={"discogsId": 1, "folderId": str(hers.folder)})
    problem(refused, 404, "not-found")
    added = await site.bob.post(url, json={"discogsId": 1}, headers={"Idempotency-Key": "alice's"})
    assert added.status_code == 201
    return [refused, added]


@case("get", f"{API}/collection/folders")
@case("post", f"{API}/collection/folders")
@case("get", f"{API}/collection/folders/{{folder_id}}")
@case("patch", f"{API}/collection/folders/{{folder_id}}")
@case("delete", f"{API}/collection/folders/{{folder_id}}")
async def folders(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection/folders"
    answer = await site.bob.get(url)
    assert [folder["name"] for folder in answer.json()["items"]] == ["Uncategorized"]
    hers_now = await site.alice.get(f"{url}/{hers.folder}")
    headers = {"If-Match": hers_now.headers["etag"]}
    refused = [
        await site.bob.get(f"{url}/{hers.folder}"),
        await site.bob.patch(f"{url}/{hers.folder}", json={"name": "Bob's now"}),
        await site.bob.patch(f"{url}/{hers.folder}", json={"name": "x"}, headers=headers),
        await site.bob.delete(f"{url}/{hers.folder}"),
    ]
    for one in refused:
        problem(one, 404, "not-found")
    # Her names and numbers are not taken for him.
    made = await site.bob.post(url, json={"name": ALICES_FOLDER})
    assert (made.status_code, made.json()["number"]) == (201, 2)
    gone = await site.bob.delete(f"{url}/{made.json()['id']}")
    assert gone.status_code == 204
    return [answer, *refused, gone]


@case("get", f"{API}/collection/random")
async def random_copy(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection/random"
    picks = [await site.bob.get(url, params={"seed": str(seed)}) for seed in range(20)]
    foreign = await site.bob.get(url, params={"folderId": str(hers.folder)})
    problem(foreign, 404, "not-found")
    return [*picks, foreign]


@case("post", f"{API}/collection/{{copy_id}}/archive")
@case("post", f"{API}/collection/{{copy_id}}/restore")
async def archive(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection/{hers.copy}"
    answers = [
        await site.bob.post(f"{url}/archive", json={"reason": "lost"}),
        await site.bob.post(f"{url}/restore"),
    ]
    for answer in answers:
        problem(answer, 404, "not-found")
    archived = await site.bob.get(f"{API}/collection", params={"archived": "true"})
    assert archived.json()["items"] == []
    return [*answers, archived]


@case("get", f"{API}/collection/{{copy_id}}")
@case("patch", f"{API}/collection/{{copy_id}}")
@case("delete", f"{API}/collection/{{copy_id}}")
async def one_copy(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection/{hers.copy}"
    tag = (await site.alice.get(url)).headers["etag"]
    answers = [
        await site.bob.get(url),
        await site.bob.patch(url, json={"notes": "bob was here"}),
        await site.bob.patch(url, json={"rating": 1}, headers={"If-Match": tag}),
        await site.bob.patch(url, json={"rating": 1}, headers={"If-Match": '"1"'}),
        await site.bob.delete(url),
    ]
    for answer in answers:
        problem(answer, 404, "not-found")
    mine = await site.copy_id("bob")
    moved = await site.bob.patch(f"{API}/collection/{mine}", json={"folderId": str(hers.folder)})
    assert problem(moved, 404)["errors"][0]["field"] == "folderId"
    return [*answers, moved]
