"""`kleio doctor`: what it shows, what it never shows, and what it calls wrong."""

from __future__ import annotations

from cache_server import CacheServer, needs_server

from .conftest import Run, free_port


def test_migrated_database_is_well(run: Run) -> None:
    result = run("doctor", DB_MAX_OPEN_CONNS="20")
    assert result.exit_code == 0, result.stdout
    assert "WRONG" not in result.stdout
    assert "PostgreSQL 18." in result.stdout
    assert "pg_trgm" in result.stdout
    assert "migrations applied" in result.stdout


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


@needs_server
def test_a_cache_that_answers_is_well_and_one_that_does_not_is_wrong(
    run: Run, cache_server: CacheServer
) -> None:
    url = cache_server.url.replace("://", "://:secret-word@")
    assert "no cache" in run("doctor").stdout
    found = run("doctor", CACHE_URL=cache_server.url)
    assert (found.exit_code, "the cache answers" in found.stdout) == (0, True)
    for _ in range(2):
        refused = run("doctor", CACHE_URL=url)  # this server knows no password, then it is gone
        assert refused.exit_code == 1
        assert "the cache does not answer" in refused.stdout
        assert "secret-word" not in refused.output
        cache_server.kill()
