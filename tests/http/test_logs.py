"""The log: requests with their queries, slow queries by name, and nothing that is secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from http_site import ALICES_NOTE, PASSWORD, TOKENS, Site, problem

from kleio.sight.logs import formatter

pytestmark = pytest.mark.anyio


class Log:
    """What a handler with one of Kleio's formatters writes."""

    def __init__(self, kind: Any) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter(kind))

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, logger: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if line["logger"] == logger]


@pytest.fixture(params=["json"])
def log(request: pytest.FixtureRequest) -> Iterator[Log]:
    log = Log(request.param)
    logger = logging.getLogger("kleio")
    level = logger.level
    logger.addHandler(log.handler)
    logger.setLevel("INFO")
    yield log
    logger.removeHandler(log.handler)
    logger.setLevel(level)


async def test_a_request_is_a_line_with_its_queries(start, log: Log) -> None:
    async with start(KLEIO_LOG_REQUESTS="on") as site:
        answer = await site.alice.get("/api/v1/plays?limit=2", headers={"X-Request-Id": "abc-1"})
        user_id = str(await site.user_id("alice"))
        missing = await site.anonymous.get("/nothing/here")
    assert answer.headers["x-request-id"] == "abc-1"
    first, second = log.lines("kleio.requests")
    assert first["requestId"] == "abc-1"
    assert first["userId"] == user_id
    assert (first["method"], first["path"], first["status"]) == ("GET", "/api/v1/plays", 200)
    assert first["route"] == "/api/v1/plays"
    assert first["queries"] == ["tokens.get_session", "plays.list_plays"]
    assert first["durationMs"] > 0
    assert first["level"] == "info"
    assert first["time"].endswith("Z")
    assert second["status"] == 404
    assert second["requestId"] == missing.headers["x-request-id"] == missing.json()["requestId"]
    assert "userId" not in second


@pytest.mark.parametrize("log", ["text"], indirect=True)
async def test_an_address_makes_no_line_of_its_own(start, log: Log) -> None:
    """And commands no terminal that the log is read on."""
    async with start(KLEIO_LOG_REQUESTS="on") as site:
        for text in ("%0a2026-01-01%20ERROR%20all%20is%20lost", "%0d%1b%5b2J", "%E2%80%AE%C2%9b"):
            await site.anonymous.get(f"/x{text}")
    lines = log.text.splitlines()
    assert len(lines) == 3
    assert "INFO kleio.requests GET /x?2026-01-01 ERROR all is lost 404 " in lines[0]
    assert all(line.isprintable() for line in lines)


async def test_requests_are_not_logged_unless_wanted(start, log: Log) -> None:
    async with start() as site:
        answer = await site.alice.get("/api/v1/plays")
    assert "x-request-id" not in answer.headers
    assert log.lines("kleio.requests") == []


@pytest.mark.parametrize("log", ["json", "text"], indirect=True)
async def test_nothing_secret_is_logged(start, log: Log) -> None:
    async with start(KLEIO_LOG_REQUESTS="on", KLEIO_SLOW_QUERY="0.000001s") as site:
        await site.alice.get(f"/api/v1/collection?q={ALICES_NOTE}")
        await site.anonymous.post(
            "/api/v1/auth/login", json={"username": "alice", "password": PASSWORD}
        )
        await site.alice.put("/api/v1/me/discogs-token", json={"token": "discogs-secret"})
        new = await site.alice.post("/api/v1/auth/tokens", json={"name": "phone"})
        await site.rows("ALTER TABLE folders ADD CONSTRAINT no_x CHECK (name <> 'hidden-name')")
        await site.rows("ALTER TABLE styluses RENAME COLUMN owned TO had")
        await site.alice.get("/api/v1/styluses")
        await site.alice.post("/api/v1/collection/folders", json={"name": "hidden-name"})
    assert "slow query" in log.text
    secrets = [PASSWORD, TOKENS["alice"], "discogs-secret", "only alice", "argon2"]
    secrets += ["hidden-name", new.json()["token"]]
    assert [word for word in secrets if word in log.text] == []


async def test_a_row_that_postgresql_quotes_stays_out_of_a_traceback(site: Site, log: Log) -> None:
    await site.rows(
        "CREATE FUNCTION fail() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'it broke' USING DETAIL = 'row of secret-word', ERRCODE = 'XX000';"
        " END $$"
    )
    await site.rows("ALTER TABLE styluses ADD CONSTRAINT fails CHECK (fail()) NOT VALID")
    problem(await site.alice.post("/api/v1/styluses", json={"name": "x"}), 500)
    assert "it broke" in log.text
    assert "secret-word" not in log.text


async def test_a_slow_query_is_logged_by_name_and_types(start, log: Log) -> None:
    async with start(KLEIO_SLOW_QUERY="0.000001s") as site:
        await site.alice.get("/api/v1/plays?limit=7", headers={"X-Request-Id": "slow-1"})
    slow = {line["query"]: line for line in log.lines("kleio.queries")}
    line = slow["plays.list_plays"]
    assert line["level"] == "warning"
    assert line["requestId"] == "slow-1"
    assert line["durationMs"] > 0
    assert line["parameterTypes"]["user_id"] == "UUID"
    assert line["parameterTypes"]["before_played_at"] == "NULL"
    assert line["parameterTypes"]["page_size"] == "int"
    assert "plays.list_plays" in line["message"]
    assert "user_id UUID" in line["message"]


async def test_a_fast_query_is_not(start, log: Log) -> None:
    for threshold in ("1h", "0"):
        async with start(KLEIO_SLOW_QUERY=threshold) as site:
            await site.alice.get("/api/v1/plays")
    assert log.lines("kleio.queries") == []
