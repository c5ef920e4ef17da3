"""Signing in and out, and that no other site's page does anything in one's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from http_site import ALICES_PLAYS, NOWHERE, PASSWORD, TOKENS, Site
from litestar.routes import HTTPRoute
from page_client import HTMX, Browser, Page

from kleio.web.sessions import COOKIE, csrf_token, own_path

pytestmark = pytest.mark.anyio

Start = Callable[..., Any]


async def sign_in(site: Site, **form: str) -> Any:
    client = site.client()
    return client, await client.post("/sign-in", data=form)


async def test_a_password_opens_the_page_and_signing_out_closes_it(site: Site) -> None:
    before = await site.value("SELECT count(*) FROM auth_tokens")
    client, answer = await sign_in(site, username="ALICE", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/log")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    page = Page(await client.get("/log"))
    assert "alice" in page.words("//header")
    out = await client.post("/sign-out", data={"csrf": page.csrf})
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert out.headers["clear-site-data"] == '"cache"'
    assert await site.value("SELECT count(*) FROM auth_tokens") == before
    assert COOKIE not in client.cookies
    # Whoever kept the cookie has nothing either.
    client.cookies.set(COOKIE, re.search(f"{COOKIE}=([^;]+)", cookie)[1])
    assert (await client.get("/log")).status_code == 303


@pytest.mark.parametrize(
    ("scheme", "trusted", "secure"),
    [("https", "", True), ("http", "127.0.0.1", True), ("http", "10.0.0.0/8", False)],
)
async def test_over_https_the_cookie_stays_there(
    start: Start, scheme: str, trusted: str, secure: bool
) -> None:
    async with start(KLEIO_TRUSTED_PROXIES=trusted) as site:
        answer = await site.client().post(
            f"{scheme}://kleio.test/sign-in",
            data={"username": "alice", "password": PASSWORD},
            headers={} if scheme == "https" else {"X-Forwarded-Proto": "https"},
        )
        assert ("Secure" in answer.headers["set-cookie"]) == secure


async def test_guesses_are_limited_as_those_of_the_api_are(start: Start) -> None:
    async with start(KLEIO_ACCOUNT_ATTEMPTS="2", KLEIO_ADDRESS_ATTEMPTS="4") as site:
        for status in (401, 401, 429):
            _, answer = await sign_in(site, username="alice", password="wrong")
            assert answer.status_code == status
        assert int(answer.headers["retry-after"]) > 0
        assert "Too many attempts failed" in Page(answer).words()
        _, answer = await sign_in(site, username="alice", password=PASSWORD)
        assert answer.status_code == 429
        for number, status in enumerate((401, 401, 401, 401, 429)):
            _, answer = await sign_in(site, token=f"kleio_guess-{number}")
            assert answer.status_code == status
        # A cookie is a token as well.
        client = site.client()
        client.cookies.set(COOKIE, "kleio_guess-6")
        assert (await client.get("/log")).status_code == 429


@pytest.mark.parametrize(
    "form",
    [
        {"username": "alice", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "bob", "password": PASSWORD},
        {"username": "alice\0", "password": PASSWORD},
        {"token": "kleio_wrong"},
        {"token": "x" * 5000},
        {},
    ],
)
async def test_what_does_not_sign_in(reading: Site, form: dict[str, str]) -> None:
    client, answer = await sign_in(reading, **form)
    assert answer.status_code == 401
    assert COOKIE not in client.cookies
    page = Page(answer)
    assert page.find("//*[@role='alert' and @id='problem']")
    assert PASSWORD not in answer.text
    assert form.get("token", "kleio_wrong") not in answer.text


async def test_a_token_becomes_the_session_and_outlives_it(site: Site) -> None:
    client, answer = await sign_in(site, token=f" {TOKENS['bob']} ", next="/shelf?sort=artist")
    assert answer.headers["location"] == "/shelf?sort=artist"
    page = Page(await client.get("/shelf"))
    assert (await client.post("/sign-out", data={"csrf": page.csrf})).status_code == 303
    assert (await client.get("/shelf")).status_code == 303
    assert (await site.bob.get("/api/v1/me")).status_code == 200


async def test_signing_out_everywhere_ends_logins_and_spares_tokens(site: Site) -> None:
    phone, _ = await sign_in(site, username="alice", password=PASSWORD)
    desk, _ = await sign_in(site, username="alice", password=PASSWORD)
    page = Page(await desk.get("/log"))
    await desk.post("/sign-out-everywhere", data={"csrf": page.csrf})
    for client in (phone, desk):
        assert (await client.get("/log")).status_code == 303
    assert (await site.alice.get("/api/v1/me")).status_code == 200


async def test_who_has_not_signed_in_is_led_there_and_back(reading: Site) -> None:
    client = reading.client()
    answer = await client.get("/shelf?sort=artist&q=road")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/shelf%3Fsort%3Dartist%26q%3Droad"
    form = Page(await client.get(answer.headers["location"]))
    assert form.find("//input[@name='next']/@value") == ["/shelf?sort=artist&q=road"]
    part = await client.get(
        "/plays", headers={**HTMX, "HX-Current-URL": "http://kleio.test/log?q=x"}
    )
    assert part.headers["hx-redirect"] == "/sign-in?next=/log%3Fq%3Dx"
    assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_who_has_signed_in_is_led_on(reader: Browser) -> None:
    for path in ("/", "/sign-in", "/sign-in?next=//evil.example/"):
        answer = await reader.client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/log")


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "", None, "/a\r\nb"],
)
def test_nobody_is_led_elsewhere(path: str | None) -> None:
    assert own_path(path) == "/log"


async def test_the_cookie_is_no_key_to_the_api(reader: Browser) -> None:
    answer = await reader.client.get("/api/v1/me")
    assert answer.status_code == 401


def unsafe_paths(site: Site) -> list[str]:
    """Return every address of the page that changes something."""
    return sorted(
        re.sub(r"\{\w+\}", str(NOWHERE), route.path_format)
        for route in site.app.routes
        if isinstance(route, HTTPRoute)
        and "POST" in route.methods
        and not route.path.startswith("/api/")
    )


async def everything(site: Site) -> list[Any]:
    tables = ("user_releases", "play_history", "cleaning_history", "auth_tokens", "styluses")
    return [
        await site.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1".replace(
            "t::text", "(to_jsonb(t) - 'last_used_at')::text"
        ))
        for table in tables
    ]  # fmt: skip


async def test_a_stolen_cookie_without_the_page_changes_nothing(site: Site) -> None:
    thief = Browser(site.client())
    thief.client.cookies.set(COOKIE, TOKENS["alice"])
    copy_id = await site.copy_id("alice")
    play = await site.value("SELECT id FROM play_history LIMIT 1")
    forms: dict[str, Any] = {
        "/log": {"log": f"both:copy:{copy_id}"},
        "/log/undo": {"play": str(play)},
        "/shelf": {"releaseId": str(await site.release_id())},
    }
    before = await everything(site)
    paths = [path for path in unsafe_paths(site) if path != "/sign-in"]
    assert set(forms) < set(paths)
    wrong = ["", "0" * 64, csrf_token(TOKENS["bob"]), TOKENS["alice"], "é\udcff"[:1]]
    for path in paths:
        for csrf in wrong:
            page = await thief.post(path, 403, csrf=csrf, **forms.get(path, {}))
            assert "nothing was changed" in page.words()
        with_header = await thief.client.post(path, headers={"X-CSRF-Token": "wrong", **HTMX})
        assert with_header.status_code == 403
        assert with_header.headers["hx-retarget"] == "#notes"
        as_json = await thief.client.post(path, json={"csrf": csrf_token(TOKENS["alice"])})
        assert as_json.status_code == 403
    assert await everything(site) == before
    assert await site.value("SELECT count(*) FROM play_history") == ALICES_PLAYS


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_another_sites_page_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    client = site.client()
    client.cookies.set(COOKIE, TOKENS["alice"])
    csrf = csrf_token(TOKENS["alice"])
    form = {"csrf": csrf, "log": f"play:copy:{await site.copy_id('alice')}"}
    assert (await client.post("/log", data=form, headers=headers)).status_code == 403
    assert await site.value("SELECT count(*) FROM play_history") == ALICES_PLAYS
    # Nor does it sign anybody in as somebody else.
    login = {"token": TOKENS["bob"]}
    assert (await client.post("/sign-in", data=login, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://kleio.test"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_the_pages_own_requests_pass(site: Site, headers: dict[str, str]) -> None:
    client = site.client()
    client.cookies.set(COOKIE, TOKENS["alice"])
    form = {"log": f"play:copy:{await site.copy_id('alice')}"}
    headers = {"X-CSRF-Token": csrf_token(TOKENS["alice"]), **headers}
    assert (await client.post("/log", data=form, headers=headers)).status_code == 303
    assert await site.value("SELECT count(*) FROM play_history") == ALICES_PLAYS + 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"csrf=%ff", 400), (b"\xff=1", 400), (b"&".join([b"a=1"] * 300), 400), (b"a=" * 40_000, 413)],
)
async def test_what_is_no_form(reader: Browser, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await reader.client.post("/log", content=body, headers=headers)
    assert answer.status_code == status


async def test_on_citus_the_page_knows_one_s_zone_too(site: Site, alice: Browser) -> None:
    """There a token and the preferences of its user lie apart, and are two statements."""
    site.database.is_distributed = True
    form = {"log": f"play:copy:{await site.copy_id('alice')}"}
    latest = "SELECT played_at FROM play_history ORDER BY id DESC LIMIT 1"
    await alice.post("/log", **form, when="2026-03-08T21:30")
    assert (await site.value(latest)).isoformat() == "2026-03-08T21:30:00+00:00"
    await site.alice.patch("/api/v1/me/preferences", json={"timeZone": "America/New_York"})
    await alice.post("/log", **form, when="2026-03-08T21:30")
    assert (await site.value(latest)).isoformat() == "2026-03-09T01:30:00+00:00"
    nobody = Browser(site.client())
    nobody.client.cookies.set(COOKIE, "kleio_unknown")
    assert "sign-in" in str((await nobody.get("/log")).answer.url)
