"""Passwords, tokens and Discogs secrets: nowhere but in the one answer that hands a token out."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from http_site import API, PASSWORD, SECRET_KEY, TOKENS, Site

from kleio.settings import load_settings

pytestmark = pytest.mark.anyio

DISCOGS = "dIsCoGs-SeCrEt-ToKeN-of-alice"
NEW_PASSWORD = "a new password, not seen before"
METRICS_TOKEN = "metrics-token-of-prometheus"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "kleio")}
    root.addHandler(handler)
    logging.getLogger("kleio").addHandler(handler)
    yield stream
    for name, level in levels.items():
        logging.getLogger(name).removeHandler(handler)
        logging.getLogger(name).setLevel(level)


async def _everything(site: Site) -> list[httpx.Response]:
    """Do all that has to do with a secret, rightly and wrongly; return what told of it."""
    alice, anonymous = site.alice, site.anonymous
    put = await alice.put(f"{API}/me/discogs-token", json={"token": DISCOGS})
    assert put.status_code == 204
    changed = await alice.patch(
        f"{API}/me", json={"password": NEW_PASSWORD, "currentPassword": PASSWORD}
    )
    assert changed.status_code == 200
    login = {"username": "alice", "password": NEW_PASSWORD}
    wrong: list[Any] = [
        # Each with a secret at a place where it is not expected, or half typed.
        {**login, "password": PASSWORD},
        {**login, "username": NEW_PASSWORD},
        {**login, "pasword": NEW_PASSWORD},
        {**login, "password": [NEW_PASSWORD]},
        [NEW_PASSWORD],
    ]
    answers = [put, changed]
    answers += [await anonymous.post(f"{API}/auth/login", json=body) for body in wrong]
    answers += [
        await anonymous.post(f"{API}/auth/login", content=f'{{"password": "{NEW_PASSWORD}"'),
        await alice.put(f"{API}/me/discogs-token", json={"token": DISCOGS + " \u00e9"}),
        await alice.put(f"{API}/me/discogs-token", json={"tok": DISCOGS}),
        await alice.patch(
            f"{API}/me", json={"password": NEW_PASSWORD, "currentPassword": "wrong one"}
        ),
        await anonymous.get(f"{API}/me", headers={"Authorization": f"Basic {TOKENS['alice']}"}),
        await anonymous.get(f"{API}/me", params={"token": TOKENS["alice"]}),
        await anonymous.get(f"{API}/me", headers={"Authorization": f"Bearer {TOKENS['alice']}x"}),
    ]
    assert all(answer.status_code >= 400 for answer in answers[2:])
    for path in (
        *("/me", "/auth/tokens", "/me/preferences", "/sync", "/imports", "/export/all"),
        *("/export/collection", "/export/plays?format=json"),
    ):
        answers.append(await alice.get(API + path))
    answers.append(await site.root.get(f"{API}/users"))
    answers.append(
        await anonymous.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    )
    assert all(answer.status_code == 200 for answer in answers[-10:])
    return answers


def _found(text: str, *secrets: str) -> list[str]:
    return [secret for secret in secrets if secret in text]


SECRETS = (DISCOGS, NEW_PASSWORD, PASSWORD, METRICS_TOKEN, SECRET_KEY, *TOKENS.values())


async def test_no_answer_log_or_row_holds_a_secret(
    start: Callable[..., AbstractAsyncContextManager[Site]], log: io.StringIO
) -> None:
    async with start(
        KLEIO_METRICS_TOKEN=METRICS_TOKEN,
        KLEIO_LOG_LEVEL="debug",
        KLEIO_LOG_REQUESTS="on",
        KLEIO_SLOW_QUERY="0.000001s",
    ) as site:
        answers = await _everything(site)
        made = (await site.alice.post(f"{API}/auth/tokens", json={"name": "phone"})).json()["token"]
        for answer in answers:
            shown = answer.text + str(answer.headers)
            assert _found(shown, *SECRETS, made) == [], (answer.request.url, shown)
        tables = await site.rows(
            "SELECT c.oid::regclass::text FROM pg_class AS c"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        )
        rows = ""
        for (table,) in tables:
            rows += str(await site.rows(f"SELECT t::text FROM {table} AS t"))
    assert log.getvalue().count("\n") > 20
    assert _found(log.getvalue(), *SECRETS, made, "argon2") == []
    # The database holds hashes and what is encrypted, as text or as the bytes of it.
    assert len(rows) > 10_000
    known = [*SECRETS, made]
    assert _found(rows, *known, *(secret.encode().hex() for secret in known)) == []
    assert rows.count("$argon2id$") >= 1


async def test_settings_hide_their_secrets() -> None:
    secrets = {
        "DATABASE_URL": "postgresql://u:pass-of-db@db/kleio",
        "CACHE_URL": "redis://:pass-of-cache@cache/0",
        "KLEIO_SECRET_KEY": base64.b64encode(b"k" * 32).decode(),
        "KLEIO_METRICS_TOKEN": METRICS_TOKEN,
    }
    settings = load_settings(secrets)
    shown = repr(settings) + str(settings)
    assert _found(shown, "pass-of", secrets["KLEIO_SECRET_KEY"], METRICS_TOKEN) == []
