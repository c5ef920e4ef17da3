"""The steps of `kleio maintain` on real rows, and its run: one at a time, remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

import factories
from cache_server import CacheServer, needs_server
from kleio import maintenance
from kleio.db import upkeep
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.maintenance import STEPS, Job, Outcome, Step, StepResult, maintain, maintain_when_due
from kleio.repositories import idempotency_keys, imports, tokens
from kleio.repositories.maintenance import list_maintenance_steps, list_wraparound_tables
from kleio.settings import Secret, Settings

pytestmark = pytest.mark.anyio


def step(name: str) -> Step:
    (found,) = (step for step in STEPS if step.name == name)
    return found


async def do(conn: Connection, name: str, *, dry_run: bool = False) -> StepResult:
    results = await maintain(conn, steps=[step(name)], dry_run=dry_run)
    assert results is not None
    return results[0]


async def value(conn: Connection, statement: str) -> Any:
    row = await (await conn.execute(statement)).fetchone()
    assert row is not None
    return row[0]


def apart(conninfo: str, *statements: str) -> None:
    """Run statements in a session of their own, and have the statistics know of them."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        # Without it the counts wait for the session's end, which nobody waits for.
        for statement in (*statements, "SELECT pg_stat_force_next_flush()"):
            conn.execute(statement)


async def test_partitions_are_made_ahead(conn: Connection, conninfo: str) -> None:
    # What the migrations made is younger than a month, or the sixth month is missing by now.
    await do(conn, "partitions")
    last = await value(
        conn,
        "SELECT max(relname) FROM pg_class WHERE relispartition AND relname ~ '^songs_[0-9]{4}_'"
        " AND relkind = 'r'",
    )
    apart(conninfo, f"ALTER TABLE songs DETACH PARTITION {last}", f"DROP TABLE {last}")
    dry = await do(conn, "partitions", dry_run=True)
    assert (dry.changed, dry.lines) == (1, ["partitions of 1 months"])
    made = await do(conn, "partitions")
    assert (made.changed, made.lines) == (1, [last])
    assert (await do(conn, "partitions")).lines == []


async def test_views_are_refreshed_and_their_age_is_known(conn: Connection) -> None:
    account = await factories.make_user(conn)
    (release_id,) = await factories.store_releases(conn, [factories.release_document(1)])
    await factories.make_copy(conn, account, release_id)
    popular = "SELECT count(*) FROM mv_release_popularity WHERE release_id = '{}'"
    assert (await do(conn, "mv_release_popularity", dry_run=True)).changed == 1
    assert await value(conn, popular.format(release_id)) == 0
    assert (await do(conn, "mv_release_popularity")).changed == 1
    assert await value(conn, popular.format(release_id)) == 1
    remembered = {row.step: row for row in await list_maintenance_steps(conn)}
    assert remembered["mv_release_popularity"].succeeded_at is not None
    views = await value(conn, "SELECT array_agg(matviewname)::text[] FROM pg_matviews")
    assert sorted(step.name for step in STEPS if step.name.startswith("mv_")) == sorted(views)


async def test_tokens_that_have_expired_are_forgotten(conn: Connection) -> None:
    account = await factories.make_user(conn)
    now = datetime.now(UTC)
    for number, days in enumerate((-2, -1, 1, None)):
        await tokens.insert_token(
            conn,
            token_hash=bytes([number]) * 32,
            user_id=account.id,
            name=str(number),
            prefix="kleio_",
            expires_at=None if days is None else now + timedelta(days=days),
            now=now,
        )
    dry = await do(conn, "tokens", dry_run=True)
    assert (dry.changed, dry.lines) == (2, ["2 expired tokens"])
    assert await value(conn, "SELECT count(*) FROM auth_tokens WHERE name < '4'") == 4
    assert (await do(conn, "tokens")).changed == 2
    names = {row.name for row in await tokens.list_tokens(conn, user_id=account.id)}
    assert names >= {"2", "3"}
    assert not names & {"0", "1"}
    assert (await do(conn, "tokens")).lines == []


async def test_answers_are_forgotten_after_a_day(conn: Connection) -> None:
    account = await factories.make_user(conn)
    for hours in (25, 23):
        await idempotency_keys.insert_idempotency_key(
            conn,
            user_id=account.id,
            key=f"{hours}",
            request_hash=b"\0" * 32,
            now=datetime.now(UTC) - timedelta(hours=hours),
        )
    assert (await do(conn, "answers", dry_run=True)).lines == ["1 old answer"]
    assert (await do(conn, "answers")).changed == 1
    assert await value(conn, "SELECT string_agg(key, ' ') FROM idempotency_keys") == "23"


@needs_server
async def test_months_that_are_put_away_leave_the_cache(
    conn: Connection, cache_server: CacheServer
) -> None:
    await conn.execute(
        "SELECT create_month_partition('songs', month)"
        "  FROM (VALUES ('2020-01-15Z'::timestamptz), ('2020-02-15Z')) AS months (month)"
    )
    archive = maintenance.archiving(datetime(2020, 3, 1, tzinfo=UTC), Secret(cache_server.url))

    async def put_away(*, dry_run: bool = False) -> tuple[StepResult, bytes]:
        results = await maintain(conn, steps=[archive], dry_run=dry_run)
        assert results is not None
        return results[0], cache_server.value("song:generation")

    first = cache_server.value("song:generation")
    dry, untouched = await put_away(dry_run=True)
    assert (dry.lines, untouched) == (["songs_2020_01", "songs_2020_02"], first)
    # Cut short: by then the first month is away.
    await conn.execute("CREATE SCHEMA archive CREATE TABLE songs_2020_02 ()")
    failed, second = await put_away()
    assert failed.problem is not None
    assert await value(conn, "SELECT to_regclass('archive.songs_2020_01') IS NOT NULL")
    assert second != first
    await conn.execute("DROP TABLE archive.songs_2020_02")
    done, third = await put_away()
    assert (done.lines, done.warnings) == (["songs_2020_02 with 0 references"], [])
    assert third != second
    cache_server.kill()
    results = await maintain(conn, steps=[archive])
    assert results is not None
    assert "up to an hour" in results[0].warnings[0]


async def test_imports_that_nobody_goes_on_with_end_and_their_reports_stay(
    conn: Connection,
) -> None:
    account = await factories.make_user(conn)
    now = datetime.now(UTC)
    for state, days in (("judged", 8), ("reading", 8), ("judged", 6), ("done", 8)):
        run_id = await imports.insert_run(
            conn,
            user_id=account.id,
            source="collection-csv",
            source_key="x",
            file_name=f"{state} {days}",
            options="{}",
            dry_run=True,
            with_updates=False,
            bytes_total=1,
            now=now - timedelta(days=days),
        )
        assert run_id is not None
        await imports.insert_chunk(
            conn, user_id=account.id, run_id=run_id, kind="copy", first_seq=1, items="[]"
        )
        await imports.update_run_state(
            conn,
            user_id=account.id,
            run_id=run_id,
            state=state,
            error=None,
            now=now - timedelta(days=days),
        )
    assert (await do(conn, "imports", dry_run=True)).lines == ["2 dead imports"]
    assert (await do(conn, "imports")).changed == 2
    states = "SELECT string_agg(file_name || ' ' || state, ', ' ORDER BY id) FROM import_runs"
    assert await value(conn, states) == (
        "judged 8 failed, reading 8 failed, judged 6 judged, done 8 done"
    )
    assert await value(conn, "SELECT count(*) FROM import_chunks") == 2
    assert (await do(conn, "imports")).changed == 0


async def test_old_statistics_are_renewed_and_fresh_ones_left(
    conn: Connection, conninfo: str
) -> None:
    insert = "INSERT INTO genres (name, created_at) SELECT {}, now() FROM generate_series(1, {}) n"
    apart(conninfo, insert.format("'genre ' || n", 2000), insert.format("'few ' || n", 0))
    statistics = "SELECT count(*) FROM pg_stats WHERE tablename = 'genres'"
    dry = await do(conn, "statistics", dry_run=True)
    assert dry.lines == ["genres (2,000 changes)"]
    assert await value(conn, statistics) == 0
    assert (await do(conn, "statistics")).lines == dry.lines
    assert await value(conn, statistics) > 0
    await conn.execute("SELECT pg_stat_force_next_flush()")
    assert (await do(conn, "statistics")).lines == []
    # 900 more are many rows, but not many of 2,000 and less than the smallest number.
    apart(conninfo, insert.format("'more ' || n", 900))
    assert (await do(conn, "statistics")).lines == []


async def test_a_partitioned_table_is_analysed_when_a_partition_was(
    conn: Connection, conninfo: str
) -> None:
    apart(
        conninfo,
        "CREATE TABLE parted (n int) PARTITION BY RANGE (n)",
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10000)",
        "INSERT INTO parted SELECT generate_series(0, 4999)",
    )
    assert (await do(conn, "statistics")).lines == ["parted_1 (5,000 changes)"]
    assert (await do(conn, "statistics")).lines == ["parted (its partitions are newer)"]
    inherited = "SELECT bool_or(inherited) FROM pg_stats WHERE tablename = 'parted'"
    assert await value(conn, inherited) is True
    assert (await do(conn, "statistics")).lines == []


async def test_an_invalid_index_is_named_with_its_remedy(conn: Connection, conninfo: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        apart(
            conninfo,
            "CREATE TABLE twice AS SELECT 1 AS n FROM generate_series(1, 2)",
            "CREATE UNIQUE INDEX CONCURRENTLY twice_n ON twice (n)",
        )
    (warning,) = (await do(conn, "indexes")).warnings
    assert warning.startswith("index twice_n on twice is invalid: DROP INDEX CONCURRENTLY twice_n")
    apart(conninfo, "DROP INDEX twice_n")
    assert (await do(conn, "indexes")).warnings == []


async def test_a_partitioned_index_that_waits_for_its_parts_is_not_called_invalid(
    conn: Connection, conninfo: str
) -> None:
    apart(
        conninfo,
        "CREATE TABLE parted (n int) PARTITION BY RANGE (n)",
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10000)",
        "CREATE INDEX parted_n ON ONLY parted (n)",
    )
    assert (await do(conn, "indexes")).warnings == []


async def test_dead_rows_are_told(conn: Connection, conninfo: str) -> None:
    apart(
        conninfo,
        "CREATE TABLE dying AS SELECT generate_series(1, 20000) AS n",
        "DELETE FROM dying WHERE n > 5000",
    )
    (warning,) = (await do(conn, "bloat")).warnings
    assert warning.startswith("dying has 15,000 dead rows beside 5,000 live ones, last vacuumed")
    assert "VACUUM (ANALYZE) dying" in warning
    apart(conninfo, "VACUUM dying")
    assert (await do(conn, "bloat")).warnings == []


async def test_the_way_to_the_wraparound_is_measured(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await do(conn, "wraparound")).warnings == []
    rows = await list_wraparound_tables(conn, share=-1.0)
    assert len(rows) == 10
    assert [row.share for row in rows] == sorted((row.share for row in rows), reverse=True)
    oldest = await value(conn, "SELECT max(age(relfrozenxid)) FROM pg_class WHERE relkind = 'r'")
    assert rows[0].share == pytest.approx(oldest / 2**31, abs=1e-4)
    monkeypatch.setattr(maintenance, "WRAPAROUND_SHARE", -1.0)
    warnings = (await do(conn, "wraparound")).warnings
    assert "VACUUM (FREEZE) " in warnings[0]


async def failing(_: Job) -> Outcome:
    raise DatabaseError("it broke")


async def counting(_: Job) -> Outcome:
    return Outcome(changed=3, lines=["3 things"], warnings=["look at this"])


BOTH = [Step("broken", "", failing), Step("counting", "", counting)]


async def test_a_step_that_fails_stops_no_other_and_is_remembered(conn: Connection) -> None:
    told: list[StepResult] = []
    results = await maintain(conn, steps=BOTH, report=told.append)
    assert results == told
    assert [(r.step, r.changed, r.problem) for r in told] == [
        ("broken", 0, "query: it broke"),
        ("counting", 3, None),
    ]
    remembered = {row.step: row for row in await list_maintenance_steps(conn)}
    assert set(remembered) == {"broken", "counting", "run"}
    assert (remembered["broken"].succeeded_at, remembered["broken"].problem) == (
        None,
        "query: it broke",
    )
    assert remembered["counting"].succeeded_at == remembered["counting"].finished_at
    assert bytes(remembered["counting"].warnings) == b'["look at this"]'
    assert remembered["run"].problem == "failed: broken"
    # A later success is told beside the last failure.
    await maintain(conn, steps=[Step("broken", "", counting)])
    again = {row.step: row for row in await list_maintenance_steps(conn)}
    assert again["broken"].succeeded_at is not None
    await maintain(conn, steps=BOTH)
    last = {row.step: row for row in await list_maintenance_steps(conn)}
    assert last["broken"].succeeded_at == again["broken"].succeeded_at
    assert last["broken"].problem == "query: it broke"


async def test_a_dry_run_remembers_nothing(conn: Connection) -> None:
    assert len(await maintain(conn, dry_run=True) or []) == len(STEPS)
    assert await list_maintenance_steps(conn) == []


async def test_one_at_a_time(conn: Connection, conninfo: str, settings: Settings) -> None:
    async with upkeep.maintaining(conn) as is_ours:
        assert is_ours
        other = await maintenance.connect_to_maintain(settings, conninfo)
        async with other:
            assert await maintain(other, steps=BOTH) is None
            assert await list_maintenance_steps(other) == []
    assert await maintain(conn, steps=BOTH) is not None


async def test_a_killed_one_leaves_no_lock(
    conn: Connection, conninfo: str, settings: Settings
) -> None:
    other = await maintenance.connect_to_maintain(settings, conninfo)

    async def killed() -> None:
        async with upkeep.maintaining(other) as is_ours:
            assert is_ours
            await conn.execute("SELECT pg_terminate_backend(%s, 5000)", (other.info.backend_pid,))
            await other.execute("SELECT 1")

    with pytest.raises(DatabaseError):
        await killed()
    assert await maintain(conn, steps=BOTH) is not None


async def test_the_schedule_does_it_when_it_is_due(
    conn: Connection, conninfo: str, settings: Settings
) -> None:
    assert await maintain_when_due(settings, conninfo) is not None
    assert await maintain_when_due(settings, conninfo) is None
    await conn.execute("UPDATE maintenance_steps SET finished_at = finished_at - interval '2 h'")
    assert await maintain_when_due(settings, conninfo) is not None
