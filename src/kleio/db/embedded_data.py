"""The embedded server's data directory: its check, its making, and its settings.

This file runs initdb and writes `kleio.conf`. It must not run the server, and knows nothing of the
schema beyond the role, the database and the one extension that only a superuser can create.
"""

import locale
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kleio.db.embedded_files import (
    APP_ROLE,
    CWD,
    EmbeddedError,
    Layout,
    Owner,
    process_options,
    remove_leftovers,
    user_name,
)

MAJOR = 18
SUPERUSER = "postgres"
APP_DATABASE = "kleio"

_MIB = 1024 * 1024
_CONF = "kleio.conf"
_NEW_DATA = "data.new-"

MAKING_SECONDS = 120.0
"""How long each program may take that makes the data directory: two seconds on an idle disk."""

# pg_trgm and unaccent are trusted extensions: their migration creates them as the plain role.
# pg_stat_statements is not, so it goes into template1, from which every database is made.
_BOOTSTRAP = f"""\
CREATE EXTENSION pg_stat_statements;
CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
GRANT pg_read_all_stats TO {APP_ROLE};
GRANT SET ON PARAMETER session_replication_role TO {APP_ROLE};
CREATE DATABASE {APP_DATABASE} OWNER {APP_ROLE};
"""


def has_data(layout: Layout) -> bool:
    """Return whether the data directory is initialised and can be used.

    Raises:
        EmbeddedError: it is of another major version, of another user, or no data directory.
    """
    try:
        status = layout.data.stat()
    except FileNotFoundError:
        return False
    if os.geteuid() not in (0, status.st_uid):
        raise EmbeddedError(
            f"{layout.data} belongs to user {user_name(status.st_uid)}, not to "
            f"{user_name(os.geteuid())}; run as that user, or choose another KLEIO_HOME"
        )
    if status.st_uid == 0:
        raise EmbeddedError(
            f"{layout.data} belongs to root, which PostgreSQL refuses to run as; give it to the "
            f"user it was made by (chown -R)"
        )
    try:
        version = (layout.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if not any(layout.data.iterdir()):
            return False  # rename() replaces an empty directory
        raise EmbeddedError(
            f"{layout.data} holds files but no PostgreSQL database; move it away, or choose "
            "another KLEIO_HOME"
        ) from None
    if version != str(MAJOR):
        raise EmbeddedError(
            f"{layout.data} was made by PostgreSQL {version}, and this Kleio runs PostgreSQL "
            f"{MAJOR}; move the data with pg_dump of version {version} or with pg_upgrade, or "
            "choose another KLEIO_HOME"
        )
    return True


def initialise(layout: Layout, programs: Path, owner: Owner | None, *, sync: bool) -> None:
    """Make the data directory with role, database and extension; whole or not at all.

    Args:
        layout: where; the caller holds the lock and has checked that there is no data.
        programs: from `find_programs`.
        owner: from `service_owner`.
        sync: whether files are written through to the disk; False only for tests.

    Raises:
        EmbeddedError: a program failed; its last lines are in the message.
    """
    remove_leftovers(layout.root, _NEW_DATA)
    new = Path(tempfile.mkdtemp(prefix=_NEW_DATA, dir=layout.root))
    try:
        if owner is not None:
            os.chown(new, owner.uid, owner.gid)
        # The locale is pinned: the same order and the same indexes on every machine. Of the
        # operating system's only LC_CTYPE counts, by which pg_trgm tells what a letter is: with C
        # no name in Greek, Cyrillic or Japanese has any trigram, and a search finds none of them.
        initdb = [
            *("initdb", "-D", CWD, "--username", SUPERUSER, "--auth=trust", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C", f"--lc-ctype={_letters()}"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        _run(programs, initdb if sync else [*initdb, "--no-sync"], new, owner)
        with (new / "postgresql.conf").open("a") as conf:
            conf.write("\n# Written by Kleio at each start; ALTER SYSTEM overrides it.\n")
            conf.write(f"include_if_exists = '{_CONF}'\n")
        single = ["postgres", "--single", "-D", CWD, "-c", "exit_on_error=on"]
        _run(programs, [*single, "template1"], new, owner, script=_BOOTSTRAP)
        # The name appears when all is there: a killed start leaves only a data.new-* behind.
        new.rename(layout.data)
        fd = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _letters() -> str:
    """Return the LC_CTYPE for a new database: C.UTF-8, but on a system that has no such locale."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        return locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _run(
    programs: Path, command: list[str], cwd: Path, owner: Owner | None, script: str = ""
) -> None:
    try:
        result = subprocess.run(  # noqa: S603
            [programs / "bin" / command[0], *command[1:]],
            cwd=cwd,
            input=script.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=MAKING_SECONDS,
            **process_options(owner),
        )
    except subprocess.TimeoutExpired as error:
        output = last_lines(error.stdout or b"")
        raise EmbeddedError(
            f"{command[0]} was not done after {MAKING_SECONDS:.0f} s: {output}"
        ) from None
    if result.returncode != 0:
        output = last_lines(result.stdout)
        raise EmbeddedError(f"{command[0]} failed (exit {result.returncode}): {output}")


def last_lines(output: bytes, count: int = 6) -> str:
    """Return the last lines of a program's output as one line."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    return " | ".join([line for line in lines if line][-count:]) or "it wrote nothing"


def write_conf(layout: Layout, owner: Owner | None, overrides: Mapping[str, str]) -> None:
    """Write `kleio.conf` for this machine, with the overrides last.

    Raises:
        EmbeddedError: an override is not a setting's name or holds a line break.
    """
    values = {**tuned_settings(memory_limit(), _free_disk(layout.data)), **overrides}
    lines = ["# Written by Kleio at each start: changes are lost. Use ALTER SYSTEM instead."]
    for name, value in values.items():
        if not re.fullmatch(r"[a-z_][a-z0-9_.]*", name) or not value.isprintable():
            raise EmbeddedError(f"{name!r} = {value!r} is not a setting of PostgreSQL")
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        lines.append(f"{name} = '{quoted}'")
    # The service user owns the directory: a new file and a rename follow no link it could plant.
    new = layout.data / f"{_CONF}.new"
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(fd, owner.uid, owner.gid)
        file.write("\n".join(lines) + "\n")
    new.rename(layout.data / _CONF)


def tuned_settings(memory: int, free_bytes: int) -> dict[str, str]:
    """Return PostgreSQL's settings for a machine it shares with Kleio and its user.

    Args:
        memory: bytes that this machine or container may use.
        free_bytes: bytes free where the data lies.
    """

    def clamp(value: int, low: int, high: int) -> int:
        return max(low, min(value // _MIB, high))

    shared_buffers = clamp(memory // 4, 32, 8192)
    # WAL is bounded by the disk too: a bulk import must not fill a small one.
    max_wal = clamp(free_bytes // 20, 256, 4096)
    settings = {
        "cluster_name": "kleio",
        "unix_socket_permissions": "0700",
        "shared_preload_libraries": "pg_stat_statements",
        # Twice the default of DB_MAX_OPEN_CONNS leaves room for a second Kleio and a DBA.
        "max_connections": "200",
        "shared_buffers": f"{shared_buffers}MB",
        "effective_cache_size": f"{clamp(memory // 2, 64, 1 << 20)}MB",
        "work_mem": f"{clamp(memory // 512, 4, 64)}MB",
        "maintenance_work_mem": f"{clamp(memory // 16, 64, 1024)}MB",
        "max_wal_size": f"{max_wal}MB",
        "min_wal_size": f"{max_wal // 8}MB",
        "checkpoint_timeout": "15min",
        # A generic plan over months of partitions takes hundreds of locks.
        "max_locks_per_transaction": "128",
        "random_page_cost": "1.1",
        # Compiling costs more than it saves on statements of some milliseconds.
        "jit": "off",
        "track_io_timing": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_line_prefix": "%m [%p] %q%u@%d %a ",
    }
    # Containers have 64 MB of /dev/shm, too little for a parallel query's shared memory.
    if _free_disk(Path("/dev/shm")) < 256 * _MIB:  # noqa: S108
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _free_disk(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def memory_limit() -> int:
    """Return the bytes of memory of this machine, or of its cgroup where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    base = Path("/sys/fs/cgroup")
    files = [base / "memory.max", base / "memory" / "memory.limit_in_bytes"]
    try:
        own = re.search(r"^0::/(.+)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
        if own and ".." not in own[1]:
            group = base / own[1]
            # A limit of any group above holds too.
            files += [group / "memory.max", *(p / "memory.max" for p in group.parents)]
    except OSError:
        pass
    for file in files:
        if base in file.parents:
            try:
                limits.append(int(file.read_text()))
            except (OSError, ValueError):
                continue  # no such limit, or "max"
    return min(limits)
