"""`/metrics`: who may read it, and that what happened is in it."""

from __future__ import annotations

import httpx
import pytest
from http_site import NOWHERE, TOKENS, Site, problem
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.anyio

SECRET = "a-token-of-prometheus"


async def read(site: Site, client: httpx.AsyncClient | None = None) -> dict[tuple[str, ...], float]:
    """Return name and label values, in the order of the labels' names, to values."""
    response = await (client or site.anonymous).get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert response.headers["cache-control"] == "no-store"
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_requests_and_queries_are_counted(reading: Site) -> None:
    before = await read(reading)
    for _ in range(3):
        await reading.alice.get("/api/v1/plays?limit=2")
    await reading.alice.get(f"/api/v1/plays/{NOWHERE}")
    await reading.alice.head("/api/v1/plays?limit=2")
    await reading.anonymous.get("/no/such/address")
    after = await read(reading)

    def grown(*key: str) -> float:
        return after.get(key, 0.0) - before.get(key, 0.0)

    requests = "kleio_http_requests_total"
    assert grown(requests, "GET", "/api/v1/plays", "200") == 4
    assert grown(requests, "GET", "/api/v1/plays/{play_id}", "404") == 1
    assert grown(requests, "", "(none)", "404") == 1
    assert grown("kleio_http_request_seconds_count", "GET", "/api/v1/plays") == 4
    assert grown("kleio_query_seconds_count", "plays.list_plays") == 4
    assert grown("kleio_query_seconds_count", "tokens.get_session") == 5
    assert grown("kleio_query_errors_total", "plays.list_plays") == 0
    assert after["kleio_http_requests_in_progress",] == 1  # this one
    assert after["kleio_pool_checkouts_total",] > 0


async def test_a_query_that_fails_is_counted(site: Site) -> None:
    before = await read(site)
    await site.rows("ALTER TABLE styluses RENAME COLUMN owned TO had")
    problem(await site.alice.get("/api/v1/styluses"), 503)
    after = await read(site)
    key = ("kleio_query_errors_total", "styluses.list_styluses")
    assert after[key] - before.get(key, 0.0) == 1


async def test_the_database_s_states_are_numbers(reading: Site) -> None:
    found = await read(reading)
    assert found["kleio_health", "all"] == 1
    assert found["kleio_health", "db"] == 1
    assert ("kleio_health", "cache") not in found
    assert found["kleio_migrations_pending",] == 0
    assert 0 < found["kleio_database_connections",] < found["kleio_database_max_connections",]
    assert found["kleio_database_latency_seconds",] > 0


async def test_maintenance_and_the_age_of_views(site: Site) -> None:
    await site.rows(
        "INSERT INTO maintenance_steps VALUES"
        " ('run', now(), now(), '2026-01-01T00:00:00Z', 0, '{}', 'failed: x', 'here'),"
        " ('mv_genre_counts', now(), now(), now() - interval '1 hour', 0, '{}', NULL, 'here')"
    )
    found = await read(site)
    assert found["kleio_maintenance_success_timestamp_seconds", "run"] == 1767225600
    assert found["kleio_maintenance_failed", "run"] == 1
    assert found["kleio_view_age_seconds", "mv_genre_counts"] == pytest.approx(3600, abs=60)


async def test_imports_and_syncs_by_state(site: Site) -> None:
    await site.rows(
        "INSERT INTO sync_runs (user_id, status, dry_run, with_details, created_at, updated_at)"
        " SELECT id, 'failed', false, false, now(), now() FROM users"
    )
    assert (await read(site))["kleio_runs", "sync", "failed"] == 3


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
async def test_a_proxy_here_is_not_this_machine(reading: Site, header: str) -> None:
    response = await reading.anonymous.get("/metrics", headers={header: "127.0.0.1"})
    problem(response, 401, "unauthorized")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("10.0.0.7", 401), ("x", 401)],
)
async def test_only_this_machine_needs_no_token(reading: Site, host: str, status: int) -> None:
    transport = httpx.ASGITransport(reading.app, client=(host, 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://kleio.test") as client:
        assert (await client.get("/metrics")).status_code == status


async def test_tokens_that_may_read_it(start) -> None:
    async with start(KLEIO_METRICS_TOKEN=SECRET) as site:
        far = httpx.ASGITransport(site.app, client=("10.0.0.7", 5000))
        for token, status in {
            SECRET: 200,
            TOKENS["root"]: 200,
            TOKENS["alice"]: 403,
            "nonsense": 401,
            f"{SECRET}x": 401,
        }.items():
            async with httpx.AsyncClient(
                transport=far,
                base_url="http://kleio.test",
                headers={"Authorization": f"Bearer {token}"},
            ) as client:
                assert (await client.get("/metrics")).status_code == status, token


@pytest.mark.parametrize(("setting", "status"), [("open", 200), ("off", 404)])
async def test_open_or_off(start, setting: str, status: int) -> None:
    async with start(KLEIO_METRICS=setting) as site:
        far = httpx.ASGITransport(site.app, client=("10.0.0.7", 5000))
        async with httpx.AsyncClient(transport=far, base_url="http://kleio.test") as client:
            assert (await client.get("/metrics")).status_code == status
        assert (await site.root.get("/metrics")).status_code == status


async def test_a_pending_migration_and_missing_partitions_degrade_health(site: Site) -> None:
    await site.rows("DELETE FROM _yoyo_migration WHERE starts_with(migration_id, '0011')")
    await site.rows("INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', 'y')")
    for name in await site.rows(
        "SELECT relname FROM pg_class WHERE relispartition AND relname ~ '^songs_[0-9_]+$'"
        " ORDER BY relname OFFSET 2"
    ):
        await site.rows(f"ALTER TABLE songs DETACH PARTITION {name[0]}")
    body = (await site.anonymous.get("/health")).json()
    assert body["status"] == "degraded"
    assert body["migrations"] == {"status": "degraded", "pending": 1, "unknown": 1}
    assert body["partitions"] == {"status": "degraded", "monthsAhead": 1}
    found = await read(site)
    assert found["kleio_migrations_pending",] == 1
    assert found["kleio_health", "migrations"] == 2
    assert found["kleio_partitions_months_ahead",] == 1
