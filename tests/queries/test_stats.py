"""`kleio sql stats`: what pg_stat_statements counts, by the names of the queries."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from embedded_processes import FAST
from kleio.db.embedded import embedded_server
from kleio.db.queries import Connection
from kleio.db.reading import reading
from kleio.repositories import tokens, users
from kleio.sql.stats import QueryStats, Statistics, StatsUnavailable, read_stats, reset_stats
from query_files import INVENTORY
from servers import Server

CALLS = 20


@pytest.fixture
def admin_conninfo(server: Server, conninfo: str) -> str:
    """This test's database, as one who may read all statistics."""
    found = psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"]
    with psycopg.connect(server.conninfo(found, admin=True)) as conn:
        extension = conn.execute("SELECT FROM pg_extension WHERE extname = 'pg_stat_statements'")
        if not extension.fetchall():
            pytest.skip("the server has no pg_stat_statements")
    return server.conninfo(found, admin=True)


def stats_of(conninfo: str, sort: str = "total") -> Statistics:
    with reading(conninfo) as conn:
        return read_stats(conn, INVENTORY, sort)


def by_name(found: Statistics) -> dict[str, QueryStats]:
    return {entry.name: entry for entry in found.queries}


@pytest.mark.anyio
async def test_calls_rows_and_shares_are_counted_by_name(
    conn: Connection, admin_conninfo: str
) -> None:
    for _ in range(CALLS):
        await users.get_user_by_username(conn, username="nobody")
        await users.list_users(conn, after_name=None, after_id=None, page_size=5, page_offset=0)
    await conn.execute("SELECT pg_sleep(0)")
    found = stats_of(admin_conninfo)
    named = by_name(found)
    assert named.keys() == {"users.get_user_by_username", "users.list_users"}
    for entry in named.values():
        assert entry.calls == CALLS
        assert entry.rows == 0
        assert entry.total_ms == pytest.approx(entry.mean_ms * CALLS)
        assert 0 < entry.mean_ms <= entry.max_ms
        assert entry.stddev_ms >= 0
        assert 0 < entry.share < 1
    assert found.other_ms > 0
    assert found.since
    assert [e.total_ms for e in found.queries] == sorted(
        (e.total_ms for e in found.queries), reverse=True
    )
    assert [e.name for e in stats_of(admin_conninfo, "calls").queries] == sorted(named)


@pytest.mark.anyio
async def test_a_statement_without_its_comment_is_known_by_its_identifier(
    conn: Connection, admin_conninfo: str
) -> None:
    entry = INVENTORY.entries["tokens.list_tokens"]
    # As from a DBA's psql, before Kleio has sent it: the first text stays.
    await conn.execute(f"PREPARE dba AS {entry.statement.text}".encode())
    for _ in range(CALLS):
        await conn.execute(sql.SQL("EXECUTE dba ({})").format(sql.Literal(str(uuid4()))))
    await tokens.list_tokens(conn, user_id=uuid4())
    found = by_name(stats_of(admin_conninfo))["tokens.list_tokens"]
    assert found.calls == CALLS + 1


@pytest.mark.anyio
async def test_one_name_s_statements_are_added_up(conn: Connection, admin_conninfo: str) -> None:
    # An int's size decides its type, and a type the identifier.
    for size in (5, 50_000):
        for _ in range(CALLS):
            await users.list_users(
                conn, after_name=None, after_id=None, page_size=size, page_offset=0
            )
    found = by_name(stats_of(admin_conninfo))["users.list_users"]
    assert found.calls == 2 * CALLS
    assert found.total_ms == pytest.approx(found.mean_ms * 2 * CALLS)


@pytest.mark.anyio
async def test_a_reset_forgets_this_database_alone(
    conn: Connection, admin_conninfo: str, server: Server
) -> None:
    for _ in range(CALLS):
        await users.get_user(conn, user_id=uuid4())
    with reading(admin_conninfo) as admin:
        elsewhere = "SELECT count(*) FROM pg_stat_statements WHERE dbid <> (SELECT oid FROM"
        elsewhere += " pg_database WHERE datname = current_database())"
        (before,) = admin.execute(elsewhere).fetchone()
        reset_stats(admin)
        (after,) = admin.execute(elsewhere).fetchone()
    assert before > 0
    assert after > 0
    assert by_name(stats_of(admin_conninfo)) == {}


def test_a_database_without_the_extension_says_how_to_make_it(
    admin_conninfo: str, conninfo: str
) -> None:
    with psycopg.connect(admin_conninfo, autocommit=True) as conn:
        conn.execute("DROP EXTENSION pg_stat_statements")
    for function in (stats_of, reset):
        with pytest.raises(StatsUnavailable, match="CREATE EXTENSION pg_stat_statements"):
            function(conninfo)


def reset(conninfo: str) -> None:
    with reading(conninfo) as conn:
        reset_stats(conn)


def test_a_role_that_may_not_read_them_is_told_what_to_grant(
    server: Server, admin_conninfo: str, conninfo: str
) -> None:
    role = f"kleio_blind_{uuid4().hex[:8]}"
    server.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'blind'")
    try:
        blind = psycopg.conninfo.make_conninfo(conninfo, user=role, password="blind")
        with psycopg.connect(conninfo) as conn:
            conn.execute("SELECT 1 /* kleio:users.get_user */")
        with pytest.raises(StatsUnavailable, match=f"GRANT pg_read_all_stats TO {role}"):
            stats_of(blind)
        with pytest.raises(StatsUnavailable, match="GRANT EXECUTE ON FUNCTION"):
            reset(blind)
    finally:
        server.execute(f"DROP ROLE {role}")


def test_a_server_that_has_not_loaded_it_is_told_so(tmp_path: Path) -> None:
    settings = {**FAST, "shared_preload_libraries": ""}
    with embedded_server(tmp_path / "home", settings=settings) as unloaded:
        with psycopg.connect(unloaded.admin_conninfo, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        with pytest.raises(StatsUnavailable, match="shared_preload_libraries"):
            stats_of(unloaded.conninfo)
