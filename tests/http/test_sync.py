"""`POST /sync/discogs`, `GET /sync`, `GET /sync/{id}` and cancelling, with a worker behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from http_site import API, NOWHERE, Site, field_problem, follow, problem

from discogs_standin import Discogs, Fault, serving
from kleio.discogs import ATTRIBUTION, NOTICE, runs, worker
from kleio.http.sync import SyncRunDetail
from shelf_at_discogs import Shelf

pytestmark = pytest.mark.anyio

TOKEN = "t0ken-of-collector"
RATE = "100000"


@pytest.fixture
def discogs() -> Discogs:
    return Discogs(limit=int(RATE))


@pytest.fixture
def shelf(discogs: Discogs) -> Shelf:
    made = discogs.add_shelf(Shelf("collector", TOKEN))
    for number in range(5):
        made.add(20_000 + number)
    return made


@pytest.fixture
def discogs_url(discogs: Discogs) -> Iterator[str]:
    with serving(discogs) as url:
        yield url


@pytest.fixture
async def site(
    start: Callable[..., AbstractAsyncContextManager[Site]], discogs_url: str, anyio_backend: str
) -> AsyncIterator[Site]:
    async with start(KLEIO_DISCOGS_URL=discogs_url, KLEIO_DISCOGS_RATE=RATE) as running:
        yield running


@pytest.fixture
async def bob(site: Site, shelf: Shelf) -> httpx.AsyncClient:
    """Bob, who has a token and two copies by hand."""
    kept = await site.bob.put(f"{API}/me/discogs-token", json={"token": TOKEN})
    assert kept.status_code == 204
    return site.bob


async def until_ended(client: httpx.AsyncClient, place: str) -> dict[str, Any]:
    """Ask until the run has ended; no reading is faster than one that waits for the answer."""
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(place)
            assert answer.status_code == 200
            found: dict[str, Any] = answer.json()
            msgspec.json.decode(answer.content, type=SyncRunDetail)
            if found["finishedAt"] is not None:
                return found


async def test_a_sync_is_accepted_and_worked_on(
    site: Site, bob: httpx.AsyncClient, shelf: Shelf, discogs: Discogs
) -> None:
    accepted = await bob.post(f"{API}/sync/discogs", json={})
    assert accepted.status_code == 202, accepted.text
    begun = accepted.json()
    assert accepted.headers["location"] == f"{API}/sync/{begun['id']}"
    assert begun["status"] in ("pending", "running")
    assert (begun["dryRun"], begun["withDetails"], begun["finishedAt"]) == (False, True, None)
    ended = await until_ended(bob, accepted.headers["location"])
    assert (ended["status"], ended["phase"], ended["error"]) == ("completed", "done", None)
    assert ended["counts"] == {"items": 5, "added": 5, "toFetch": 5, "fetched": 5}
    assert ended["calls"] == len(discogs.calls) == 9
    assert (ended["pagesDone"], ended["pagesTotal"]) == (1, 1)
    assert (ended["releasesDone"], ended["releasesTotal"]) == (5, 5)
    assert ended["remainingSeconds"] is None
    page = await bob.get(f"{API}/collection", params={"limit": 50})
    assert len(page.json()["items"]) == 7
    assert TOKEN not in accepted.text + page.text + str(ended)
    # The next one finds nothing to do.
    again = await bob.post(f"{API}/sync/discogs", json={"withDetails": False})
    ended = await until_ended(bob, again.headers["location"])
    assert ended["counts"] == {"items": 5, "unchanged": 5}


async def test_a_dry_run_tells_what_would_change(
    site: Site, bob: httpx.AsyncClient, shelf: Shelf
) -> None:
    accepted = await bob.post(f"{API}/sync/discogs", json={"dryRun": True})
    ended = await until_ended(bob, accepted.headers["location"])
    assert (ended["status"], ended["dryRun"]) == ("completed", True)
    assert ended["counts"] == {"items": 5, "added": 5, "toFetch": 5}
    stubs = "SELECT count(*) FROM releases WHERE discogs_id BETWEEN 20000 AND 20004"
    assert await site.value(stubs) == 0


async def test_one_sync_at_a_time(site: Site, bob: httpx.AsyncClient, discogs: Discogs) -> None:
    discogs.faults.append(Fault("slow", value=60))
    first = await bob.post(f"{API}/sync/discogs", json={})
    second = await bob.post(f"{API}/sync/discogs", json={})
    problem(second, 409, "sync-running")
    assert second.headers["location"] == first.headers["location"]
    assert await site.value("SELECT count(*) FROM sync_runs") == 1


async def test_a_sync_is_cancelled(
    bob: httpx.AsyncClient, discogs: Discogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ALIVE_SECONDS", 0.02)
    discogs.faults.append(Fault("slow", value=60))
    accepted = await bob.post(f"{API}/sync/discogs", json={})
    place = accepted.headers["location"]
    cancelled = await bob.post(f"{place}/cancel")
    assert (cancelled.status_code, cancelled.headers["location"]) == (202, place)
    assert (await until_ended(bob, place))["status"] == "cancelled"
    problem(await bob.post(f"{place}/cancel"), 409, "sync-ended")
    # And another one may begin.
    assert (await bob.post(f"{API}/sync/discogs", json={})).status_code == 202


async def test_a_run_of_a_dead_worker_is_found_and_gone_on_with(
    site: Site, bob: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = await site.user_id("bob")
    async with site.database.connection() as conn:
        run_id = await runs.begin(
            conn, user_id=user_id, dry_run=False, with_details=False, now=runs.utc_now()
        )
    # The process that owned it is gone, and so is its connection.
    await site.rows(
        "UPDATE sync_jobs SET owner = %s, backend_pid = 1, backend_started_at = now()", NOWHERE
    )
    site.app.state.sync_worker.call()  # as it does by itself every LOOK_SECONDS
    ended = await until_ended(bob, f"{API}/sync/{run_id}")
    assert ended["status"] == "completed"


async def test_a_server_that_stops_leaves_its_runs_to_others(
    start: Callable[..., AbstractAsyncContextManager[Site]],
    discogs: Discogs,
    discogs_url: str,
    shelf: Shelf,
) -> None:
    variables = {"KLEIO_DISCOGS_URL": discogs_url, "KLEIO_DISCOGS_RATE": RATE}
    discogs.faults.append(Fault("slow", value=60))
    called = asyncio.Event()
    loop = asyncio.get_running_loop()
    discogs.before_call[1] = lambda: loop.call_soon_threadsafe(called.set)
    async with start(**variables) as first:
        await first.bob.put(f"{API}/me/discogs-token", json={"token": TOKEN})
        accepted = await first.bob.post(f"{API}/sync/discogs", json={"withDetails": False})
        await called.wait()
    async with start(**variables) as second:
        assert await second.rows("SELECT owner, attempts FROM sync_jobs") == [(None, 0)]
        second.app.state.sync_worker.call()
        ended = await until_ended(second.bob, accepted.headers["location"])
        assert ended["status"] == "completed"


async def test_a_worker_has_few_runs_at_once(
    site: Site, bob: httpx.AsyncClient, discogs: Discogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_RUNS", 1)
    await site.alice.put(f"{API}/me/discogs-token", json={"token": TOKEN})
    discogs.latency = 0.05
    first, second = [
        await client.post(f"{API}/sync/discogs", json={"withDetails": False})
        for client in (bob, site.alice)
    ]
    ended = await until_ended(bob, first.headers["location"])
    waited = await until_ended(site.alice, second.headers["location"])
    assert (ended["status"], waited["status"]) == ("completed", "completed")
    assert waited["startedAt"] >= ended["finishedAt"]


async def test_without_a_token_there_is_nothing_to_begin(site: Site, discogs: Discogs) -> None:
    problem(await site.bob.post(f"{API}/sync/discogs", json={}), 409, "discogs-token-missing")
    assert await site.value("SELECT count(*) FROM sync_runs") == 0
    assert discogs.calls == []


async def test_what_discogs_refuses_is_told_in_the_run(
    site: Site, discogs: Discogs, shelf: Shelf
) -> None:
    await site.bob.put(f"{API}/me/discogs-token", json={"token": "wrong-token"})
    accepted = await site.bob.post(f"{API}/sync/discogs", json={})
    ended = await until_ended(site.bob, accepted.headers["location"])
    assert (ended["status"], ended["errorCode"]) == ("failed", "discogs-token-refused")
    assert "wrong-token" not in str(ended)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"dryRun": "yes"}, "dryRun"), ({"folder": 1}, "folder"), ([], "body"), (None, "body")],
)
async def test_a_wrong_body_is_told(site: Site, body: Any, field: str) -> None:
    content = b"" if body is None else msgspec.json.encode(body)
    answer = await site.bob.post(f"{API}/sync/discogs", content=content)
    field_problem(answer, field, "body")


async def test_runs_are_listed_newest_first_page_by_page(site: Site) -> None:
    user_id = await site.user_id("bob")
    for _ in range(7):
        await site.rows(
            "INSERT INTO sync_runs (user_id, status, dry_run, with_details, created_at,"
            " updated_at, finished_at) VALUES (%s, 'completed', true, true, now(), now(), now())",
            user_id,
        )
    pages = await follow(site.bob, f"{API}/sync?limit=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    found = [run["id"] for page in pages for run in page]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 7
    assert (await follow(site.alice, f"{API}/sync")) == [[]]


async def test_what_a_request_costs(
    site: Site, bob: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements by their names; those of the run itself are another connection's."""
    monkeypatch.setattr(site.app.state.sync_worker, "call", lambda: None)
    begun = await bob.post(f"{API}/sync/discogs", json={})
    sent: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        name = str(query).rpartition("kleio:")[2].removesuffix(" */")
        if name != "sync_jobs.count_jobs":  # the worker's own look, now and then
            sent.append(name)
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    for method, path, names in (
        ("GET", "/sync", ["sync_runs.list_runs"]),
        ("GET", begun.headers["location"].removeprefix(API), ["sync_runs.get_run"]),
        (
            "POST",
            "/sync/discogs",
            [
                "discogs_credentials.get_credential",
                "sync_runs.insert_run",
                "sync_jobs.insert_job",
                "sync_jobs.get_job",
            ],
        ),
    ):
        sent.clear()
        await bob.request(method, f"{API}{path}", json={} if method == "POST" else None)
        assert sent == ["tokens.get_session", *names]


async def test_a_run_that_is_not_there(site: Site) -> None:
    for answer in (
        await site.bob.get(f"{API}/sync/{NOWHERE}"),
        await site.bob.post(f"{API}/sync/{NOWHERE}/cancel"),
    ):
        problem(answer, 404, "not-found")
    field_problem(await site.bob.get(f"{API}/sync/1"), "runId", "path")


async def test_discogs_is_named_beside_its_data(site: Site) -> None:
    release = await site.bob.get(f"{API}/releases/{await site.release_id()}")
    link = release.headers["x-attribution"]
    assert link == f"{ATTRIBUTION} https://www.discogs.com"
    for path in ("/collection", "/releases", "/artists", "/plays", "/export/collection"):
        assert (await site.bob.get(f"{API}{path}")).headers["x-attribution"] == link
    document = (await site.anonymous.get("/openapi.json")).json()
    assert ATTRIBUTION in document["info"]["description"]
    assert NOTICE in document["info"]["description"]


async def test_a_release_tells_where_it_is_from(
    site: Site, bob: httpx.AsyncClient, shelf: Shelf
) -> None:
    accepted = await bob.post(f"{API}/sync/discogs", json={"withDetails": False})
    await until_ended(bob, accepted.headers["location"])
    place = f"{API}/releases/{await site.release_id(20_000)}"
    stub = (await bob.get(place)).json()
    assert (stub["isStub"], stub["fetchedAt"], stub["tracks"]) == (True, None, [])
    accepted = await bob.post(f"{API}/sync/discogs", json={})
    await until_ended(bob, accepted.headers["location"])
    whole = (await bob.get(place)).json()
    assert (whole["isStub"], whole["fetchedAt"] is None, whole["tracks"] != []) == (
        False,
        False,
        True,
    )
    other = (await bob.get(f"{API}/releases/{await site.release_id()}")).json()
    assert (other["isStub"], other["fetchedAt"]) == (False, None)
