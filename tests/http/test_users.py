"""All users: registration, and what administrators alone may do."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from http_site import NOWHERE, PASSWORD, HeldPasswords, Site, field_problem, follow, problem

from waiting import until

pytestmark = pytest.mark.anyio

URL = "/api/v1/users"
NEW = {"username": "Carol", "email": "carol@example.org", "password": PASSWORD}


async def test_registration_is_closed_by_default(site: Site) -> None:
    problem(await site.anonymous.post(URL, json=NEW), 401, "unauthorized")
    problem(await site.alice.post(URL, json=NEW), 403, "forbidden")
    assert await site.value("SELECT count(*) FROM users") == 3


async def test_registration_that_is_open(start: Any) -> None:
    async with start(KLEIO_REGISTRATION="open") as site:
        problem(await site.anonymous.post(URL, json=NEW | {"role": "admin"}), 403)
        without = {key: NEW[key] for key in ("username", "email")}
        field_problem(await site.anonymous.post(URL, json=without), "password", "body")
        answer = await site.anonymous.post(URL, json=NEW)
        assert answer.status_code == 201
        assert answer.json()["role"] == "user"
        assert answer.json()["hasPassword"] is True
        assert answer.headers["location"] == f"{URL}/{answer.json()['id']}"
        login = {"username": "carol", "password": PASSWORD}
        token = (await site.anonymous.post("/api/v1/auth/login", json=login)).json()["token"]
        folders = (await site.client(token).get("/api/v1/collection/folders")).json()["items"]
        assert [(folder["number"], folder["name"]) for folder in folders] == [(1, "Uncategorized")]


async def test_an_unknown_token_does_not_register(start: Any) -> None:
    async with start(KLEIO_REGISTRATION="open") as site:
        problem(await site.client("kleio_x").post(URL, json=NEW), 401, "unauthorized")


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"username": "ALICE"}, "username"), ({"email": "Alice@Example.org"}, "email")],
)
async def test_a_name_or_address_that_is_taken(
    site: Site, changes: dict[str, str], field: str
) -> None:
    answer = await site.root.post(URL, json=NEW | changes)
    found = problem(answer, 409, "conflict")
    assert found["errors"][0]["field"] == field
    # A second time, and nothing was left half done.
    problem(await site.root.post(URL, json=NEW | changes), 409, "conflict")
    assert await site.value("SELECT count(*) FROM users") == 3


async def test_an_administrator_adds_changes_and_deletes(site: Site) -> None:
    body = {"username": "dan", "email": "dan@example.org", "role": "admin"}
    made = await site.root.post(URL, json=body)
    assert made.status_code == 201
    user = made.json()
    assert (user["role"], user["hasPassword"]) == ("admin", False)
    url = f"{URL}/{user['id']}"
    tag = made.headers["etag"]
    changes = {"role": "user", "password": PASSWORD, "discogsUsername": "dan_d"}
    changed = await site.root.patch(url, json=changes, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert changed.json() == user | {
        "role": "user",
        "hasPassword": True,
        "discogsUsername": "dan_d",
        "updatedAt": changed.json()["updatedAt"],
    }
    stale = await site.root.patch(url, json=changes, headers={"If-Match": tag})
    problem(stale, 412, "version-changed")
    assert (await site.root.delete(url)).status_code == 204
    problem(await site.root.delete(url), 404, "not-found")
    problem(await site.root.patch(url, json={}), 404, "not-found")


async def test_new_users_hold_no_connection_while_their_passwords_wait(
    site: Site, held_passwords: HeldPasswords
) -> None:
    crowd = 2 * site.settings.db_max_open_conns
    adding = [
        asyncio.create_task(
            site.root.post(URL, json=NEW | {"username": name, "email": f"{name}@example.org"})
        )
        for name in (f"carol{number}" for number in range(crowd))
    ]
    try:
        await until(lambda: held_passwords.waiting == crowd)
        assert (await site.alice.get("/api/v1/me")).status_code == 200
    finally:
        held_passwords.go_on.set()
        answers = await asyncio.gather(*adding)
    assert {answer.status_code for answer in answers} == {201}


async def test_a_user_goes_with_everything(site: Site) -> None:
    user_id = await site.user_id("alice")
    await site.alice.put("/api/v1/me/discogs-token", json={"token": "abcdefgh"})
    await site.alice.patch("/api/v1/me/preferences", json={"timeZone": "UTC"})
    await site.alice.post(
        "/api/v1/collection", json={"discogsId": 1}, headers={"Idempotency-Key": "k"}
    )
    assert (await site.root.delete(f"{URL}/{user_id}")).status_code == 204
    problem(await site.alice.get("/api/v1/me"), 401)
    tables = await site.rows(
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'user_id'"
    )
    assert len(tables) >= 6
    for (table,) in tables:
        left = f"SELECT count(*) FROM {table} WHERE user_id = %s"
        assert await site.value(left, user_id) == 0, table
    assert await site.value("SELECT count(*) FROM user_releases") == 2


async def test_an_administrator_stays(site: Site) -> None:
    problem(await site.root.delete(f"{URL}/{await site.user_id('root')}"), 403, "forbidden")
    assert (await site.root.get("/api/v1/me")).status_code == 200


async def test_users_are_listed_by_name(reading: Site) -> None:
    body = (await reading.root.get(URL, params={"total": "true"})).json()
    assert [user["username"] for user in body["items"]] == ["alice", "bob", "root"]
    assert body["total"] == 3
    assert "argon2" not in str(body)
    pages = await follow(reading.root, f"{URL}?limit=1")
    assert [user["username"] for (user,) in pages] == ["alice", "bob", "root"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "", NEW),
        ("PATCH", f"/{NOWHERE}", {}),
        ("PATCH", f"/{NOWHERE}", {"role": "admin"}),
        ("DELETE", f"/{NOWHERE}", None),
    ],
)
async def test_only_administrators_may(reading: Site, method: str, path: str, body: Any) -> None:
    problem(await reading.alice.request(method, URL + path, json=body), 403, "forbidden")
    problem(await reading.anonymous.request(method, URL + path, json=body), 401, "unauthorized")


async def test_a_demoted_administrator_may_no_more(site: Site) -> None:
    bob = await site.user_id("bob")
    assert (await site.root.patch(f"{URL}/{bob}", json={"role": "admin"})).status_code == 200
    assert (await site.bob.get(URL)).status_code == 200
    await site.root.patch(f"{URL}/{bob}", json={"role": "user"})
    problem(await site.bob.get(URL), 403)


async def administrators(site: Site) -> list[str]:
    return [name for (name,) in await site.rows("SELECT username FROM users WHERE role = 'admin'")]


async def test_the_last_administrator_stays_one(site: Site) -> None:
    url = f"{URL}/{await site.user_id('root')}"
    problem(await site.root.patch(url, json={"role": "user"}), 403, "forbidden")
    assert await administrators(site) == ["root"]
    assert (await site.root.patch(url, json={"role": "admin"})).status_code == 200
    bob = await site.user_id("bob")
    assert (await site.root.patch(f"{URL}/{bob}", json={"role": "admin"})).status_code == 200
    assert (await site.root.patch(url, json={"role": "user"})).status_code == 200
    assert await administrators(site) == ["bob"]


@pytest.mark.parametrize(
    ("of_root", "of_bob"),
    [
        ("demote bob", "demote root"),
        ("demote root", "demote bob"),
        ("delete bob", "delete root"),
        ("delete bob", "demote root"),
        ("erase root", "demote bob"),
    ],
)
async def test_two_administrators_at_once_leave_one(site: Site, of_root: str, of_bob: str) -> None:
    await site.rows("UPDATE users SET role = 'admin' WHERE username = 'bob'")

    async def act(client: httpx.AsyncClient, what: str) -> int:
        verb, name = what.split()
        url = f"{URL}/{await site.user_id(name)}"
        if verb == "demote":
            answer = await client.patch(url, json={"role": "user"})
        elif verb == "delete":
            answer = await client.delete(url)
        else:
            answer = await client.delete("/api/v1/me", params={"username": name})
        assert answer.status_code < 500
        return answer.status_code

    await asyncio.gather(act(site.root, of_root), act(site.bob, of_bob))
    assert len(await administrators(site)) == 1
