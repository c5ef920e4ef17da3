"""The embedded server: as it is made, shared between processes, and after crashes."""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from embedded_processes import (
    FAST,
    ROOT,
    USER,
    Process,
    alive,
    ask,
    postmaster,
    service_user,
    until,
)
from kleio.db.embedded import (
    EmbeddedServer,
    database_conninfo,
    embedded_server,
)
from kleio.settings import load_settings


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT current_user::text || ' ' || current_database()", "kleio kleio"),
        ("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user", False),
        ("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'kleio'", "kleio"),
        (
            "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'kleio'",
            "bC.UTF-8",
        ),
        ("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'kleio'", "UTF8"),
        ("SELECT count(*) >= 0 FROM pg_stat_statements", True),
        ("SELECT pg_has_role('pg_read_all_stats', 'member')", True),
        ("SELECT current_setting('server_version_num')::int / 10000", 18),
        ("SELECT current_setting('data_checksums')", "on"),
        ("SELECT current_setting('listen_addresses')", ""),
        ("SELECT current_setting('TimeZone')", "UTC"),
        ("SELECT current_setting('max_connections')::int >= 100", True),
        ("SELECT current_setting('jit')", "off"),
        ("SELECT current_setting('fsync')", "off"),
        ("SELECT current_setting('shared_buffers')", "16MB"),
    ],
)
def test_server_as_made(shared: EmbeddedServer, query: str, expected: object) -> None:
    assert ask(shared.conninfo, query) == expected


def test_app_role_creates_the_trusted_extensions(shared: EmbeddedServer) -> None:
    with psycopg.connect(shared.conninfo) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        connection.execute("CREATE EXTENSION unaccent")
        connection.rollback()


def test_admin_makes_a_database_with_the_statistics_in_it(shared: EmbeddedServer) -> None:
    with psycopg.connect(shared.admin_conninfo, autocommit=True) as connection:
        connection.execute("CREATE DATABASE other OWNER kleio")
    other = database_conninfo(shared, "other")
    assert ask(other, "SELECT current_database()") == "other"
    assert ask(other, "SELECT count(*) >= 0 FROM pg_stat_statements") is True
    admin = database_conninfo(shared, "other", admin=True)
    assert ask(admin, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True


def test_only_the_owner_reaches_data_and_socket(shared: EmbeddedServer) -> None:
    assert stat.S_IMODE(shared.data_dir.stat().st_mode) == 0o700
    assert (shared.data_dir / ".s.PGSQL.5432").is_socket()
    for name in ("lock", "users", "postgres.log"):
        assert stat.S_IMODE((shared.data_dir.parent / name).stat().st_mode) == 0o600
    for name in ("kleio.conf", "postgresql.conf"):
        assert (shared.data_dir / name).stat().st_uid == shared.data_dir.stat().st_uid


def test_a_terminal_s_ctrl_c_and_the_locks_stay_away_from_it(shared: EmbeddedServer) -> None:
    pid = int((shared.data_dir / "postmaster.pid").read_text().split()[0])
    assert os.getsid(pid) != os.getsid(0)
    open_files = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [name for name in open_files if name.endswith(("/lock", "/users"))]


@pytest.mark.parametrize("password", ["two words", "it's", 'back\\slash"', "p@ss:w/rd%20?ü=&#"])
def test_any_password_reaches_a_real_server(shared: EmbeddedServer, password: str) -> None:
    role = "guest_" + password.encode().hex()
    hba = shared.data_dir / "pg_hba.conf"
    hba.write_text(f"local all {role} scram-sha-256\n{hba.read_text()}")
    with psycopg.connect(shared.admin_conninfo, autocommit=True) as connection:
        literal = psycopg.sql.Literal(password)
        connection.execute(
            psycopg.sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                psycopg.sql.Identifier(role), literal
            )
        )
        connection.execute("SELECT pg_reload_conf()")
    given = {"DB_HOST": str(shared.socket_dir), "DB_USER": role, "DB_NAME": "kleio"}

    def refused() -> bool:
        wrong = load_settings({**given, "DB_PASSWORD": password + "x"}).conninfo()
        try:
            psycopg.connect(wrong).close()
        except psycopg.OperationalError:
            return True
        return False

    until(refused)  # the reload is asynchronous
    right = load_settings({**given, "DB_PASSWORD": password}).conninfo()
    assert ask(right, "SELECT current_user::text") == role


def test_processes_share_it_and_the_last_one_stops_it(
    home: Path, process: Callable[..., Process]
) -> None:
    first, second = process(USER, home), process(USER, home)
    assert first.line() == second.line()
    pid = postmaster(home)
    first.leave()
    assert postmaster(home) == pid
    with embedded_server(home) as server:
        second.end(signal.SIGTERM)
        assert ask(server.conninfo, "SELECT 1") == 1
        assert postmaster(home) == pid
    assert pid is not None
    until(lambda: not alive(pid))  # its last breath, after its files are closed
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


def test_many_first_starts_at_once(home: Path, process: Callable[..., Process]) -> None:
    users = [process(USER, home) for _ in range(6)]
    assert {ask(user.line(), "SELECT 1") for user in users} == {1}
    for user in users:
        user.popen.send_signal(signal.SIGTERM)
    for user in users:
        user.leave()
    assert postmaster(home) is None


def test_nested_use_in_one_process(home: Path) -> None:
    with embedded_server(home, settings=FAST):
        with embedded_server(home) as inner:
            assert ask(inner.conninfo, "SELECT 1") == 1
        assert ask(inner.conninfo, "SELECT 1") == 1
    assert postmaster(home) is None


def test_kill_9_of_the_user_leaves_a_server_to_join(
    home: Path, process: Callable[..., Process]
) -> None:
    user = process(USER, home)
    user.line()
    pid = postmaster(home)
    user.end(signal.SIGKILL)
    assert pid is not None
    assert alive(pid)
    with embedded_server(home) as server:
        assert postmaster(home) == pid
        assert ask(server.conninfo, "SELECT 1") == 1
    until(lambda: not alive(pid))


def test_kill_9_of_the_server_is_recovered_from(home: Path) -> None:
    with embedded_server(home, settings=FAST) as server:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
        pid = postmaster(home)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
    assert (home / "postgres" / "data" / "postmaster.pid").exists()
    with embedded_server(home, settings=FAST) as server:
        assert ask(server.conninfo, "SELECT n FROM kept") == 42


def test_a_busy_backend_without_its_postmaster_is_ended(home: Path) -> None:
    with embedded_server(home, settings=FAST) as server:
        connection = psycopg.connect(server.conninfo, autocommit=True)
        backend = connection.info.backend_pid
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
        query = f"SELECT state FROM pg_stat_activity WHERE pid = {backend}"
        until(lambda: ask(server.admin_conninfo, query) == "active")
        pid = postmaster(home)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid))
        assert alive(backend)
        with embedded_server(home, settings=FAST) as again:
            until(lambda: not alive(backend))
            assert ask(again.conninfo, "SELECT 1") == 1
        connection.close()


def test_a_reused_process_id_does_not_count_as_the_server(home: Path) -> None:
    with embedded_server(home, settings=FAST) as server:
        pid_file = server.data_dir / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    with subprocess.Popen(["sleep", "600"], **service_user(home)) as other:
        try:
            pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
            if ROOT:
                shutil.chown(pid_file, *(service_user(home)[key] for key in ("user", "group")))
            with embedded_server(home, settings=FAST) as server:
                assert ask(server.conninfo, "SELECT 1") == 1
            assert other.poll() is None
        finally:
            other.kill()


FORKING = """
import os, sys
from pathlib import Path
from kleio.db.embedded import embedded_server
with embedded_server(Path(sys.argv[1]), settings={"fsync": "off"}) as server:
    child = os.fork()
    if child == 0:
        sys.exit(7)  # unwinds the parent's block in the child
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    print(server.conninfo, flush=True)
    sys.stdin.read()
"""


def test_a_forked_child_neither_stops_it_nor_drops_the_lock(
    home: Path, process: Callable[..., Process]
) -> None:
    user = process(FORKING, home)
    conninfo = user.line()
    with embedded_server(home):
        pass  # leaves while the other's lock must still count
    assert ask(conninfo, "SELECT 1") == 1
    user.leave()
    assert postmaster(home) is None


WORKER = """
import os, sys
from pathlib import Path
from kleio.db.embedded import embedded_server
with embedded_server(Path(sys.argv[1]), settings={"fsync": "off"}) as server:
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        sys.stdin.read()
        os._exit(0)
    os.wait()
"""


def test_an_orphaned_worker_keeps_it_alive(home: Path, process: Callable[..., Process]) -> None:
    user = process(WORKER, home)
    worker = int(user.line())
    user.popen.kill()
    user.popen.wait(10)
    with embedded_server(home) as server:
        pid = postmaster(home)
    assert postmaster(home) == pid
    assert ask(server.conninfo, "SELECT 1") == 1
    user.errors()  # ends the worker's input
    until(lambda: not alive(worker))
    with embedded_server(home):
        assert postmaster(home) == pid
    assert postmaster(home) is None
