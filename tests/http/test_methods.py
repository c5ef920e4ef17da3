"""HEAD and OPTIONS, on every address of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_site import API, NOWHERE, Site

pytestmark = pytest.mark.anyio


def paths(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.app.openapi_schema.to_schema()["paths"]
    return {re.sub(r"\{\w*Id\}|\{id\}", str(NOWHERE), path): found[path] for path in found}


async def test_head_is_get_without_the_body(reading: Site) -> None:
    for template, item in paths(reading).items():
        path = template.replace("{year}", "2025")
        if "get" not in item:
            continue
        # What is random or a time differs from one answer to the next.
        differs = {"x-request-id", "content-length"} if "random" in path else {"x-request-id"}
        get, head = await reading.alice.get(path), await reading.alice.head(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        if path == "/health":
            differs |= {"content-length"}
        told = [{k: v for k, v in a.headers.items() if k not in differs} for a in (get, head)]
        assert told[0] == told[1], path


async def test_head_knows_what_the_client_has(reading: Site) -> None:
    path = f"{API}/releases/{await reading.release_id()}"
    etag = (await reading.alice.head(path)).headers["etag"]
    again = await reading.alice.head(path, headers={"If-None-Match": etag})
    assert again.status_code == 304


async def test_head_of_other_pages(reading: Site) -> None:
    for path in ("/docs", "/openapi.json", "/docs/assets/swagger-ui.css"):
        head = await reading.anonymous.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 1000
    assert (await reading.anonymous.head("/nope")).status_code == 404
    assert (await reading.anonymous.head(f"{API}/me")).status_code == 401


async def test_options_tells_all_methods_of_an_address(reading: Site) -> None:
    for path, item in paths(reading).items():
        answer = await reading.anonymous.options(path)
        assert (answer.status_code, answer.content) == (204, b"")
        methods = {method.upper() for method in item} | {"OPTIONS"}
        if "get" in item:
            methods.add("HEAD")
        assert answer.headers["allow"].split(", ") == sorted(methods), path
        refused = await reading.alice.request("BREW", path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == answer.headers["allow"]
