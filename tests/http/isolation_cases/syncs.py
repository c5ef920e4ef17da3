"""Syncs with Discogs: Bob sees, begins and stops his own alone."""

from __future__ import annotations

import httpx
from http_site import API, Site, problem

from isolation_cases.case import Hers, case


@case("get", f"{API}/sync")
@case("post", f"{API}/sync/discogs")
@case("get", f"{API}/sync/{{run_id}}")
@case("post", f"{API}/sync/{{run_id}}/cancel")
async def syncs(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = [
        await site.bob.get(f"{API}/sync/{hers.sync}"),
        await site.bob.post(f"{API}/sync/{hers.sync}/cancel"),
    ]
    for answer in answers:
        problem(answer, 404, "not-found")
    # Her token is not his, and her run does not keep him from one.
    refused = await site.bob.post(f"{API}/sync/discogs", json={})
    problem(refused, 409, "discogs-token-missing")
    listed = await site.bob.get(f"{API}/sync")
    assert listed.json()["items"] == []
    return [*answers, refused, listed]
