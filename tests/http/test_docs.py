"""The page at /docs: complete, and nothing on it comes from anywhere else."""

from __future__ import annotations

import re

import pytest
from http_site import Site, problem

from kleio.discogs import SITE_URL

pytestmark = pytest.mark.anyio

_REFERENCE = re.compile(r"""(?:src|href)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_ELSEWHERE = re.compile(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}""", re.IGNORECASE)


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
async def test_the_page_refers_to_nothing_outside(reading: Site, path: str) -> None:
    answer = await reading.anonymous.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    references = _REFERENCE.findall(answer.text.partition("spec:")[0])
    assert len(references) >= 3
    for reference in references:
        assert reference.startswith(("/docs/assets/", "data:")), reference
        if reference.startswith("/"):
            asset = await reading.anonymous.get(reference)
            assert asset.status_code == 200
            assert len(asset.content) > 10_000
            assert "max-age" in asset.headers["cache-control"]


async def test_the_style_sheet_loads_nothing(reading: Site) -> None:
    sheet = (await reading.anonymous.get("/docs/assets/swagger-ui.css")).text
    assert re.findall(r"@import|url\(\s*['\"]?(?!['\"]?data:)[^)]*", sheet) == []


async def test_the_page_names_no_other_host_than_the_one_that_is_credited(reading: Site) -> None:
    page = (await reading.anonymous.get("/docs")).text
    hosts = {found for found in _ELSEWHERE.findall(page) if "w3.org" not in found}
    # In the document's text, for people to follow.
    assert hosts == {SITE_URL}


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui-standalone-preset.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
    ],
)
async def test_an_asset_is_what_it_says(reading: Site, name: str, media_type: str) -> None:
    answer = await reading.anonymous.get(f"/docs/assets/{name}")
    assert answer.headers["content-type"].startswith(media_type)


@pytest.mark.parametrize(
    "path", ["/docs/assets/x.js", "/docs/assets/%2e%2e%2fapp.py", "/docs/nope"]
)
async def test_nothing_else_is_served(reading: Site, path: str) -> None:
    problem(await reading.anonymous.get(path), 404, "not-found")
