"""A PostgreSQL of the system's packages, started for a test: the embedded one has no TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from embedded_processes import until
from kleio_process import free_port

PATIENCE = 60.0
USER = "postgres"
"""Who it runs as where the tests run as root, which it refuses; Debian's package makes the user."""
PASSWORD = "of-a-test"

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
needs_server = pytest.mark.skipif(
    not _PROGRAMS, reason="needs a PostgreSQL built with TLS (Debian: apt-get install postgresql)"
)


@contextmanager
def tls_server(certificate: tuple[Path, Path]) -> Iterator[int]:
    """Run a server on a port of localhost that takes connections with TLS and a password alone.

    Args:
        certificate: the server's, with its key; both are copied.

    Yields:
        Its port.
    """
    folder = Path(tempfile.mkdtemp(prefix="kleio-postgres-"))
    owner: dict[str, Any] = {"user": USER, "group": USER} if os.geteuid() == 0 else {}
    try:
        names = [shutil.copy(path, folder / path.name) for path in certificate]
        (folder / "password").write_text(PASSWORD)
        if owner:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, *owner.values())
        data = folder / "data"
        _run("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "--no-sync", "--pwfile",
             folder / "password", cwd=folder, **owner)  # fmt: skip
        access = "".join(f"hostssl all all {net} scram-sha-256\n" for net in ("0.0.0.0/0", "::/0"))
        (data / "pg_hba.conf").write_text(access)
        port = free_port()
        settings = {
            "listen_addresses": "localhost",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": names[0],
            "ssl_key_file": names[1],
        }
        with _running(data, settings, owner):
            until(lambda: _answers(port), PATIENCE)
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: object, **options: Any) -> None:
    done = subprocess.run(
        [_PROGRAMS[-1].with_name(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def _running(data: Path, settings: dict[str, object], owner: dict[str, Any]) -> Iterator[None]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    log = data.parent / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [_PROGRAMS[-1], "-D", data, *options], stdout=out, stderr=out, cwd=data.parent, **owner
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE)
            raise


def conninfo(port: int, **parts: str) -> str:
    """Return how its superuser connects, with whatever TLS it has."""
    given = {"host": "localhost", "user": USER, "password": PASSWORD, "dbname": "postgres"}
    return make_conninfo("", port=port, connect_timeout=5, **{**given, **parts})


def _answers(port: int) -> bool:
    try:
        psycopg.connect(conninfo(port)).close()
    except psycopg.OperationalError:
        return False
    return True
