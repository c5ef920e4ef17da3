"""The shelf's page: to its end without gap or repeat, its marks, and copies changed on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_site import ALICES_FOLDER, NOWHERE, Site
from page_client import HTMX, Browser, Page, as_browser, inline

pytestmark = pytest.mark.anyio


def copies(page: Page) -> list[str]:
    return [str(value).removeprefix("copy-") for value in page.find("//li[@id]/@id")]


@pytest.mark.parametrize(
    "query", ["", "sort=artist", "sort=-plays&view=list", "sort=title&minRating=1"]
)
@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
async def test_to_the_end_without_gap_or_repeat(
    reading: Site, reader: Browser, query: str, htmx: bool
) -> None:
    seen, path, pages = [], f"/shelf?{query}", 0
    while path:
        page = await reader.get(path, **(HTMX if htmx and pages else {}))
        assert ("<html" in page.text) == (not htmx or not pages)
        seen += copies(page)
        path = next(iter(page.find("//a[@rel='next']/@href")), "")
        pages += 1
    api: list[str] = []
    cursor = ""
    query = query.replace("&view=list", "")
    while cursor is not None:
        answer = await reading.alice.get(f"/api/v1/collection?{query}&limit=200{cursor}")
        body = answer.json()
        api += [item["id"] for item in body["items"]]
        cursor = None if body["next"] is None else f"&cursor={body['next']}"
    assert seen == api
    assert len(seen) == len(set(seen)) > 0


async def test_marks_go_by_the_preferences(site: Site, alice: Browser) -> None:
    """A release played yesterday, four times since its cleaning, and one of which nobody knows."""
    copy_id, other = [
        row[0]
        for row in await site.rows(
            "SELECT DISTINCT ON (c.release_id) c.id FROM user_releases AS c JOIN users AS u"
            " ON u.id = c.user_id WHERE u.username = 'alice' ORDER BY c.release_id DESC LIMIT 2"
        )
    ]
    await site.rows("UPDATE user_releases SET added_at = now() - interval '400 days'")
    await alice.post("/log", log=f"clean:copy:{copy_id}", when="2026-01-01T10:00")
    for _ in range(4):
        await alice.post("/log", log=f"play:copy:{copy_id}")

    async def marks(of: Any) -> dict[str, Any]:
        answer = await site.alice.get("/api/v1/collection?listening=true&limit=200")
        (item,) = [item for item in answer.json()["items"] if item["id"] == str(of)]
        names = ("plays", "cleanliness", "needsCleaning", "neglected", "recentlyPlayed")
        return {name: item[name] for name in names}

    # 4 plays of 5 since the cleaning.
    found = await marks(copy_id)
    assert found["plays"] == 4
    assert found["cleanliness"] == pytest.approx(4 / 5.01 * 100)
    assert (found["needsCleaning"], found["neglected"], found["recentlyPlayed"]) == (
        True,
        False,
        True,
    )
    assert await marks(other) == {
        "plays": 0, "cleanliness": 100, "needsCleaning": True, "neglected": True,
        "recentlyPlayed": False,
    }  # fmt: skip
    page = await alice.get("/shelf")
    assert "just now" in page.words(f"//li[@id='copy-{copy_id}']")
    assert "Dusty" in page.words(f"//li[@id='copy-{copy_id}']")
    assert "Never played" in page.words(f"//li[@id='copy-{other}']")
    changes = {"cleaningFrequencyPlays": 50, "neglectedDays": 500}
    await site.alice.patch("/api/v1/me/preferences", json=changes)
    assert not (await marks(copy_id))["needsCleaning"]
    assert not (await marks(other))["neglected"]


async def test_without_being_asked_nothing_is_told_of_listening(reading: Site) -> None:
    for path in ("", "?sort=added", "?sort=artist", "?sort=-artist"):
        (item, *_) = (await reading.alice.get(f"/api/v1/collection{path}")).json()["items"]
        assert not {"plays", "lastPlayedAt", "cleanliness", "neglected"} & set(item)


async def test_marks_are_the_same_in_every_order(reading: Site) -> None:
    told = []
    for sort in ("-added", "added", "title", "-title"):
        url = f"/api/v1/collection?listening=true&limit=200&sort={sort}"
        items = (await reading.alice.get(url)).json()["items"]
        told.append({item["id"]: item for item in items})
    assert told[0] == told[1] == told[2] == told[3]
    assert any(item["plays"] for item in told[0].values())


async def test_the_best_match_comes_first(reading: Site, reader: Browser) -> None:
    page = await reader.get("/shelf?q=the%20beatels")
    assert page.find("//li[@id]//*[@class='tile-title']")[0].text == "Abbey Road"
    assert orders(page) == ("Best match", "")
    answer = await reading.alice.get("/api/v1/collection?q=title&sort=-match&limit=30")
    first = answer.json()
    rest = await reading.alice.get(
        f"/api/v1/collection?q=title&sort=-match&limit=30&cursor={first['next']}"
    )
    ids = [item["id"] for item in first["items"] + rest.json()["items"]]
    assert len(ids) == len(set(ids)) > 30


def orders(page: Page) -> tuple[str, str]:
    """Return the order that a page shows, and what its form sends for it."""
    (chosen,) = page.find("//select[@name='sort']/option[@selected]")
    return chosen.text, chosen.get("value")


async def test_the_order_goes_with_the_search(reader: Browser) -> None:
    """Nobody has to choose an order; who does, keeps it."""
    page = await reader.get("/shelf")
    assert orders(page) == ("Latest added", "")
    assert "Best match" not in page.words("//select[@name='sort']")
    # As the form is sent without scripts, and then with an emptied field.
    page = await reader.get("/shelf?q=the+beatels&sort=")
    assert orders(page) == ("Best match", "")
    assert page.find("//li[@id]//*[@class='tile-title']")[0].text == "Abbey Road"
    assert orders(await reader.get("/shelf?q=&sort=")) == ("Latest added", "")
    assert orders(await reader.get("/shelf?q=title&sort=-added")) == ("Latest added", "-added")
    assert orders(await reader.get("/shelf?sort=-artist")) == ("-artist", "-artist")
    # To scripts that search, the order comes with what was found.
    part = await reader.get("/shelf?q=the+beatels", **HTMX)
    assert part.find("//label[@id='order']/@hx-swap-oob") == ["true"]
    assert orders(part) == ("Best match", "")


async def test_the_best_match_of_nothing_is_no_order(reader: Browser) -> None:
    for address in ("/shelf?sort=-match", "/shelf?sort=match&view=list"):
        page = await reader.get(address)
        assert orders(page) == ("Latest added", "")
        assert not [link for link in page.find("//@href") if "match" in link]


async def test_folders_and_filters_keep_the_rest_of_the_address(reader: Browser) -> None:
    page = await reader.get("/shelf?panel=filters&sort=artist&view=list&genre=Rock&q=road")
    folder = page.find(f'//a[contains(., "{ALICES_FOLDER}")]/@href')[0]
    for part in ("sort=artist", "view=list", "genre=Rock", "q=road", "folderId="):
        assert part in folder
    assert "panel" not in folder
    kept = dict(
        zip(
            *[
                page.find(f"//form[@action='/shelf']/input[@type='hidden']/@{a}")
                for a in ("name", "value")
            ],
            strict=True,
        )
    )
    assert kept == {"sort": "artist", "view": "list", "q": "road"}
    assert page.find("//select[@name='genre']/option[@selected]")[0].text == "Rock"
    shown = await reader.get(folder)
    assert "in one folder" in shown.words("//p[@class='active']")


async def test_an_empty_shelf_and_an_empty_answer_differ(reading: Site) -> None:
    root = await as_browser(reading, "root")
    assert "An empty shelf" in (await root.get("/shelf")).words()
    assert "No copy passes" in (await root.get("/shelf?genre=Jazz")).words()
    assert "Your shelf is empty" in (await root.get("/log")).words()
    assert "Silence so far" in (await root.get("/plays")).words()


# --- a copy is changed ---------------------------------------------------------------------------


async def copy_form(browser: Browser, site: Site, action: str = "") -> tuple[str, dict[str, str]]:
    """Return the address of the first copy's form and what it holds."""
    copy_id = await site.copy_id("alice")
    release_id = await site.value("SELECT release_id FROM user_releases WHERE id = %s", copy_id)
    return copy_form_of(await browser.get(f"/records/{release_id}"), copy_id, action)


def copy_form_of(page: Page, copy_id: Any, action: str = "") -> tuple[str, dict[str, str]]:
    """Return the address of a copy's form on its record's page, and what it holds."""
    (form,) = page.find(f"//form[@action='/shelf/{copy_id}{action}']")
    given = {}
    for field in form.xpath(".//input[not(@type='radio') or @checked] | .//textarea"):
        given[field.get("name")] = field.get("value") or field.text or ""
    for field in form.xpath(".//select"):
        given[field.get("name")] = (field.xpath("./option[@selected]") or field.xpath("./option"))[
            0
        ].text
        value = (field.xpath("./option[@selected]/@value") or [None])[0]
        if value is not None:
            given[field.get("name")] = value
    return form.get("action"), given


async def row_of(site: Site) -> Any:
    row = "SELECT to_jsonb(c) FROM user_releases AS c WHERE id = %s"
    return json.loads(bytes(await site.value(row, await site.copy_id("alice"))))


async def test_a_form_that_is_sent_as_it_is_changes_nothing(site: Site, alice: Browser) -> None:
    row = "SELECT to_jsonb(c) - 'updated_at' FROM user_releases AS c WHERE id = %s"
    copy_id = await site.copy_id("alice")
    before = await site.value(row, copy_id)
    path, form = await copy_form(alice, site)
    form["mediaCondition"] = form["sleeveCondition"] = ""
    page = await alice.post(path, **form)
    assert page.answer.headers["location"].endswith(f"#copy-{copy_id}")
    assert await site.value(row, copy_id) == before


async def test_a_copy_is_edited_in_place(site: Site, alice: Browser) -> None:
    path, form = await copy_form(alice, site)
    own = await site.value("SELECT id FROM folders WHERE name = %s", ALICES_FOLDER)
    changes = {
        "rating": "5",
        "mediaCondition": "VG+",
        "sleeveCondition": "Generic",
        "notes": "mine",
        "folderId": str(own),
    }
    page = await alice.post(path, 200, htmx=True, **form | changes)
    row = await row_of(site)
    assert (row["rating"], row["media_condition"], row["sleeve_condition"]) == (5, "VG+", "Generic")
    assert (row["notes"], row["folder_id"]) == ("mine", str(own))
    # The next save is of the version that this one made.
    version = page.find("//input[starts-with(@id, 'edit-version')]/@value")[0]
    cleared = (
        form | changes | {"version": version, "notes": "", "mediaCondition": "", "rating": "0"}
    )
    await alice.post(path, 200, htmx=True, **cleared)
    row = await row_of(site)
    assert (row["rating"], row["media_condition"], row["notes"]) == (0, None, None)


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"rating": "6"}, 400, "Rating"),
        ({"mediaCondition": "Shiny"}, 400, "Media condition"),
        ({"folderId": str(NOWHERE)}, 404, "Folder id: There is no such folder"),
        ({"version": "2001-01-01T00:00:00Z"}, 412, "changed meanwhile"),
        ({"version": "soon"}, 400, "Version"),
    ],
)
async def test_what_a_copy_can_t_be(
    site: Site, alice: Browser, change: dict[str, str], status: int, words: str
) -> None:
    path, form = await copy_form(alice, site)
    form["mediaCondition"] = form["sleeveCondition"] = ""
    typed = form | {"notes": "a long story", "rating": "3"} | change
    page = await alice.post(path, status, **typed)
    assert words in page.words("//main//*[@role='alert']")
    # The record's page again, and in the form what was typed, of the version that is here now.
    shown_path, shown = copy_form_of(page, await site.copy_id("alice"))
    assert shown_path == path
    assert shown["notes"] == "a long story"
    assert shown["version"] == form["version"]
    if "rating" not in change:
        assert shown["rating"] == "3"
    note = await alice.post(path, status, htmx=True, **typed)
    if status != 412:
        assert note.answer.headers["hx-retarget"] == "#notes"
    else:
        await alice.post(path, **shown | {"mediaCondition": "", "sleeveCondition": ""})
        assert (await row_of(site))["notes"] == "a long story"


@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
async def test_what_was_changed_meanwhile_stands_beside_what_was_typed(
    site: Site, alice: Browser, htmx: bool
) -> None:
    path, form = await copy_form(alice, site)
    copy_id = await site.copy_id("alice")
    theirs = {"rating": 4, "mediaCondition": "VG+", "notes": "<b>theirs</b>"}
    await site.alice.patch(f"/api/v1/collection/{copy_id}", json=theirs)
    typed = form | {"rating": "2", "mediaCondition": "", "sleeveCondition": "NM", "notes": "mine"}
    page = await alice.post(path, 412, htmx=htmx, **typed)
    if htmx:
        assert page.answer.headers["hx-retarget"] == f"#copy-{copy_id}"
        assert page.answer.headers["hx-reswap"] == "outerHTML"
        assert "<html" not in page.text
    part = f"//*[@id='copy-{copy_id}']"
    now = page.find(f"{part}//*[starts-with(@class, 'here')]")
    assert [" ".join(told.text_content().split()) for told in now] == [
        "here now: 4",
        "here now: VG+",
        "here now: not said",
        "here now: <b>theirs</b>",
    ]
    assert inline(page) == []
    _, shown = copy_form_of(page, copy_id)
    names = ("rating", "sleeveCondition", "notes", "folderId")
    assert [shown[name] for name in names] == [typed[name] for name in names]
    assert (await row_of(site))["notes"] == "<b>theirs</b>"
    assert page.words(f"{part}//button") == "Save over it"
    # It saves on top, and once more it is as it was wanted, which is no conflict.
    for sent in (shown | {"mediaCondition": ""}, typed):
        await alice.post(path, 200 if htmx else 303, htmx=htmx, **sent)
        row = await row_of(site)
        assert (row["rating"], row["media_condition"], row["sleeve_condition"]) == (2, None, "NM")
        assert row["notes"] == "mine"


async def test_what_was_typed_stands_though_the_copy_was_archived(
    site: Site, alice: Browser
) -> None:
    path, form = await copy_form(alice, site)
    copy_id = await site.copy_id("alice")
    await site.alice.post(f"/api/v1/collection/{copy_id}/archive", json={"reason": "sold"})
    form |= {"mediaCondition": "", "sleeveCondition": "", "notes": "a long story"}
    page = await alice.post(path, 412, htmx=True, **form)
    assert "changed meanwhile, and archived" in page.words("//*[@role='alert']")
    _, shown = copy_form_of(page, copy_id)
    assert shown["notes"] == "a long story"
    await alice.post(path, 200, htmx=True, **form | {"version": shown["version"]})
    assert (await row_of(site))["notes"] == "a long story"


async def test_a_copy_is_archived_and_comes_back(site: Site, alice: Browser) -> None:
    path, form = await copy_form(alice, site, "/archive")
    assert "removed at Discogs" not in form["reason"]
    answer = await alice.post(path, **form | {"reason": "sold"})
    page = await alice.get(answer.answer.headers["location"].partition("#")[0])
    assert "Archived" in page.words()
    copy_id = await site.copy_id("alice")
    assert str(copy_id) not in copies(await alice.get("/shelf"))
    assert str(copy_id) in copies(await alice.get("/shelf?archived=true"))
    # Sent twice it is answered alike; archived for another reason, it was changed meanwhile.
    again = await alice.post(path, **form | {"reason": "sold"})
    assert again.answer.headers["location"] == answer.answer.headers["location"]
    for htmx in (True, False):
        page = await alice.post(path, 412, htmx=htmx, **form | {"reason": "lost"})
        assert "changed meanwhile. Below is how it is now." in page.words("//p[@class='problem']")
    assert (await row_of(site))["archive_reason"] == "sold"
    path, form = copy_form_of(page, copy_id, "/restore")
    await alice.post(path, **form)
    await alice.post(path, **form)
    assert await site.value("SELECT archived_at FROM user_releases WHERE id = %s", copy_id) is None


async def test_nobody_changes_another_s_copy(site: Site, alice: Browser) -> None:
    bobs = await site.copy_id("bob")
    version = await site.value("SELECT updated_at FROM user_releases WHERE id = %s", bobs)
    form = {"version": version.isoformat(), "reason": "sold", "rating": "1"}
    for path in (f"/shelf/{bobs}", f"/shelf/{bobs}/archive", f"/shelf/{bobs}/restore"):
        await alice.post(path, 404, **form)
    after = await site.value("SELECT updated_at FROM user_releases WHERE id = %s", bobs)
    assert after == version


async def test_a_record_is_put_on_the_shelf_twice(site: Site, alice: Browser) -> None:
    release_id = await site.value(
        "SELECT r.id FROM releases AS r WHERE r.discogs_id > 1000000 AND NOT EXISTS"
        " (SELECT FROM user_releases AS c WHERE c.release_id = r.id) ORDER BY r.id LIMIT 1"
    )
    page = await alice.get(f"/records/{release_id}")
    assert "Not on your shelf" in page.words()
    for number in (1, 2):
        form = page.fields("//form[@action='/shelf']")
        answer = await alice.post("/shelf", **form)
        # A second tap on the same form is the same wish.
        again = await alice.post("/shelf", **form)
        assert again.answer.headers["location"] == answer.answer.headers["location"]
        page = await alice.get(answer.answer.headers["location"].partition("#")[0])
        assert ("1 copy", "2 copies")[number - 1] in page.words()
    await alice.post("/shelf", 404, releaseId=str(NOWHERE))
