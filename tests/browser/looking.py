"""What the stories in a browser share: axe's rules, and the API that they are held against."""

from __future__ import annotations

from typing import Any

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from kleio_process import Process

from .conftest import PASSWORD

SERIOUS = {"serious", "critical"}


def check_access(page: Page) -> None:
    """Hold a page against axe's rules: nothing serious stands in anybody's way."""
    found = Axe().run(page).response["violations"]
    told = [
        f"{entry['id']}: {entry['help']}: {[node['html'][:200] for node in entry['nodes'][:3]]}"
        for entry in found
        if entry["impact"] in SERIOUS
    ]
    assert told == [], f"{page.url}: {told}"


def token_of(site: Process, username: str) -> str:
    body = {"username": username, "password": PASSWORD}
    answer = httpx.post(f"{site.url}/api/v1/auth/login", json=body, timeout=60)
    return str(answer.json()["token"])


def api(site: Process, token: str, path: str) -> Any:
    return site.get(f"/api/v1{path}", token).json()
