"""`kleio doctor`: what it shows, what it never shows, and what it calls wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cache_server import CacheServer, needs_server
from kleio.db.embedded import embedded_server
from kleio.doctor_settings import RULES, hurting
from kleio.repositories.doctor import ServerSetting
from kleio_process import free_port

from .conftest import Run, runner

# What the tests' server is set to, because nothing on it survives a crash.
RECKLESS = {"fsync", "full_page_writes", "autovacuum"}


def findings(run: Run, **env: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(run("doctor", "--json", **env).stdout)["findings"]
    return found


def lines(found: list[dict[str, str]], *levels: str) -> str:
    return "\n".join(f["line"] for f in found if not levels or f["level"] in levels)


def test_a_new_embedded_database_is_well(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with embedded_server(home):
        run = runner("", home)
        assert run("maintain").exit_code == 0
        result = run("doctor")
    assert result.exit_code == 0, result.stdout
    assert "WRONG" not in result.stdout
    assert "\nwarn" not in result.stdout
    assert "PostgreSQL 18." in result.stdout
    assert "pg_trgm" in result.stdout
    assert "migrations applied" in result.stdout
    for part in ("server", "roles", "settings", "sizes", "queries", "indexes", "care"):
        assert f"\n{part}\n" in result.stdout


def test_every_setting_is_listed_and_secrets_are_not_shown(run: Run) -> None:
    result = run("doctor", KLEIO_PORT="9123", KLEIO_SECRET_KEY="QUFB" * 10 + "QUE=")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "9123" in lines["KLEIO_PORT"]
    assert "(not shown)" in lines["KLEIO_SECRET_KEY"]
    assert "(not shown)" in lines["DATABASE_URL"]
    assert "QUFB" not in result.stdout


def test_database_without_tables_is_wrong(run_empty: Run) -> None:
    result = run_empty("doctor")
    assert result.exit_code == 1
    assert "run `kleio migrate`" in result.stdout


def test_pool_larger_than_the_server_is_wrong(run: Run) -> None:
    result = run("doctor", DB_MAX_OPEN_CONNS="10000")
    assert result.exit_code == 1
    assert "max_connections" in result.stdout


def test_absent_server_is_wrong(run: Run) -> None:
    url = f"postgresql://ada:secret-word@127.0.0.1:{free_port()}/kleio"
    result = run("doctor", DATABASE_URL=url)
    assert result.exit_code == 1
    assert "Connection refused" in result.stdout
    assert "secret-word" not in result.output


def test_settings_that_lose_data_are_wrong_and_the_remedy_is_said(run: Run) -> None:
    wrong = [f for f in findings(run, DB_MAX_OPEN_CONNS="20") if f["level"] == "wrong"]
    assert {f["line"].split()[0] for f in wrong} == RECKLESS
    assert all("; set it to on" in f["line"] for f in wrong)


@pytest.fixture
def neglected(conninfo: str) -> str:
    """A database that nobody has looked after."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for statement in (
            "CREATE TABLE dying AS SELECT n, repeat('x', 90) AS text"
            "  FROM generate_series(1, 60000) AS n",
            "CREATE INDEX dying_text ON dying (text, n)",
            "CREATE INDEX dying_n ON dying (n)",
            "CREATE INDEX dying_n_again ON dying (n)",
            "CREATE TABLE twice AS SELECT 1 AS n FROM generate_series(1, 2)",
            "DELETE FROM dying WHERE n > 40000",
            "INSERT INTO maintenance_steps VALUES"
            " ('run', now(), now() - interval '9 days', now(), 0, '{}', NULL, 'attic'),"
            " ('mv_genre_counts', now(), now(), NULL, 0, '{}', 'it broke', 'attic')",
        ):
            conn.execute(statement)
        with pytest.raises(psycopg.errors.UniqueViolation):
            conn.execute("CREATE UNIQUE INDEX CONCURRENTLY twice_n ON twice (n)")
        conn.execute("SET enable_indexscan = off")
        conn.execute("SET enable_bitmapscan = off")
        conn.execute("SET enable_indexonlyscan = off")
        for _ in range(51):
            conn.execute("SELECT count(*) FROM dying WHERE n = 1")
        conn.execute("SELECT pg_stat_force_next_flush()")
    return conninfo


def test_a_neglected_database(run: Run, neglected: str) -> None:
    found = findings(run)
    warned = lines(found, "warn")
    for part in (
        "index twice_n on twice is invalid: DROP INDEX CONCURRENTLY twice_n",
        "dying was read whole 5",
        "dying has 20,000 dead rows beside 40,000 live ones",
        "maintained 9 days ago on attic: run `kleio maintain`",
        "the step mv_genre_counts failed: it broke",
    ):
        assert part in warned, warned
    noted = lines(found, "note")
    assert "dying_text on dying (" in noted
    assert "dying_n_again (" in noted
    assert "can go: dying_n" in noted
    assert "dying: " in lines(found, "ok")
    assert {f["part"] for f in found} >= {"kleio", "server", "sizes", "indexes", "care"}


def test_the_exit_code_tells_how_bad_it_is(run: Run, neglected: str, monkeypatch: Any) -> None:
    assert run("doctor").exit_code == 1
    safe = [rule for rule in RULES if rule.name not in RECKLESS]
    monkeypatch.setattr("kleio.doctor_settings.RULES", safe)
    result = run("doctor", DB_MAX_OPEN_CONNS="20")
    assert result.exit_code == 3
    assert "warnings, see above" in result.stderr


def test_missing_partitions_are_wrong(run: Run, conninfo: str) -> None:
    month = f"{datetime.now(UTC):%Y_%m}"
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for (name,) in conn.execute(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
            " AND relname ~ '^songs_[0-9_]+$' AND relname > %s",
            (f"songs_{month}",),
        ).fetchall():
            conn.execute(f"ALTER TABLE songs DETACH PARTITION {name}")
    assert "partitions for 0 months ahead: run `kleio maintain`" in lines(findings(run), "wrong")


def setting(name: str, value: str, unit: str | None = None) -> ServerSetting:
    return ServerSetting(name, value, unit)


@pytest.mark.parametrize(
    ("one", "size", "hurts"),
    [
        (setting("random_page_cost", "4"), 0, True),
        (setting("random_page_cost", "1.1"), 0, False),
        (setting("shared_buffers", "16384", "8kB"), 100 * 1024**3, True),
        (setting("shared_buffers", "16384", "8kB"), 100 * 1024**2, False),
        (setting("shared_buffers", "131072", "8kB"), 100 * 1024**3, False),
        (setting("max_wal_size", "1024", "MB"), 5 * 1024**3, True),
        (setting("max_wal_size", "1024", "MB"), 1024**3, False),
        (setting("shared_preload_libraries", ""), 0, True),
        (setting("shared_preload_libraries", "auto_explain, pg_stat_statements"), 0, False),
        (setting("password_encryption", "md5"), 0, True),
        (setting("jit", "on"), 1, True),
        (setting("idle_in_transaction_session_timeout", "0", "ms"), 0, True),
        (setting("idle_in_transaction_session_timeout", "600000", "ms"), 0, False),
    ],
)
def test_a_setting_that_hurts(one: ServerSetting, size: int, hurts: bool) -> None:
    assert [rule.name for rule, _ in hurting([one], size)] == ([one.name] if hurts else [])


@needs_server
def test_a_cache_that_answers_is_well_and_one_that_does_not_is_wrong(
    run: Run, cache_server: CacheServer
) -> None:
    url = cache_server.url.replace("://", "://:secret-word@")
    assert "no cache" in run("doctor").stdout
    found = run("doctor", CACHE_URL=cache_server.url)
    assert "the cache answers" in found.stdout
    for _ in range(2):
        refused = run("doctor", CACHE_URL=url)  # this server knows no password, then it is gone
        assert refused.exit_code == 1
        assert "the cache does not answer" in refused.stdout
        assert "secret-word" not in refused.output
        cache_server.kill()
