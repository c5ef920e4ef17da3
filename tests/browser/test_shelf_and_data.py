"""What an evening leaves: the year and the stylus, a file brought in and one taken away."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from kleio_process import Process

from .conftest import TIMEOUT_MS, Visiting
from .looking import api, check_access, token_of

expect.set_options(timeout=TIMEOUT_MS)
HEAD = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes\n"
)
LINES = (
    "RR 1,Ruth Example,<b>First</b> Light,Roomy,LP,5,1999,7700001,Attic,2020-01-02 03:04:05,,,\n"
    "RR 2,Ruth Example,Second Light,Roomy,LP,9,1999,7700002,Attic,2020-01-02 03:04:05,,,\n"
    "RR 3,Ruth Example,Third Light,Roomy,LP,,2001,7700003,Attic,2020-01-02 03:04:05,,,\n"
)
PAGES = (
    *("/insight", "/insight?year=1950", "/insight/time", "/insight/time?range=all"),
    *("/insight/top", "/insight/top?by=artist", "/insight/shelf"),
    *("/library", "/library?q=the", "/library/artists", "/library/albums", "/library/songs"),
    *("/data", "/data/exports", "/data/discogs", "/data/preferences", "/data/tokens"),
    *("/data/erase", "/admin", "/admin/users", "/admin/runs", "/admin/queries"),
)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_a_play_is_seen_in_the_year_and_on_the_stylus(
    size: str, site: Process, visit: Visiting
) -> None:
    token = token_of(site, "ada")
    zone = ZoneInfo(api(site, token, "/me/preferences")["timeZone"])
    today = datetime.now(UTC).astimezone(zone).date()
    primary = next(one for one in api(site, token, "/styluses")["items"] if one["primary"])
    someone = visit(size)
    someone.sign_in("ada")
    page = someone.page
    page.get_by_role("link", name="Insight", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(str(today.year))
    named = f"{today:%a} {today.day} {today:%b}: "
    square = page.locator(".heat rect").filter(has_text=named)
    before = square.locator("title").text_content() or ""
    page.goto(f"{someone.url}/log")
    page.locator(".line").first.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("#notes")).to_contain_text("Played")
    page.goto(f"{someone.url}/insight")
    after = square.locator("title").text_content() or ""
    was = int(before.removeprefix(named).split()[0]) if before[-7:] != "nothing" else 0
    assert after.startswith(f"{named}{was + 1} play")
    assert square.get_attribute("class") != "heat-0"
    page.get_by_role("link", name="Shelf and styluses").click()
    card = page.locator(".wear li").filter(has_text=primary["name"])
    expect(card).to_contain_text(f"{primary['plays'] + 1} play")
    # The picture is a file that shows itself.
    page.goto(f"{someone.url}/insight")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download it (SVG)").click()
    assert download.value.suggested_filename == f"kleio-ada-{today.year}.svg"
    picture = page.locator(".picture img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "document.querySelector('.picture img').naturalWidth > 0", timeout=TIMEOUT_MS
    )


def look_until(page: Page, wanted: Locator, scripts: bool) -> None:
    """Wait until a page shows something: scripts ask for it, without them somebody does."""
    again = page.get_by_role("link", name="Look again")
    for _ in range(100):
        page.wait_for_load_state()
        if scripts or not again.count():
            break
        again.click()
    expect(wanted).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_a_file_with_one_bad_line_is_brought_and_taken_away(
    scripts: bool, site: Process, visit: Visiting, tmp_path: Path
) -> None:
    # The tests share a site: what one brings, the other would know.
    username = "ada" if scripts else "ben"
    token = token_of(site, username)
    before = api(site, token, "/collection?limit=1&total=true")["total"]
    file = tmp_path / "collection.csv"
    file.write_text(HEAD + LINES, encoding="utf-8")
    someone = visit("phone" if scripts else "desktop", java_script_enabled=scripts)
    someone.sign_in(username)
    page = someone.page
    page.get_by_role("link", name="Data", exact=True).click()
    page.locator("input[type=file]").set_input_files(file)
    if not scripts:
        page.get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/data/imports/*")
    verdict = page.get_by_role("heading", name="Nothing is written yet")
    look_until(page, verdict, scripts)
    bad = page.get_by_role("row").filter(has_text="line 3")
    expect(bad).to_contain_text("Rating: '9' is not 0 to 5")
    if scripts:
        check_access(page)
    assert api(site, token, "/collection?limit=1&total=true")["total"] == before
    page.get_by_role("button", name="Write it").click()
    done = page.get_by_role("heading", name="Done", exact=True)
    look_until(page, done, scripts)
    assert api(site, token, "/collection?limit=1&total=true")["total"] == before + 2
    page.get_by_role("link", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).first.click()
    with Path(download.value.path()).open(encoding="utf-8", newline="") as taken:
        rows = list(csv.DictReader(taken))
    assert len(rows) == before + 2
    assert "<b>First</b> Light" in {row["Title"] for row in rows}
    assert "Second Light" not in {row["Title"] for row in rows}
    page.goto(f"{someone.url}/shelf?q=first+light")
    expect(page.locator(".tile").first).to_contain_text("<b>First</b> Light")


IN_THE_DARK = ("/insight", "/insight/shelf", "/library?q=the", "/data", "/admin")


@pytest.mark.parametrize(
    ("size", "scheme", "paths"),
    [("phone", "light", PAGES), ("desktop", "dark", IN_THE_DARK)],
    ids=["phone", "desktop"],
)
def test_every_page_stands_in_nobody_s_way(
    size: str, scheme: str, paths: tuple[str, ...], visit: Visiting
) -> None:
    someone = visit(size, color_scheme=scheme)
    someone.sign_in("ada")
    page = someone.page
    for path in paths:
        page.goto(someone.url + path)
        hidden = page.locator("main details:not([open]) > summary")
        for _ in range(hidden.count()):
            hidden.first.click()
        check_access(page)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, f"{path} is wider than the screen"
