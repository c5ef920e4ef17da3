"""Exports and erasure: Bob takes out and erases his own, and nothing that is Alice's."""

from __future__ import annotations

import httpx
from http_site import API, Site, problem

from isolation_cases.case import Hers, case


@case("get", f"{API}/export/collection")
@case("get", f"{API}/export/plays")
@case("get", f"{API}/export/cleanings")
@case("get", f"{API}/export/all")
async def exports(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = [
        await site.bob.get(f"{API}/export/{noun}", params={"format": form})
        for noun in ("collection", "plays", "cleanings")
        for form in ("csv", "json", "ndjson")
    ]
    answers.append(await site.bob.get(f"{API}/export/all"))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert [len(answer.json()["items"]) for answer in answers[1:9:3]] == [2, 0, 0]
    return answers


@case("delete", f"{API}/plays")
@case("delete", f"{API}/me")
async def erasure(site: Site, hers: Hers) -> list[httpx.Response]:
    for username in ("alice", "Bob", ""):
        refused = await site.bob.delete(f"{API}/me", params={"username": username})
        problem(refused, 400, "invalid-request")
    far = {"before": "2100-01-01T00:00:00Z"}
    plays = await site.bob.delete(f"{API}/plays", params=far)
    assert plays.json() == {"plays": 0, "dryRun": False}
    gone = await site.bob.delete(f"{API}/me", params={"username": "bob"})
    assert gone.status_code == 204
    return [refused, plays, gone]
