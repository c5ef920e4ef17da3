"""Health, sessions, accounts and what belongs to one."""

from __future__ import annotations

import httpx
from http_site import API, PASSWORD, Site, problem

from isolation_cases.case import Hers, case


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
