"""A real browser on a real server with the demo's data; skipped where there is no Chromium.

Everything that the page does wrong without failing is collected: errors in the console, requests
that leave the host, answers of 500 and more. A test that leaves any of it behind fails.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from kleio import accounts
from kleio.db.connections import configure
from kleio.demo import load_demo
from kleio.repositories import users
from kleio_process import Process
from servers import RUN, Server

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PASSWORD = "correct horse battery"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SIZES = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
TIMEOUT_MS = 20_000
"""How long anything on the page may take on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is not None:
        return
    skip = pytest.mark.skip(reason="there is no Chromium (Debian: apt-get install chromium)")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


async def _fill(conninfo: str) -> None:
    conn: Any = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with conn:
        await configure(conn)
        result = await load_demo(conn)
        for name in result.users:
            user = await users.get_user_by_username(conn, username=name)
            assert user is not None
            now = datetime.now(UTC)
            await accounts.set_password(conn, user_id=user.id, password=PASSWORD, now=now)


def fill(conninfo: str) -> None:
    """Write the demo, whose users have a password here."""
    asyncio.run(_fill(conninfo))


@pytest.fixture(scope="session")
def demo_database(server: Server, template_database: str) -> str:
    """The name of the database with the demo's users, for copies."""
    return server.ensure_database(f"kleio_test_{RUN}_demo", fill, template=template_database)


@pytest.fixture
def chromium(site: Process) -> Iterator[Browser]:
    """A browser with a profile of its own that is gone afterwards.

    One a test, and after the server: while Playwright runs, an event loop does in this thread, and
    neither another test nor another fixture could have one.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(
    server: Server, demo_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    """A server on a copy of the demo, which a worker's tests share: each counts what it does."""
    folder = tmp_path_factory.mktemp("browser")
    with server.database(demo_database) as conninfo:
        variables = {
            "DATABASE_URL": conninfo,
            "KLEIO_HOME": str(folder / "home"),
            "KLEIO_MAINTAIN_INTERVAL": "0",
        }
        process = Process(folder / "serve", ("serve",), variables)
        try:
            process.until_ready()
            yield process
        finally:
            if process.process.poll() is None:
                process.stop()


class Visit:
    """Somebody's browser on the site, and what went wrong in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.wrong: list[str] = []
        context.set_default_timeout(TIMEOUT_MS)
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        context.on("request", self._request)
        context.on("response", self._response)
        self.expected_statuses: set[int] = set()
        self.is_offline = False

    def _console(self, message: Any) -> None:
        told = f"console: {message.type} {message.text}"
        # The browser tells of every answer that is an error; those that a test asks for are none.
        is_expected = self.is_offline or any(
            f"status of {status}" in message.text for status in self.expected_statuses
        )
        if message.type in ("error", "warning") and not is_expected:
            self.wrong.append(told)

    def _request(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and f"{address.scheme}://{address.netloc}" != self.url:
            self.wrong.append(f"left the host: {request.url}")

    def _response(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self.expected_statuses:
            self.wrong.append(f"{response.status} {response.url}")

    def sign_in(self, username: str) -> None:
        page = self.page
        page.goto(self.url)
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/log")


Visiting = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser, site: Process) -> Iterator[Visiting]:
    """Open a browser: `visit("phone", color_scheme="dark")`; nothing may go wrong in it."""
    visits: list[Visit] = []

    def begin(size: str = "desktop", **options: Any) -> Visit:
        settings: dict[str, Any] = {**SIZES[size], "locale": "en-GB", **options}
        visits.append(Visit(chromium.new_context(**settings), site.url))
        return visits[-1]

    yield begin
    wrong = [told for each in visits for told in each.wrong]
    for each in visits:
        with suppress(Exception):
            each.context.close()
    assert wrong == []
