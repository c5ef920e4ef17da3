"""Bodies that come slowly, late or not to their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import httpx
import pytest
from http_site import API, TOKENS, Site, problem

from kleio.http import slow_bodies

pytestmark = pytest.mark.anyio


async def drip(every: float, blocks: int, block: bytes = b" ") -> AsyncIterator[bytes]:
    yield b"{"
    for _ in range(blocks):
        await asyncio.sleep(every)
        yield block


@pytest.mark.parametrize("url", ["/collection", "/auth/login", "/imports"])
async def test_a_body_that_drips_is_cut_off(
    reading: Site, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(slow_bodies, "FIRST_SECONDS", 0.1)
    async with asyncio.timeout(30):  # it would drip for a minute
        answer = await reading.alice.post(
            API + url, content=drip(0.02, 3000), headers={"Content-Type": "application/json"}
        )
    problem(answer, 408, "too-slow")
    assert answer.headers["connection"] == "close"
    # No place for imports is lost.
    assert (await reading.alice.get(f"{API}/imports")).status_code == 200
    assert not reading.app.state.import_tasks._places


async def test_a_slow_body_that_keeps_coming_is_taken(
    reading: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_bodies, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(slow_bodies, "BYTES_A_SECOND", 1.0)
    body = b'{"discogsId": 987654321' + b" " * 40 + b"}"

    async def halves() -> AsyncIterator[bytes]:
        yield b""
        yield body[:60]
        await asyncio.sleep(0.01)
        yield body[60:]

    monkeypatch.setattr(slow_bodies, "FIRST_SECONDS", 5.0)
    answer = await reading.alice.post(
        f"{API}/collection", content=halves(), headers={"Content-Type": "application/json"}
    )
    problem(answer, 404)


async def test_a_body_is_not_slow_while_nobody_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where the database hangs for a minute while the token is looked up."""
    clock = 0.0
    monkeypatch.setattr(slow_bodies, "monotonic", lambda: clock)

    async def receive() -> Any:
        for _ in range(3):  # turns in which a time that is up would end it
            await asyncio.sleep(0)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    in_time = slow_bodies.in_time({}, receive)
    clock += 2 * slow_bodies.FIRST_SECONDS
    assert (await in_time())["body"] == b"{}"


async def in_two(body: bytes, between: Awaitable[httpx.Response]) -> AsyncIterator[bytes]:
    """Send half of a body, do something else, and send the rest."""
    yield body[:10]
    assert (await between).is_success
    yield body[10:]


@pytest.mark.parametrize(
    ("url", "body"),
    [("/auth/tokens", b'{"name": "survivor"}'), ("/imports", b"Catalog#,release_id,Artist,Title")],
)
async def test_what_a_token_began_to_ask_for_is_not_done_once_it_is_revoked(
    site: Site, monkeypatch: pytest.MonkeyPatch, url: str, body: bytes
) -> None:
    """Else who has a stolen one holds back the end of a body, and makes himself another."""
    monkeypatch.setattr(slow_bodies, "LATE_SECONDS", -1.0)
    made = (await site.alice.post(f"{API}/auth/tokens", json={"name": "stolen"})).json()
    kind = "text/csv" if url == "/imports" else "application/json"
    before = await site.value("SELECT count(*) FROM auth_tokens")
    async with site.client(made["token"]) as thief:
        answer = await thief.post(
            API + url,
            content=in_two(body, site.alice.delete(f"{API}/auth/tokens/{made['id']}")),
            headers={"Content-Type": kind},
        )
    problem(answer, 401, "unauthorized")
    assert await site.value("SELECT count(*) FROM auth_tokens") == before - 1
    assert await site.value("SELECT count(*) FROM import_runs") == 0
    assert not site.app.state.import_tasks._places


async def test_who_is_no_administrator_any_more_does_nothing_with_what_he_began(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an administrator who is about to be demoted holds back the end of his promotion."""
    monkeypatch.setattr(slow_bodies, "LATE_SECONDS", -1.0)
    bob = await site.value("SELECT id FROM users WHERE username = 'bob'")
    url = f"{API}/users/{bob}"
    assert (await site.root.patch(url, json={"role": "admin"})).is_success
    answer = await site.bob.patch(
        url,
        content=in_two(b'{"role": "admin"}', site.root.patch(url, json={"role": "user"})),
        headers={"Content-Type": "application/json"},
    )
    problem(answer, 401, "unauthorized")
    assert await site.value("SELECT role FROM users WHERE id = %s", bob) == "user"


async def test_a_late_body_of_somebody_who_may_is_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_bodies, "LATE_SECONDS", -1.0)
    answer = await site.alice.post(
        f"{API}/auth/tokens",
        content=in_two(b'{"name": "slow"}', site.alice.get(f"{API}/me")),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("path", [f"{API}/collection", f"{API}/imports", "/sign-in"])
async def test_a_body_that_the_client_cuts_off_is_no_bug(
    reading: Site, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    received = iter(
        [
            {"type": "http.request", "body": b'{"discogsId"', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(received)

    async def send(message: Any) -> None:
        sent.append(message)

    kind = "application/x-www-form-urlencoded" if path == "/sign-in" else "application/json"
    headers = {
        "authorization": f"Bearer {TOKENS['alice']}",
        "content-type": kind,
        "content-length": "100",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("kleio.test", 80),
    }
    await reading.app(scope, receive, send)
    assert sent[0]["status"] == 400
    if path != "/sign-in":
        assert json.loads(sent[1]["body"])["type"] == "urn:kleio:problem:cut-off"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert not reading.app.state.import_tasks._places
