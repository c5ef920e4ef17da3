"""Names as long and as foreign as people have them: no page becomes wider than its screen."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from kleio_process import Process

from .conftest import PASSWORD, TIMEOUT_MS, Visiting
from .looking import check_access, token_of

expect.set_options(timeout=TIMEOUT_MS)

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamten" * 3
ARABIC = "أم كلثوم وفرقتها الماسية"
USERNAME = "w" * 64
PATHS = (
    *(f"/log?q={WORD}", "/plays", "/shelf?view=list", "/shelf?panel=filters"),
    *(f"/shelf?artist={WORD}&genre={WORD[:200]}", "/records/{release}"),
    *("/log", "/shelf", "/insight", "/insight/top", "/insight/top?by=artist", "/insight/shelf"),
    f"/library?q={WORD}",
)
UNFOLD = "for (const one of document.querySelectorAll('main details')) one.open = true"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def post(site: Process, token: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{site.url}/api/v1{path}", json=body, headers=headers, timeout=60)
    assert answer.status_code in (201, 409), answer.text
    return answer.json()


@pytest.fixture
def release_id(site: Process) -> str:
    """A record on the shelf of somebody whose names are all long."""
    account = {"username": USERNAME, "email": f"{USERNAME}@example.org", "password": PASSWORD}
    post(site, token_of(site, "ada"), "/users", account)
    token = token_of(site, USERNAME)
    release = {
        "title": WORD,
        "artists": [{"name": ARABIC, "join": "&"}, {"name": WORD}],
        "labels": [{"name": WORD, "catno": WORD}],
        "formats": [{"name": "Vinyl", "descriptions": [WORD]}],
        "genres": [WORD[:200]],
        "styles": [WORD[:200]],
        "tracks": [{"title": WORD, "position": "A1"}],
        "year": 1999,
    }
    found = str(post(site, token, "/releases", release)["id"])
    post(site, token, "/collection/folders", {"name": WORD[:100]})
    copy = post(site, token, "/collection", {"releaseId": found, "notes": WORD})
    post(site, token, "/log", {"copyId": copy["id"], "notes": WORD})
    return found


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_is_wider_than_the_screen(size: str, release_id: str, visit: Visiting) -> None:
    someone = visit(size)
    someone.sign_in(USERNAME)
    page = someone.page
    expect(page.locator(".history li").first).to_be_visible()
    wide: dict[str, Any] = {}
    for path in PATHS if size == "phone" else PATHS[:6]:
        page.goto(someone.url + path.format(release=release_id))
        page.evaluate(UNFOLD)
        # Nothing is cut at the edge either, but what can be scrolled there.
        cut = page.evaluate(
            """() => Array.from(document.querySelectorAll("main a, main .chip, header summary"))
                .filter((one) => !one.closest(".scroll, .quick-filters, .tabs, .choices"))
                .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => one.outerHTML.slice(0, 120))"""
        )
        if cut or page.evaluate(WIDER) > 0:
            wide[path] = (page.evaluate(WIDER), cut)
    assert wide == {}
    check_access(page)
    # What is written from right to left keeps to itself: the year stands after the names.
    page.goto(f"{someone.url}/log?q={ARABIC}")
    line = page.locator(".line").filter(has_text=ARABIC).first
    expect(line.locator(".line-artist bdi")).to_have_text(f"{ARABIC} & {WORD}")
    page.locator(".line").first.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("#notes bdi")).to_have_text(WORD)
    assert page.evaluate(WIDER) <= 0
