"""The files that a browser loads beside the page: one style sheet, scripts, fonts.

They are read once in a worker's life. An address holds the file's hash, so that it may be kept for
ever and a new version is another address. What was not written here stands in `static/VENDORED.md`.
"""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from kleio.http.auth import NO_AUTH
from kleio.http.problems import not_found

PATH = "/assets"
_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_FOREVER = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    """A file as it is sent."""

    body: bytes
    media_type: str
    digest: str


def static_folder() -> Traversable:
    """Return the folder of the files, in the checkout or in the installed package."""
    return resources.files("kleio.web") / "static"


@functools.cache
def assets() -> dict[str, Asset]:
    """Return all files by name; the style sheet is made of the parts in `static/css`."""
    folder = static_folder()
    found: dict[str, bytes] = {}
    for group in ("js", "vendor", "fonts", "img"):
        for file in (folder / group).iterdir():
            found[file.name] = file.read_bytes()
    parts = sorted((folder / "css").iterdir(), key=lambda part: part.name)
    # Fonts are named by hash too, so that the sheet of one version never loads those of another.
    sheet = b"\n".join(part.read_bytes() for part in parts).decode()
    for name, body in found.items():
        if name.endswith(".woff2"):
            sheet = sheet.replace(f'url("{name}")', f'url("{PATH}/{_digest(body)}/{name}")')
    found["kleio.css"] = sheet.encode()
    return {
        name: Asset(body, _TYPES[suffix], _digest(body))
        for name, body in found.items()
        if (suffix := name.rpartition(".")[2]) in _TYPES
    }


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def asset_url(name: str) -> str:
    """Return the address of a file, of this version."""
    return f"{PATH}/{assets()[name].digest}/{name}"


@get(
    f"{PATH}/{{digest:str}}/{{name:str}}", opt={NO_AUTH: True}, include_in_schema=False, cache=False
)
async def get_asset(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Return a file; of another version than this worker's it is not kept."""
    asset = assets().get(name)
    if asset is None:
        raise not_found("file")
    headers = {
        "Cache-Control": _FOREVER if digest == asset.digest else "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(asset.body, media_type=asset.media_type, headers=headers)
