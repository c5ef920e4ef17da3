"""A collector's evening, as a story, on a phone and at a desk."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from kleio_process import Process

from .conftest import PASSWORD, TIMEOUT_MS, Visiting
from .looking import api, check_access, token_of

expect.set_options(timeout=TIMEOUT_MS)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_evening(size: str, site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    shelf = api(site, token, "/collection?sort=-plays&limit=200&listening=true")["items"]
    loved = shelf[0]
    title = loved["release"]["title"]
    someone = visit(size)
    page = someone.page

    page.goto(someone.url)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Welcome")
    check_access(page)
    someone.expected_statuses = {401}
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert").first).to_have_text("The name or the password is wrong.")
    someone.expected_statuses = set()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/log")

    # What to play now comes with its reason, and what was played lately beside it.
    expect(page.get_by_role("heading", name="What to play now")).to_be_visible()
    expect(page.locator(".line .chip").first).not_to_be_empty()
    expect(page.locator(".history li").first).to_be_visible()
    check_access(page)

    # Found with a letter missing, by what is typed alone; played in one tap more.
    longest = max(re.findall(r"\w+", title), key=len)
    typo = title.replace(longest, longest[: len(longest) // 2] + longest[len(longest) // 2 + 1 :])
    page.get_by_label("Find a record").press_sequentially(typo)
    expect(page.get_by_role("heading", name="On your shelf")).to_be_visible()
    line = page.locator(".line").filter(has_text=title).first
    expect(line).to_be_visible()
    before = api(site, token, "/plays?limit=1&total=true")["total"]
    with page.expect_response("**/plays"):  # what was played lately is told anew
        line.get_by_role("button", name="Play", exact=True).click()
    note = page.locator("#notes")
    expect(note).to_contain_text(f"Played {title}")
    expect(page.locator(".history li").first).to_contain_text(title)
    expect(page.locator(".history li").first).to_contain_text("just now")
    assert api(site, token, "/plays?limit=1&total=true")["total"] == before + 1
    check_access(page)

    # Taken back, then cleaned and played, on another side and at another time.
    note.get_by_role("button", name="Undo").click()
    expect(note).to_contain_text("Removed the")
    assert api(site, token, "/plays?limit=1&total=true")["total"] == before
    page.locator("details.options summary").click()
    page.get_by_label("Side").select_option("B")
    page.get_by_label("When").fill("2026-01-31T21:15")
    line.get_by_role("button", name="Clean and play").click()
    expect(note).to_contain_text(f"Cleaned and played {title}")
    play = api(site, token, f"/plays?copyId={loved['id']}&until=2026-02-01T00:00:00Z&limit=1")
    assert play["items"][0]["side"] == "B"
    assert play["items"][0]["playedAt"].startswith("2026-01-31T2")

    # The shelf, filtered, and back to where it was; then to its end.
    page.get_by_role("link", name="Shelf", exact=True).click()
    expect(page.get_by_role("heading", name="Your shelf")).to_be_visible()
    check_access(page)
    whole = page.locator(".tile-title").all_inner_texts()
    page.get_by_role("link", name="Never played", exact=True).click()
    page.wait_for_url("**/shelf?neverPlayed=true")
    assert page.locator(".tile-title").all_inner_texts() != whole
    assert page.locator(".chip.recent").count() == 0
    page.go_back()
    page.wait_for_url("**/shelf")
    assert page.locator(".tile-title").all_inner_texts()[: len(whole)] == whole
    total = api(site, token, "/collection?limit=1&total=true")["total"]
    for _ in range(200):
        if not page.locator(".more").count():
            break
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)  # for the browser to see that it was scrolled to
    assert page.locator(".tile").count() == total > 48

    # Found as it is typed, which the address tells too.
    page.get_by_label("Find on the shelf").press_sequentially(typo)
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("q") == [typo])
    tile = page.locator(".tile").filter(has_text=title).first
    expect(tile).to_be_visible()
    page.get_by_role("link", name="List", exact=True).click()
    expect(page.locator(".row").filter(has_text=title).first).to_be_visible()
    check_access(page)
    page.get_by_role("link", name="Folders and filters").click()
    expect(page.get_by_label("Genre")).to_be_visible()
    check_access(page)

    # The record itself: its tracks, its time; a copy is rated, archived and comes back.
    page.locator(".row").get_by_role("link", name=title, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_role("heading", name="Tracks")).to_be_visible()
    expect(page.locator(".over-time svg")).to_be_visible()
    check_access(page)
    card = page.locator(f"#copy-{loved['id']}")
    card.get_by_label("Notes").fill("the loud pressing")
    card.locator("input[name=rating][value='4']").check(force=True)
    card.get_by_role("button", name="Save").click()
    expect(note).to_contain_text("Saved")
    card.get_by_label("Notes").fill("the quiet pressing")
    with page.expect_response(f"**/shelf/{loved['id']}") as saved:
        card.get_by_role("button", name="Save").click()
    assert saved.value.status == 200
    page.reload()
    expect(card.get_by_label("Notes")).to_have_value("the quiet pressing")
    copy = api(site, token, f"/collection/{loved['id']}")
    assert (copy["rating"], copy["notes"]) == (4, "the quiet pressing")
    card.locator(".archive summary").click()
    card.get_by_label("Why").select_option("lost")
    card.get_by_role("button", name="Archive it").click()
    expect(card).to_contain_text("Archived")
    card.get_by_role("button", name="Put it back on the shelf").click()
    expect(card.get_by_role("button", name="Save")).to_be_visible()
    assert api(site, token, f"/collection/{loved['id']}")["archivedAt"] is None

    # And good night.
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.wait_for_url(re.compile("/sign-in"))
    expect(page.get_by_label("Username")).to_be_visible()


def test_an_evening_without_scripts(site: Process, visit: Visiting) -> None:
    token = token_of(site, "ben")
    someone = visit("phone", java_script_enabled=False)
    page = someone.page
    someone.sign_in("ben")
    (loved,) = api(site, token, "/collection?sort=-plays&limit=1")["items"]
    title = loved["release"]["title"]
    before = api(site, token, "/plays?limit=1&total=true")["total"]
    page.get_by_label("Find a record").fill(title)
    page.get_by_role("button", name="Find").click()
    line = page.locator(".line").filter(has_text=title).first
    line.get_by_role("button", name="Clean and play").click()
    expect(page.locator("#notes")).to_contain_text("Logged")
    assert api(site, token, "/plays?limit=1&total=true")["total"] == before + 1
    page.get_by_role("button", name="Undo").click()
    assert api(site, token, "/plays?limit=1&total=true")["total"] == before
    page.get_by_role("link", name="Shelf", exact=True).click()
    page.get_by_label("Order").select_option("artist")
    page.get_by_role("button", name="Show", exact=True).click()
    assert "sort=artist" in page.url
    total = api(site, token, "/collection?limit=1&total=true")["total"]
    seen = page.locator(".tile").count()
    while seen < total:
        page.get_by_role("link", name="More of the shelf").click()
        seen += page.locator(".tile").count()
    assert seen == total
    expect(page.get_by_role("link", name="More of the shelf")).to_have_count(0)
    page.locator(".tile a").first.click()
    expect(page.get_by_role("heading", name="Over time")).to_be_visible()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_label("Username")).to_be_visible()


def test_away_from_the_server_nothing_is_lost_in_silence(site: Process, visit: Visiting) -> None:
    someone = visit("phone")
    someone.sign_in("ada")
    page = someone.page
    expect(page.locator(".history li").first).to_be_visible()
    someone.is_offline = True
    someone.context.set_offline(True)
    expect(page.locator(".offline-note")).to_be_visible()
    page.locator(".line").first.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator("#notes")).to_contain_text("may have arrived all the same")
    check_access(page)
    someone.context.set_offline(False)
    someone.is_offline = False
    expect(page.locator(".offline-note")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_errors_and_empty_pages_stand_in_nobody_s_way(scheme: str, visit: Visiting) -> None:
    someone = visit("desktop", color_scheme=scheme)
    someone.sign_in("cleo")
    someone.expected_statuses = {400, 404}
    page = someone.page
    for path in (
        "/nope",
        "/shelf?sort=x",
        "/shelf?genre=Nothing",
        "/plays",
        "/log?q=zzzzqqq",
        "/shelf",
    ):
        page.goto(someone.url + path)
        check_access(page)


def test_by_keyboard_alone(site: Process, visit: Visiting) -> None:
    someone = visit("desktop")
    someone.sign_in("ada")
    page = someone.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a record")).to_be_focused()
    line = page.locator(".line").first
    line.get_by_role("button", name="Play", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_contain_text("Played")
    page.locator("#notes").get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_contain_text("Removed the")
    page.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_hidden()


def test_two_at_once_see_nothing_of_each_other_s(site: Process, visit: Visiting) -> None:
    ada, ben = visit("desktop"), visit("phone")
    ada.sign_in("ada")
    ben.sign_in("ben")
    title = ada.page.locator(".line-title").first.inner_text()
    ada.page.locator(".line").first.get_by_role("button", name="Play", exact=True).click()
    expect(ada.page.locator(".history li").first).to_contain_text("just now")
    expect(ada.page.locator(".history li").first).to_contain_text(title)
    ben.page.reload()
    expect(ben.page.locator(".history li").first).to_be_visible()
    assert "just now" not in ben.page.locator(".history").inner_text()
