"""Two users, every operation of the API: nothing of one reaches the other, or changes by them.

The operations come from the OpenAPI document, so that a new one without a case fails here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from http_site import (
    ALICES_FOLDER,
    ALICES_NOTE,
    ALICES_STYLUS,
    API,
    NOWHERE,
    PASSWORD,
    Site,
    problem,
)

pytestmark = pytest.mark.anyio

RELEASE = {"title": "Bob's", "artists": [{"name": "Bob"}]}


class Hers:
    """Ids of what is Alice's."""

    user: UUID
    copy: UUID
    folder: UUID
    token: UUID
    release: UUID
    play: UUID
    cleaning: UUID
    stylus: UUID


Case = Callable[[Site, Hers], Awaitable[list[httpx.Response]]]
CASES: dict[tuple[str, str], Case] = {}


def case(method: str, path: str) -> Callable[[Case], Case]:
    def keep(function: Case) -> Case:
        CASES[method, path] = function
        return function

    return keep


def same_for_all(path: str, noun: str | None = None) -> None:
    """A read of the shared catalogue: Bob may see all of it, and nothing that is Alice's."""

    @case("get", path)
    async def read(site: Site, hers: Hers) -> list[httpx.Response]:
        url = path
        if noun is not None:
            (entry,) = (await site.rows(f"SELECT id FROM {noun}s ORDER BY id LIMIT 1"))[0]
            url = path.replace("{id}", str(entry)).replace("{release_id}", str(entry))
        return [await site.bob.get(url, params={"limit": 200} if noun is None else {})]


for _noun in ("artist", "label", "genre", "style"):
    same_for_all(f"{API}/{_noun}s")
    same_for_all(f"{API}/{_noun}s/{{id}}", _noun)
    same_for_all(f"{API}/{_noun}s/{{id}}/releases", _noun)
same_for_all(f"{API}/releases")
same_for_all(f"{API}/releases/{{release_id}}", "release")


@case("get", "/health")
@case("get", "/health/live")
async def health(site: Site, hers: Hers) -> list[httpx.Response]:
    return [await site.bob.get(path) for path in ("/health", "/health/live")]


@case("post", f"{API}/auth/login")
async def login(site: Site, hers: Hers) -> list[httpx.Response]:
    body = {"username": "alice", "password": PASSWORD + "x"}
    return [await site.bob.post(f"{API}/auth/login", json=body)]


@case("get", f"{API}/auth/tokens")
@case("post", f"{API}/auth/tokens")
@case("delete", f"{API}/auth/tokens/{{token_id}}")
async def tokens(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/auth/tokens"
    refused = await site.bob.delete(f"{url}/{hers.token}")
    problem(refused, 404, "not-found")
    made = await site.bob.post(url, json={"name": "x"})
    assert made.status_code == 201
    return [refused, made, await site.bob.get(url)]


@case("get", f"{API}/me")
@case("patch", f"{API}/me")
async def me(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/me"
    changed = await site.bob.patch(url, json={"discogsUsername": "b", "password": PASSWORD})
    assert changed.status_code == 200
    # Two users may have the same name on Discogs; nobody learns that.
    return [changed, await site.bob.get(url)]


@case("get", f"{API}/me/preferences")
@case("patch", f"{API}/me/preferences")
async def preferences(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/me/preferences"
    changed = await site.bob.patch(url, json={"neglectedDays": 7})
    assert changed.json()["timeZone"] == "UTC"
    return [changed, await site.bob.get(url)]


@case("put", f"{API}/me/discogs-token")
@case("delete", f"{API}/me/discogs-token")
async def discogs_token(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/me/discogs-token"
    problem(await site.bob.delete(url), 404)  # hers is there
    put = await site.bob.put(url, json={"token": "bobs-own-token"})
    return [put, await site.bob.delete(url)]


@case("get", f"{API}/users")
@case("post", f"{API}/users")
@case("patch", f"{API}/users/{{user_id}}")
@case("delete", f"{API}/users/{{user_id}}")
async def users(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/users"
    new = {"username": "eve", "email": "eve@example.org", "role": "admin"}
    answers = [
        await site.bob.get(url),
        await site.bob.post(url, json=new),
        await site.bob.patch(f"{url}/{hers.user}", json={"password": PASSWORD}),
        await site.bob.delete(f"{url}/{hers.user}"),
    ]
    for answer in answers:
        problem(answer, 403, "forbidden")
    return answers


@case("post", f"{API}/releases")
async def add_release(site: Site, hers: Hers) -> list[httpx.Response]:
    return [
        await site.bob.post(f"{API}/releases", json=RELEASE, headers={"Idempotency-Key": "alice's"})
    ]


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
@case("patch", f"{API}/collection/folders/{{folder_id}}")
@case("delete", f"{API}/collection/folders/{{folder_id}}")
async def folders(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/collection/folders"
    answer = await site.bob.get(url)
    assert [folder["name"] for folder in answer.json()["items"]] == ["Uncategorized"]
    refused = [
        await site.bob.patch(f"{url}/{hers.folder}", json={"name": "Bob's now"}),
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


INSIGHT = {
    f"{API}/stats/plays": "",
    f"{API}/stats/calendar": "?year=2025",
    f"{API}/stats/top": "?by=release",
    f"{API}/stats/streaks": "",
    f"{API}/stats/heatmap": "",
    f"{API}/stats/years/{{year}}": "",
    f"{API}/stats/on-this-day": "",
    f"{API}/collection/stats": "",
    f"{API}/recommendations": "",
    f"{API}/recommendations/neglected": "",
    f"{API}/recommendations/cleaning": "",
}


async def insight(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = [
        await site.bob.get(path.replace("{year}", "2025") + query)
        for path, query in INSIGHT.items()
    ]
    assert [answer.status_code for answer in answers] == [200] * len(INSIGHT)
    # Bob has no plays, whatever Alice has.
    assert answers[0].json()["items"] == []
    return answers


for _path in INSIGHT:
    case("get", _path)(insight)


@case("get", f"{API}/plays")
@case("post", f"{API}/plays")
@case("get", f"{API}/cleanings")
@case("post", f"{API}/cleanings")
@case("post", f"{API}/log")
async def listening(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = []
    for noun in ("plays", "cleanings", "log"):
        url = f"{API}/{noun}"
        foreign = await site.bob.post(url, json={"copyId": str(hers.copy)})
        assert problem(foreign, 404)["errors"][0]["field"] == "copyId"
        answers.append(foreign)
        if noun != "cleanings":
            body = {"releaseId": str(hers.release), "stylusId": str(hers.stylus)}
            foreign = await site.bob.post(url, json=body)
            assert problem(foreign, 404)["errors"][0]["field"] == "stylusId"
            answers.append(foreign)
        made = await site.bob.post(
            url, json={"releaseId": str(hers.release)}, headers={"Idempotency-Key": f"her {noun}"}
        )
        assert made.status_code == 201
        answers.append(made)
        if noun == "log":
            continue
        plain = await site.bob.get(url, params={"total": "true"})
        assert plain.json()["total"] == len(plain.json()["items"]) == 1
        for name, value in (("copyId", hers.copy), ("stylusId", hers.stylus)):
            if noun == "plays" or name == "copyId":
                empty = await site.bob.get(url, params={name: str(value), "total": "true"})
                assert empty.json() == {"items": [], "next": None, "total": 0}
        cursor = (await site.alice.get(url, params={"limit": 1})).json()["next"]
        answers += [plain, await site.bob.get(url, params={"cursor": cursor})]
    return answers


@case("get", f"{API}/plays/{{play_id}}")
@case("patch", f"{API}/plays/{{play_id}}")
@case("delete", f"{API}/plays/{{play_id}}")
@case("get", f"{API}/cleanings/{{cleaning_id}}")
@case("patch", f"{API}/cleanings/{{cleaning_id}}")
@case("delete", f"{API}/cleanings/{{cleaning_id}}")
@case("get", f"{API}/styluses/{{stylus_id}}")
@case("patch", f"{API}/styluses/{{stylus_id}}")
@case("delete", f"{API}/styluses/{{stylus_id}}")
async def one_of_hers(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = []
    for url, change in (
        (f"{API}/plays/{hers.play}", {"notes": "bob was here"}),
        (f"{API}/cleanings/{hers.cleaning}", {"notes": "bob was here"}),
        (f"{API}/styluses/{hers.stylus}", {"name": "bob was here", "primary": True}),
    ):
        tag = (await site.alice.get(url)).headers["etag"]
        answers += [
            await site.bob.get(url),
            await site.bob.patch(url, json=change),
            await site.bob.patch(url, json=change, headers={"If-Match": tag}),
            await site.bob.patch(url, json=change, headers={"If-Match": '"1"'}),
            await site.bob.delete(url),
        ]
    for answer in answers:
        problem(answer, 404, "not-found")
    return answers


@case("get", f"{API}/styluses")
@case("post", f"{API}/styluses")
@case("get", f"{API}/styluses/models")
async def styluses(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/styluses"
    made = await site.bob.post(url, json={"name": "Bob's", "primary": True})
    assert made.status_code == 201
    mine = await site.bob.get(url)
    assert [item["name"] for item in mine.json()["items"]] == ["Bob's"]
    return [made, mine, await site.bob.get(f"{url}/models")]


# --- the tests ----------------------------------------------------------------------------------


def operations(site: Site) -> set[tuple[str, str]]:
    paths = site.app.openapi_schema.to_schema()["paths"]
    return {(method, path) for path, item in paths.items() for method in item}


async def test_every_operation_has_a_case(reading: Site) -> None:
    assert operations(reading) == set(CASES)


async def _all_of_hers(site: Site, user_id: UUID) -> dict[str, Any]:
    tables = await site.rows(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'user_id'"
    )
    account = "SELECT to_jsonb(u)::text FROM users AS u WHERE id = %s"
    found = {"users": await site.rows(account, user_id)}
    for (table,) in sorted(tables):
        found[table] = await site.rows(
            f"SELECT to_jsonb(t)::text AS row FROM {table} AS t WHERE user_id = %s ORDER BY 1",
            user_id,
        )
    return found


async def _prepare(site: Site) -> Hers:
    await site.alice.put(f"{API}/me/discogs-token", json={"token": "alices-discogs-token"})
    await site.alice.patch(f"{API}/me/preferences", json={"timeZone": "Europe/Lisbon"})
    added = await site.alice.post(
        f"{API}/collection",
        json={"discogsId": 3, "notes": ALICES_NOTE},
        headers={"Idempotency-Key": "alice's"},
    )
    assert added.status_code == 201
    hers = Hers()
    hers.user = await site.user_id("alice")
    hers.copy = UUID(added.json()["id"])
    hers.folder = await site.value(
        "SELECT id FROM folders WHERE user_id = %s AND name = %s", hers.user, ALICES_FOLDER
    )
    hers.token = await site.value(
        "SELECT id FROM auth_tokens WHERE user_id = %s ORDER BY id LIMIT 1", hers.user
    )
    hers.release = await site.release_id()
    for noun in ("play", "cleaning"):
        logged = await site.alice.post(
            f"{API}/{noun}s",
            json={"copyId": str(hers.copy), "notes": ALICES_NOTE},
            headers={"Idempotency-Key": f"her {noun}s"},
        )
        setattr(hers, noun, UUID(logged.json()["id"]))
    hers.stylus = await site.value("SELECT id FROM styluses WHERE user_id = %s", hers.user)
    return hers


@pytest.mark.parametrize(
    "function", list(dict.fromkeys(CASES.values())), ids=lambda function: function.__name__
)
async def test_nothing_crosses(site: Site, function: Case) -> None:
    hers = await _prepare(site)
    before = await _all_of_hers(site, hers.user)
    assert all(before.values()), "there is a table in which Alice has nothing to lose"
    answers = await function(site, hers)
    secrets = [
        ALICES_NOTE,
        ALICES_FOLDER,
        ALICES_STYLUS,
        "alice@example.org",
        "alices-discogs",
        "Lisbon",
    ]
    secrets += [str(id) for id in (hers.user, hers.copy, hers.folder, hers.token)]
    secrets += [str(id) for id in (hers.play, hers.cleaning, hers.stylus)]
    for answer in answers:
        shown = answer.text.replace(str(answer.request.url.path), "")
        assert [word for word in secrets if word in shown] == []
    assert await _all_of_hers(site, hers.user) == before


async def test_nobody_gets_in_without_a_token(reading: Site) -> None:
    public = {("get", "/health"), ("get", "/health/live"), ("post", f"{API}/auth/login")}
    for method, path in sorted(operations(reading) - public):
        for name in ("id", "release_id", "copy_id", "token_id", "user_id", "folder_id"):
            path = path.replace(f"{{{name}}}", str(NOWHERE))
        for name in ("play_id", "cleaning_id", "stylus_id"):
            path = path.replace(f"{{{name}}}", str(NOWHERE))
        path = path.replace("{year}", "2025")
        body = {"username": "a", "email": "a@b.c"} if path == f"{API}/users" else {}
        json = body if method in ("post", "patch", "put") else None
        problem(await reading.anonymous.request(method, path, json=json), 401, "unauthorized")


async def test_answers_of_many_users_at_once_do_not_mix(reading: Site) -> None:
    clients = {"alice": reading.alice, "bob": reading.bob, "root": reading.root}
    names = list(clients) * 20
    answers = await asyncio.gather(*(clients[name].get(f"{API}/me") for name in names))
    assert [answer.json()["username"] for answer in answers] == names
