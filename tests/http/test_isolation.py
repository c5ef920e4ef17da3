"""Two users, every operation of the API: nothing of one reaches the other, or changes by them.

The operations come from the OpenAPI document, so that a new one without a case fails here. The
cases are in `isolation_cases`.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from http_site import (
    ALICES_FOLDER,
    ALICES_NOTE,
    ALICES_STYLUS,
    API,
    Site,
    leave_sync,
)
from isolation_cases import CASES
from isolation_cases.case import Case, Hers

pytestmark = pytest.mark.anyio


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


async def _import(site: Site) -> UUID:
    """Leave a dry run of Alice's that can be applied, and the id of a record that was imported."""
    account = {
        "format": "kleio-account", "version": 1,
        "styluses": [{"id": "1", "name": "Imported"}],
    }  # fmt: skip
    for choices in ({}, {"dryRun": "true"}):
        answer = await site.alice.post(f"{API}/imports", json=account, params=choices)
        assert answer.status_code == 202, answer.text
        await site.app.state.import_tasks.wait()
    return UUID(answer.json()["id"])


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
    hers.run = await _import(site)
    hers.stylus = await site.value(
        "SELECT id FROM styluses WHERE user_id = %s AND name = %s", hers.user, ALICES_STYLUS
    )
    hers.sync = await leave_sync(site, hers.user, hers.copy)
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
    secrets += [str(id) for id in (hers.play, hers.cleaning, hers.stylus, hers.run, hers.sync)]
    for answer in answers:
        shown = answer.text.replace(str(answer.request.url.path), "")
        assert [word for word in secrets if word in shown] == []
    assert await _all_of_hers(site, hers.user) == before


async def test_answers_of_many_users_at_once_do_not_mix(reading: Site) -> None:
    clients = {"alice": reading.alice, "bob": reading.bob, "root": reading.root}
    names = list(clients) * 20
    answers = await asyncio.gather(*(clients[name].get(f"{API}/me") for name in names))
    assert [answer.json()["username"] for answer in answers] == names
