"""Erasing: a whole account, so that no table has a row of it, and plays of long ago."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from http_site import ALICES_PLAYS, API, PASSWORD, Site, field_problem, leave_sync, problem

from factories import NOW

pytestmark = pytest.mark.anyio


async def rows_by_table(site: Site, username: str) -> dict[str, int]:
    """Count a user's rows in every table that has a user_id, as the catalog lists them."""
    user_id = await site.user_id(username)
    tables = await site.rows(
        "SELECT c.relname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE a.attname = 'user_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        "   AND c.relnamespace = 'public'::regnamespace"
    )
    return {
        table: await site.value(f"SELECT count(*) FROM {table} WHERE user_id = %s", user_id)
        for (table,) in sorted(tables)
    }


async def fill_every_table(site: Site) -> None:
    """Give Alice a row in each table that the other fixtures leave empty."""
    await site.alice.put(f"{API}/me/discogs-token", json={"token": "alices-discogs-token"})
    await site.alice.patch(f"{API}/me/preferences", json={"timeZone": "Europe/Lisbon"})
    body: dict[str, Any] = {"copyId": str(await site.copy_id("alice"))}
    for path in ("plays", "cleanings"):
        made = await site.alice.post(
            f"{API}/{path}", json=body, headers={"Idempotency-Key": f"k {path}"}
        )
        assert made.status_code == 201
    account = {"format": "kleio-account", "version": 1, "folders": [{"id": "1", "name": "Own"}]}
    for choices in ({}, {"dryRun": "true"}):
        taken = await site.alice.post(f"{API}/imports", json=account, params=choices)
        assert taken.status_code == 202
        await site.app.state.import_tasks.wait()
    await leave_sync(site, await site.user_id("alice"), await site.copy_id("alice"))
    assert [t for t, n in (await rows_by_table(site, "alice")).items() if n == 0] == []


async def test_nothing_of_an_account_is_left(site: Site) -> None:
    await fill_every_table(site)
    alice = await site.user_id("alice")
    others = await rows_by_table(site, "bob")
    catalogue = await site.value("SELECT count(*) FROM releases")
    tables = list(await rows_by_table(site, "alice"))
    gone = await site.alice.delete(f"{API}/me", params={"username": "alice"})
    assert (gone.status_code, gone.content) == (204, b"")
    for table in tables:
        assert await site.value(f"SELECT count(*) FROM {table} WHERE user_id = %s", alice) == 0
    assert await site.rows("SELECT id FROM users WHERE username = 'alice'") == []
    assert await rows_by_table(site, "bob") == others
    assert await site.value("SELECT count(*) FROM releases") == catalogue
    problem(await site.alice.get(f"{API}/me"), 401, "unauthorized")
    login = {"username": "alice", "password": PASSWORD}
    problem(await site.anonymous.post(f"{API}/auth/login", json=login), 401)


async def test_another_name_erases_nothing(site: Site) -> None:
    before = await rows_by_table(site, "alice")
    for params in ({}, *({"username": name} for name in ("bob", "ALICE", "alice ", ""))):
        field_problem(await site.alice.delete(f"{API}/me", params=params), "username", "query")
    assert await rows_by_table(site, "alice") == before
    assert (await site.alice.get(f"{API}/me")).status_code == 200


async def test_the_last_administrator_stays(site: Site) -> None:
    refused = await site.root.delete(f"{API}/me", params={"username": "root"})
    problem(refused, 403, "forbidden")
    await site.rows("UPDATE users SET role = 'admin' WHERE username = 'alice'")
    answers = await asyncio.gather(
        *(
            client.delete(f"{API}/me", params={"username": name})
            for name, client in (("root", site.root), ("alice", site.alice))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 403]
    assert await site.value("SELECT count(*) FROM users WHERE role = 'admin'") == 1


async def test_plays_before_a_time_are_erased(site: Site) -> None:
    # Two a day, at the same hour; those of the day itself stay.
    before = (NOW - timedelta(days=4)).isoformat()
    older = ALICES_PLAYS - 10
    for params, dry_run in (({"dryRun": "true"}, True), ({}, False)):
        answer = await site.alice.delete(f"{API}/plays", params={"before": before, **params})
        assert answer.status_code == 200
        assert answer.json() == {"plays": older, "dryRun": dry_run}
    listed = (await site.alice.get(f"{API}/plays", params={"limit": 200})).json()["items"]
    assert len(listed) == 10
    assert min(item["playedAt"] for item in listed) == f"{NOW - timedelta(days=4):%FT%TZ}"
    again = await site.alice.delete(f"{API}/plays", params={"before": before})
    assert again.json() == {"plays": 0, "dryRun": False}
    assert len((await site.alice.get(f"{API}/cleanings")).json()["items"]) == 5


async def test_without_a_time_nothing_is_erased(site: Site) -> None:
    wrong = ("", "yesterday", "2026-01-01T00:00:00", "2026-13-01")
    for params in ({}, *({"before": time} for time in wrong)):
        field_problem(await site.alice.delete(f"{API}/plays", params=params), "before", "query")
    counted = await site.alice.get(f"{API}/plays", params={"total": "true"})
    assert counted.json()["total"] == ALICES_PLAYS
