"""Who may call what: every operation of the OpenAPI document, by everybody who might try.

Nothing here names an operation but those that need no token, so a new one is in it by itself. That
nothing of one user's is read or changed by another `test_isolation.py` shows, with cases by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from http_site import ALICES_FOLDER, API, NOWHERE, Site, problem

from factories import NOW, make_token
from kleio.accounts import hash_token

pytestmark = pytest.mark.anyio

PUBLIC = {("get", "/health"), ("get", "/health/live"), ("post", f"{API}/auth/login")}
"""Answered without a token. Registration is too, where it is open; here it is closed."""

_ID = re.compile(r"\{\w*[iI]d\}")


class Operation(NamedTuple):
    """An operation of the document, with its place filled in."""

    method: str
    template: str
    document: dict[str, Any]

    def path(self, id: object = NOWHERE) -> str:
        return _ID.sub(str(id), self.template).replace("{year}", "2025")

    @property
    def has_id(self) -> bool:
        return _ID.search(self.template) is not None

    @property
    def needs_admin(self) -> bool:
        """Whether it is refused to users; of one's own account 403 means another thing."""
        return "403" in self.document["responses"] and "/me" not in self.template

    async def call(self, client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
        json = None if self.method in ("get", "delete") else {}
        if self.template == f"{API}/users" and self.method == "post":
            json = {"username": "eve", "email": "eve@example.org"}
        return await client.request(self.method, path, json=json, headers=headers)


def operations(site: Site) -> Iterator[Operation]:
    for path, item in site.app.openapi_schema.to_schema()["paths"].items():
        for method, document in item.items():
            yield Operation(method, path, document)


def protected(site: Site) -> list[Operation]:
    found = [one for one in operations(site) if (one.method, one.template) not in PUBLIC]
    assert len(found) > 80
    return found


async def _expired(site: Site) -> str:
    async with site.database.connection() as conn:
        user_id = await site.user_id("root")
        return "Bearer " + await make_token(conn, user_id, expires_at=NOW - timedelta(days=9999))


async def _revoked(site: Site) -> str:
    made = (await site.root.post(f"{API}/auth/tokens", json={"name": "lost"})).json()
    header = f"Bearer {made['token']}"
    gone = await site.root.delete(f"{API}/auth/tokens/{made['id']}")
    assert gone.status_code == 204
    return header


async def _of_nobody_any_more(site: Site) -> str:
    async with site.database.connection() as conn:
        user_id = await site.user_id("bob")
        header = "Bearer " + await make_token(conn, user_id)
    gone = await site.root.delete(f"{API}/users/{user_id}")
    assert gone.status_code == 204
    return header


async def _by_its_hash(site: Site) -> str:
    """What a thief of the database has."""
    (token_hash,) = (await site.rows("SELECT token_hash FROM auth_tokens LIMIT 1"))[0]
    return f"Bearer {token_hash.hex()}"


INTRUDERS: dict[str, Any] = {
    "without a token": None,
    "with an empty one": "Bearer ",
    "with a long one": "Bearer " + "x" * 10_000,
    "with a made up one": "Bearer kleio_" + "x" * 43,
    "with a name and a password": "Basic cm9vdDpyb290",
    "with an expired one": _expired,
    "with a revoked one": _revoked,
    "of a user who is gone": _of_nobody_any_more,
    "with a hash": _by_its_hash,
}


async def _all_rows(site: Site, user_id: UUID | None = None) -> dict[str, str]:
    """Return a hash of each table that holds something of users, or of one user."""
    tables = await site.rows(
        "SELECT DISTINCT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'user_id'"
    )
    return {
        table: await site.value(
            f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} AS t"
            f" WHERE %s::uuid IS NULL OR {'id' if table == 'users' else 'user_id'} = %s",
            *(user_id, user_id),
        )
        for table in sorted({"users", *(name for (name,) in tables)})
    }


async def test_nobody_gets_in(site: Site) -> None:
    headers: dict[str, dict[str, str]] = {}
    for who, given in INTRUDERS.items():
        header = await given(site) if callable(given) else given
        headers[who] = {} if header is None else {"Authorization": header}
    before = await _all_rows(site)
    for operation in protected(site):
        assert {"401", "429"} <= operation.document["responses"].keys(), operation
        for who in INTRUDERS:
            answer = await operation.call(site.anonymous, operation.path(), **headers[who])
            assert answer.status_code == 401, (operation, who, answer.text)
            problem(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"] == 'Bearer realm="kleio"', (operation, who)
    assert await _all_rows(site) == before


async def test_what_needs_an_administrator_is_refused_to_a_user(site: Site) -> None:
    for_admins = [one for one in protected(site) if one.needs_admin]
    assert len(for_admins) >= 4
    for operation in for_admins:
        problem(await operation.call(site.alice, operation.path()), 403, "forbidden")
    roles = await site.rows("SELECT username, role::text FROM users ORDER BY username")
    assert roles == [("alice", "user"), ("bob", "user"), ("root", "admin")]
    for operation in for_admins:
        answer = await operation.call(site.root, operation.path())
        assert answer.status_code not in (401, 403), operation


async def test_what_needs_no_administrator_is_refused_to_no_user(site: Site) -> None:
    """The document says where 403 is: what forgets to say so is as bad as what forgets to ask."""
    for operation in protected(site):
        if not operation.needs_admin and operation.method != "delete":
            answer = await operation.call(site.alice, operation.path())
            assert answer.status_code not in (401, 403, 405, 500), (operation, answer.text)


def _seen(answer: httpx.Response, path: str) -> tuple[int, str]:
    """What a caller learns, but for what it said itself and the number of the request."""
    shown = answer.text.replace(path, "PATH")
    return answer.status_code, re.sub(r'"requestId":"[^"]*"', "", shown)


async def _ids_of_alice(site: Site) -> dict[str, UUID]:
    alice = await site.user_id("alice")
    hers: dict[str, UUID] = {
        "folder": await site.value(
            "SELECT id FROM folders WHERE user_id = %s AND name = %s", alice, ALICES_FOLDER
        ),
        "copy": await site.copy_id("alice"),
        "user": alice,
    }
    for table in ("play_history", "cleaning_history", "styluses", "auth_tokens"):
        hers[table] = await site.value(f"SELECT id FROM {table} WHERE user_id = %s LIMIT 1", alice)
    return hers


@pytest.mark.parametrize("who", ["bob", "root"])
async def test_what_another_has_and_what_nobody_has_look_the_same(site: Site, who: str) -> None:
    """Every id of Alice's at every place for an id, tried by Bob and by an administrator.

    None tells that it is one. An administrator manages users, and is another user everywhere else.
    """
    client: httpx.AsyncClient = getattr(site, who)
    hers = await _ids_of_alice(site)
    before = await _all_rows(site, hers["user"])
    with_id = [one for one in protected(site) if one.has_id and one.method != "head"]
    if who == "root":
        with_id = [one for one in with_id if not one.needs_admin]
    assert len(with_id) > 35
    for operation in with_id:
        path = operation.path()
        nobodys = _seen(await operation.call(client, path), path)
        assert nobodys[0] in (200, 204, 400, 403, 404, 409), (operation, nobodys)
        for what, id in hers.items():
            path = operation.path(id)
            seen = _seen(await operation.call(client, path), path)
            assert (seen[0], seen[1].replace(str(id), str(NOWHERE))) == nobodys, (operation, what)
    assert await _all_rows(site, hers["user"]) == before


async def test_an_administrator_reads_no_shelf(site: Site) -> None:
    """Nothing that is read shows a row of Alice's, but for who she is where users are managed."""
    hers = await _ids_of_alice(site)
    reading = [one for one in protected(site) if one.method == "get" and not one.has_id]
    assert len(reading) > 25
    shown = 0
    for operation in reading:
        answer = await operation.call(site.root, operation.path())
        assert answer.status_code in (200, 400, 404), (operation, answer.text)
        shown += answer.status_code == 200
        for what, id in hers.items():
            if not (what == "user" and operation.needs_admin):
                assert str(id) not in answer.text, (operation, what)
        assert ALICES_FOLDER not in answer.text, operation
    assert shown > 20
    # Each of them is shown to Alice.
    mine = "".join(
        [(await operation.call(site.alice, operation.path())).text for operation in reading]
    )
    assert [what for what, id in hers.items() if str(id) not in mine] == []


async def test_a_token_opens_nothing_after_its_end_while_a_request_is_going_on(site: Site) -> None:
    made = (await site.bob.post(f"{API}/auth/tokens", json={"name": "x"})).json()
    client = site.client(made["token"])
    assert (await client.get(f"{API}/me")).status_code == 200
    await site.rows(
        "UPDATE auth_tokens SET expires_at = now() WHERE token_hash = %s", hash_token(made["token"])
    )
    problem(await client.get(f"{API}/me"), 401)
