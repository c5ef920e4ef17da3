"""What every answer tells browsers, whoever made it: handlers, the router, errors, files."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest
from http_site import API, NOWHERE, Site

from kleio.http.security import DEFAULTS

pytestmark = pytest.mark.anyio

NAMES = [name.decode() for name, _ in DEFAULTS]

ANSWERS = {
    "a list": ("GET", f"{API}/collection", 200),
    "no token": ("GET", f"{API}/me?anonymous", 401),
    "not there": ("GET", f"{API}/releases/{NOWHERE}", 404),
    "no route": ("GET", "/nowhere", 404),
    "no method": ("DELETE", "/health", 405),
    "options": ("OPTIONS", f"{API}/me", 204),
    "head": ("HEAD", f"{API}/me", 200),
    "a bad parameter": ("GET", f"{API}/plays?limit=x", 400),
    "an export": ("GET", f"{API}/export/all", 200),
    "health": ("GET", "/health/live", 200),
    "metrics": ("GET", "/metrics", 200),
    "the document": ("GET", "/openapi.json", 200),
    "the page": ("GET", "/docs", 200),
    "an asset": ("GET", "/docs/assets/swagger-ui.css", 200),
}


async def answer_of(site: Site, name: str) -> httpx.Response:
    method, path, status = ANSWERS[name]
    client = site.anonymous if path.endswith("anonymous") else site.root
    answer = await client.request(method, path.removesuffix("?anonymous"))
    assert answer.status_code == status, answer.text
    return answer


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_is_fenced_in(reading: Site, name: str) -> None:
    headers = (await answer_of(reading, name)).headers
    for header in NAMES:
        assert len(headers.get_list(header)) == 1, header
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("script-src" in policy) == (name == "the page")
    assert "server" not in headers
    # Over http, where RFC 6797 wants it ignored and a proxy may know better.
    assert "strict-transport-security" not in headers


async def test_an_answer_of_one_s_own_is_kept_nowhere(reading: Site) -> None:
    for path in ("/me", "/collection", "/plays", "/auth/tokens"):
        assert (await reading.alice.get(API + path)).headers["cache-control"] == "no-store"
    shared = await reading.alice.get(f"{API}/releases/{await reading.release_id()}")
    assert shared.headers["cache-control"] == "private, no-cache"


async def test_an_answer_that_is_known_already_is_fenced_in(reading: Site) -> None:
    url = f"{API}/releases/{await reading.release_id()}"
    tag = (await reading.alice.get(url)).headers["etag"]
    answer = await reading.alice.get(url, headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_page_runs_its_own_scripts_and_no_others(reading: Site) -> None:
    answer = await reading.anonymous.get("/docs")
    scripts = re.findall(r"<script type='[^']*'>(.*?)</script>", answer.text, re.DOTALL)
    assert scripts
    policy = answer.headers["content-security-policy"]
    (allowed,) = re.findall(r"script-src ([^;]*)", policy)
    assert "unsafe-inline" not in allowed
    assert "unsafe-eval" not in allowed
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed


async def test_https_is_kept_to_where_it_is_spoken(
    start: Callable[..., AbstractAsyncContextManager[Site]],
) -> None:
    header = "strict-transport-security"
    forwarded = {"X-Forwarded-Proto": "https"}
    async with start() as site:
        answer = await site.anonymous.get("https://kleio.test/health/live")
        assert answer.headers[header] == "max-age=31536000"
        answer = await site.anonymous.get("/health/live", headers=forwarded)
        assert header not in answer.headers
    async with start(KLEIO_TRUSTED_PROXIES="127.0.0.0/8") as site:
        assert header in (await site.anonymous.get("/health/live", headers=forwarded)).headers
