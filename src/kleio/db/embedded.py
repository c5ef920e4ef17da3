"""The embedded PostgreSQL server: started, shared and stopped by the processes that use it.

This file owns the server's life and the locks around it; `embedded_files.py`,
`embedded_programs.py` and `embedded_data.py` own what lies on the disk. It must not know the
schema, open a pool, or touch a server that the operator configured.

Two lock files carry the sharing. `lock` is held exclusively during each transition: start, join,
leave. `users` is held shared by every process for as long as it uses the server, and the one that
can turn it exclusive while leaving is the last and stops the server. The kernel drops both locks
when a process dies, so a kill -9 leaves nothing stale: the next start joins the server that still
runs, or starts it and PostgreSQL recovers by itself.

The locks are flock(2) locks: they belong to the open file, which a forked worker shares with its
parent. A worker therefore keeps the server alive while it lives, and leaves the lock to the process
that took it. The socket is bound as `./.s.PGSQL.5432` in the data directory, so only clients need
its path; where that is too long for a socket address, they get a short link.
"""

import fcntl
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kleio.db import embedded_data as data
from kleio.db import embedded_files as files
from kleio.db import embedded_programs as programs
from kleio.db.embedded_files import EmbeddedError, Layout, Owner

__all__ = ["EmbeddedError", "EmbeddedServer", "database_conninfo", "embedded_server", "server_pid"]

# Recovery after a crash in the middle of a bulk import takes its time.
START_SECONDS = 180.0
# The final checkpoint writes every dirty buffer; past this the server is stopped without it and
# recovers at the next start.
STOP_SECONDS = 60.0
# No transition of another process takes longer, unless it is suspended.
LOCK_SECONDS = 2 * data.MAKING_SECONDS + START_SECONDS + STOP_SECONDS
_POLL_SECONDS = 0.005
# A data directory with a standby.signal is a replica, which answers too, and only reads.
_READY = ("ready", "standby")
_LOG_BYTES = 16 * 1024 * 1024


class EmbeddedServer(NamedTuple):
    """A running embedded server; the conninfos are libpq's and hold no password."""

    conninfo: str  # database kleio as role kleio, its owner, who is no superuser
    admin_conninfo: str  # database postgres as the superuser
    data_dir: Path
    socket_dir: Path
    log_file: Path


def database_conninfo(server: EmbeddedServer, dbname: str, *, admin: bool = False) -> str:
    """Return the conninfo of another database on the server, as role kleio or as superuser."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(server.admin_conninfo if admin else server.conninfo, dbname=dbname)


@contextmanager
def embedded_server(
    home: Path, *, settings: Mapping[str, str] | None = None
) -> Iterator[EmbeddedServer]:
    """Start the server below `home`, or join it; on exit the last user stops it.

    A process that is to stop it must leave the block: turn SIGTERM into an exception or a return.

    Args:
        home: `KLEIO_HOME`; made when missing.
        settings: PostgreSQL settings over Kleio's own, such as {"fsync": "off"}; they count
            only for the process that starts the server, not for one that joins.

    Raises:
        EmbeddedError: the files can't be used or PostgreSQL does not start.
    """
    import psycopg.conninfo  # noqa: F401 -- slow to load, so before the lock is taken

    with files.clear_errors(home):
        user = _User(Layout(home.absolute()), settings or {})
    try:
        yield user.server
    finally:
        with files.clear_errors(home):
            user.leave()


def server_pid(home: Path) -> int | None:
    """Return the process id of the server below `home`, None where none runs."""
    return _postmaster(Layout(home.absolute()))[0]


class _User:
    """One use of the server: joined when made, until `leave`."""

    def __init__(self, layout: Layout, settings: Mapping[str, str]) -> None:
        self._layout = layout
        self._pid = os.getpid()
        files.make_directories(layout)
        with _transition(layout):
            self._users = files.open_file(layout.users, os.O_RDWR)
            try:
                # Exclusive only ever under the transition lock, so this does not wait.
                fcntl.flock(self._users, fcntl.LOCK_SH)
                initialised = data.has_data(layout)
                self._socket_dir = files.socket_directory(layout)
            except BaseException:
                self._release()
                raise
            try:
                _ensure_running(layout, self._socket_dir, settings, initialised=initialised)
                self.server = _describe(layout, self._socket_dir)
            except BaseException:
                try:
                    self._stop_if_last()
                finally:
                    self._release()
                raise

    def leave(self) -> None:
        """Give up the use; the last user stops the server and waits for its end."""
        if os.getpid() != self._pid:
            # A forked child unwinding the parent's block: closing its copy keeps the lock.
            os.close(self._users)
            return
        try:
            with _transition(self._layout):
                self._stop_if_last()
        except FileNotFoundError:
            pass  # the home was deleted, and PostgreSQL ends by itself when it misses its files
        finally:
            self._release()

    def _stop_if_last(self) -> None:
        with suppress(BlockingIOError):
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop(self._layout)
            if self._socket_dir != self._layout.data:
                self._socket_dir.unlink(missing_ok=True)

    def _release(self) -> None:
        # Unlocked, not only closed: a forked child may still hold a copy of the open file.
        fcntl.flock(self._users, fcntl.LOCK_UN)
        os.close(self._users)


@contextmanager
def _transition(layout: Layout) -> Iterator[None]:
    fd = files.open_file(layout.lock, os.O_RDWR)
    try:
        files.lock_file(fd, LOCK_SECONDS)
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)


def _describe(layout: Layout, socket_dir: Path) -> EmbeddedServer:
    from psycopg.conninfo import make_conninfo

    host = str(socket_dir)
    return EmbeddedServer(
        conninfo=make_conninfo(host=host, port=5432, user=files.APP_ROLE, dbname=data.APP_DATABASE),
        admin_conninfo=make_conninfo(host=host, port=5432, user=data.SUPERUSER, dbname="postgres"),
        data_dir=layout.data,
        socket_dir=socket_dir,
        log_file=layout.log,
    )


# --- start and stop -----------------------------------------------------------------------------


def _ensure_running(
    layout: Layout, socket_dir: Path, settings: Mapping[str, str], *, initialised: bool
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while initialised:
        pid, status = _postmaster(layout)
        if status in _READY and _answers(socket_dir):
            return
        if pid is None:
            break
        # Left behind while starting, recovering or stopping: wait for what comes of it.
        if time.monotonic() > deadline:
            raise EmbeddedError(f"PostgreSQL (process {pid}) does not answer; see {layout.log}")
        time.sleep(_POLL_SECONDS)
    owner = programs.service_owner(layout)
    found = programs.find_programs(layout, owner)
    if initialised:
        _clear_crash(layout)
    else:
        data.initialise(layout, found, owner, sync=settings.get("fsync") != "off")
    data.write_conf(layout, owner, settings)
    _start(layout, found, owner)


def _start(layout: Layout, found: Path, owner: Owner | None) -> None:
    log = _open_log(layout)
    # PostgreSQL inherits the writing end: the reading end tells at once when all of it has ended.
    alive, inherited = os.pipe()
    try:
        offset = os.fstat(log).st_size
        # pg_ctl leaves the server to init: not our child, it leaves no zombie and outlives us.
        # It gets no path, as it builds a shell command of them.
        result = subprocess.run(  # noqa: S603
            [
                *(found / "bin" / "pg_ctl", "start", "--no-wait", "-D", files.CWD, "-o"),
                "-c listen_addresses='' -c unix_socket_directories=. -c port=5432",
            ],
            cwd=layout.data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(inherited,),
            check=False,
            **files.process_options(owner),
        )
        os.close(inherited)
        inherited = -1
        ended = result.returncode != 0
        poll = select.poll()
        poll.register(alive, 0)  # only the hang-up, which needs no asking
        deadline = time.monotonic() + START_SECONDS
        while True:
            pid, status = _postmaster(layout)
            if pid is not None and status in _READY:
                return
            if pid is None and ended:
                problem = "PostgreSQL did not start"
                break
            if time.monotonic() > deadline:
                problem = f"PostgreSQL was not ready after {START_SECONDS:.0f} s"
                break
            if ended:
                # Ours gave way to one that a killed Kleio had just launched: wait for that one.
                time.sleep(_POLL_SECONDS)
            else:
                ended = bool(poll.poll(_POLL_SECONDS * 1000))
        raise EmbeddedError(f"{problem}; {layout.log} says: {_log_tail(layout, offset)}")
    finally:
        for fd in (log, alive, inherited):
            if fd >= 0:
                os.close(fd)


def _stop(layout: Layout) -> None:
    pid, _ = _postmaster(layout)
    if pid is None:
        return
    # SIGINT: fast shutdown. SIGQUIT: without the checkpoint, the next start recovers.
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait_gone(layout, [pid], seconds):
            return
    raise EmbeddedError(f"PostgreSQL (process {pid}) does not stop; see {layout.log}")


def _clear_crash(layout: Layout) -> None:
    """Make way after a postmaster that was killed: end its backends, forget its process id.

    A backend in a long query outlives its postmaster, and PostgreSQL refuses to start beside it.
    The id in a stale lock file may by now be any process of the same user, or a zombie that
    nobody has buried, and PostgreSQL would take either for a running server.
    """
    stale = [layout.data / "postmaster.pid", layout.data / f"{files.SOCKET}.lock"]
    stale = [path for path in stale if path.exists()]
    if not stale:
        return
    for number, seconds in ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        leftovers = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _is_ours(layout, p)]
        for pid in leftovers:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait_gone(layout, leftovers, seconds):
            break
    else:
        # Removing its lock files would let two servers write the same data.
        raise EmbeddedError(
            f"processes {leftovers} of a killed PostgreSQL still use {layout.data} and don't end"
        )
    for path in stale:
        first_line = path.read_bytes().partition(b"\n")[0]
        # Where there is no such process, PostgreSQL's own checks are the better ones.
        if first_line.isdigit() and Path(f"/proc/{int(first_line)}").exists():
            path.unlink()


# --- looking at the server ----------------------------------------------------------------------


def _postmaster(layout: Layout) -> tuple[int | None, str]:
    """Return the running postmaster's process id and its state.

    The id is None where no such process is seen here; the state, the last line of postmaster.pid,
    may still be "ready" for a server that runs in another container on the same directory.
    """
    try:
        lines = (layout.data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None, ""
    status = lines[7].strip() if len(lines) > 7 else "starting"
    return (pid if _is_ours(layout, Path(f"/proc/{pid}")) else None), status


def _is_ours(layout: Layout, process: Path) -> bool:
    """Whether a process, given as its directory in /proc, is a PostgreSQL on this data."""
    try:
        # A zombie has neither link, so it counts as gone.
        program = os.path.basename(os.readlink(process / "exe"))
        return program.startswith("postgres") and (process / "cwd").samefile(layout.data)
    except PermissionError:
        return _is_ours_asked(layout, process)
    except OSError:
        return False


def _is_ours_asked(layout: Layout, process: Path) -> bool:
    """Find it out as the process's own user.

    root in a container has no CAP_SYS_PTRACE and may not read another user's links in /proc.
    """
    try:
        owner = layout.data.stat()
        if os.geteuid() != 0 or process.stat().st_uid != owner.st_uid:
            return False
        name, _, rest = (process / "stat").read_text().rpartition(")")
    except OSError:
        return False
    state, start = rest.split()[0], rest.split()[19]
    if not name.partition("(")[2].startswith("postgres") or state == "Z":
        return False
    return _works_in(str(process), start, str(layout.data), Owner(owner.st_uid, owner.st_gid))


@lru_cache(maxsize=256)
def _works_in(process: str, _start: str, directory: str, owner: Owner) -> bool:
    # A process id with its start time names one process for ever, so the answer can be kept.
    result = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'test "$1/cwd" -ef .', "sh", process],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        **files.process_options(owner),
    )
    return result.returncode == 0


def _wait_gone(layout: Layout, pids: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(_is_ours(layout, Path(f"/proc/{pid}")) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    for pid in pids:
        # As process 1 of a container Kleio inherits the server and has to bury it.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return True


def _answers(socket_dir: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5.0)
        try:
            client.connect(str(socket_dir / files.SOCKET))
        except BlockingIOError:
            return True  # so many wait already that its queue is full
        except OSError:
            return False
    return True


def _open_log(layout: Layout) -> int:
    with suppress(FileNotFoundError):
        if layout.log.lstat().st_size > _LOG_BYTES:
            layout.log.rename(layout.log.with_suffix(".log.1"))
    return files.open_file(layout.log, os.O_WRONLY | os.O_APPEND)


def _log_tail(layout: Layout, offset: int) -> str:
    with layout.log.open("rb") as file:
        file.seek(max(offset, os.fstat(file.fileno()).st_size - 4096))
        return data.last_lines(file.read())
