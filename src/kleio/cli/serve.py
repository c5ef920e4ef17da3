"""`kleio serve`: the database first, then Granian with its workers until a signal ends both.

This module owns the HTTP server's process: its address, its workers and its end. What is served
is `kleio.http.app`'s.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio import encryption
from kleio.cli.doors import SETTLE_SECONDS, take_no_more
from kleio.cli.runtime import (
    WRONG_SETTING,
    CommandError,
    clear_errors,
    fail,
    open_database,
    prepare_database,
    read_settings,
)
from kleio.settings import Settings, SettingsError
from kleio.sight.cells import DIRECTORY_VARIABLE

if TYPE_CHECKING:
    import asyncio

    from granian.server.mp import MPServer

    from kleio.http.observe import ObservedApplication

STOP_SECONDS = 30
"""How long requests in flight may take after a signal; past it their worker is killed."""

BACKLOG = 2048
"""Connections that the kernel keeps for workers that are busy. Overload is answered by the
application with 503; connections that merely stay open must not stop new ones."""

IDLE_SECONDS = 30
"""How long a connection may stay open until all of a request's head has come, the first or the next
one: also where nothing comes."""

READY_SECONDS = 60.0
_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1

# At "info" Granian tells of each worker's coming and going, which the one line says already.
_GRANIAN_LEVELS = {"debug": "debug", "info": "warning", "warning": "warning", "error": "error"}


@click.command("serve", epilog="Example: kleio serve --host 0.0.0.0 --port 8000 --workers 2")
@click.option("--host", metavar="ADDRESS", help="Address to listen on [KLEIO_HOST; 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port [KLEIO_PORT; 8000].")
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes [KLEIO_WORKERS; 1].")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the API until Ctrl-C or SIGTERM.

    Without DATABASE_URL or DB_HOST it starts the embedded PostgreSQL below KLEIO_HOME, or joins
    the one that another Kleio has started, and migrates it. Your own server has to be migrated
    with `kleio migrate`.
    """
    settings = read_settings({"KLEIO_HOST": host, "KLEIO_PORT": port, "KLEIO_WORKERS": workers})
    if settings.traces == "otlp":
        _check_tracing()
    address = listening_address(settings)
    preload = preload_app()
    with clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)
        check_requests(settings)
        database = describe_database(settings, settings.conninfo() or conninfo)
        count = f"{settings.workers} worker{'s' if settings.workers > 1 else ''}"
        line = f"Kleio serves on {base_url(settings)} ({count}), {database}"
        run_server(settings, conninfo, address, preload, ready=lambda: click.echo(line))


def check_requests(settings: Settings) -> None:
    """Check what connections of requests will be like, before each worker finds it out.

    The embedded server's are as they should be.

    Raises:
        DatabaseError: there is none, or a pooler has dropped its settings.
    """
    import asyncio

    from kleio.db.connections import connect
    from kleio.db.session import check_session, request_options

    longest = settings.db_statement_timeout

    async def check(conninfo: str) -> None:
        conn = await connect(settings, conninfo, options=request_options(longest))
        async with conn:
            await check_session(conn, statement_timeout=longest)

    if (conninfo := settings.conninfo()) is not None:
        asyncio.run(check(conninfo))


def _check_tracing() -> None:
    from kleio.sight.tracing import check_installed

    try:
        check_installed()
    except SettingsError as error:
        fail(str(error), WRONG_SETTING)


def base_url(settings: Settings) -> str:
    """Return the address as a client writes it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def describe_database(settings: Settings, conninfo: str) -> str:
    """Return which database it is, without any password."""
    from psycopg.conninfo import conninfo_to_dict

    if settings.embedded:
        return f"embedded PostgreSQL 18 in {settings.home}"
    parts = conninfo_to_dict(conninfo)
    where = ":".join(str(parts[key]) for key in ("host", "port") if parts.get(key))
    return f"database {parts.get('dbname') or 'of the default name'} at {where or 'localhost'}"


def listening_address(settings: Settings) -> str:
    """Return the numeric address to listen on, found free.

    The check is Kleio's own: each worker has its socket with SO_REUSEPORT, so a second server on
    the same port would start without an error and take half of the first one's requests.
    """
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError):
        fail(f"KLEIO_HOST is {settings.host!r}; no such address is known here")
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        # Connections that are just closing don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                fail(f"port {settings.port} on {settings.host} is in use; choose another --port")
            fail(f"can't listen on {settings.host} port {settings.port}: {error.strerror}")
    return str(address[0])


def run_server(
    settings: Settings,
    conninfo: str,
    address: str,
    preload: threading.Thread,
    *,
    ready: Callable[[], None],
) -> None:
    """Serve until SIGTERM or SIGINT, and return when requests and workers have ended.

    Args:
        settings: host, port, workers and log level.
        conninfo: the database that the workers use.
        address: from `listening_address`.
        preload: from `preload_app`.
        ready: called once, when the server answers.

    Raises:
        CommandError: a worker could not start, or kept failing.
    """
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LOGGING_CONFIG, LogLevels
    from granian.server.mp import MPServer

    from kleio.db.embedded_watch import watched

    # The workers read everything else from the environment that they share with this process.
    os.environ.update(
        KLEIO_HOST=settings.host, KLEIO_PORT=str(settings.port), KLEIO_WORKERS=str(settings.workers)
    )
    if settings.embedded:
        os.environ["DATABASE_URL"] = conninfo
        if settings.secret_key is None:
            os.environ["KLEIO_SECRET_KEY_FILE"] = str(encryption.key_file(settings.home))
    logging: dict[str, Any] = LOGGING_CONFIG
    handlers = {
        name: {**handler, "stream": "ext://sys.stderr"}
        for name, handler in logging["handlers"].items()
    }
    formatters = logging["formatters"]
    if settings.log_format == "json":
        formatters = {name: {"()": "kleio.sight.logs.JsonFormatter"} for name in formatters}
    server = MPServer(
        "kleio.http.app:create_app",
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.uvloop if find_spec("uvloop") else Loops.asyncio,
        websockets=False,
        backlog=BACKLOG,
        backpressure=BACKLOG,
        # Where either version may come, what has not yet said which waits without end.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
        log_level=LogLevels(_GRANIAN_LEVELS[settings.log_level]),
        log_dictconfig={"handlers": handlers, "formatters": formatters},
        log_access=False,
        # One that crashed is replaced; two crashes within seconds end the server.
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    os.register_at_fork(after_in_child=_default_signals)
    preload.join()  # no thread may be inside a lock when workers are forked
    server.on_startup(lambda: _watch(server, address, settings, ready))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="kleio-meters-") as meters,
            watched(settings.home) if settings.embedded else nullcontext(),
        ):
            os.environ[DIRECTORY_VARIABLE] = meters
            server.serve(target_loader=load_app, wrap_loader=False)
    except SystemExit as error:
        if not server.interrupt_signal:
            raise CommandError("a worker could not start or kept failing; see above") from error
        # A worker that Ctrl-C reached before its parent ended as it was told to.


def preload_app() -> threading.Thread:
    """Start importing the application, beside the start of the database; `run_server` waits.

    The workers are forked from this process and share its modules, so it is imported once and
    not once a worker.
    """

    def load() -> None:
        with suppress(Exception):  # it fails again in the worker, which tells of it
            importlib.import_module("kleio.http.app")

    thread = threading.Thread(target=load)
    thread.start()
    return thread


def load_app() -> Any:
    """Return the application, in a worker that ends with its parent.

    Granian's own loader would put the working directory before the installed packages.
    """
    from granian import _signals

    _end_with_parent()
    # Ctrl-C reaches the parent alone, which tells the workers.
    os.setpgid(0, 0)
    from kleio.http.app import create_app

    app = create_app()
    # Granian looks this up after it has the application.
    _signals.set_loop_signals = partial(_stop_once, app)
    return app


def _stop_once(app: ObservedApplication, loop: asyncio.AbstractEventLoop) -> Any:
    """Stop the worker at its first signal, after its clients have been told.

    Granian closes connections that are kept open and idle at once, also under a request that is
    just being sent; so each answer first says that its connection ends (`app.drain`), and then no
    more connections are taken. Granian's own handler blocks for ever at a second signal while the
    worker is still starting, such as systemd sends when it stops all processes of a service and the
    parent does too.
    """
    from granian._granian import WorkerSignal

    event = WorkerSignal()
    seen: list[int] = []

    def close_the_door() -> None:
        loop.call_later(SETTLE_SECONDS if take_no_more() else 0.0, event.set)

    def stop(number: int) -> None:
        seen.append(number)
        if len(seen) == 1:
            if seconds := app.drain():
                loop.call_later(seconds, close_the_door)
            else:
                event.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    return event


def _default_signals() -> None:
    """Let a signal end a worker that is still starting.

    It would inherit the parent's handler, which does nothing in a worker: the signal would be lost
    and the worker killed only after STOP_SECONDS.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies, also of kill -9.

    A worker without its parent would go on answering on the same port.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # it died in between


def _watch(server: MPServer, address: str, settings: Settings, ready: Callable[[], None]) -> None:
    if sys.stdin is not None and sys.stdin.isatty():
        # A closed terminal ends the server; elsewhere SIGHUP renews the workers.
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)
    thread = threading.Thread(
        target=_announce, args=(server, address, settings.port, ready), daemon=True
    )
    thread.start()


def _announce(server: MPServer, address: str, port: int, ready: Callable[[], None]) -> None:
    """Call `ready` when the server answers; runs in a thread beside the server's loop."""
    deadline = time.monotonic() + READY_SECONDS
    # Workers are forked first: a fork must not find this thread inside a lock.
    while len(server.wrks) < server.workers and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    while time.monotonic() < deadline and not server.interrupt_signal:
        if _answers(address, port):
            ready()
            return
        time.sleep(_POLL_SECONDS)


def _answers(address: str, port: int) -> bool:
    # An address that means all of them is asked at this machine's own.
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((target, port), timeout=2.0) as client:
            client.sendall(request)
            return client.recv(16).startswith(b"HTTP/")
    except OSError:
        return False
