"""The database for all tiers, and what every test may rely on.

The environment is scrubbed before anything of Kleio is imported; a server and a migrated template
are made once a run (`servers.py`); each test that asks gets a database of its own, a copy of the
template, or a transaction that is rolled back.

Async tests carry `@pytest.mark.anyio` (or `pytestmark = pytest.mark.anyio`); async fixtures work
in them.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_timeout

KEPT = {
    "KLEIO_ATTACK",
    "KLEIO_ATTACK_EXAMPLES",
    "KLEIO_TEST_DB",
    "KLEIO_TEST_ROLE",
    "KLEIO_TEST_POOLER",
    "KLEIO_TEST_RUN",
    "KLEIO_TEST_SEED",
    "KLEIO_SAMPLES",
    "KLEIO_REQUIRE_SAMPLES",
    "KLEIO_RENEW_SCHEMA",
    "KLEIO_RENEW_PLANS",
    "KLEIO_FAULTS",
}
for _name in list(os.environ):
    if _name.startswith(("KLEIO_", "DB_", "PG", "DATABASE_", "CACHE_")) and _name not in KEPT:
        del os.environ[_name]

# Workers inherit it, so one number repeats the whole run.
SEED = int(os.environ.setdefault("KLEIO_TEST_SEED", str(random.randrange(2**31))))

# `import factories`: at the end of the path, so that tests/http never hides the standard library's.
sys.path.append(str(Path(__file__).parent))

import servers  # noqa: E402
from cache_server import CacheServer  # noqa: E402
from factories import settings_for  # noqa: E402
from kleio.db.connections import connect  # noqa: E402
from kleio.db.pool import Database  # noqa: E402
from kleio.db.queries import Connection  # noqa: E402
from kleio.settings import Settings  # noqa: E402
from servers import Server  # noqa: E402

_HOME = pytest.StashKey[Path]()


def pytest_report_header() -> list[str]:
    return [f"database: {servers.version_line()}", f"random seed: KLEIO_TEST_SEED={SEED}"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's server, after all workers have left it."""
    if "PYTEST_XDIST_WORKER" in os.environ or hasattr(config, "workerinput"):
        return
    servers.remove_databases()
    if home := config.stash.get(_HOME, None):
        shutil.rmtree(home, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Give the cleaning up a limit too: pytest-timeout stops its clock at the first failure."""
    limits = pytest_timeout._get_item_settings(item)
    if limits.timeout:
        item.config.hook.pytest_timeout_cancel_timer(item=item)
        item.config.hook.pytest_timeout_set_timer(item=item, settings=limits)
    return (yield)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers of this test alone; the seed in the report's header repeats them."""
    return random.Random(f"{SEED} {request.node.nodeid}")


@pytest.fixture(scope="session")
def server(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The PostgreSQL server of this run."""
    with servers.running_server(server_home(tmp_path_factory)) as running:
        yield running


def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the embedded server's home: below the base temp that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "server"


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        factory = session.config._tmp_path_factory  # the only way there outside a fixture
        session.config.stash[_HOME] = server_home(factory)


@pytest.fixture(scope="session")
def template_database(server: Server) -> str:
    """The name of the migrated database that tests are given copies of."""
    return server.ensure_template()


@pytest.fixture
def conninfo(server: Server, template_database: str) -> Iterator[str]:
    """A migrated database of this test's own, without rows, as Kleio's role."""
    with server.database(template_database) as conninfo:
        yield conninfo


@pytest.fixture
def empty_conninfo(server: Server) -> Iterator[str]:
    """A database of this test's own without any table, owned by Kleio's role."""
    with server.database() as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def shared_conninfo(server: Server, template_database: str) -> Iterator[str]:
    """A migrated database that this worker's tests share: read it, or roll back (`tx`)."""
    with server.database(template_database) as conninfo:
        yield conninfo


@pytest.fixture
def settings(conninfo: str, tmp_path: Path) -> Settings:
    """Settings for this test's own database."""
    return settings_for(conninfo, tmp_path)


@pytest.fixture
async def conn(settings: Settings, conninfo: str, anyio_backend: str) -> AsyncIterator[Connection]:
    """A connection to this test's own database, configured as Kleio's are, in autocommit mode."""
    connection = await connect(settings, conninfo)
    async with connection:
        yield connection


@pytest.fixture
async def tx(shared_conninfo: str, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Connection]:
    """A connection inside a transaction that is rolled back; cheaper than `conn`.

    A statement that is to fail needs a savepoint of its own: `async with tx.transaction(): ...`.
    """
    connection = await connect(settings_for(shared_conninfo, tmp_path), shared_conninfo)
    async with connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture
async def database(
    settings: Settings, conninfo: str, anyio_backend: str
) -> AsyncIterator[Database]:
    """An open pool on this test's own database."""
    pool = Database(settings, conninfo)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def cache_server(tmp_path: Path) -> Iterator[CacheServer]:
    """A cache server of this test's own; such a test is marked `needs_server`."""
    running = CacheServer(tmp_path)
    running.start()
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def patient_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a cache that answers take its time: the machine may be busy with other tests."""
    monkeypatch.setattr("kleio.cache.OPERATION_SECONDS", 10.0)
