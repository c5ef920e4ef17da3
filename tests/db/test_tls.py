"""TLS to the database: what DB_SSL_MODE promises, with an authority of the test's own.

Mostly through a front before the embedded server, which is built without TLS; and against a
PostgreSQL that has it, where one is installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from kleio.db.connections import connect
from kleio.db.errors import Unavailable
from kleio.db.pool import Database
from kleio.settings import Settings, load_settings
from postgres_program import PASSWORD, USER, needs_server, tls_server
from tls_front import Authority, Front

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kleio-tls-") as name:
        yield Path(name)


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority(folder / "ours", "ours")


@pytest.fixture
def parts(conninfo: str) -> dict[str, Any]:
    found = conninfo_to_dict(conninfo)
    if not str(found.get("host", "")).startswith("/"):
        pytest.skip("the front stands before a unix socket")
    return found


def socket_of(parts: dict[str, Any]) -> Path:
    return Path(parts["host"]) / f".s.PGSQL.{parts.get('port', 5432)}"


def settings_for_tls(
    front: Front, parts: dict[str, Any], mode: str, *, root: Path | None, host: str = "localhost"
) -> Settings:
    return load_settings(
        {
            "DB_HOST": host,
            "DB_PORT": str(front.port),
            "DB_USER": parts["user"],
            "DB_NAME": parts["dbname"],
            "DB_SSL_MODE": mode,
            "DB_SSL_ROOT_CERT": str(root or ""),
            "DB_MAX_OPEN_CONNS": "2",
            "DB_POOL_TIMEOUT": "5s",
        }
        | ({"DB_PASSWORD": parts["password"]} if parts.get("password") else {})
    )


async def ask(settings: Settings) -> bool:
    """Return whether the connection is encrypted, as libpq sees it."""
    conn = await connect(settings, settings.conninfo() or "")
    async with conn:
        assert await (await conn.execute("SELECT 1")).fetchone() == (1,)
        return bool(conn.pgconn.ssl_in_use)


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
async def test_a_server_of_our_authority_is_believed(
    authority: Authority, parts: dict[str, Any], mode: str
) -> None:
    with Front(socket_of(parts), authority.server("localhost", "127.0.0.1")) as front:
        root = authority.file if mode.startswith("verify") else None
        assert await ask(settings_for_tls(front, parts, mode, root=root))
        assert front.encrypted == 1


async def test_the_pool_serves_over_it(authority: Authority, parts: dict[str, Any]) -> None:
    with Front(socket_of(parts), authority.server("localhost")) as front:
        settings = settings_for_tls(front, parts, "verify-full", root=authority.file)
        database = Database(settings, settings.conninfo() or "")
        await database.open()
        try:
            async with database.connection() as conn:
                assert conn.pgconn.ssl_in_use
                cursor = await conn.execute("SELECT count(*) FROM users")
                assert await cursor.fetchone() == (0,)
        finally:
            await database.close()


async def test_another_authority_is_not_believed(
    authority: Authority, folder: Path, parts: dict[str, Any]
) -> None:
    other = Authority(folder / "other", "other")
    with Front(socket_of(parts), other.server("localhost")) as front:
        for mode in ("verify-ca", "verify-full"):
            with pytest.raises(Unavailable) as caught:
                await ask(settings_for_tls(front, parts, mode, root=authority.file))
            assert "certificate verify failed" in str(caught.value.__cause__)
        # What is asked for no authority takes any.
        assert await ask(settings_for_tls(front, parts, "require", root=None))


async def test_another_name_is_not_believed(authority: Authority, parts: dict[str, Any]) -> None:
    with Front(socket_of(parts), authority.server("db.example.org")) as front:
        with pytest.raises(Unavailable) as caught:
            await ask(settings_for_tls(front, parts, "verify-full", root=authority.file))
        assert "does not match host name" in str(caught.value.__cause__)
        assert await ask(settings_for_tls(front, parts, "verify-ca", root=authority.file))


async def test_a_certificate_that_has_expired_is_not_believed(
    authority: Authority, parts: dict[str, Any]
) -> None:
    certificate = authority.server("localhost", expired=True)
    with Front(socket_of(parts), certificate) as front:
        with pytest.raises(Unavailable) as caught:
            await ask(settings_for_tls(front, parts, "verify-full", root=authority.file))
        assert "certificate verify failed" in str(caught.value.__cause__)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_without_tls_gets_no_password(
    authority: Authority, parts: dict[str, Any], mode: str
) -> None:
    """Or somebody in between who says that there is none."""
    with Front(socket_of(parts), None) as front:
        root = authority.file if mode.startswith("verify") else None
        with pytest.raises(Unavailable) as caught:
            await ask(settings_for_tls(front, parts, mode, root=root))
        assert "does not support SSL" in str(caught.value.__cause__)
        assert not await ask(settings_for_tls(front, parts, "prefer", root=None))


@needs_server
async def test_a_postgresql_with_tls_of_its_own(authority: Authority, folder: Path) -> None:
    """The right authority and name pass, and the server says so; others end in one clear error."""

    def settings(mode: str, root: Authority | None, host: str = "localhost") -> Settings:
        return load_settings(
            {
                "DB_HOST": host,
                "DB_PORT": str(port),
                "DB_USER": USER,
                "DB_PASSWORD": PASSWORD,
                "DB_NAME": "postgres",
                "DB_SSL_MODE": mode,
                "DB_SSL_ROOT_CERT": "" if root is None else str(root.file),
            }
        )

    other = Authority(folder / "other", "other")
    with tls_server(authority.server("localhost")) as port:
        for mode in ("require", "verify-ca", "verify-full"):
            chosen = settings(mode, None if mode == "require" else authority)
            conn = await connect(chosen, chosen.conninfo() or "")
            async with conn:
                cursor = await conn.execute(
                    "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                )
                row = await cursor.fetchone()
                assert row is not None
                assert row[0] is True
                assert row[1] in ("TLSv1.2", "TLSv1.3")
        refused = (
            (settings("verify-full", other), "certificate verify failed"),
            (settings("verify-ca", other), "certificate verify failed"),
            (settings("verify-full", authority, "127.0.0.1"), "does not match host name"),
            (settings("disable", None), "no encryption"),
        )
        for wrong, why in refused:
            with pytest.raises(Unavailable) as caught:
                await ask(wrong)
            assert why in str(caught.value.__cause__)
            assert PASSWORD not in str(caught.value)
        # Without verify-full the name does not count.
        assert await ask(settings("verify-ca", authority, "127.0.0.1"))
