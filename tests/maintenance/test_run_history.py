"""How long ended imports and syncs are remembered: which go, which stay, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

import factories
from kleio import run_history
from kleio.db.queries import Connection
from kleio.maintenance import STEPS, StepResult, maintain
from kleio.repositories import imports

pytestmark = pytest.mark.anyio

DAY = 86_400.0
NOW = datetime.now(UTC)
RUNS = next(step for step in STEPS if step.name == "runs")


async def make_import(
    conn: Connection, user_id: UUID, name: str, days: float, *, rows: int = 1, **columns: Any
) -> None:
    """Leave an import that ended so many days ago, with its report."""
    at = NOW - timedelta(days=days)
    given = {"source": "collection-csv", "state": "done", "finished_at": at} | columns
    names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
    await conn.execute(
        "WITH run AS (INSERT INTO import_runs (user_id, id, source_key, file_name, options,"
        " dry_run, with_updates, records, bytes_read, bytes_total, counts, created_at, updated_at,"
        f" {names}) VALUES (%s, uuidv7(%s - clock_timestamp()), 'x', %s, '{{}}', false, false, %s,"
        f" 1, 1, '{{}}', %s, %s, {marks}) RETURNING user_id, id)"
        " INSERT INTO import_rows (user_id, run_id, seq, kind, verdict, place)"
        " SELECT user_id, id, n, 'copy', 'new', 'line' FROM run, generate_series(1, %s) AS n",
        (user_id, at, name, rows, at, at, *given.values(), rows),
    )


async def make_sync(
    conn: Connection, user_id: UUID, name: str, days: float, **columns: Any
) -> None:
    """Leave a sync that ended so many days ago; its name stands in its error."""
    at = NOW - timedelta(days=days)
    given = {"status": "completed", "finished_at": at, "dry_run": False} | columns
    names, marks = ", ".join(given), ", ".join(["%s"] * len(given))
    await conn.execute(
        "INSERT INTO sync_runs (user_id, id, with_details, error, created_at, updated_at,"
        f" {names}) VALUES (%s, uuidv7(%s - clock_timestamp()), false, %s, %s, %s, {marks})",
        (user_id, at, name, at, at, *given.values()),
    )


async def names(conn: Connection, column: str, table: str, user_id: UUID) -> list[str]:
    found = await conn.execute(
        f"SELECT {column} FROM {table} WHERE user_id = %s ORDER BY id DESC", (user_id,)
    )
    return [str(row[0]) for row in await found.fetchall()]


async def forget(conn: Connection, *, dry_run: bool = False, days: float = 90) -> StepResult:
    results = await maintain(conn, steps=[RUNS], keep_runs=days * DAY, dry_run=dry_run)
    assert results is not None
    assert results[0].problem is None
    return results[0]


async def test_old_imports_go_with_their_reports_but_the_last_ones(conn: Connection) -> None:
    mine, other = await factories.make_user(conn), await factories.make_user(conn)
    for number in range(8):
        await make_import(conn, mine.id, f"old {number}", 200 - number, rows=3)
    for days, name in ((91, "just old"), (89, "not so old"), (1, "new")):
        await make_import(conn, mine.id, name, days)
    # Each kind and outcome has its own last ones, and so has each user.
    await make_import(conn, mine.id, "json", 300, source="account")
    await make_import(conn, mine.id, "broken", 300, state="failed")
    await make_import(conn, other.id, "theirs", 300)
    # What has not ended is nobody's history, however old it is.
    for state in ("reading", "judged", "applying"):
        await make_import(conn, mine.id, state, 400, state=state, finished_at=None)
    expected = [
        *("new", "not so old", "just old", "old 7", "old 6", "broken", "json"),
        *("applying", "judged", "reading"),
    ]
    dry = await forget(conn, dry_run=True)
    assert (dry.changed, dry.lines) == (6, ["6 old imports"])
    assert len(await names(conn, "file_name", "import_runs", mine.id)) == 16
    done = await forget(conn)
    assert (done.changed, done.lines) == (6, ["6 old imports"])
    left = await names(conn, "file_name", "import_runs", mine.id)
    assert sorted(left) == sorted(expected)
    assert left[:5] == expected[:5]
    assert await names(conn, "file_name", "import_runs", other.id) == ["theirs"]
    orphans = await conn.execute(
        "SELECT count(*) FILTER (WHERE r.id IS NULL), count(*) FROM import_rows AS w"
        " LEFT JOIN import_runs AS r ON r.user_id = w.user_id AND r.id = w.run_id"
    )
    assert await orphans.fetchone() == (0, len(expected) + 1 + 2 * 2)
    assert (await forget(conn)).lines == []
    assert (await forget(conn, dry_run=True)).lines == []


async def test_old_syncs_go_but_the_last_ones(conn: Connection) -> None:
    account = await factories.make_user(conn)
    for number in range(100):
        await make_sync(conn, account.id, f"{number}", 99.5 - number)
    # They have failed ever since, so the last ones that went well are still of interest.
    for number in range(7):
        await make_sync(conn, account.id, f"bad {number}", 150 - number, status="failed")
    await make_sync(conn, account.id, "looked", 500, dry_run=True)
    await make_sync(conn, account.id, "waits", 600, status="pending", finished_at=None)
    assert (await forget(conn)).lines == ["12 old syncs"]
    left = await names(conn, "error", "sync_runs", account.id)
    recent = [str(number) for number in range(99, 9, -1)]
    assert left == [*recent, *(f"bad {n}" for n in range(6, 1, -1)), "looked", "waits"]
    # Everything but the last five goes, whatever its age, where only a moment is kept.
    assert (await forget(conn, days=1e-9)).changed == 85
    assert (await names(conn, "error", "sync_runs", account.id))[:5] == recent[:5]


async def test_a_long_run_counts_from_its_end(conn: Connection) -> None:
    account = await factories.make_user(conn)
    await make_sync(conn, account.id, "long", 95, finished_at=NOW - timedelta(days=80))
    for number in range(5):
        await make_sync(conn, account.id, f"{number}", number)
    assert (await forget(conn)).lines == []
    assert (await forget(conn, days=79)).lines == ["1 old sync"]


async def test_0_keeps_all(conn: Connection) -> None:
    account = await factories.make_user(conn)
    for number in range(9):
        await make_sync(conn, account.id, f"{number}", 9000 - number)
    assert (await forget(conn, days=0)).lines == []
    assert (await forget(conn, days=0, dry_run=True)).lines == []
    assert len(await names(conn, "error", "sync_runs", account.id)) == 9


async def test_page_by_page_nothing_is_skipped(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of one moment too, runs that stay between those that go, and runs with many records."""
    users = [(await factories.make_user(conn)).id for _ in range(3)]
    for number in range(30):
        for user_id in users:
            rows = 50 if number % 7 == 0 else 1
            await make_import(conn, user_id, f"{number}", 300 - number // 4, rows=rows)
            await make_sync(conn, user_id, f"{number}", 300 - number // 4)
    tables = (("file_name", "import_runs"), ("error", "sync_runs"))
    before = [await names(conn, *table, user_id) for user_id in users for table in tables]
    pages: list[int] = []
    delete = imports.delete_ended_runs

    async def counted(conn: Connection, **given: Any) -> Any:
        page = await delete(conn, **given)
        assert page is not None
        pages.append(page.deleted)
        return page

    monkeypatch.setattr(imports, "delete_ended_runs", counted)
    monkeypatch.setattr(run_history, "IMPORTS_AT_ONCE", 7)
    monkeypatch.setattr(run_history, "SYNCS_AT_ONCE", 4)
    monkeypatch.setattr(run_history, "RECORDS_AT_ONCE", 60)
    assert (await forget(conn)).lines == ["75 old imports", "75 old syncs"]
    assert max(pages) <= 7
    assert sum(pages) == 75
    left = [await names(conn, *table, user_id) for user_id in users for table in tables]
    assert left == [runs[: run_history.KEPT] for runs in before]


async def test_a_run_that_somebody_holds_is_waited_for_no_longer_than_for_any_lock(
    conn: Connection, conninfo: str
) -> None:
    """What was deleted before it is gone for good, and the rest goes the next time."""
    account = await factories.make_user(conn)
    for number in range(8):
        await make_sync(conn, account.id, f"{number}", 300 - number)
    await conn.execute("SET lock_timeout = '50ms'")
    async with await psycopg.AsyncConnection.connect(conninfo) as other:
        await other.execute("SELECT FROM sync_runs WHERE error = '1' FOR UPDATE")
        results = await maintain(conn, steps=[RUNS], keep_runs=90 * DAY)
        assert results is not None
        assert "lock timeout" in (results[0].problem or "")
        await other.rollback()
    assert (await forget(conn)).lines == ["3 old syncs"]
