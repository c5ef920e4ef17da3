"""One's data: exports, tokens, preferences, the Discogs connection, and the account's end."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

import pytest
from http_site import ALICES_NOTE, Site
from page_client import HTMX, Browser, Page, as_browser, inline

pytestmark = pytest.mark.anyio


async def count(site: Site, table: str, username: str = "alice") -> int:
    return await site.value(
        f"SELECT count(*) FROM {table} WHERE user_id = %s", await site.user_id(username)
    )


@pytest.mark.parametrize(
    ("query", "media_type"),
    [
        ("all", "application/json"),
        ("collection?format=csv", "text/csv"),
        ("collection?format=csv&archived=all&spreadsheet=true", "text/csv"),
        ("collection?format=json", "application/json"),
        ("plays?format=ndjson", "application/x-ndjson"),
        ("cleanings?format=csv", "text/csv"),
    ],
)
async def test_exports_are_those_of_the_api(
    reading: Site, reader: Browser, query: str, media_type: str
) -> None:
    mine = await reader.client.get(f"/data/exports/{query}")
    api = await reading.alice.get(f"/api/v1/export/{query}")
    assert mine.headers["content-type"].startswith(media_type)
    assert mine.headers["content-disposition"] == api.headers["content-disposition"]
    at = re.compile(r'"exportedAt":"[^"]*"')
    assert at.sub("", mine.text) == at.sub("", api.text)
    assert ALICES_NOTE in mine.text


async def test_every_offered_export_is_there(reader: Browser) -> None:
    page = await reader.get("/data/exports")
    offered = page.find("//main//a[starts-with(@href, '/data/exports/')]/@href")
    assert len(offered) > 8
    for path in offered:
        answer = await reader.client.get(path)
        assert answer.status_code == 200, path
        # The answer says that it is a file: a link that did would keep a page to sign in on too.
        assert answer.headers["content-disposition"].startswith("attachment"), path
    assert (await reader.client.get("/data/exports/passwords")).status_code == 400
    wrong = await reader.client.get("/data/exports/plays?format=json&spreadsheet=true")
    assert wrong.status_code == 400


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    site: Site, alice: Browser
) -> None:
    page = await alice.post("/data/tokens", 201, name="<b>tablet</b>", expiresInDays="30")
    (secret,) = page.find("//code[@class='secret']/text()")
    assert page.answer.headers["cache-control"] == "no-store"
    assert "<b>tablet</b>" in page.words()
    assert inline(page) == []
    assert (await site.client(secret).get("/api/v1/me")).json()["username"] == "alice"
    again = await alice.get("/data/tokens")
    assert secret not in again.text
    token_id = await site.value("SELECT id FROM auth_tokens WHERE name = %s", "<b>tablet</b>")
    bob = await as_browser(site, "bob")
    await bob.post(f"/data/tokens/{token_id}/revoke", 404)
    await alice.post(f"/data/tokens/{token_id}/revoke")
    assert (await site.client(secret).get("/api/v1/me")).status_code == 401
    assert "Name: needed" in (await alice.post("/data/tokens", 400)).words()
    own = await site.value(
        "SELECT t.id FROM auth_tokens AS t JOIN users AS u ON u.id = t.user_id"
        " WHERE u.username = 'alice' AND t.name = 'fixture'"
    )
    gone = await alice.post(f"/data/tokens/{own}/revoke")
    assert gone.answer.headers["location"] == "/sign-in"


async def test_preferences(site: Site, alice: Browser) -> None:
    page = await alice.get("/data/preferences")
    assert page.find("//input[@name='timeZone']/@value") == ["UTC"]
    form = {"timeZone": "Asia/Tokyo", "neglectedDays": "30", "cleaningFrequencyPlays": "3"}
    answer = await alice.post("/data/preferences", **form)
    assert answer.answer.headers["location"] == "/data/preferences?saved=true"
    assert "Saved" in (await alice.get("/data/preferences?saved=true")).text
    kept = (await site.alice.get("/api/v1/me/preferences")).json()
    assert (kept["timeZone"], kept["neglectedDays"]) == ("Asia/Tokyo", 30)
    assert kept["recentlyPlayedDays"] == 180
    wrong = await alice.post("/data/preferences", 400, **form | {"timeZone": "Mars/Olympus"})
    assert "Time zone: no such time zone" in wrong.words("//main//*[@role='alert']")
    # Whatever was typed stands there still.
    typed = {field.get("name"): field.get("value") for field in wrong.find("//main//form//input")}
    assert typed.pop("csrf") == alice.csrf
    assert typed == form | {"timeZone": "Mars/Olympus", "recentlyPlayedDays": ""}
    kept = (await site.alice.get("/api/v1/me/preferences")).json()
    assert kept["timeZone"] == "Asia/Tokyo"


FORMS = {
    "/data/preferences": ("/data/preferences", {"timeZone": "Mars/Olympus"}, 400),
    "/data/tokens": ("/data/tokens", {}, 400),
    "/data/discogs": ("/data/discogs/token", {"token": "short"}, 400),
    "/data/erase": ("/data/erase", {"username": "bob"}, 400),
    "/admin/users": ("/admin/users", {"username": "alice", "email": "a@example.org"}, 409),
}
"""Pages with a form that is typed into, what goes wrong with it, and its status."""


@pytest.mark.parametrize("path", FORMS)
async def test_scripts_keep_a_form_open_and_are_told_beside_it(reading: Site, path: str) -> None:
    root = await as_browser(reading, "root")
    action, form, status = FORMS[path]
    page = await root.get(path)
    assert page.find(f"//form[@action='{action}']/@hx-post") == [action]
    note = await root.post(action, status, htmx=True, **form)
    assert note.answer.headers["hx-retarget"] == "#notes"
    assert "<html" not in note.text
    assert note.find("//*[@class='note bad']")


@pytest.mark.parametrize("htmx", [True, False], ids=["script", "plain"])
async def test_a_token_s_form_that_is_sent_twice_makes_one(
    site: Site, alice: Browser, htmx: bool
) -> None:
    """Its text is kept nowhere, so the second answer can only say so."""
    form = (await alice.get("/data/tokens")).fields("//form[@action='/data/tokens']")
    form |= {"name": "twice"}
    first = await alice.post("/data/tokens", 201, htmx=htmx, **form)
    (secret,) = first.find("//code[@class='secret']/text()")
    again = await alice.post("/data/tokens", 201, htmx=htmx, **form)
    assert again.find("//code[@class='secret']") == []
    assert "made one token" in again.words("//p[contains(@class, 'problem')]")
    tokens = await site.value("SELECT count(*) FROM auth_tokens WHERE name = 'twice'")
    assert tokens == 1
    kept = await site.rows("SELECT convert_from(response, 'UTF8') FROM idempotency_keys")
    assert len(kept) == 1
    assert secret not in kept[0][0]
    # What can't be undone is asked for first, without scripts too.
    (revoke,) = again.find("//li[.//strong='twice']//details")
    assert "can’t be brought back" in revoke.text_content()
    assert revoke.xpath(".//form/@action")[0].endswith("/revoke")


async def test_a_sync_s_form_that_is_sent_twice_begins_one(
    site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.app.state.sync_worker, "call", lambda: None)
    await alice.post("/data/discogs/token", token="aSecretOfDiscogs123")
    form = (await alice.get("/data/discogs")).fields("//form[@action='/data/discogs/syncs']")
    await alice.post("/data/discogs/syncs", **form)
    await alice.post("/data/discogs/syncs", **form)
    assert await site.value("SELECT count(*) FROM sync_runs") == 1
    # Also when the first is over; another form is another sync.
    await site.rows("UPDATE sync_runs SET status = 'failed' RETURNING 1")
    await site.rows("DELETE FROM sync_jobs RETURNING 1")
    await alice.post("/data/discogs/syncs", **form)
    assert await site.value("SELECT count(*) FROM sync_runs") == 1
    form = (await alice.get("/data/discogs")).fields("//form[@action='/data/discogs/syncs']")
    await alice.post("/data/discogs/syncs", **form)
    assert await site.value("SELECT count(*) FROM sync_runs") == 2
    await alice.post("/data/discogs/syncs", 409, withDetails="true")


async def test_scripts_are_led_on_or_shown_the_token(site: Site, alice: Browser) -> None:
    saved = await alice.post("/data/preferences", 200, htmx=True, neglectedDays="30")
    assert saved.answer.headers["hx-redirect"] == "/data/preferences?saved=true"
    part = await alice.post("/data/tokens", 201, htmx=True, name="tablet", expiresInDays="30")
    assert "<html" not in part.text
    (secret,) = part.find("//code[@class='secret']/text()")
    assert part.answer.headers["cache-control"] == "no-store"
    assert (await site.client(secret).get("/api/v1/me")).status_code == 200
    assert "tablet" in part.words("//ul[@class='runs']")
    gone = await alice.post("/data/erase", 200, htmx=True, username="alice")
    assert gone.answer.headers["hx-redirect"] == "/sign-in"


async def test_the_discogs_token_is_never_shown_again(site: Site, alice: Browser) -> None:
    page = await alice.get("/data/discogs")
    assert "Connect your account" in page.words()
    assert "There is no Discogs token" in (await alice.post("/data/discogs/syncs", 409)).words()
    await alice.post("/data/discogs/token", token="aSecretOfDiscogs123")
    page = await alice.get("/data/discogs")
    assert "Connected" in page.words()
    assert "aSecretOfDiscogs123" not in page.text
    assert b"aSecretOfDiscogs123" not in bytes(
        await site.value("SELECT token_encrypted FROM discogs_credentials")
    )
    assert (await alice.post("/data/discogs/token", 400, token="short")).words()
    await alice.post("/data/discogs/token/forget")
    await alice.post("/data/discogs/token/forget", 404)
    assert await site.rows("SELECT FROM discogs_credentials") == []


async def leave_run(site: Site, **columns: Any) -> UUID:
    """Leave a sync of Alice's as some worker would."""
    given = {"status": "running", "phase": "pages", "pages_done": 3, "pages_total": 12} | columns
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    return await site.value(
        f"INSERT INTO sync_runs (user_id, dry_run, with_details, created_at, updated_at,"
        f" started_at, phase_started_at, {names})"
        f" VALUES (%s, false, true, now(), now(), now(), now(), {marks}) RETURNING id",
        await site.user_id("alice"),
        *given.values(),
    )


async def test_a_sync_tells_how_far_it_is(site: Site, alice: Browser) -> None:
    run_id = await leave_run(site)
    page = await alice.get("/data/discogs")
    assert "reading your collection" in page.words("//*[@id='syncs']")
    assert "3 of 12 pages" in page.words("//*[@id='syncs']")
    part = Page(await alice.client.get("/data/discogs", headers=HTMX))
    assert part.find("//*[@id='syncs']/@hx-trigger") == ["every 2s"]
    assert "<html" not in part.text
    await alice.post(f"/data/discogs/syncs/{run_id}/cancel", 409)
    await site.rows(
        "UPDATE sync_runs SET status = 'completed', phase = 'done', counts = %s, report = %s",
        json.dumps({"items": 9, "added": 7, "archived": 1, "fetched": 1}),
        json.dumps({"refused": [{"discogsId": 5, "reason": "<b>gone</b>"}]}),
    )
    # What has the focus is found again after each look.
    assert part.find("//button/@id") == [f"stop-{run_id}"]
    over = await alice.client.get("/data/discogs", headers=HTMX)
    assert over.headers["hx-redirect"] == "/data/discogs"
    part = await alice.get("/data/discogs")
    assert part.find("//@hx-trigger") == []
    assert part.find("//details/@id") == [f"report-{run_id}"]
    said = part.words("//*[@id='syncs']")
    assert "7 added, 1 archived, gone at Discogs, 1 release fetched" in said
    assert "Release 5: <b>gone</b>" in said
    assert inline(part) == []
    bob = await as_browser(site, "bob")
    assert "None yet" in (await bob.get("/data/discogs")).words("//*[@id='syncs']")


async def test_an_account_is_erased_by_its_name(site: Site, alice: Browser) -> None:
    page = await alice.get("/data/erase")
    assert "alice" in page.words()
    for name in ("", "Alice", "bob"):
        await alice.post("/data/erase", 400, username=name)
    assert await count(site, "play_history") > 0
    user_id = await site.user_id("alice")
    gone = await alice.post("/data/erase", username="alice")
    assert gone.answer.headers["location"] == "/sign-in"
    assert await site.value("SELECT count(*) FROM play_history WHERE user_id = %s", user_id) == 0
    assert (await alice.client.get("/log")).status_code == 303
    root = await as_browser(site, "root")
    assert "last administrator" in (await root.post("/data/erase", 403, username="root")).words()
