"""Plays, cleanings, styluses, and what is told from them."""

from __future__ import annotations

import httpx
from http_site import API, Site, problem

from isolation_cases.case import Hers, case

INSIGHT = {
    f"{API}/stats/plays": "",
    f"{API}/stats/calendar": "?year=2025",
    f"{API}/stats/top": "?by=release",
    f"{API}/stats/streaks": "",
    f"{API}/stats/heatmap": "",
    f"{API}/stats/years/{{year}}": "",
    f"{API}/stats/on-this-day": "",
    f"{API}/collection/stats": "",
    f"{API}/recommendations": "",
    f"{API}/recommendations/neglected": "",
    f"{API}/recommendations/cleaning": "",
}


async def insight(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = [
        await site.bob.get(path.replace("{year}", "2025") + query)
        for path, query in INSIGHT.items()
    ]
    assert [answer.status_code for answer in answers] == [200] * len(INSIGHT)
    # Bob has no plays, whatever Alice has.
    assert answers[0].json()["items"] == []
    return answers


for _path in INSIGHT:
    case("get", _path)(insight)


@case("get", f"{API}/plays")
@case("post", f"{API}/plays")
@case("get", f"{API}/cleanings")
@case("post", f"{API}/cleanings")
@case("post", f"{API}/log")
async def listening(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = []
    for noun in ("plays", "cleanings", "log"):
        url = f"{API}/{noun}"
        foreign = await site.bob.post(url, json={"copyId": str(hers.copy)})
        assert problem(foreign, 404)["errors"][0]["field"] == "copyId"
        answers.append(foreign)
        if noun != "cleanings":
            body = {"releaseId": str(hers.release), "stylusId": str(hers.stylus)}
            foreign = await site.bob.post(url, json=body)
            assert problem(foreign, 404)["errors"][0]["field"] == "stylusId"
            answers.append(foreign)
        made = await site.bob.post(
            url, json={"releaseId": str(hers.release)}, headers={"Idempotency-Key": f"her {noun}"}
        )
        assert made.status_code == 201
        answers.append(made)
        if noun == "log":
            continue
        plain = await site.bob.get(url, params={"total": "true"})
        assert plain.json()["total"] == len(plain.json()["items"]) == 1
        for name, value in (("copyId", hers.copy), ("stylusId", hers.stylus)):
            if noun == "plays" or name == "copyId":
                empty = await site.bob.get(url, params={name: str(value), "total": "true"})
                assert empty.json() == {"items": [], "next": None, "total": 0}
        cursor = (await site.alice.get(url, params={"limit": 1})).json()["next"]
        answers += [plain, await site.bob.get(url, params={"cursor": cursor})]
    return answers


@case("get", f"{API}/plays/{{play_id}}")
@case("patch", f"{API}/plays/{{play_id}}")
@case("delete", f"{API}/plays/{{play_id}}")
@case("get", f"{API}/cleanings/{{cleaning_id}}")
@case("patch", f"{API}/cleanings/{{cleaning_id}}")
@case("delete", f"{API}/cleanings/{{cleaning_id}}")
@case("get", f"{API}/styluses/{{stylus_id}}")
@case("patch", f"{API}/styluses/{{stylus_id}}")
@case("delete", f"{API}/styluses/{{stylus_id}}")
async def one_of_hers(site: Site, hers: Hers) -> list[httpx.Response]:
    answers = []
    for url, change in (
        (f"{API}/plays/{hers.play}", {"notes": "bob was here"}),
        (f"{API}/cleanings/{hers.cleaning}", {"notes": "bob was here"}),
        (f"{API}/styluses/{hers.stylus}", {"name": "bob was here", "primary": True}),
    ):
        tag = (await site.alice.get(url)).headers["etag"]
        answers += [
            await site.bob.get(url),
            await site.bob.patch(url, json=change),
            await site.bob.patch(url, json=change, headers={"If-Match": tag}),
            await site.bob.patch(url, json=change, headers={"If-Match": '"1"'}),
            await site.bob.delete(url),
        ]
    for answer in answers:
        problem(answer, 404, "not-found")
    return answers


@case("get", f"{API}/styluses")
@case("post", f"{API}/styluses")
@case("get", f"{API}/styluses/models")
async def styluses(site: Site, hers: Hers) -> list[httpx.Response]:
    url = f"{API}/styluses"
    made = await site.bob.post(url, json={"name": "Bob's", "primary": True})
    assert made.status_code == 201
    mine = await site.bob.get(url)
    assert [item["name"] for item in mine.json()["items"]] == ["Bob's"]
    return [made, mine, await site.bob.get(f"{url}/models")]
