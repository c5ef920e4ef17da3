"""The shared catalogue."""

from __future__ import annotations

import httpx
from http_site import API, Site

from isolation_cases.case import Hers, case

RELEASE = {"title": "Bob's", "artists": [{"name": "Bob"}]}


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


@case("post", f"{API}/releases")
async def add_release(site: Site, hers: Hers) -> list[httpx.Response]:
    return [
        await site.bob.post(f"{API}/releases", json=RELEASE, headers={"Idempotency-Key": "alice's"})
    ]
