"""Exports over HTTP: what they hold, what they cost, and what happens when they are cut short."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from http_site import ALICES_NOTE, API, TOKENS, Site, field_problem, problem

from kleio.db import connections
from kleio.db.errors import DatabaseError, StatementTimeout
from kleio.http import exports
from kleio.web.sessions import COOKIE
from pgbouncer import is_pooled
from waiting import until

pytestmark = pytest.mark.anyio

NOUNS = ("collection", "plays", "cleanings")


async def get(site: Site, noun: str, **params: str) -> httpx.Response:
    answer = await site.alice.get(f"{API}/export/{noun}", params=params)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("noun", NOUNS)
async def test_items_are_those_of_the_list(noun: str, reading: Site) -> None:
    listed = (await reading.alice.get(f"{API}/{noun}", params={"limit": 200})).json()["items"]
    assert listed
    document = (await get(reading, noun, format="json")).json()
    assert document.keys() == {"exportedAt", "username", "items"}
    assert document["username"] == "alice"
    assert document["items"] == listed
    lines = (await get(reading, noun, format="ndjson")).text.splitlines()
    assert [json.loads(line) for line in lines] == listed
    rows = list(csv.DictReader(io.StringIO((await get(reading, noun)).text)))
    assert len(rows) == len(listed)
    notes = {row.get("notes", row.get("Collection Notes")) for row in rows}
    assert notes == {ALICES_NOTE}


@pytest.mark.parametrize(
    ("noun", "form", "media_type"),
    [
        ("collection", "csv", "text/csv; header=present; charset=utf-8"),
        ("plays", "json", "application/json"),
        ("cleanings", "ndjson", "application/x-ndjson"),
        ("all", None, "application/json"),
    ],
)
async def test_headers(noun: str, form: str | None, media_type: str, reading: Site) -> None:
    answer = await get(reading, noun, **({"format": form} if form else {}))
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == "no-store"
    disposition = answer.headers["content-disposition"]
    name = "account" if noun == "all" else noun
    assert disposition.startswith(f'attachment; filename="kleio-alice-{name}-20')
    assert disposition.endswith(f'.{form or "json"}"')


async def test_archived_copies_are_left_out_unless_asked_for(site: Site) -> None:
    archived = str(await site.copy_id("alice"))
    await site.alice.post(f"{API}/collection/{archived}/archive", json={"reason": "lost"})
    found = {}
    for choice in ("false", "true", "all"):
        items = (await get(site, "collection", format="json", archived=choice)).json()["items"]
        found[choice] = [item["id"] for item in items]
        rows = (await get(site, "collection", archived=choice)).text.splitlines()[1:]
        assert len(rows) == len(items)
    assert found["true"] == [archived]
    assert archived not in found["false"]
    assert sorted(found["all"]) == sorted([*found["false"], archived])
    whole = (await get(site, "all")).json()["copies"]
    assert len(whole) == len(found["all"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("collection?format=xml", "format"),
        ("collection?archived=maybe", "archived"),
        ("collection?format=json&spreadsheet=true", "spreadsheet"),
        ("plays?archived=true", "archived"),
        ("all?format=csv", "format"),
    ],
)
async def test_a_wrong_choice_is_named(query: str, field: str, reading: Site) -> None:
    field_problem(await reading.alice.get(f"{API}/export/{query}"), field, "query")


async def test_a_user_with_nothing_gets_whole_files(reading: Site) -> None:
    for noun in NOUNS:
        answer = await reading.root.get(f"{API}/export/{noun}")
        assert len(answer.text.splitlines()) == 1
        assert answer.text.startswith(("Catalog#,", "played_at,", "cleaned_at,"))
        document = await reading.root.get(f"{API}/export/{noun}", params={"format": "json"})
        assert document.json()["items"] == []
        lines = await reading.root.get(f"{API}/export/{noun}", params={"format": "ndjson"})
        assert lines.content == b""
    assert (await reading.root.get(f"{API}/export/all")).json()["plays"] == []


async def test_compressed_it_is_the_same(reading: Site) -> None:
    plain = await get(reading, "plays", format="ndjson")
    packed = await reading.alice.get(
        f"{API}/export/plays", params={"format": "ndjson"}, headers={"Accept-Encoding": "gzip"}
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content


async def test_an_export_is_one_statement_a_list(
    reading: Site,
    statements: list[str],
) -> None:
    await get(reading, "plays", format="json")
    # The snapshot's limits, and COPY, which goes another way than the counted one.
    assert [name.partition("(")[0] for name in statements] == [
        "tokens.get_session",
        "SELECT set_config",
    ]
    statements.clear()
    await get(reading, "all")
    assert len(statements) == 3
    assert statements[-1] == "preferences.get_preferences"


# --- cut short ----------------------------------------------------------------------------------


class Client:
    """A raw ASGI client of one request, which reads as slowly as a test likes.

    Args:
        reads: how many blocks it takes; the next one is never taken.
        leaves: whether it goes away after them.
        who: whose request it is.
    """

    def __init__(
        self,
        site: Site,
        path: str,
        *,
        reads: int,
        leaves: bool,
        who: str = "alice",
        **headers: str,
    ) -> None:
        self.site = site
        self.reads = reads
        self.leaves = leaves
        self.messages: list[Any] = []
        self.gone = asyncio.Event()
        self.begun = asyncio.Event()
        path, _, query = path.partition("?")
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"authorization", f"Bearer {TOKENS[who]}".encode()),
                *((name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("kleio.test", 80),
        }
        self._asked = False

    async def receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            if len(self.bodies) == self.reads:
                if self.leaves:
                    raise OSError("the connection is closed")
                await asyncio.Event().wait()
            elif len(self.bodies) + 1 == self.reads and self.leaves:
                self.gone.set()
            self.begun.set()
        self.messages.append(message)

    @property
    def bodies(self) -> list[Any]:
        return [m for m in self.messages if m["type"] == "http.response.body"]

    async def run(self) -> BaseException | None:
        """Make the request and return the error that the server would see."""
        try:
            await self.site.app(self.scope, self.receive, self.send)
        except Exception as error:
            return error
        return None

    @property
    def is_whole(self) -> bool:
        return bool(self.bodies) and not self.bodies[-1].get("more_body", False)


@pytest.fixture
async def large(site: Site) -> Site:
    """A site where Alice's plays are some megabytes: more than sockets and blocks hold."""
    await site.rows(
        "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
        "                          duration_estimated, notes, created_at, updated_at)"
        " SELECT p.user_id, p.release_id, p.played_at - n * interval '1 minute', 60, false,"
        "        repeat(n::text || ' ', 100), p.created_at, p.updated_at"
        "   FROM play_history AS p, generate_series(1, 400) AS n"
    )
    return site


async def assert_nothing_is_held(site: Site) -> None:
    """Fail unless every connection comes back to the pool, idle, and every slot is free.

    Beside a request, the pool may be opening one that it counts already, and a worker may use one.
    """

    def is_all_back() -> bool:
        stats = site.database.stats()
        return stats["pool_available"] == stats["pool_size"]

    await until(is_all_back)
    await assert_all_is_idle(site)


async def assert_all_is_idle(site: Site) -> None:
    async def is_all_idle() -> bool:
        states = await site.rows(
            "SELECT state FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'kleio'"
            "   AND pid <> pg_backend_pid()"
        )
        return {state for (state,) in states} <= {"idle"}

    await until(is_all_idle)
    for _ in range(5):
        assert (await site.alice.get(f"{API}/export/cleanings")).status_code == 200


PLAYS = f"{API}/export/plays?format=json"


@asynccontextmanager
async def running(site: Site, *users: str) -> AsyncIterator[None]:
    """Keep an export of each of these users going on for the block."""
    clients = [Client(site, PLAYS, reads=1, leaves=False, who=user) for user in users]
    tasks = [asyncio.create_task(client.run()) for client in clients]
    try:
        for client in clients:
            async with asyncio.timeout(30):
                await client.begun.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("path", "encoding"), [(f"{API}/export/all", "identity"), (f"{API}/export/plays", "gzip")]
)
async def test_a_client_that_leaves_gives_everything_back(
    path: str, encoding: str, large: Site
) -> None:
    size = large.database.stats()["pool_size"]
    for reads in (1, 3):
        client = Client(large, path, reads=reads, leaves=True, accept_encoding=encoding)
        await client.run()
        assert len(client.bodies) == reads
        assert not client.is_whole
        await assert_nothing_is_held(large)
    # The connection was kept, not replaced.
    assert large.database.stats()["pool_size"] == size
    assert "connections_lost" not in large.database.stats()


async def test_a_client_that_never_reads_is_given_up(
    large: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "STALL_SECONDS", 0.05)
    client = Client(large, PLAYS, reads=2, leaves=False)
    # An error, so that the server cuts the connection and the body has no end.
    assert await client.run() is not None
    assert len(client.bodies) == 2
    assert not client.is_whole
    await assert_nothing_is_held(large)


async def test_a_lost_connection_cuts_the_body_short(large: Site) -> None:
    """An export that fails half way never looks complete."""
    client = Client(large, PLAYS, reads=10_000, leaves=False)
    taken = client.send

    async def send(message: Any) -> None:
        await taken(message)
        if len(client.bodies) == 1:
            async with large.database.connection() as conn:
                await conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE %s AND state = 'active' AND pid <> pg_backend_pid()",
                    ["COPY%exports.export_plays%"],
                )

    client.send = send  # type: ignore[method-assign]
    assert await client.run() is not None
    assert not client.is_whole
    with pytest.raises(json.JSONDecodeError):
        json.loads(b"".join(message["body"] for message in client.bodies))
    # The pool makes another one, in its own time.
    await assert_all_is_idle(large)


async def test_an_export_that_takes_too_long_is_cut_short(
    large: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SNAPSHOT_SECONDS", 0.5)
    client = Client(large, PLAYS, reads=10_000, leaves=False)
    taken = client.send

    async def send(message: Any) -> None:
        await taken(message)
        if len(client.bodies) == 1:
            await large.rows("SELECT pg_sleep(0.6)")

    client.send = send  # type: ignore[method-assign]
    error = await client.run()
    # PgBouncer ends the connection without the server's last words.
    cut = DatabaseError if is_pooled() else StatementTimeout
    while error is not None and not isinstance(error, cut):
        error = error.__cause__
    assert error is not None
    assert is_pooled() or error.sqlstate == "25P04"
    assert not client.is_whole
    await assert_all_is_idle(large)


async def test_an_error_before_the_first_block_is_a_problem(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.rows("ALTER TABLE cleaning_history RENAME TO elsewhere")
    problem(await site.alice.get(f"{API}/export/cleanings"), 503, "unavailable")
    problem(await site.alice.get(f"{API}/export/all"), 503, "unavailable")
    await site.rows("ALTER TABLE elsewhere RENAME TO cleaning_history")
    await assert_nothing_is_held(site)


async def test_few_exports_run_at_once_and_others_are_not_kept_waiting(large: Site) -> None:
    await large.rows(
        "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
        "                          duration_estimated, notes, created_at, updated_at)"
        " SELECT %s, p.release_id, p.played_at, p.duration_seconds, p.duration_estimated, p.notes,"
        "        p.created_at, p.updated_at"
        "   FROM play_history AS p WHERE p.notes LIKE '1%%'",  # a quarter of them
        await large.user_id("bob"),
    )
    async with running(large, "alice", "bob"):
        refused = await large.root.get(PLAYS)
        problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        # Everything else is served.
        assert (await large.alice.get(f"{API}/plays")).status_code == 200
    await assert_nothing_is_held(large)


async def test_a_user_exports_one_thing_at_a_time(large: Site) -> None:
    async with running(large, "alice"):
        for path in ("/api/v1/export/all", PLAYS):
            refused = await large.alice.get(path)
            problem(refused, 429, "export-running")
            assert int(refused.headers["retry-after"]) >= 1
        page = large.client()
        page.cookies.set(COOKIE, TOKENS["alice"])
        refused = await page.get("/data/exports/all")
        assert refused.status_code == 429
        assert "Another export of yours is going on" in refused.text
        # Which leaves one for another user.
        assert (await large.bob.get(PLAYS)).status_code == 200
    await assert_nothing_is_held(large)


async def test_an_export_is_of_one_moment(large: Site) -> None:
    """What is written while an export runs is in none of its lists."""
    client = Client(large, f"{API}/export/all", reads=10_000, leaves=False)
    taken = client.send

    async def send(message: Any) -> None:
        await taken(message)
        if len(client.bodies) == 1:
            await large.rows("DELETE FROM play_history")
            await large.rows("DELETE FROM cleaning_history")

    client.send = send  # type: ignore[method-assign]
    assert await client.run() is None
    assert client.is_whole
    document = json.loads(b"".join(message["body"] for message in client.bodies))
    assert len(document["plays"]) > 8000
    assert len(document["cleanings"]) == 5
    assert (await get(large, "all")).json()["plays"] == []


async def test_blocks_are_of_even_size_and_compressed_as_they_come(large: Site) -> None:
    client = Client(large, PLAYS, reads=10_000, leaves=False)
    await client.run()
    *blocks, _end = [len(message["body"]) for message in client.bodies]
    assert len(blocks) > 50
    assert all(48 * 1024 <= size < 64 * 1024 for size in blocks[:-1])
    client = Client(large, PLAYS, reads=10_000, leaves=False, accept_encoding="gzip")
    await client.run()
    bodies = [message["body"] for message in client.bodies]
    assert len(bodies) > 50
    assert max(len(body) for body in bodies) < 64 * 1024
    assert len(json.loads(gzip.decompress(b"".join(bodies)))["items"]) > 8000


async def test_who_has_read_the_end_finds_the_place_free(reading: Site) -> None:
    """One after the other there is always room, however few may run at once."""
    free = reading.database._free_snapshots
    for _ in range(10):
        seen: list[int] = []

        async def send(message: Any, seen: list[int] = seen) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                seen.append(reading.database._free_snapshots)

        await _call(reading, "/api/v1/export/plays", send)
        assert seen == [free]


async def _call(site: Site, path: str, send: Any) -> None:
    request = site.alice.build_request("GET", path)
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        message = next(sent, None)
        if message is None:
            await asyncio.Event().wait()
        return message

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "headers": headers, "query_string": b"", "scheme": "http",
        "client": ("127.0.0.1", 1), "root_path": "",
        "server": ("kleio.test", 80), "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await site.app(scope, receive, send)
