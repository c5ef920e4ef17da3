"""Imports: Bob's files become Bob's, and nothing of Alice's runs is his to see or to apply."""

from __future__ import annotations

import httpx
from http_site import ALICES_NOTE, API, Site, problem

from isolation_cases.case import Hers, case

LINES = f"""release_id,Artist,Title,CollectionFolder,Collection Notes
1,The Persuader,Stockholm,alice's own folder,{ALICES_NOTE}
900001,Nobody,Nothing,,
"""


async def started(site: Site, client: httpx.AsyncClient, text: str, **choices: str) -> str:
    """Import a CSV and return the run's address when it has ended."""
    answer = await client.post(
        f"{API}/imports", content=text.encode(), params=choices,
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    await site.app.state.import_tasks.wait()
    return str(answer.headers["location"])


@case("post", f"{API}/imports")
@case("get", f"{API}/imports")
async def own_imports(site: Site, hers: Hers) -> list[httpx.Response]:
    text = LINES.replace(ALICES_NOTE, "bob's").replace("alice's own folder", "bob's folder")
    place = await started(site, site.bob, text)
    mine = await site.bob.get(place)
    assert mine.json()["counts"]["copy"] == {"changed": 1, "new": 1}
    listed = await site.bob.get(f"{API}/imports")
    assert [run["id"] for run in listed.json()["items"]] == [mine.json()["id"]]
    return [mine, listed]


@case("get", f"{API}/imports/{{run_id}}")
@case("delete", f"{API}/imports/{{run_id}}")
@case("get", f"{API}/imports/{{run_id}}/rows")
@case("get", f"{API}/imports/{{run_id}}/report")
@case("post", f"{API}/imports/{{run_id}}/apply")
async def one_of_her_imports(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/imports/{hers.run}"
    answers = [
        await site.bob.get(url),
        await site.bob.get(f"{url}/rows"),
        await site.bob.get(f"{url}/rows", params={"verdict": "new"}),
        await site.bob.get(f"{url}/report"),
        await site.bob.post(f"{url}/apply"),
        await site.bob.delete(url),
    ]
    await site.app.state.import_tasks.wait()
    for answer in answers:
        problem(answer, 404, "not-found")
    return answers
