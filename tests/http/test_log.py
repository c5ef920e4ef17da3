"""A play and the cleaning before it: both or neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_site import API, NOWHERE, Site, field_problem, problem

pytestmark = pytest.mark.anyio

URL = f"{API}/log"


async def counts(site: Site) -> list[Any]:
    return await site.rows(
        "SELECT (SELECT count(*) FROM play_history), (SELECT count(*) FROM cleaning_history)"
    )


async def test_both_are_logged_the_play_a_second_later(site: Site) -> None:
    ((plays, cleanings),) = await counts(site)
    copy_id = str(await site.copy_id("alice"))
    body = {
        "copyId": copy_id,
        "cleanedAt": "2024-02-29T23:59:59.5+01:00",
        "deep": True,
        "minutes": 20,
        "side": "A",
        "notes": "both",
    }
    answer = await site.alice.post(URL, json=body)
    assert answer.status_code == 201
    assert "location" not in answer.headers
    cleaning, play = answer.json()["cleaning"], answer.json()["play"]
    assert cleaning["cleanedAt"] == "2024-02-29T22:59:59.500000Z"
    assert play["playedAt"] == "2024-02-29T23:00:00.500000Z"
    assert cleaning["copyId"] == play["copyId"] == copy_id
    assert cleaning["notes"] == play["notes"] == "both"
    assert (cleaning["deep"], play["durationSeconds"], play["side"]) == (True, 1200, "A")
    assert play["stylusId"] is not None
    assert (await site.alice.get(f"{API}/plays/{play['id']}")).json() == play
    assert (await site.alice.get(f"{API}/cleanings/{cleaning['id']}")).json() == cleaning
    assert await counts(site) == [(plays + 1, cleanings + 1)]


async def test_the_same_request_gets_the_same_answer(site: Site) -> None:
    ((plays, cleanings),) = await counts(site)
    body = {"releaseId": str(await site.release_id())}
    first, again = [
        await site.alice.post(URL, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert await counts(site) == [(plays + 1, cleanings + 1)]


async def test_neither_is_logged_where_one_can_not_be(site: Site) -> None:
    before = await counts(site)
    release_id = str(await site.release_id())
    (hers,) = (await site.alice.get(f"{API}/styluses")).json()["items"]
    for body, field in (
        ({"releaseId": release_id, "stylusId": hers["id"]}, "stylusId"),
        ({"releaseId": release_id, "stylusId": str(NOWHERE)}, "stylusId"),
        ({"releaseId": str(NOWHERE)}, "releaseId"),
        ({"copyId": str(await site.copy_id("alice"))}, "copyId"),
    ):
        found = problem(await site.bob.post(URL, json=body), 404, "not-found")
        assert [error["field"] for error in found["errors"]] == [field]
    future = (datetime.now(UTC) + timedelta(days=1, minutes=1)).isoformat()
    for more, field in (
        ({"cleanedAt": future}, "cleanedAt"),
        ({"cleanedAt": "2020-01-01T00:00:00"}, "cleanedAt"),
        ({"minutes": 2881}, "minutes"),
        ({"minutes": 1, "durationSeconds": 1}, "minutes"),
        ({"side": "A\n"}, "side"),
        ({"notes": "a\0b"}, "notes"),
        ({"copyId": str(NOWHERE)}, "releaseId"),
    ):
        answer = await site.bob.post(URL, json={"releaseId": release_id, **more})
        field_problem(answer, field, "body")
    assert await counts(site) == before
