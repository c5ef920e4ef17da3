"""The application for HTTP tests: one that all may read, and one that a test may change."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

# `import http_site`: at the end of the path, so that nothing here hides another module.
sys.path.append(str(Path(__file__).parent))

from http_site import SECRET_KEY, STATEMENT_NAME, HeldPasswords, Site, fill, open_site

from kleio.settings import Settings, load_settings
from pgbouncer import is_pooled, running_pgbouncer, set_for_all_databases, through
from servers import RUN, Server


@pytest.fixture(scope="session")
def filled_database(server: Server, template_database: str) -> str:
    """The name of the database with accounts, a catalogue and shelves, for copies."""
    return server.ensure_database(f"kleio_test_{RUN}_http", fill, template=template_database)


WayTo = Callable[[str], Mapping[str, str]]


@pytest.fixture(scope="session")
def way_to(server: Server) -> Iterator[WayTo]:
    """How an application gets to a database: straight, or through PgBouncer where that is asked."""
    if not is_pooled():
        yield lambda conninfo: {"DATABASE_URL": conninfo}
        return
    role = conninfo_to_dict(server.app_conninfo)["user"]
    set_for_all_databases(server.admin_conninfo, str(role))
    with running_pgbouncer(server.app_conninfo) as pooler:
        yield lambda conninfo: through(pooler, conninfo)


def _settings(way: Mapping[str, str], home: Path, **variables: str) -> Settings:
    return load_settings(
        {
            **way,
            "KLEIO_HOME": str(home),
            "KLEIO_SECRET_KEY": SECRET_KEY,
            "KLEIO_LOG_LEVEL": "warning",
            "DB_MAX_OPEN_CONNS": "4",
            "DB_MAX_IDLE_CONNS": "1",
            "KLEIO_MAX_BODY_BYTES": "64KiB",
            # Its statements would fall into the counts of others.
            "KLEIO_MAINTAIN_INTERVAL": "0",
            **variables,
        }
    )


@pytest.fixture
def site_conninfo(server: Server, filled_database: str) -> Iterator[str]:
    """A filled database of this test's own."""
    with server.database(filled_database) as conninfo:
        yield conninfo


@pytest.fixture
def start(
    site_conninfo: str, tmp_path: Path, way_to: WayTo
) -> Callable[..., AbstractAsyncContextManager[Site]]:
    """Start an application on the test's own database, with further variables."""
    way = way_to(site_conninfo)
    return lambda **variables: open_site(_settings(way, tmp_path, **variables))


@pytest.fixture
async def site(
    start: Callable[..., AbstractAsyncContextManager[Site]], anyio_backend: str
) -> AsyncIterator[Site]:
    """An application on a database of this test's own."""
    async with start() as running:
        yield running


@pytest.fixture(scope="session")
async def reading(
    server: Server,
    filled_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    way_to: WayTo,
    anyio_backend: str,
) -> AsyncIterator[Site]:
    """An application that all tests of this worker share: it must find its rows as they were."""
    with server.database(filled_database) as conninfo:
        settings = _settings(way_to(conninfo), tmp_path_factory.mktemp("reading"))
        async with open_site(settings) as running:
            yield running


@pytest.fixture
def held_passwords(monkeypatch: pytest.MonkeyPatch) -> HeldPasswords:
    held = HeldPasswords()
    monkeypatch.setattr("kleio.passwords.hash_password", held.hash)
    return held


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that requests send, in their order; without transactions.

    The use of tokens is written once a minute, and syncs are looked for four times, by no request;
    they may fall into any of them.
    """
    sent: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        found = STATEMENT_NAME.search(str(query))
        name = found[1] if found else str(query)
        if name not in ("tokens.update_tokens_last_used", "sync_jobs.count_jobs"):
            sent.append(name)
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", counted)
    return sent
