"""Folders: made, renamed, deleted when empty; and what happens at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http_site import ALICES_FOLDER, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

URL = "/api/v1/collection/folders"


async def folders(site: Site) -> dict[str, Any]:
    items = (await site.alice.get(URL)).json()["items"]
    return {folder["name"]: folder for folder in items}


async def test_a_folder_is_made_renamed_and_deleted(site: Site) -> None:
    before = await folders(site)
    made = await site.alice.post(URL, json={"name": "  Attic "})
    assert made.status_code == 201
    folder = made.json()
    assert folder == {
        "id": folder["id"],
        "number": max(one["number"] for one in before.values()) + 1,
        "name": "Attic",
        "copies": 0,
        "archived": 0,
        "updatedAt": folder["updatedAt"],
    }
    url = made.headers["location"]
    assert url == f"{URL}/{folder['id']}"
    assert await folders(site) == before | {"Attic": folder}
    renamed = await site.alice.patch(url, json={"name": "ATTIC"})
    changed = {"name": "ATTIC", "updatedAt": renamed.json()["updatedAt"]}
    assert (renamed.status_code, renamed.json()) == (200, folder | changed)
    assert await folders(site) == before | {"ATTIC": folder | changed}
    read = await site.alice.get(url)
    assert (read.json(), read.headers["etag"]) == (renamed.json(), renamed.headers["etag"])
    assert read.headers["etag"] != made.headers["etag"]
    assert (await site.alice.delete(url)).status_code == 204
    assert await folders(site) == before
    problem(await site.alice.delete(url), 404, "not-found")
    problem(await site.alice.patch(url, json={"name": "x"}), 404, "not-found")
    problem(await site.alice.get(url), 404, "not-found")


async def test_a_rename_may_demand_a_version(site: Site) -> None:
    made = await site.alice.post(URL, json={"name": "Attic"})
    url, first = made.headers["location"], {"If-Match": made.headers["etag"]}
    renamed = await site.alice.patch(url, json={"name": "Loft"}, headers=first)
    assert renamed.status_code == 200
    late = await site.alice.patch(url, json={"name": "Cellar"}, headers=first)
    problem(late, 412, "version-changed")
    assert (await site.alice.get(url)).json() == renamed.json()
    # What stays as it is stays for every version, and the version is looked at first.
    fixed = f"{URL}/{(await folders(site))['Uncategorized']['id']}"
    now = {"If-Match": (await site.alice.get(fixed)).headers["etag"]}
    for headers, status, slug in (({}, 409, "folder-fixed"), (now, 409, "folder-fixed")):
        answer = await site.alice.patch(fixed, json={"name": "x"}, headers=headers)
        problem(answer, status, slug)
    answer = await site.alice.patch(fixed, json={"name": "x"}, headers=first)
    problem(answer, 412, "version-changed")


@pytest.mark.parametrize("name", [ALICES_FOLDER, ALICES_FOLDER.upper(), "uncategorized"])
async def test_a_name_that_is_taken(site: Site, name: str) -> None:
    found = problem(await site.alice.post(URL, json={"name": name}), 409, "conflict")
    assert found["errors"][0]["field"] == "name"
    other = (await site.alice.post(URL, json={"name": "other"})).json()
    renamed = await site.alice.patch(f"{URL}/{other['id']}", json={"name": name})
    found = problem(renamed, 409, "conflict")
    assert found["errors"][0]["field"] == "name"
    # Another user may have it, but for the one that every user has.
    status = 409 if name == "uncategorized" else 201
    assert (await site.bob.post(URL, json={"name": name})).status_code == status


@pytest.mark.parametrize("name", ["", " \t ", "x" * 201, "a\0b", None, 3])
async def test_a_name_that_can_not_be_one(reading: Site, name: Any) -> None:
    field_problem(await reading.alice.post(URL, json={"name": name}), "name", "body")
    folder = (await folders(reading))[ALICES_FOLDER]["id"]
    answer = await reading.alice.patch(f"{URL}/{folder}", json={"name": name})
    field_problem(answer, "name", "body")


async def test_other_fields_are_refused(reading: Site) -> None:
    field_problem(await reading.alice.post(URL, json={"name": "x", "number": 9}), "number", "body")
    field_problem(await reading.alice.post(URL, json={}), "name", "body")


async def test_number_one_stays_as_it_is(reading: Site) -> None:
    url = f"{URL}/{(await folders(reading))['Uncategorized']['id']}"
    problem(await reading.alice.patch(url, json={"name": "x"}), 409, "folder-fixed")
    problem(await reading.alice.delete(url), 409, "folder-fixed")


@pytest.mark.parametrize("id_", ["nonsense", "1"])
async def test_an_id_that_can_not_be_one(reading: Site, id_: str) -> None:
    for answer in (
        await reading.alice.patch(f"{URL}/{id_}", json={"name": "x"}),
        await reading.alice.delete(f"{URL}/{id_}"),
    ):
        assert answer.status_code in (400, 404)
    problem(await reading.alice.delete(f"{URL}/{NOWHERE}"), 404, "not-found")


async def test_a_folder_with_copies_stays_and_says_how_many(site: Site) -> None:
    folder = (await site.alice.post(URL, json={"name": "Attic"})).json()
    url = f"{URL}/{folder['id']}"
    copies = [
        (
            await site.alice.post(
                "/api/v1/collection", json={"discogsId": number, "folderId": folder["id"]}
            )
        ).json()["id"]
        for number in (1, 2)
    ]
    found = problem(await site.alice.delete(url), 409, "folder-not-empty")
    assert found["detail"] == "The folder holds 2 copies."
    await site.alice.post(f"/api/v1/collection/{copies[0]}/archive", json={"reason": "lost"})
    found = problem(await site.alice.delete(url), 409, "folder-not-empty")
    assert found["detail"] == "The folder holds 2 copies, 1 of them archived."
    now = (await folders(site))["Attic"]
    assert (now["copies"], now["archived"]) == (1, 1)
    first = (await folders(site))["Uncategorized"]["id"]
    await site.alice.patch(f"/api/v1/collection/{copies[1]}", json={"folderId": first})
    found = problem(await site.alice.delete(url), 409, "folder-not-empty")
    assert found["detail"] == "The folder holds 1 copy, 1 of them archived."
    await site.alice.delete(f"/api/v1/collection/{copies[0]}")
    assert (await site.alice.delete(url)).status_code == 204


async def test_folders_made_at_once_get_numbers_of_their_own(site: Site) -> None:
    answers = await asyncio.gather(
        *(site.alice.post(URL, json={"name": f"Box {number}"}) for number in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 8


async def test_one_name_at_once_makes_one_folder(site: Site) -> None:
    names = ["Box", "BOX", "box", "bOx"]
    answers = await asyncio.gather(*(site.alice.post(URL, json={"name": name}) for name in names))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_copy_that_comes_while_its_folder_is_deleted_is_not_lost(site: Site) -> None:
    for number in range(10):
        folder = (await site.alice.post(URL, json={"name": f"Box {number}"})).json()
        body = {"discogsId": 1, "folderId": folder["id"]}
        added, deleted = await asyncio.gather(
            site.alice.post("/api/v1/collection", json=body),
            site.alice.delete(f"{URL}/{folder['id']}"),
        )
        # A copy that was added and taken off again between the two reads would be a third way.
        assert (added.status_code, deleted.status_code) in [(201, 409), (404, 204)]
