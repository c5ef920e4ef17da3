"""The embedded server's places on disk: paths, directories, and how its programs are run.

This file owns where things lie, who may read them, and how a lock is waited for. It never starts or
stops the server, takes no locks of its own, and never changes the mode or owner of a directory that
it did not make itself.
"""

import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

APP_ROLE = "kleio"
# Resolves to the working directory without searching any of its parents.
CWD = "/proc/self/cwd"
SOCKET = ".s.PGSQL.5432"
# sun_path holds 108 bytes with the NUL.
_SOCKET_PATH_BYTES = 107
_POLL_SECONDS = 0.005


class EmbeddedError(Exception):
    """The embedded server can't be used; the message is one line that says why."""


class Layout(NamedTuple):
    """Paths of one embedded server below its home."""

    home: Path

    @property
    def root(self) -> Path:
        """Directory of everything that belongs to the server."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory, mode 0700, of the service user."""
        return self.root / "data"

    @property
    def lock(self) -> Path:
        """Held exclusively while the server is started, joined or left."""
        return self.root / "lock"

    @property
    def users(self) -> Path:
        """Held shared by every process that uses the server, for as long as it does."""
        return self.root / "users"

    @property
    def log(self) -> Path:
        """What PostgreSQL writes to its standard error."""
        return self.root / "postgres.log"


class Owner(NamedTuple):
    """User and group that PostgreSQL runs as."""

    uid: int
    gid: int


def process_options(owner: Owner | None) -> dict[str, Any]:
    """Return the `subprocess` options that run a PostgreSQL program as its owner.

    The new session keeps a Ctrl-C in the terminal away from it; the environment is made anew, so
    that no PG* variable or locale of the caller decides anything.
    """
    options: dict[str, Any] = {
        "env": {"PATH": os.defpath, "LC_ALL": "C"},
        "umask": 0o077,
        "start_new_session": True,
    }
    if owner is not None:
        options |= {"user": owner.uid, "group": owner.gid, "extra_groups": []}
    return options


@contextmanager
def clear_errors(home: Path) -> Iterator[None]:
    """Turn an OSError of the file system into an EmbeddedError that names the home."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise EmbeddedError(
            f"the embedded database in {home} can't be used: {error.strerror or error}{where}"
        ) from error


def make_directories(layout: Layout) -> None:
    """Make the home and the server's directory where they are missing.

    Raises:
        EmbeddedError: one of them is not a directory.
        OSError: it can't be made.
    """
    for path in (layout.home, layout.root):
        existing = next(p for p in (path, *path.parents) if p.exists())
        if not existing.is_dir():
            raise EmbeddedError(f"KLEIO_HOME: {existing} is not a directory")
        if existing != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_directory(path)


def make_directory(path: Path) -> None:
    """Make one directory, if missing: closed to others, but passable when root makes it.

    Passable, because the service user must reach copied programs; the data below is 0700 and the
    other files are 0600.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        path.chmod(0o711)


def open_file(path: Path, flags: int) -> int:
    """Open a file of the server's directory, mode 0600, owned as the directory is."""
    # Python's descriptors are close-on-exec: PostgreSQL inherits no lock.
    fd = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        # root may work in a user's home; what it leaves there must not lock the user out.
        parent = path.parent.stat()
        if os.fstat(fd).st_uid != parent.st_uid:
            os.fchown(fd, parent.st_uid, parent.st_gid)
    return fd


def lock_file(fd: int, seconds: float) -> None:
    """Lock an open file exclusively, waiting for others for so many seconds.

    Raises:
        EmbeddedError: another process holds the lock as long as that; it may be stopped.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                name = os.readlink(f"/proc/self/fd/{fd}")
                raise EmbeddedError(
                    f"another process has held {name} for {seconds:.0f} s; is a kleio suspended? "
                    f"(fuser -v {shlex.quote(name)} names it)"
                ) from None
        time.sleep(_POLL_SECONDS)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def remove_leftovers(directory: Path, prefix: str) -> None:
    """Remove what a killed process left half made; the caller holds the lock."""
    for path in directory.glob(f"{prefix}*"):
        # A killed Kleio's initdb may still write for a moment; the next start removes the rest.
        shutil.rmtree(path, ignore_errors=True)


def socket_directory(layout: Layout) -> Path:
    """Return the directory clients are told: the data directory, or a short link to it.

    Raises:
        EmbeddedError: the path is too long, and there is no place for a link.
    """
    # A comma would make libpq read a list of hosts.
    if len(os.fsencode(layout.data / SOCKET)) <= _SOCKET_PATH_BYTES and "," not in str(layout.data):
        return layout.data
    name = hashlib.sha256(os.fsencode(layout.data)).hexdigest()[:16]
    for base in _runtime_directories():
        directory = base / f"kleio-{os.geteuid()}"
        link = directory / name
        if len(os.fsencode(link / SOCKET)) > _SOCKET_PATH_BYTES or "," in str(link):
            continue
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            status = directory.lstat()
            private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
            if not stat.S_ISDIR(status.st_mode) or not private:
                continue  # someone else's, who could point the link elsewhere
            if not link.is_symlink() or os.readlink(link) != str(layout.data):
                link.unlink(missing_ok=True)
                link.symlink_to(layout.data)
        except OSError:
            continue
        return link
    raise EmbeddedError(
        f"{layout.data} is too long a path for a socket, and no private directory with a short "
        "path could be made; choose a shorter KLEIO_HOME"
    )


def _runtime_directories() -> list[Path]:
    # /run and XDG_RUNTIME_DIR are not cleaned of old files while in use; temp directories may be.
    own = [Path("/run")] if os.geteuid() == 0 else []
    if os.geteuid() != 0 and (given := os.environ.get("XDG_RUNTIME_DIR")):
        own = [Path(given)]
    shared = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 -- a private one below it
    return [path for path in own + shared if path.is_dir()]
