"""Logging from the page: found with a typo, logged in one tap, taken back, at another time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from http_site import ALICES_CLEANINGS, ALICES_PLAYS, ALICES_STYLUS, NOWHERE, Site
from page_client import HTMX, Browser, as_browser

pytestmark = pytest.mark.anyio


async def newest(site: Site, table: str) -> Any:
    """Return the row that was written last, as an object."""
    row = await site.value(f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY created_at DESC LIMIT 1")
    return json.loads(bytes(row))


async def counts(site: Site) -> tuple[int, int]:
    plays = await site.value("SELECT count(*) FROM play_history")
    cleanings = await site.value("SELECT count(*) FROM cleaning_history")
    return plays - ALICES_PLAYS, cleanings - ALICES_CLEANINGS


async def test_a_typo_finds_the_own_shelf_first(reader: Browser) -> None:
    page = await reader.get("/log?q=stokholm%20persuder", **HTMX)
    assert "<html" not in page.text
    titles = [title.text for title in page.find("//*[@class='line-title']")]
    assert titles[0] == "Stockholm"
    headings = [heading.text for heading in page.find("//h2")]
    assert headings[0] == "On your shelf"
    buttons = page.find("//li[1]//button/@value")
    assert [value.partition(":")[0] for value in buttons] == ["play", "clean", "both"]
    assert all(":copy:" in value for value in buttons)


async def test_what_is_not_on_the_shelf_is_found_elsewhere(site: Site, alice: Browser) -> None:
    release_id = await site.value(
        "SELECT r.id FROM releases AS r WHERE r.discogs_id > 1000000 AND NOT EXISTS"
        " (SELECT FROM user_releases AS c WHERE c.release_id = r.id) ORDER BY r.id LIMIT 1"
    )
    title = await site.value("SELECT title FROM releases WHERE id = %s", release_id)
    page = await alice.get("/log", 200)
    answer = await alice.client.get("/log", params={"q": title}, headers=HTMX)
    assert f"play:release:{release_id}" in answer.text
    assert "n the catalogue" in answer.text
    assert page.find("//section[@id='found']//h2")[0].text == "What to play now"


async def test_nothing_is_found_and_said(reader: Browser) -> None:
    page = await reader.get("/log?q=qqqqqqqzzzz")
    assert "Nothing sounds like “qqqqqqqzzzz”" in page.words()


@pytest.mark.parametrize(
    ("deed", "expected"), [("play", (1, 0)), ("clean", (0, 1)), ("both", (1, 1))]
)
@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
async def test_a_tap_logs_and_another_takes_it_back(
    site: Site, alice: Browser, deed: str, expected: tuple[int, int], htmx: bool
) -> None:
    copy_id = await site.copy_id("alice")
    page = await alice.post("/log", 200 if htmx else 303, htmx=htmx, log=f"{deed}:copy:{copy_id}")
    assert await counts(site) == expected
    if htmx:
        assert page.answer.headers["hx-trigger"] == "logged"
    else:
        page = await alice.get(page.answer.headers["location"])
    note = "//*[@class='note']//form"
    given = page.fields(note)
    assert set(given) == {"csrf", "key"} | {
        name for name, count in zip(("play", "cleaning"), expected, strict=True) if count
    }
    written = await rows(site)
    status = 200 if htmx else 303
    removed = await alice.post("/log/undo", status, htmx=htmx, **given)
    assert await counts(site) == (0, 0)
    # Sent again it is done once, and answered alike; as another form it has nothing to remove.
    again = await alice.post("/log/undo", status, htmx=htmx, **given)
    if not htmx:
        assert again.answer.headers["location"] == removed.answer.headers["location"]
        removed = await alice.get(removed.answer.headers["location"])
    await alice.post("/log/undo", 404, htmx=htmx, **given | {"key": "another-form-of-a-page"})
    says = {"play": "the play", "clean": "the cleaning", "both": "the cleaning and the play"}
    assert f"Removed {says[deed]} of" in removed.words("//*[@class='note']")
    # And a last tap brings back all of it, whoever has noted its id.
    back = removed.fields(note)
    await alice.post("/log/put-back", status, htmx=htmx, **back)
    assert await rows(site) == written
    await alice.post("/log/put-back", status, htmx=htmx, **back)
    assert await rows(site) == written


async def rows(site: Site) -> list[Any]:
    """Return all plays and cleanings, without when they were written down."""
    found = await site.rows(
        "SELECT to_jsonb(p) - 'updated_at' FROM play_history AS p"
        " UNION ALL SELECT to_jsonb(c) - 'updated_at' FROM cleaning_history AS c"
    )
    return sorted(bytes(row) for (row,) in found)


async def test_the_primary_stylus_is_the_preset(site: Site, alice: Browser) -> None:
    page = await alice.get("/log")
    chosen = page.find("//select[@name='stylus']/option[@selected]")
    assert [option.text for option in chosen] == [f"{ALICES_STYLUS} (primary)"]
    copy_id = await site.copy_id("alice")
    stylus_id = await site.value("SELECT id FROM styluses WHERE name = %s", ALICES_STYLUS)
    for given, expected in (
        (None, str(stylus_id)),
        ("none", None),
        (str(stylus_id), str(stylus_id)),
    ):
        form = {"log": f"play:copy:{copy_id}"} | ({} if given is None else {"stylus": given})
        await alice.post("/log", **form)
        assert (await newest(site, "play_history"))["stylus_id"] == expected


async def test_an_earlier_evening(site: Site, alice: Browser) -> None:
    """The time is of the user's zone, which is not the server's."""
    await site.alice.patch("/api/v1/me/preferences", json={"timeZone": "America/New_York"})
    await alice.post(
        "/log",
        log=f"both:copy:{await site.copy_id('alice')}",
        when="2026-03-08T21:30",
        side="B",
        minutes="17.5",
        deep="true",
        notes="the quiet side",
    )
    play, cleaning = await newest(site, "play_history"), await newest(site, "cleaning_history")
    assert play["played_at"].startswith("2026-03-09T01:30:01")
    assert cleaning["cleaned_at"].startswith("2026-03-09T01:30:00")
    assert (play["side"], play["duration_seconds"], play["duration_estimated"]) == (
        "B",
        1050,
        False,
    )
    assert cleaning["deep"]
    assert play["notes"] == cleaning["notes"] == "the quiet side"
    page = await alice.get("/plays")
    assert "21:30 · side B · 18 min · the quiet side" in page.words()


@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
@pytest.mark.parametrize("place", ["/log", "/shelf", "/records/{release}"])
async def test_a_form_that_is_sent_again_is_logged_once(
    site: Site, alice: Browser, htmx: bool, place: str
) -> None:
    copy_id, status = await site.copy_id("alice"), 200 if htmx else 303
    release_id = await site.value("SELECT release_id FROM user_releases WHERE id = %s", copy_id)
    page = await alice.get(place.format(release=release_id))
    form = page.fields("//form[@id='log']") | {"log": f"both:copy:{copy_id}"}
    first = await alice.post("/log", status, htmx=htmx, **form)
    again = await alice.post("/log", status, htmx=htmx, **form)
    assert await counts(site) == (1, 1)
    if htmx:
        notes = [sent.find("//*[@class='note']//input/@value") for sent in (first, again)]
        assert notes[0][2:] == notes[1][2:]  # after the page's token and the note's own key
        assert again.answer.headers["hx-trigger"] == "logged"
    else:
        assert again.answer.headers["location"] == first.answer.headers["location"]
    # The same form with something else in it, and the form that the answer brings, are other logs.
    await alice.post("/log", status, htmx=htmx, **form | {"log": f"play:copy:{copy_id}"})
    assert await counts(site) == (2, 1)
    if htmx:
        (key,) = first.find("//input[@id='log-key'][@hx-swap-oob='true']/@value")
    else:
        drawn = await alice.get(first.answer.headers["location"])
        key = drawn.fields("//form[@id='log']")["key"]
    assert key != form["key"]
    await alice.post("/log", status, htmx=htmx, **form | {"key": key})
    assert await counts(site) == (3, 2)


async def test_forms_at_once_are_logged_once(site: Site, alice: Browser) -> None:
    form = (await alice.get("/log")).fields("//form[@id='log']")
    form["log"] = f"both:copy:{await site.copy_id('alice')}"
    sent = await asyncio.gather(*(alice.post("/log", **form) for _ in range(5)))
    assert len({page.answer.headers["location"] for page in sent}) == 1
    assert await counts(site) == (1, 1)


@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
async def test_an_old_form_that_is_sent_again_says_when_it_was_logged(
    site: Site, alice: Browser, htmx: bool
) -> None:
    """A page that was gone back to: who means another play must not take it for logged."""
    form = (await alice.get("/log")).fields("//form[@id='log']")
    form["log"] = f"play:copy:{await site.copy_id('alice')}"
    await alice.post("/log", **form)
    await site.rows(
        "UPDATE idempotency_keys SET response = convert_to(jsonb_set("
        " convert_from(response, 'UTF8')::jsonb, '{written_at}',"
        " to_jsonb(now() - interval '3 days'))::text, 'UTF8') RETURNING 1"
    )
    page = await alice.post("/log", 200 if htmx else 303, htmx=htmx, **form)
    if not htmx:
        page = await alice.get(page.answer.headers["location"])
    says = page.words("//*[@class='note']/p")
    assert says.endswith("Tap once more for another one.")
    assert ("3 days ago" in says) is htmx
    assert await counts(site) == (1, 0)


@pytest.mark.parametrize("key", ["short", "x" * 65, "with spaces in it all", "a/../../../../etc"])
async def test_a_key_that_no_page_has_made(reading: Site, reader: Browser, key: str) -> None:
    copy_id = await reading.copy_id("alice")
    page = await reader.post("/log", 400, log=f"play:copy:{copy_id}", key=key)
    assert "Key: not from a page" in page.words()
    assert await counts(reading) == (0, 0)


async def test_a_key_is_its_user_s_alone(site: Site, alice: Browser) -> None:
    bob = await as_browser(site, "bob")
    form = (await alice.get("/log")).fields("//form[@id='log']")
    form["log"] = f"play:release:{await site.release_id(1)}"
    await alice.post("/log", **form)
    await bob.post("/log", **form | {"csrf": bob.csrf})
    assert await counts(site) == (2, 0)
    # Nor does anybody see, or bring back, what another has removed.
    undo = (await alice.get("/plays")).fields("//form[@id='undo']")
    play = await site.value(
        "SELECT id FROM play_history WHERE user_id = %s ORDER BY created_at DESC LIMIT 1",
        await site.user_id("alice"),
    )
    answer = await alice.post("/log/undo", **undo | {"play": str(play)})
    address = answer.answer.headers["location"]
    assert "Removed the play" in (await alice.get(address)).text
    assert "Removed the play" not in (await bob.get(address)).text
    removed = address.partition("removed=")[2]
    await bob.post("/log/put-back", 404, removed=removed)
    assert await counts(site) == (1, 0)


async def test_what_went_with_a_removed_play_meanwhile_stays_away(
    site: Site, alice: Browser
) -> None:
    """The play comes back without the copy and the stylus that are no more."""
    copy_id = await site.copy_id("alice")
    await alice.post("/log", log=f"both:copy:{copy_id}", notes="once")
    play, cleaning = await newest(site, "play_history"), await newest(site, "cleaning_history")
    assert (play["user_release_id"], play["stylus_id"]) != (None, None)
    ids = {"play": play["id"], "cleaning": cleaning["id"]}
    page = await alice.post("/log/undo", 200, htmx=True, **ids)
    await site.alice.delete(f"/api/v1/collection/{copy_id}")
    await site.alice.delete(f"/api/v1/styluses/{play['stylus_id']}")
    await alice.post("/log/put-back", 200, htmx=True, **page.fields("//form"))
    again = await newest(site, "play_history")
    gone = {"user_release_id": None, "stylus_id": None}
    assert again | {"updated_at": 0} == play | gone | {"updated_at": 0}
    again = await newest(site, "cleaning_history")
    gone = {"user_release_id": None}
    assert again | {"updated_at": 0} == cleaning | gone | {"updated_at": 0}


async def test_what_was_removed_too_long_ago(site: Site, alice: Browser) -> None:
    await alice.post("/log", log=f"play:copy:{await site.copy_id('alice')}")
    play = (await newest(site, "play_history"))["id"]
    page = await alice.post("/log/undo", 200, htmx=True, play=play)
    await site.rows("DELETE FROM idempotency_keys RETURNING 1")
    form = page.fields("//form")
    note = await alice.post("/log/put-back", 404, htmx=True, **form)
    assert "It was removed too long ago" in note.text
    assert "Removed" not in (await alice.get(f"/plays?removed={form['removed']}")).text
    # Nor is another answer that was kept a removal.
    await site.rows(
        "INSERT INTO idempotency_keys SELECT id, %s, '', 201, '[1]', now() FROM users RETURNING 1",
        form["removed"],
    )
    await alice.post("/log/put-back", 404, **form)
    assert await counts(site) == (0, 0)


async def test_what_is_found_is_logged_with_the_same_options(reader: Browser) -> None:
    """Also where one comes by link or without scripts."""
    found, home = await reader.get("/log?q=road"), await reader.get("/log")
    fields = "//form[@id='log']//*[self::input or self::select][not(@type='hidden')]/@name"
    assert found.find(fields) == home.find(fields)
    assert {"when", "stylus", "side", "notes"} < set(found.find(fields))
    assert ALICES_STYLUS in found.words("//form[@id='log']//summary")
    # The browser does not keep from today what was allowed yesterday; the server looks.
    assert found.find("//input[@name='when']/@max") == []
    assert found.find("//input[@type='search']/@hx-replace-url") == ["true"]


@pytest.mark.parametrize("what", ["play", "cleaning"])
async def test_one_of_many_is_removed_where_it_stands(
    site: Site, alice: Browser, what: str
) -> None:
    release_id = await site.value(
        "SELECT release_id FROM user_releases WHERE id = %s", await site.copy_id("alice")
    )
    await alice.post("/log", log=f"both:release:{release_id}")
    places = [f"/records/{release_id}"] + ["/plays"] * (what == "play")
    for number, place in enumerate(places):
        if number:
            await alice.post("/log", log=f"play:release:{release_id}")
        page = await alice.get(place)
        button = page.find(f"//button[@form='undo'][@name='{what}']")[0]
        form = page.fields("//form[@id='undo']")
        answer = await alice.post("/log/undo", **form | {what: button.get("value")})
        address, _, anchor = answer.answer.headers["location"].partition("#")
        assert address.startswith(f"{place}?removed={form['key']}.")
        assert anchor == ("listening" if "records" in place else "")
        page = await alice.get(address)
        assert f"Removed the {what} of" in page.words("//*[@id='notes']")
        assert button.get("value") not in page.text
        # And comes back where it stood.
        answer = await alice.post("/log/put-back", **page.fields("//*[@id='notes']//form"))
        address, _, anchor = answer.answer.headers["location"].partition("#")
        assert address == f"{place}?restored=true"
        page = await alice.get(address)
        assert "It is back" in page.words("//*[@id='notes']")
        assert button.get("value") in page.text
        # With scripts it goes from the list that is open.
        assert button.get("hx-post") == "/log/undo"
        assert button.get("hx-target") == "#notes"
    # A place elsewhere is none, and one page of many is gone back to.
    await alice.post("/log", log=f"play:release:{release_id}")
    play = (await newest(site, "play_history"))["id"]
    answer = await alice.post("/log/undo", play=play, back="//evil.example/plays")
    address = answer.answer.headers["location"]
    assert address.startswith("/log?removed=")
    assert "Removed the play" in (await alice.get(address)).words("//*[@id='notes']")


async def test_a_log_is_seen_on_the_open_record(site: Site, alice: Browser) -> None:
    release_id = await site.value(
        "SELECT release_id FROM user_releases WHERE id = %s", await site.copy_id("alice")
    )
    page = await alice.get(f"/records/{release_id}")
    (section,) = page.find("//section[@id='listening']")
    assert section.get("hx-trigger") == "logged from:body"
    before = int(section.xpath(".//dd")[0].text)
    await alice.post("/log", 200, htmx=True, log=f"play:release:{release_id}")
    part = await alice.get(section.get("hx-get"), **HTMX)
    assert "<html" not in part.text
    assert int(part.find("//section[@id='listening']//dd")[0].text) == before + 1


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"log": "play:copy:nonsense"}, 400, "Log: not a record"),
        ({"log": "burn:copy:{copy}"}, 400, "Log: neither a play nor a cleaning"),
        ({"log": "play:folder:{copy}"}, 400, "Log: neither a play nor a cleaning"),
        ({}, 400, "Log: needed"),
        ({"log": f"play:copy:{NOWHERE}"}, 404, "Copy id: There is no such copy"),
        ({"log": f"both:release:{NOWHERE}"}, 404, "Release id: There is no such release"),
        ({"log": "play:copy:{copy}", "stylus": str(NOWHERE)}, 404, "Stylus id"),
        ({"log": "play:copy:{copy}", "stylus": "x"}, 400, "Stylus"),
        ({"log": "play:copy:{copy}", "side": "9"}, 400, "Side"),
        ({"log": "play:copy:{copy}", "minutes": "-1"}, 400, "Minutes"),
        ({"log": "both:copy:{copy}", "when": "yesterday"}, 400, "When: not a date and time"),
        ({"log": "both:copy:{copy}", "when": "1800-01-01T00:00"}, 400, "When: before 1877"),
        ({"log": "both:copy:{copy}", "when": "9999-12-31T23:59"}, 400, "When"),
        ({"log": "both:copy:{copy}", "notes": "a\0b"}, 400, "Notes"),
    ],
)
async def test_what_can_t_be_logged_is_said_and_writes_nothing(
    reading: Site, reader: Browser, form: dict[str, str], status: int, words: str
) -> None:
    copy_id = await reading.copy_id("alice")
    form = {name: value.replace("{copy}", str(copy_id)) for name, value in form.items()}
    page = await reader.post("/log", status, **form)
    assert words in page.words()
    note = await reader.post("/log", status, htmx=True, **form)
    assert words in note.text
    assert note.answer.headers["hx-retarget"] == "#notes"
    assert await counts(reading) == (0, 0)


async def test_nobody_logs_on_another_s_shelf(site: Site, alice: Browser) -> None:
    bobs = await site.copy_id("bob")
    await alice.post("/log", 404, log=f"play:copy:{bobs}")
    assert await counts(site) == (0, 0)


async def test_nobody_takes_back_another_s(site: Site) -> None:
    bob = await as_browser(site, "bob")
    play = await site.value("SELECT id FROM play_history LIMIT 1")
    await bob.post("/log/undo", 404, play=str(play))
    assert await counts(site) == (0, 0)


async def test_plays_page_by_page(site: Site, alice: Browser) -> None:
    user_id = await site.user_id("alice")
    await site.rows(
        "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
        " duration_estimated, created_at, updated_at)"
        " SELECT %s, (SELECT id FROM releases WHERE discogs_id = 1),"
        " '2020-01-01'::timestamptz + n * interval '1 hour', 60, false, now(), now()"
        " FROM generate_series(1, 120) AS n",
        user_id,
    )
    seen: list[str] = []
    path: str | None = "/plays"
    while path:
        page = await alice.get(path)
        seen += page.find("//button[@form='undo']/@value")
        path = next(iter(page.find("//a[@rel='next']/@href")), None)
    expected = await site.rows(
        "SELECT id::text FROM play_history WHERE user_id = %s ORDER BY played_at DESC, id DESC",
        user_id,
    )
    assert seen == [row[0] for row in expected]
