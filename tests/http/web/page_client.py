"""A browser without a screen: keeps cookies, reads pages as documents, sends their forms."""

from __future__ import annotations

from typing import Any

import httpx
from http_site import TOKENS, Site
from lxml import html

from kleio.web.sessions import COOKIE

HTMX = {"HX-Request": "true"}


class Page:
    """An answer as a document."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.text = answer.text
        self.document = html.fromstring(answer.text) if answer.text.strip() else None

    def find(self, xpath: str) -> list[Any]:
        assert self.document is not None
        found: list[Any] = self.document.xpath(xpath)
        return found

    def words(self, xpath: str = "//main") -> str:
        """Return the text of the first such element, with single spaces."""
        return " ".join(self.find(xpath)[0].text_content().split())

    def fields(self, form: str) -> dict[str, str]:
        """Return what the hidden fields of a form hold; `form` is its XPath."""
        (found,) = self.find(form)
        hidden = found.xpath(
            ".//input[@type='hidden'] | //input[@type='hidden'][@form=$id]", id=found.get("id", "")
        )
        return {str(field.get("name")): str(field.get("value")) for field in hidden}

    @property
    def csrf(self) -> str:
        return str(self.find("//input[@name='csrf']/@value")[0])


class Browser:
    """Somebody's browser; `csrf` is what their pages hold."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.csrf = ""

    async def get(self, path: str, status: int = 200, **headers: str) -> Page:
        """Open an address, where it leads to too, and hold the answer against its status."""
        answer = await self.client.get(
            path, headers={"Accept": "text/html", **headers}, follow_redirects=True
        )
        assert answer.status_code == status, answer.text
        return Page(answer)

    async def post(
        self,
        path: str,
        status: int = 303,
        *,
        htmx: bool = False,
        csrf: str | None = None,
        **form: Any,
    ) -> Page:
        """Send a form with the token of the page, or another one."""
        sent = {"csrf": self.csrf if csrf is None else csrf, **form}
        answer = await self.client.post(path, data=sent, headers=HTMX if htmx else {})
        assert answer.status_code == status, answer.text
        return Page(answer)


async def as_browser(site: Site, username: str) -> Browser:
    """Return the browser of a user who has signed in with the token of the tests."""
    client = site.client()
    client.cookies.set(COOKIE, TOKENS[username])
    browser = Browser(client)
    page = await browser.get("/log")
    browser.csrf = page.csrf
    return browser


def links(page: Page) -> list[str]:
    """Return every address that a page or its style names."""
    return [
        str(value)
        for value in page.find(
            "//@href | //@src | //@action | //@hx-get | //@hx-post | //@formaction"
        )
    ]


def inline(page: Page) -> list[str]:
    """Return what the page's policy would not let a browser run."""
    styles = page.find("//@style | //style")
    scripts = page.find("//script[not(@src)]")
    handlers = page.find("//@*[starts-with(name(), 'on')]")
    addresses = [link for link in links(page) if link.lower().startswith("javascript:")]
    return [*map(str, [*styles, *scripts, *handlers]), *addresses]
