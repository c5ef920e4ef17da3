"""Makes the pictures of the README from the demo's data: `make screenshots`.

It starts `kleio demo` in a directory of its own, opens the page in Chromium as its first user and
writes `.github/*.png`. Fonts for all scripts make them better (Debian: fonts-noto-core,
fonts-noto-cjk).
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from kleio_process import Process

DOCS = Path(__file__).parents[1] / ".github"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 832}}


def sign_in(browser: Browser, url: str, token: str, **options: Any) -> Page:
    """Return a page of somebody who has signed in with a token."""
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.goto(f"{url}/sign-in")
    page.locator(".token summary").click()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in with it").click()
    page.wait_for_url("**/log")
    return page


def evening(page: Page) -> None:
    """Find a record with a typo and log it, as far as the note with its undo."""
    page.wait_for_selector(".history li")
    title = page.locator(".history a:not([aria-hidden])").first.inner_text()
    page.get_by_label("Find a record").fill(title[:3] + title[4:])
    page.wait_for_selector("text=On your shelf")
    page.locator(".line").first.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_selector("#notes .note")


def shelf(page: Page) -> None:
    """Open the shelf, most played first."""
    page.goto(page.url.replace("/log", "/shelf?sort=-plays"))
    page.wait_for_load_state("networkidle")


def record(page: Page) -> None:
    """Open the record that is played most."""
    shelf(page)
    page.locator(".tile a").first.click()
    page.wait_for_selector(".over-time svg")
    page.wait_for_load_state("networkidle")


def insight(page: Page) -> None:
    """Open this year."""
    page.goto(page.url.replace("/log", "/insight"))
    page.wait_for_load_state("networkidle")


def verdict(page: Page) -> None:
    """Bring a file with one bad line, as far as its verdict."""
    page.goto(page.url.replace("/log", "/data"))
    file = {"name": "collection.csv", "mimeType": "text/csv", "buffer": BAD_LINE.encode()}
    page.locator("input[type=file]").set_input_files([file])
    page.wait_for_selector("text=Nothing is written yet")


BAD_LINE = (
    "Catalog#,Artist,Title,Label,Format,Rating,Released,release_id,CollectionFolder,Date Added,"
    "Collection Media Condition,Collection Sleeve Condition,Collection Notes\n"
    "RR 1,Ruth Example,First Light,Roomy,LP,5,1999,7700001,Attic,2020-01-02 03:04:05,,,\n"
    "RR 2,Ruth Example,Second Light,Roomy,LP,9,1999,7700002,Attic,2020-01-02 03:04:05,,,\n"
)

PICTURES: list[tuple[str, dict[str, Any], Callable[[Page], None]]] = [
    ("shelf", DESK, shelf),
    ("record", {**DESK, "color_scheme": "dark"}, record),
    ("log", {**PHONE, "device_scale_factor": 2}, evening),
    ("insight", DESK, insight),
    ("import-phone", {**PHONE, "device_scale_factor": 2}, verdict),
    ("shelf-phone", {**PHONE, "device_scale_factor": 2, "color_scheme": "dark"}, shelf),
]


def main() -> None:
    """Make all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("kleio: there is no Chromium; on Debian: apt-get install chromium")
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        demo = Process(Path(home), ("demo",), {"KLEIO_HOME": f"{home}/home"})
        try:
            demo.until_ready()
            token = re.search(r"kleio_[\w-]{40,}", demo.stdout)
            assert token is not None, demo.stdout
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                for name, options, walk in PICTURES:
                    page = sign_in(browser, demo.url, token[0], **options)
                    walk(page)
                    page.screenshot(path=DOCS / f"{name}.png")
                    print(f".github/{name}.png")
        finally:
            if demo.process.poll() is None:
                demo.stop()


if __name__ == "__main__":
    main()
