"""What goes wrong between a finger and a server, and that nothing is logged twice or unawares."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from kleio_process import Process

from .conftest import TIMEOUT_MS, Visiting
from .looking import api, check_access, token_of

expect.set_options(timeout=TIMEOUT_MS)
NOT_KLEIO = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def total(site: Process, token: str) -> int:
    return int(api(site, token, "/plays?limit=1&total=true")["total"])


def change(site: Process, token: str, path: str, **fields: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.patch(f"{site.url}/api/v1{path}", json=fields, headers=headers, timeout=60)
    assert answer.status_code == 200


def play(page: Page, number: int = 0) -> None:
    page.locator(".line").nth(number).get_by_role("button", name="Play", exact=True).click()


def take_back(page: Page) -> None:
    page.locator("#notes").get_by_role("button", name="Undo").click()
    expect(page.locator("#notes")).to_contain_text("Removed the")


def test_the_options_are_of_one_log(site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    someone = visit("phone")
    someone.sign_in("ada")
    page = someone.page
    summary = page.locator("details.options summary [data-summary]")
    preset = summary.inner_text()
    assert preset.startswith("Now, whole record")
    page.locator("details.options summary").click()
    page.get_by_label("Side").select_option("B")
    page.get_by_label("When").fill("2026-01-31T21:15")
    page.locator("form#log").get_by_label("Notes").fill("loud")
    page.locator("select[name=stylus]").select_option("none")
    page.locator("details.options summary").click()
    # Folded, it says what is set.
    expect(summary).to_have_text("2026-01-31 21:15, side B, no stylus, with notes")
    play(page)
    expect(page.locator("#notes")).to_contain_text("Played")
    expect(summary).to_have_text(preset)
    take_back(page)
    play(page, 1)
    expect(page.locator("#notes")).to_contain_text("Played")
    (latest,) = api(site, token, "/plays?limit=1")["items"]
    assert (latest["side"], latest["notes"]) == (None, None)
    assert latest["stylusId"] is not None
    # Taking back keeps what is set for the next one.
    page.locator("details.options summary").click()
    page.get_by_label("Side").select_option("A")
    take_back(page)
    expect(page.get_by_label("Side")).to_have_value("A")


def test_a_folded_field_that_is_wrong_is_shown(site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    before = total(site, token)
    someone = visit("desktop")
    someone.sign_in("ada")
    page = someone.page
    page.locator("details.options summary").click()
    page.get_by_label("Minutes").fill("0")
    page.locator("details.options summary").click()
    expect(page.get_by_label("Minutes")).to_be_hidden()
    play(page)
    expect(page.get_by_label("Minutes")).to_be_visible()
    expect(page.get_by_label("Minutes")).to_be_focused()
    assert total(site, token) == before


def test_a_log_whose_answer_is_lost_is_logged_once(site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    before = total(site, token)
    someone = visit("phone")
    someone.sign_in("ada")
    page, note = someone.page, someone.page.locator("#notes")
    expect(page.locator(".history li").first).to_be_visible()
    someone.is_offline = True  # the browser tells of it

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/log", lose)
    play(page)
    expect(note).to_contain_text("may have arrived all the same")
    assert total(site, token) == before + 1
    page.unroute("**/log")
    someone.is_offline = False
    play(page)
    expect(note).to_contain_text("Played")
    assert total(site, token) == before + 1
    # And what is tapped after an answer is another play.
    with page.expect_response("**/log"):
        play(page)
    expect(note).to_contain_text("Played")
    assert total(site, token) == before + 2
    take_back(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_a_double_click_is_one(scripts: bool, site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    before = total(site, token)
    someone = visit("desktop", java_script_enabled=scripts)
    someone.sign_in("ada")
    page, note = someone.page, someone.page.locator("#notes")
    first = page.locator(".line").first.get_by_role("button", name="Play", exact=True)
    first.dblclick()
    expect(note).to_contain_text("Played" if scripts else "Logged")
    assert total(site, token) == before + 1
    # So is one on the way back, and on the way back from that.
    for says, change in (("Removed the play", 0), ("It is back", 1)):
        note.get_by_role("button", name="Undo").dblclick()
        expect(note).to_contain_text(says)
        assert total(site, token) == before + change


def test_a_log_that_hangs_is_given_up_and_may_be_tapped_again(
    site: Process, visit: Visiting
) -> None:
    token = token_of(site, "ada")
    before = total(site, token)
    someone = visit("phone")
    someone.sign_in("ada")
    page, form = someone.page, someone.page.locator("form#log")
    expect(form).to_have_attribute("hx-request", '{"timeout": 30000}')
    form.evaluate("(form) => form.setAttribute('hx-request', '{\"timeout\": 200}')")
    someone.is_offline = True
    page.route("**/log", lambda _route: None)
    play(page)
    expect(page.locator("#notes")).to_contain_text("may have arrived all the same")
    page.unroute("**/log")
    someone.is_offline = False
    form.evaluate("(form) => form.setAttribute('hx-request', '{\"timeout\": 20000}')")
    play(page)
    expect(page.locator("#notes")).to_contain_text("Played")
    assert total(site, token) == before + 1
    take_back(page)


def test_an_error_of_a_proxy_changes_nothing_of_the_page(site: Process, visit: Visiting) -> None:
    someone = visit("desktop")
    someone.sign_in("ada")
    page, note = someone.page, someone.page.locator("#notes")
    expect(page.locator(".history li").first).to_be_visible()
    someone.expected_statuses = {502}

    def refuse(route: Route) -> None:
        route.fulfill(status=502, content_type="text/html", body=NOT_KLEIO)

    page.route("**/log?q=*", refuse)
    page.get_by_label("Find a record").fill("something")
    expect(note).to_contain_text("The server can’t be reached")
    expect(page.get_by_role("heading", name="What to play now")).to_be_visible()
    assert "502 Bad" not in page.content()
    page.unroute("**/log?q=*")
    # When the search goes well again, the note has had its time.
    page.get_by_label("Find a record").fill("the")
    expect(page.locator("#found .line").first).to_be_visible()
    expect(note).to_be_empty()


def test_a_search_stays_in_the_address(site: Process, visit: Visiting) -> None:
    someone = visit("desktop")
    someone.sign_in("ada")
    page = someone.page
    page.get_by_label("Find a record").press_sequentially("the")
    expect(page.locator("#found .line").first).to_be_visible()
    page.wait_for_url("**/log?q=the")
    page.locator(".line-title").first.click()
    page.wait_for_url("**/records/*")
    page.go_back()
    page.wait_for_url("**/log?q=the")
    expect(page.get_by_label("Find a record")).to_have_value("the")
    page.get_by_label("Find a record").fill("★")
    expect(page.locator("#found")).to_contain_text("A search goes by letters and digits")
    expect(page.locator("#notes")).to_be_empty()
    page.get_by_label("Find a record").fill("")
    page.wait_for_url("**/log")
    expect(page.get_by_role("heading", name="What to play now")).to_be_visible()


def test_what_is_typed_on_the_shelf_finds_the_best_first(site: Process, visit: Visiting) -> None:
    someone = visit("desktop")
    someone.sign_in("ada")
    page = someone.page
    page.goto(f"{someone.url}/shelf")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_label("Find on the shelf").press_sequentially("the")
    page.wait_for_url("**/shelf?q=the")
    order = page.get_by_label("Order")
    expect(order.locator("option:checked")).to_have_text("Best match")
    assert not [url for url in asked if "sort=" in url]
    page.get_by_label("Find on the shelf").fill("")
    page.wait_for_url("**/shelf")
    expect(order.locator("option:checked")).to_have_text("Latest added")
    # By keyboard every arrow is a choice: the page waits until it is told.
    order.focus()
    page.keyboard.press("ArrowDown")
    expect(order).to_have_value("added")
    page.keyboard.press("ArrowDown")
    expect(order).to_have_value("artist")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_focused()
    assert page.url.endswith("/shelf")
    page.keyboard.press("Enter")
    page.wait_for_url("**/shelf?sort=artist")
    # A pointer's choice is one.
    order.dispatch_event("pointerdown")
    order.select_option("title")
    page.wait_for_url("**/shelf?sort=title")


def test_a_play_is_removed_where_it_stands(site: Process, visit: Visiting) -> None:
    token = token_of(site, "ada")
    someone = visit("desktop")
    someone.sign_in("ada")
    page, note = someone.page, someone.page.locator("#notes")
    before = total(site, token)
    play(page)
    expect(note).to_contain_text("Played")
    page.goto(f"{someone.url}/plays")
    newest = page.locator(".history li").first
    play_id = newest.get_by_role("button").get_attribute("value")
    newest.get_by_role("button").click()
    expect(note).to_contain_text("Removed the")
    expect(page.locator(f"button[value='{play_id}']")).to_be_hidden()
    assert page.url.endswith("/plays")
    assert total(site, token) == before
    # It comes back where it stood, and is removed again.
    for _ in range(2):
        note.get_by_role("button", name="Undo").click()
        expect(note).to_contain_text("It is back")
        expect(page.locator(f"button[value='{play_id}']")).to_be_visible()
        assert total(site, token) == before + 1
        newest.get_by_role("button").click()
        expect(note).to_contain_text("Removed the")
        expect(page.locator(f"button[value='{play_id}']")).to_be_hidden()
        assert total(site, token) == before
    # On a record's page a play is counted, and taken back, where one looks at it.
    page.locator(".history li:visible a").nth(1).click()
    plays = page.locator("#listening .figures dd").first
    number = int(plays.inner_text())
    page.locator("#months summary").click()
    page.locator(".record-what").get_by_role("button", name="Play", exact=True).click()
    expect(plays).to_have_text(str(number + 1))
    expect(page.locator("#months")).to_have_attribute("open", "")
    page.locator(".deeds").first.get_by_role("button").first.click()
    expect(note).to_contain_text("Removed the")
    expect(plays).to_have_text(str(number))
    assert total(site, token) == before


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_what_somebody_changed_meanwhile_is_seen_and_saved_over(
    scripts: bool, site: Process, visit: Visiting
) -> None:
    token = token_of(site, "ada")
    (copy,) = api(site, token, "/collection?limit=1&sort=-added")["items"]
    someone = visit("phone", java_script_enabled=scripts)
    someone.sign_in("ada")
    someone.expected_statuses = {412}
    page = someone.page
    page.goto(f"{someone.url}/records/{copy['releaseId']}")
    card = page.locator(f"#copy-{copy['id']}")
    card.get_by_label("Notes").fill("typed on the phone")
    change(site, token, f"/collection/{copy['id']}", notes="from the desk")
    card.get_by_role("button", name="Save", exact=True).click()
    expect(card.get_by_role("alert")).to_contain_text("It was changed meanwhile")
    expect(card.locator(".here")).to_have_text("here now: from the desk")
    expect(card.locator("textarea[name=notes]")).to_have_value("typed on the phone")
    over = card.get_by_role("button", name="Save over it")
    if scripts:
        expect(over).to_be_focused()
        check_access(page)
    over.click()
    if scripts:
        expect(page.locator("#notes")).to_contain_text("Saved")
    expect(card.get_by_role("alert")).to_have_count(0)
    now = api(site, token, f"/collection/{copy['id']}")
    assert now["notes"] == "typed on the phone"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "none"])
def test_a_form_that_is_refused_keeps_what_was_typed(
    scripts: bool, site: Process, visit: Visiting
) -> None:
    someone = visit("desktop", java_script_enabled=scripts)
    someone.sign_in("ada")
    someone.expected_statuses = {409}
    page = someone.page
    page.goto(f"{someone.url}/admin/users")
    page.locator("summary", has_text="Add a user").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("E-mail").fill("another@example.org")
    page.get_by_role("button", name="Add", exact=True).click()
    told = page.locator("#notes .bad" if scripts else "#problem")
    expect(told).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("another@example.org")
    expect(page.get_by_label("Username")).to_have_value("ada")


def test_a_look_again_keeps_the_focus(site: Process, visit: Visiting) -> None:
    someone = visit("desktop")
    someone.sign_in("ada")
    page = someone.page
    part = (
        '<section id="syncs" hx-get="/data/discogs" hx-trigger="every 50ms" hx-swap="outerHTML">'
        '<button id="stop-1">Stop it</button>'
        '<details id="report-1"><summary>To look at</summary>gone</details></section>'
    )

    def answer(route: Route) -> None:
        if "hx-request" in route.request.headers:
            route.fulfill(content_type="text/html", body=part)
        else:
            route.continue_()

    page.route("**/data/discogs", answer)
    page.goto(f"{someone.url}/data/discogs")
    page.evaluate(
        "(part) => { document.getElementById('syncs').outerHTML = part;"
        " htmx.process(document.getElementById('syncs')); }",
        part,
    )
    page.locator("#report-1 summary").click()
    page.locator("#stop-1").focus()
    for _ in range(3):
        with page.expect_response("**/data/discogs"):
            pass
    expect(page.locator("#stop-1")).to_be_focused()
    expect(page.locator("#report-1")).to_have_attribute("open", "")
