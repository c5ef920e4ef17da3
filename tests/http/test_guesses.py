"""Guesses at passwords and tokens: limits of an account and of an address, across workers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from http_site import PASSWORD, TOKENS, Site, problem

from kleio import passwords
from kleio.db.errors import Overloaded

pytestmark = pytest.mark.anyio

Start = Callable[..., AbstractAsyncContextManager[Site]]
LIMITS = {"KLEIO_ACCOUNT_ATTEMPTS": "3", "KLEIO_ADDRESS_ATTEMPTS": "5"}
PROXIED = {**LIMITS, "KLEIO_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare passwords cheaply: this is about how many, and each real one takes 0.1 s."""

    async def compare(password: str, password_hash: str | None) -> tuple[bool, str | None]:
        return password == PASSWORD and password_hash is not None, None

    monkeypatch.setattr(passwords, "verify_password", compare)


async def sign_in(
    site: Site, password: str = "wrong", name: str = "alice", *, of: str | None = None
) -> httpx.Response:
    headers = {} if of is None else {"X-Forwarded-For": of}
    return await site.anonymous.post(
        "/api/v1/auth/login", json={"username": name, "password": password}, headers=headers
    )


def refused(answer: httpx.Response) -> int:
    """Check that an answer is a 429 that tells how long to wait, and return the seconds."""
    problem(answer, 429, "too-many-attempts")
    seconds = int(answer.headers["retry-after"])
    assert 0 < seconds <= 600
    return seconds


async def test_an_account_has_its_limit_whatever_the_address(start: Start) -> None:
    async with start(**PROXIED) as site:
        for number in range(3):
            problem(await sign_in(site, of=f"203.0.113.{number}"), 401)
        # The right one is refused too, and in any case of the name: nothing is learnt from it.
        assert refused(await sign_in(site, PASSWORD, of="203.0.113.7")) <= 200
        refused(await sign_in(site, PASSWORD, "ALICE", of="203.0.113.8"))
        problem(await sign_in(site, name="bob", of="203.0.113.9"), 401)


async def test_a_name_that_nobody_has_is_limited_alike(start: Start) -> None:
    async with start(**PROXIED) as site:
        for number in range(3):
            problem(await sign_in(site, name="nobody-here", of=f"203.0.113.{number}"), 401)
        refused(await sign_in(site, name="nobody-here", of="203.0.113.7"))


async def test_an_address_has_its_limit_whatever_the_account(start: Start) -> None:
    async with start(**PROXIED) as site:
        for number in range(5):
            problem(await sign_in(site, name=f"user{number}", of="203.0.113.1"), 401)
        refused(await sign_in(site, name="user9", of="203.0.113.1"))
        # An address that is sent away uses up nobody's attempts.
        for _ in range(5):
            refused(await sign_in(site, of="203.0.113.1"))
        assert (await sign_in(site, PASSWORD, of="203.0.113.2")).status_code == 201


async def test_what_succeeds_is_not_counted(start: Start) -> None:
    async with start(**LIMITS) as site:
        for _ in range(8):
            assert (await sign_in(site, PASSWORD)).status_code == 201
        problem(await sign_in(site), 401)


async def test_of_an_overloaded_server_nobody_learns_and_nothing_counts(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(**LIMITS) as site:
        with monkeypatch.context() as patched:

            async def busy(*_: Any) -> Any:
                raise Overloaded("busy", operation="password")

            patched.setattr(passwords, "verify_password", busy)
            for _ in range(6):
                problem(await sign_in(site), 503)
        assert (await sign_in(site, PASSWORD)).status_code == 201


async def test_two_workers_count_together(start: Start) -> None:
    async with start(**LIMITS) as one, start(**LIMITS) as other:
        for site in (one, other, one):
            problem(await sign_in(site), 401)
        refused(await sign_in(other, PASSWORD))
        refused(await sign_in(one, PASSWORD))


async def test_a_header_of_the_client_changes_nothing_without_a_trusted_proxy(start: Start) -> None:
    async with start(**LIMITS) as site:
        for number in range(5):
            problem(await sign_in(site, name=f"user{number}", of=f"203.0.113.{number}"), 401)
        refused(await sign_in(site, name="user9", of="203.0.113.9"))


async def test_zero_is_no_limit(start: Start) -> None:
    async with start(KLEIO_ACCOUNT_ATTEMPTS="0", KLEIO_ADDRESS_ATTEMPTS="0") as site:
        for _ in range(120):
            problem(await sign_in(site), 401)
        assert await site.value("SELECT count(*) FROM attempts") == 0


async def test_the_current_password_is_no_way_around(start: Start) -> None:
    async with start(**LIMITS) as site:
        body = {"password": "another one of mine", "currentPassword": "wrong one"}
        for _ in range(3):
            problem(await site.alice.patch("/api/v1/me", json=body), 400)
        refused(await site.alice.patch("/api/v1/me", json={**body, "currentPassword": PASSWORD}))
        refused(await sign_in(site, PASSWORD))


async def test_registrations_have_a_limit(start: Start) -> None:
    async with start(KLEIO_REGISTRATION="open", **LIMITS) as site:
        body = {"username": "alice", "email": "new@example.org", "password": PASSWORD}
        for _ in range(5):
            problem(await site.anonymous.post("/api/v1/users", json=body), 409)
        refused(await site.anonymous.post("/api/v1/users", json=body))
        added = {"username": "carol", "email": "carol@example.org"}
        assert (await site.root.post("/api/v1/users", json=added)).status_code == 201


async def me(site: Site, token: str, *, of: str = "203.0.113.1") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": of}
    return await site.anonymous.get("/api/v1/me", headers=headers)


async def test_unknown_tokens_have_a_limit_of_their_address(start: Start) -> None:
    async with start(**PROXIED) as site:
        assert (await me(site, TOKENS["alice"])).status_code == 200
        for number in range(5):
            problem(await me(site, f"kleio_guess-{number}"), 401)
        refused(await me(site, "kleio_guess-5"))
        # Those who were here before stay, and other addresses notice nothing.
        assert (await me(site, TOKENS["alice"])).status_code == 200
        refused(await me(site, TOKENS["bob"]))
        assert (await me(site, TOKENS["bob"], of="203.0.113.2")).status_code == 200
        # Signing in counts for itself.
        assert (await sign_in(site, PASSWORD, of="203.0.113.1")).status_code == 201


async def test_a_token_that_has_expired_may_come_again_and_again(start: Start) -> None:
    async with start(**PROXIED) as site:
        for _ in range(20):
            problem(await me(site, "kleio_long-gone"), 401)
        assert (await me(site, TOKENS["bob"])).status_code == 200


async def test_an_address_is_let_in_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with start(**PROXIED) as site:
        for number in range(6):
            answer = await me(site, f"kleio_guess-{number}")
        seconds = refused(answer)
        await site.rows("UPDATE attempts SET free_at = free_at - %s * interval '1 s'", seconds)
        guesses = site.app.state.guesses
        guesses._blocked = type(guesses._blocked)(
            (address, until - seconds) for address, until in guesses._blocked.items()
        )
        assert (await me(site, TOKENS["bob"])).status_code == 200


async def test_no_name_and_no_address_is_kept(start: Start) -> None:
    async with start(**PROXIED) as site:
        await sign_in(site, name="my-password-by-mistake", of="203.0.113.1")
        await me(site, "kleio_guess")
        rows = await site.rows("SELECT subject FROM attempts")
        assert len(rows) == 3
        assert all(len(subject) == 32 for (subject,) in rows)


async def test_the_page_s_form_is_counted_with_the_api(start: Start) -> None:
    media_type = {"Content-Type": "application/x-www-form-urlencoded"}

    async def fill(site: Site, name: str, password: str) -> httpx.Response:
        content = f"username={name}&password={password}"
        return await site.anonymous.post("/sign-in", content=content, headers=media_type)

    async with start(**LIMITS) as site:
        assert (await fill(site, "alice", "wrong")).status_code == 401
        assert (await fill(site, "%ED%A0%80", "wrong")).status_code == 400  # no text
        assert (await fill(site, "Alice", "wrong")).status_code == 401
        problem(await sign_in(site), 401)
        refused(await sign_in(site, PASSWORD))
        answer = await fill(site, "alice", PASSWORD.replace(" ", "+"))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
