"""The pool: what its connections are like, what happens when it is full or the server restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from factories import Account, make_user, settings_for
from kleio.db.connections import PREPARED_STATEMENTS, connect
from kleio.db.errors import NotMigrated, Overloaded, StatementTimeout, Unavailable, translate
from kleio.db.liveness import has_ended
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.db.session import check_session, request_options
from kleio.repositories import users
from kleio.settings import Settings
from servers import Server
from tcp_proxy import TcpProxy

pytestmark = pytest.mark.anyio


@pytest.fixture
async def make_database(
    conninfo: str, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[Callable[..., Any]]:
    """Open a pool with given settings, on this test's database."""
    opened: list[Database] = []

    async def make(**variables: str) -> Database:
        database = Database(settings_for(conninfo, tmp_path, **variables), conninfo)
        await database.open()
        opened.append(database)
        return database

    yield make
    for database in opened:
        await database.close()


async def test_a_connection_is_in_utc_autocommit_and_passes_json_through(
    database: Database,
) -> None:
    async with database.connection() as conn:
        assert conn.autocommit
        assert conn.prepared_max == PREPARED_STATEMENTS
        cursor = conn.cursor(binary=True)
        await cursor.execute(
            "SELECT '2026-07-01 12:00+02'::timestamptz, '{\"a\":  1}'::json, '[1]'::jsonb,"
            "       current_setting('TimeZone'), current_setting('application_name')"
        )
        at, json_, jsonb, zone, name = await cursor.fetchone()
    assert at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert msgspec.json.encode(at) == b'"2026-07-01T10:00:00Z"'
    assert isinstance(json_, msgspec.Raw)
    assert bytes(json_) == b'{"a":  1}'
    assert bytes(jsonb) == b"[1]"
    assert (zone, name) == ("UTC", "kleio")


async def test_a_connection_outside_the_pool_is_like_one_inside(conn: Connection) -> None:
    cursor = conn.cursor(binary=True)
    await cursor.execute("SELECT current_setting('TimeZone'), '{\"a\":  1}'::json")
    zone, json_ = await cursor.fetchone()
    assert (zone, bytes(json_)) == ("UTC", b'{"a":  1}')
    assert conn.autocommit


async def test_a_wait_longer_than_the_timeout_is_overload(
    make_database: Callable[..., Any],
) -> None:
    database = await make_database(DB_MAX_OPEN_CONNS="1", DB_POOL_TIMEOUT="0.1s")
    async with database.connection():
        with pytest.raises(Overloaded):
            async with database.connection():
                pass
    async with database.connection() as conn:
        await conn.execute("SELECT 1")


async def test_a_full_queue_is_overload_at_once(make_database: Callable[..., Any]) -> None:
    database = await make_database(DB_MAX_OPEN_CONNS="1", DB_MAX_WAITING="1", DB_POOL_TIMEOUT="60s")
    got: list[bool] = []

    async def wait() -> None:
        async with database.connection():
            got.append(True)

    async with anyio.create_task_group() as group, database.connection():
        group.start_soon(wait)
        with anyio.fail_after(30):
            while not database.stats().get("requests_waiting"):
                await anyio.lowlevel.checkpoint()
        with anyio.fail_after(30), pytest.raises(Overloaded):
            async with database.connection():
                pass
    assert got == [True]


async def test_whose_a_request_is_goes_before_all_other_work(
    make_database: Callable[..., Any],
) -> None:
    database = await make_database(DB_MAX_OPEN_CONNS="1", DB_POOL_TIMEOUT="60s")
    order: list[str] = []

    async def work(name: str, **options: bool) -> None:
        async with database.connection(**options):
            order.append(name)

    async def ask(conn: Connection) -> None:
        order.append("asked")

    async with anyio.create_task_group() as group, database.connection():
        for waiting, start in enumerate(
            (
                lambda: group.start_soon(work, "other"),
                lambda: group.start_soon(database.read_ahead, ask),
            )
        ):
            start()
            with anyio.fail_after(30):
                while database.stats()["requests_waiting"] <= waiting:
                    await anyio.lowlevel.checkpoint()
    assert order == ["asked", "other"]
    assert database.stats()["requests_waiting"] == 0


async def test_the_sizes_are_totals_over_all_workers(make_database: Callable[..., Any]) -> None:
    database = await make_database(DB_MAX_OPEN_CONNS="8", DB_MAX_IDLE_CONNS="4", KLEIO_WORKERS="4")
    assert (database.pool.min_size, database.pool.max_size) == (1, 2)


def terminate(server: Server, conninfo: str) -> int:
    """End every connection to a database, as a restart of the server does; return how many."""
    rows = server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = %s AND backend_type = 'client backend'",
        [conninfo_to_dict(conninfo)["dbname"]],
    )
    return len(rows)


async def fill_pool(database: Database, size: int) -> None:
    async with anyio.create_task_group() as group:
        ready = anyio.Event()
        held: list[Connection] = []

        async def hold() -> None:
            async with database.connection() as conn:
                held.append(conn)
                if len(held) == size:
                    ready.set()
                await ready.wait()

        for _ in range(size):
            group.start_soon(hold)


async def test_a_read_survives_that_all_connections_were_cut(
    make_database: Callable[..., Any], conninfo: str, server: Server, conn: Connection
) -> None:
    account = await make_user(conn)
    await conn.close()
    database = await make_database(DB_MAX_OPEN_CONNS="3", DB_MAX_IDLE_CONNS="3")
    await fill_pool(database, 3)
    assert terminate(server, conninfo) == 3
    with anyio.fail_after(10):
        for _ in range(4):
            found = await database.read(users.get_user, user_id=account.id)
            assert found == account.user


async def test_a_write_survives_it_too_because_nothing_was_sent_yet(
    make_database: Callable[..., Any], conninfo: str, server: Server
) -> None:
    database = await make_database(DB_MAX_OPEN_CONNS="3", DB_MAX_IDLE_CONNS="3")
    await fill_pool(database, 3)
    assert terminate(server, conninfo) == 3
    async with database.transaction() as conn:
        account = await make_user(conn)
    assert await database.read(users.get_user, user_id=account.id) == account.user


async def test_a_connection_is_not_ended_by_a_setting_that_was_changed(
    database: Database,
) -> None:
    async with database.connection() as conn:
        # The server tells of it without being asked, as it does when its configuration is loaded.
        conn.pgconn.send_query(b"SET timezone = 'Asia/Tokyo'")
        with anyio.fail_after(10):
            await anyio.wait_readable(conn.pgconn.socket)
        assert not has_ended(conn)
        while conn.pgconn.get_result():
            pass
        assert await users.count_users(conn) == 0


async def test_a_server_that_hangs_is_given_up(
    conninfo: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.kind != "embedded":
        pytest.skip("needs a server that listens on a socket")
    monkeypatch.setattr("kleio.db.pool.PATIENCE_SECONDS", 0.2)
    socket = Path(str(conninfo_to_dict(conninfo)["host"])) / ".s.PGSQL.5432"
    with TcpProxy(socket) as proxy:
        slow = make_conninfo(conninfo, host="127.0.0.1", port=proxy.port)
        database = Database(settings_for(conninfo, tmp_path, DB_STATEMENT_TIMEOUT="0.1s"), slow)
        await database.open()
        try:
            assert await database.read(users.count_users) == 0
            proxy.hold()
            with anyio.fail_after(10), pytest.raises(Unavailable):
                await database.read(users.count_users)
            proxy.release()
            with anyio.fail_after(10):
                assert await database.read(users.count_users) == 0
        finally:
            await database.close()


async def test_settings_that_did_not_arrive_are_named(conninfo: str, settings: Settings) -> None:
    found = await connect(settings, conninfo, options=request_options(30.0))
    async with found:
        await check_session(found, statement_timeout=30.0)
    bare = await psycopg.AsyncConnection.connect(conninfo, autocommit=True)
    async with bare:
        with pytest.raises(NotMigrated) as caught:
            await check_session(bare, statement_timeout=30.0)
    assert "lock_timeout is 0 and not 5s" in str(caught.value)
    assert "deploy/pgbouncer.md" in str(caught.value)


async def test_a_read_is_tried_again_once_only(
    make_database: Callable[..., Any], conninfo: str, server: Server
) -> None:
    database = await make_database()
    calls = 0

    async def cut(conn: Connection) -> None:
        nonlocal calls
        calls += 1
        terminate(server, conninfo)
        await users.count_users(conn)

    with pytest.raises(Unavailable):
        await database.read(cut)
    assert calls == 2


async def test_a_write_is_not_tried_again(
    make_database: Callable[..., Any], conninfo: str, server: Server
) -> None:
    database = await make_database()
    calls = 0

    async def write() -> None:
        nonlocal calls
        async with database.transaction() as conn:
            calls += 1
            terminate(server, conninfo)
            await users.count_users(conn)

    with pytest.raises(Unavailable):
        await write()
    assert calls == 1
    assert await database.read(users.count_users) == 0


async def test_a_transaction_commits_at_its_end_and_not_after_an_error(
    database: Database,
) -> None:
    async with database.transaction() as conn:
        kept = await make_user(conn)
    lost: list[Account] = []

    async def fail() -> None:
        async with database.transaction() as conn:
            lost.append(await make_user(conn))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await database.read(users.get_user, user_id=kept.id) == kept.user
    assert await database.read(users.get_user, user_id=lost[0].id) is None


async def test_a_statement_ends_after_its_timeout(make_database: Callable[..., Any]) -> None:
    database = await make_database(DB_STATEMENT_TIMEOUT="0.05s")

    async def slow(conn: Connection) -> None:
        try:
            await conn.execute("SELECT pg_sleep(60)")
        except psycopg.Error as error:
            raise translate(error, query="slow") from error

    with anyio.fail_after(10), pytest.raises(StatementTimeout):
        await database.read(slow)


async def test_a_server_that_is_not_there_is_unavailable(
    settings: Settings, tmp_path: Path
) -> None:
    nowhere = make_conninfo(host=str(tmp_path), dbname="x", user="x")
    with pytest.raises(Unavailable) as caught:
        await connect(settings, nowhere)
    assert caught.value.operation == "connect"
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("threshold", ["0", "1"])
async def test_preparing_can_be_turned_off(
    threshold: str, make_database: Callable[..., Any]
) -> None:
    database = await make_database(DB_PREPARE_THRESHOLD=threshold)
    async with database.connection() as conn:
        for _ in range(3):
            await users.count_users(conn)
        cursor = await conn.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'users.count_users'"
        )
        assert (await cursor.fetchone())[0] == int(threshold)
