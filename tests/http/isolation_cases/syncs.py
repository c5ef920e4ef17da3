"""Syncs with Discogs: Bob sees, begins and stops his own alone."""

from __future__ import annotations

import httpx
from http_site import API, NOWHERE, Site, problem

from isolation_cases.case import Hers, case


@case("get", f"{API}/sync")
@case("post", f"{API}/sync/discogs")
@case("get", f"{API}/sync/{{run_id}}")
@case("post", f"{API}/sync/{{run_id}}/cancel")
async def syncs(site: Site, hers: Hers) -> list[httpx.Response]:
    (hers_run,) = (
        await site.rows(
            "INSERT INTO sync_runs (user_id, dry_run, with_details, created_at, updated_at)"
            " VALUES (%s, false, false, now(), now()) RETURNING id",
            hers.user,
        )
    )[0]
    await site.rows(
        "INSERT INTO sync_jobs (run_id, user_id, owner, created_at, alive_at)"
        " VALUES (%s, %s, %s, now(), now())",
        hers_run,
        hers.user,
        NOWHERE,
    )
    answers = [
        await site.bob.get(f"{API}/sync/{hers_run}"),
        await site.bob.post(f"{API}/sync/{hers_run}/cancel"),
    ]
    for answer in answers:
        problem(answer, 404, "not-found")
    # Her token is not his, and her run does not keep him from one.
    refused = await site.bob.post(f"{API}/sync/discogs", json={})
    problem(refused, 409, "discogs-token-missing")
    listed = await site.bob.get(f"{API}/sync")
    assert listed.json()["items"] == []
    assert await site.value("SELECT cancel_requested FROM sync_jobs") is False
    return [*answers, refused, listed]
