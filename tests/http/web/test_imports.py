"""Imports: a file's verdict before anything is written, and what is then written of it."""

from __future__ import annotations

from typing import Any

import pytest
from http_site import TOKENS, Site
from msgspec import Raw
from page_client import HTMX, Browser, Page, as_browser, inline

from kleio.http.import_tasks import ImportTasks
from kleio.web.imports import changes_of

pytestmark = pytest.mark.anyio

HEAD = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes\n"
)
GOOD = "X 1,Somebody,<b>Bold</b>,Lab,LP,5,1999,700001,Attic,2020-01-02 03:04:05,,,fine\n"
BAD = "X 2,Somebody,Worse,Lab,LP,9,1999,700002,Attic,2020-01-02 03:04:05,,,\n"
CSV = HEAD + GOOD + BAD


async def upload(
    browser: Browser,
    text: str = CSV,
    *,
    name: str = "shelf.csv",
    status: int = 303,
    csrf: str | None = None,
    **form: str,
) -> Page:
    """Send a file as the form does: the page's token first, the file last."""
    fields = {"csrf": browser.csrf if csrf is None else csrf, **form}
    answer = await browser.client.post(
        "/data/imports", data=fields, files={"file": (name, text.encode())}
    )
    assert answer.status_code == status, answer.text
    return Page(answer)


async def judged(site: Site, browser: Browser, **given: Any) -> str:
    """Send a file, wait until it is judged, and return its address."""
    path = (await upload(browser, **given)).answer.headers["location"]
    tasks: ImportTasks = site.app.state.import_tasks
    await tasks.wait()
    return str(path)


async def count(site: Site, table: str, username: str = "alice") -> int:
    return await site.value(
        f"SELECT count(*) FROM {table} WHERE user_id = %s", await site.user_id(username)
    )


async def test_a_file_that_is_sent_twice_is_one_import(site: Site, alice: Browser) -> None:
    form = (await alice.get("/data")).fields("//form[@action='/data/imports']")
    del form["csrf"]
    path = await judged(site, alice, **form)
    assert await judged(site, alice, **form) == path
    assert await count(site, "import_runs") == 1
    # Another file from the same page is another wish, and so is the file from another page.
    other = await judged(site, alice, text=HEAD + GOOD, **form)
    assert other != path
    key = (await alice.get("/data")).fields("//form[@action='/data/imports']")["key"]
    assert await judged(site, alice, key=key) not in (path, other)
    assert await count(site, "import_runs") == 3
    # What is forgotten is not begun again by a form of before.
    await alice.post(f"{path}/forget")
    await upload(alice, status=404, **form)
    assert await count(site, "import_runs") == 2


async def test_a_file_is_judged_and_then_written(site: Site, alice: Browser) -> None:
    copies = await count(site, "user_releases")
    path = await judged(site, alice)
    page = await alice.get(path)
    assert "Nothing is written yet" in page.words()
    assert await count(site, "user_releases") == copies
    lines = [
        " ".join(row.text_content().split())
        for row in page.find("//table[contains(@class, 'records')]/tbody/tr")
    ]
    assert "line 2 copy to add" in lines
    assert "line 3 copy refused Rating: '9' is not 0 to 5" in lines
    refused = await alice.get(f"{path}?verdict=invalid")
    assert refused.words("//table[contains(@class, 'records')]/tbody").startswith("line 3 copy")
    report = await alice.client.get(f"{path}/report")
    assert report.headers["content-type"].startswith("text/csv")
    assert "attachment" in report.headers["content-disposition"]
    assert "line 3" in report.text
    await alice.post(f"{path}/apply")
    await site.app.state.import_tasks.wait()
    page = await alice.get(path)
    assert "Done" in page.words("//section[@aria-label='Verdict']")
    assert "1 refused" in page.words()
    assert await count(site, "user_releases") == copies + 1
    # The same again: nothing new, and it can be forgotten.
    again = await judged(site, alice)
    assert "to add" not in (await alice.get(again)).words("//*[@aria-label='Verdict'][@role]")
    await alice.post(f"{again}/forget")
    await alice.get(again, 404)
    assert await count(site, "import_runs") == 1
    assert "shelf.csv" in (await alice.get("/data")).words()


async def test_scripts_are_told_how_far_it_is_and_then_led_to_the_whole(
    site: Site, alice: Browser
) -> None:
    path = await judged(site, alice)
    over = await alice.client.get(path, headers=HTMX)
    assert over.headers["hx-redirect"] == path
    await site.rows("UPDATE import_runs SET state = 'reading', updated_at = now(), bytes_read = 1")
    part = Page(await alice.client.get(path, headers=HTMX))
    assert part.find("//@hx-trigger") == ["every 1s"]
    assert part.find("//a/@id") == ["look-again"]
    assert "Reading and judging" in part.text
    assert "<html" not in part.text
    whole = await alice.get(path)
    assert whole.find("//@hx-trigger")[-1] == "every 1s"
    assert "records" not in whole.text.partition("</main>")[2]
    other = await upload(alice, status=409)
    assert "Another import of yours is going on" in other.words()
    again = await alice.post(f"{path}/apply")
    assert again.answer.headers["location"] == path
    await alice.post(f"{path}/forget", 409)
    # Nobody has gone on with it for two minutes.
    await site.rows("UPDATE import_runs SET updated_at = now() - interval '2 minutes'")
    assert "It was cut short" in (await alice.get(path)).words()


async def test_scripts_send_a_file_and_keep_the_form_where_it_is_wrong(
    site: Site, alice: Browser
) -> None:
    page = await alice.get("/data")
    form = page.find("//form[@action='/data/imports']")[0]
    assert form.get("hx-post") == "/data/imports"
    assert form.get("hx-encoding") == form.get("enctype") == "multipart/form-data"
    files = {"file": ("shelf.csv", CSV.encode())}
    headers = {**HTMX, "X-CSRF-Token": alice.csrf}
    wrong = await alice.client.post(
        "/data/imports", data={"zone": "Mars/Olympus"}, files=files, headers=headers
    )
    assert (wrong.status_code, wrong.headers["hx-retarget"]) == (400, "#notes")
    assert "Zone: no such time zone" in wrong.text
    good = await alice.client.post("/data/imports", files=files, headers=headers)
    assert good.status_code == 200
    assert good.headers["hx-redirect"].startswith("/data/imports/")
    await site.app.state.import_tasks.wait()


async def test_what_differs_is_shown_side_by_side(site: Site, alice: Browser) -> None:
    path = await judged(site, alice)
    await alice.post(f"{path}/apply")
    await site.app.state.import_tasks.wait()
    changed = CSV.replace(",5,1999", ",3,1999").replace("fine", "<i>finer</i>")
    path = await judged(site, alice, text=changed, update="true")
    page = await alice.get(path)
    assert inline(page) == []
    change = page.words("//tr[.//*[contains(@class, 'verdict-changed')]]")
    assert "5 3" in change
    assert "fine <i>finer</i>" in change


async def test_the_form_can_say_that_a_csv_is_one_for_spreadsheets(
    site: Site, alice: Browser
) -> None:
    assert (await alice.get("/data")).find("//input[@name='spreadsheet'][@value='true']")
    await judged(site, alice, spreadsheet="true")
    assert await site.value("SELECT options ->> 'spreadsheet' FROM import_runs") == "true"


async def test_many_records_come_in_pages(site: Site, alice: Browser) -> None:
    lines = [GOOD.replace("700001", str(710_000 + number)) for number in range(70)]
    path = await judged(site, alice, text=HEAD + "".join(lines))
    page = await alice.get(path)
    seen = page.find("//table[contains(@class, 'records')]/tbody/tr[td[@class]]")
    (following,) = page.find("//a[@rel='next']/@href")
    part = Page(await alice.client.get(following, headers=HTMX))
    assert "<html" not in part.text
    total = await count(site, "import_rows")
    assert len(seen) + part.text.count('<td class="place') == total > 100
    whole = await alice.get(following)
    assert "Record by record" in whole.words()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"text": "not a csv\n", "name": "x.csv"}, "The file"),
        ({"name": "x.xlsx"}, "its name ends neither in .csv nor in .json"),
        ({"name": ""}, "choose one first"),
        ({"zone": "Mars/Olympus"}, "Zone: no such time zone"),
        ({"dates": "x"}, "Dates"),
        ({"encoding": "x" * 5000}, "too long"),
    ],
)
async def test_a_file_that_can_not_be_read(
    site: Site, alice: Browser, given: dict[str, str], words: str
) -> None:
    page = await upload(alice, status=400, **given)
    assert words in page.words()
    assert await count(site, "import_runs") == 0


async def test_a_broken_form_keeps_nothing(site: Site, alice: Browser) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n%b\r\n' % alice.csrf.encode()
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    for sent in (b"", b"--b--\r\n", body, body + head + CSV.encode(), b"nonsense"):
        answer = await alice.client.post(
            "/data/imports",
            content=sent,
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code in (400, 403), sent
    no_boundary = await alice.client.post(
        "/data/imports", content=body, headers={"Content-Type": "multipart/form-data"}
    )
    assert no_boundary.status_code == 400
    assert await count(site, "import_runs") == 0


async def test_a_file_from_elsewhere_changes_nothing(site: Site, alice: Browser) -> None:
    for csrf in ("", "0" * 64, TOKENS["alice"]):
        page = await upload(alice, status=403, csrf=csrf)
        assert "nothing was changed" in page.words()
    # The token counts only where it stands before the file.
    late = (
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        f"{CSV}\r\n"
        f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{alice.csrf}\r\n--b--\r\n'
    )
    answer = await alice.client.post(
        "/data/imports",
        content=late.encode(),
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 403
    assert await count(site, "import_runs") == 0


async def test_a_file_may_be_so_long(start: Any) -> None:
    async with start(KLEIO_MAX_IMPORT_BYTES="1KiB") as small:
        browser = await as_browser(small, "alice")
        page = await upload(browser, HEAD + GOOD * 30, status=413)
        assert "1,024 bytes" in page.words()
        assert await count(small, "import_runs") == 0


async def test_imports_are_one_s_own(site: Site, alice: Browser) -> None:
    path = await judged(site, alice)
    bob = await as_browser(site, "bob")
    for action in ("", "/report"):
        assert (await bob.client.get(path + action)).status_code == 404
    for action in ("/apply", "/forget"):
        await bob.post(path + action, 404)
    assert await count(site, "import_runs") == 1


def test_changes_are_words() -> None:
    found = changes_of(Raw(b'{"rating": [null, 3], "notes": ["", "x"], "custom": [{"a": 1}, []]}'))
    assert [(change.here, change.there) for change in found] == [
        ("nothing", "3"),
        ("nothing", "x"),
        ('{"a":1}', "[]"),
    ]
    assert changes_of(None) == []
