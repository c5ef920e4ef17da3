"""What a browser loads beside the page: where it is from, that it is whole, and for how long."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from http_site import Site
from page_client import Browser

from kleio.web import assets

pytestmark = pytest.mark.anyio

STATIC = Path(assets.__file__).parent / "static"
TABLE = (STATIC / "VENDORED.md").read_text()
VENDORED = dict(re.findall(r"^\| `([^`]+)` \|.* \| `([0-9a-f]{64})` \|$", TABLE, re.MULTILINE))


def test_vendored_files_are_those_of_the_table() -> None:
    binary = {
        str(path.relative_to(STATIC))
        for folder in ("vendor", "fonts")
        for path in (STATIC / folder).iterdir()
        if path.suffix != ".LICENSE"
    }
    assert binary == set(VENDORED)
    for name, digest in VENDORED.items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_vendored_files_have_their_licences() -> None:
    for licence in set(re.findall(r"`((?:vendor|fonts)/\w+\.LICENSE)`", TABLE)):
        assert (STATIC / licence).read_text().strip(), licence
    assert TABLE.count("LICENSE`") == len(VENDORED)


def test_the_style_sheet_loads_nothing_from_elsewhere() -> None:
    sheet = assets.assets()["kleio.css"].body.decode()
    addresses = re.findall(r"url\(([^)]*)\)", sheet)
    assert len(addresses) == 3
    for address in addresses:
        _, digest, name = address.strip('"').rsplit("/", 2)
        assert assets.assets()[name].digest == digest
    assert "@import" not in sheet


def test_own_scripts_need_no_eval() -> None:
    script = assets.assets()["kleio.js"].body.decode()
    assert not re.search(r"\beval\(|new Function|innerHTML|https?:", script)


async def test_a_file_of_this_version_may_be_kept(reading: Site) -> None:
    for name, asset in assets.assets().items():
        answer = await reading.anonymous.get(assets.asset_url(name))
        assert answer.status_code == 200
        assert answer.content == asset.body
        assert answer.headers["content-type"].partition(";")[0] == asset.media_type
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    old = await reading.anonymous.get("/assets/0123456789abcdef/kleio.css")
    assert old.headers["cache-control"] == "no-cache"


async def test_files_beside_them_are_not_served(reading: Site) -> None:
    for name in ("VENDORED.md", "htmx.LICENSE", "..%2fassets.py", "nothing.js"):
        answer = await reading.anonymous.get(f"/assets/0/{name}")
        assert answer.status_code == 404, name


async def test_pages_load_these_files_alone(reader: Browser) -> None:
    page = await reader.get("/log")
    loaded = page.find("//link/@href | //script/@src | //img/@src | //*[local-name()='use']/@href")
    urls = {assets.asset_url(name) for name in assets.assets()}
    assert {str(address).partition("#")[0] for address in loaded} <= urls
    assert assets.asset_url("htmx.min.js") in loaded
