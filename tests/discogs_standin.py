"""A stand-in for Discogs' API: an application that answers as Discogs does, over real HTTP.

It knows users by their tokens, each with folders, fields and a shelf that tests change between
calls; it counts calls, keeps the real limit (60 in any 60 seconds, for all callers together) and
writes the three headers of it; it pages as Discogs does, with its quirks; and it fails in every
way that is asked of it (`Fault`).

Run as a program it serves a generated shelf: `python tests/discogs_standin.py --size 200`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, Request, Response, get
from litestar.response import Stream

from shelf_at_discogs import Shelf, release_json
from threads import Thread

TOO_MANY = "You are making requests too quickly."
UNKNOWN = "The requested resource was not found."
UNAUTHORIZED = "You must authenticate to access this resource."


@dataclass
class Fault:
    """What goes wrong with the next `times` calls whose path matches.

    kind: `status` (with `value`, the status), `garbage` (JSON that is cut off, with its right
    length), `cut` (the connection ends before the body does), `slow` (`value` seconds late),
    `empty`, `large` (`value` bytes), `packed` (`value` as gzip), `html`, `body` (`value` as the
    answer), `moved`.
    """

    kind: str
    path: str = ""
    times: int = 1
    value: Any = None
    retry_after: str | None = None

    def takes(self, path: str) -> bool:
        if self.times and re.search(self.path, path):
            self.times -= 1
            return True
        return False


@dataclass
class Call:
    """One call as it came in: when (seconds of `clock`), what, and with which headers."""

    at: float
    path: str
    query: dict[str, str]
    agent: str
    token: str


@dataclass
class Discogs:
    """Everything that the stand-in knows and does."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    """By token."""

    limit: int = 60
    window: float = 60.0
    clock: Callable[[], float] = time.monotonic
    latency: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    missing: set[int] = field(default_factory=set)
    """Releases that Discogs no longer has."""

    documents: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Releases as they are; any other number has a generated one."""

    calls: list[Call] = field(default_factory=list)
    others: deque[float] = field(default_factory=deque)
    """When other programs behind the same address called."""

    before_call: dict[int, Callable[[], None]] = field(default_factory=dict)
    """What happens before the call of a number (from 1) is answered."""

    refused: int = 0
    """How many calls were answered with 429."""

    def paths(self) -> list[str]:
        return [call.path for call in self.calls]

    def used(self, now: float) -> int:
        """Return the calls of the last window, in the order of a moving average: all of them."""
        own = sum(1 for call in reversed(self.calls) if call.at > now - self.window)
        return own + sum(1 for at in self.others if at > now - self.window)

    def add_shelf(self, shelf: Shelf) -> Shelf:
        self.shelves[shelf.token] = shelf
        return shelf

    def release(self, number: int) -> dict[str, Any]:
        return self.documents.get(number) or release_json(number)

    # --- answers --------------------------------------------------------------------------------

    def answer(self, path: str, query: dict[str, str], token: str) -> tuple[int, Any]:
        """Return the status and body of a call that may be made."""
        shelf = self.shelves.get(token)
        if match := re.fullmatch(r"/releases/(\d+)", path):
            number = int(match[1])
            if number in self.missing:
                return 404, {"message": "Release not found."}
            return 200, self.release(number)
        if shelf is None:
            return 401, {"message": UNAUTHORIZED}
        if path == "/oauth/identity":
            return 200, {
                "id": 1,
                "username": shelf.username,
                "resource_url": f"https://api.discogs.com/users/{shelf.username}",
                "consumer_name": shelf.username,
            }
        home = f"/users/{shelf.username}/collection"
        if not path.lower().startswith(home.lower() + "/"):
            return (403, {"message": "You don't have permission to access this resource."})
        path = path[len(home) :]
        if path == "/folders":
            return 200, {"folders": shelf.folder_list()}
        if path == "/fields":
            return 200, {"fields": shelf.field_list()}
        if path == "/folders/0/releases":
            return self._page(shelf.sorted_items(query), query, f"{home}/folders/0/releases")
        if match := re.fullmatch(r"/releases/(\d+)", path):
            items = [item for item in shelf.items if item["id"] == int(match[1])]
            return self._page(items, query, home + path)
        return 404, {"message": UNKNOWN}

    def _page(
        self, items: list[dict[str, Any]], query: dict[str, str], path: str
    ) -> tuple[int, Any]:
        per_page = min(100, max(1, int(query.get("per_page", "50"))))
        number = int(query.get("page", "1"))
        pages = max(1, -(-len(items) // per_page))
        if not 1 <= number <= pages:
            return 404, {"message": f"Page {number} outside of valid range (1 to {pages})."}
        address = f"https://api.discogs.com{path}?per_page={per_page}&page="
        urls = {}
        if number > 1:
            urls |= {"first": f"{address}1", "prev": f"{address}{number - 1}"}
        if number < pages:
            urls |= {"next": f"{address}{number + 1}", "last": f"{address}{pages}"}
        found = items[(number - 1) * per_page : number * per_page]
        return 200, {
            "pagination": {
                "page": number,
                "pages": pages,
                "per_page": per_page,
                "items": len(items),
                "urls": urls,
            },
            "releases": [self._item(item) for item in found],
        }

    def _item(self, item: dict[str, Any]) -> dict[str, Any]:
        if "basic_information" in item:
            return item
        release = self.release(item["id"])
        basic = {
            name: release[name]
            for name in ("id", "title", "year", "artists", "labels", "formats", "genres", "styles")
        }
        basic |= {
            "master_id": release.get("master_id", 0),
            "master_url": None,
            "thumb": f"https://i.discogs.com/{item['id']}-150.jpeg",
            "cover_image": f"https://i.discogs.com/{item['id']}-600.jpeg",
            "resource_url": f"https://api.discogs.com/releases/{item['id']}",
        }
        return {**item, "basic_information": basic}


def make_app(discogs: Discogs) -> Litestar:
    """Return the application of a stand-in."""

    @get("/{rest:path}")
    async def everything(request: Request[Any, Any, Any]) -> Response[Any]:
        discogs_now = discogs.clock()
        path = request.url.path
        authorization = request.headers.get("authorization", "")
        token = authorization.removeprefix("Discogs token=")
        agent = request.headers.get("user-agent", "")
        number = len(discogs.calls) + 1
        if change := discogs.before_call.pop(number, None):
            change()
        is_free = discogs.used(discogs_now) < discogs.limit
        discogs.calls.append(
            Call(discogs_now, path, dict(request.query_params.items()), agent, token)
        )
        used = min(discogs.limit, discogs.used(discogs_now))
        headers = {
            "X-Discogs-Ratelimit": str(discogs.limit),
            "X-Discogs-Ratelimit-Used": str(used),
            "X-Discogs-Ratelimit-Remaining": str(discogs.limit - used),
            "Date": format_datetime(datetime.now(UTC), usegmt=True),
        }
        if discogs.latency:
            await asyncio.sleep(discogs.latency)
        if not agent:
            return Response(b"", headers=headers)
        if not is_free:
            discogs.refused += 1
            return _json(429, {"message": TOO_MANY}, headers)
        for fault in discogs.faults:
            if fault.takes(path):
                return await _failing(fault, discogs, path, headers)
        status, body = discogs.answer(path, dict(request.query_params.items()), token)
        return _json(status, body, headers)

    return Litestar([everything], openapi_config=None, logging_config=None)


def _json(status: int, body: Any, headers: dict[str, str]) -> Response[bytes]:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(
        encoded, status_code=status, media_type="application/json; charset=utf-8", headers=headers
    )


async def _failing(
    fault: Fault, discogs: Discogs, path: str, headers: dict[str, str]
) -> Response[Any]:
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    if fault.kind == "status":
        message = {429: TOO_MANY, 401: UNAUTHORIZED}.get(fault.value, "Something went wrong.")
        return _json(fault.value, {"message": message}, headers)
    if fault.kind == "slow":
        await asyncio.sleep(fault.value)
    _, body = discogs.answer(path, {}, next(iter(discogs.shelves), ""))
    encoded = json.dumps(body).encode()
    if fault.kind == "garbage":
        return _json(200, encoded[: len(encoded) // 2], headers)
    if fault.kind == "cut":

        async def half() -> AsyncIterator[bytes]:
            yield encoded[: len(encoded) // 2]
            raise ConnectionAbortedError("as it was asked for")

        return Stream(half(), media_type="application/json", headers=headers)
    if fault.kind == "empty":
        return _json(200, b"", headers)
    if fault.kind == "large":
        return _json(200, b'{"x":"' + b"x" * fault.value + b'"}', headers)
    if fault.kind == "packed":
        return _json(200, fault.value, {**headers, "Content-Encoding": "gzip"})
    if fault.kind == "html":
        return _json(200, b"<html><title>Just a moment...</title></html>", headers)
    if fault.kind == "body":
        return _json(200, fault.value, headers)
    if fault.kind == "moved":
        headers["Location"] = fault.value
        return _json(302, {}, headers)
    return _json(200, encoded, headers)


# --- serving ------------------------------------------------------------------------------------


@contextmanager
def serving(discogs: Discogs) -> Iterator[str]:
    """Serve a stand-in in a thread of this process, and yield its address."""
    port = _free_port()
    loop = asyncio.new_event_loop()
    server = Server(
        make_app(discogs),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    thread = Thread(loop.run_until_complete, server.serve())
    thread.start()
    try:
        _until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.end()
        loop.close()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _until_open(port: int) -> None:
    import socket

    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def busiest(times: list[float], window: float) -> int:
    """Return the largest number of times in any window."""
    times = sorted(times)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    standin = Discogs()
    shelf = Shelf.generated(options.size, random.Random(options.seed))
    standin.add_shelf(shelf)
    with serving(standin) as url:
        print(f"KLEIO_DISCOGS_URL={url}  user {shelf.username}, token {shelf.token}", flush=True)
        threading.Event().wait()
