"""`kleio user discogs-token` and `rekey`: tokens in, encrypted, and from one key to the next."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from factories import Account, make_user, settings_for
from kleio.db.queries import Connection
from kleio.discogs.credentials import read_token
from kleio.discogs.errors import NoToken
from kleio.settings import Settings
from syncing import value

from .conftest import Run, one_line

pytestmark = pytest.mark.anyio

OLD, NEW = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))
TOKEN = "the-token-of-ada"


@pytest.fixture
async def ada(conn: Connection) -> Account:
    return await make_user(conn, "ada")


async def opened(
    conn: Connection, user_id: UUID, conninfo: str, home: Path, keys: str
) -> str | None:
    settings: Settings = settings_for(conninfo, home, KLEIO_SECRET_KEY=keys)
    try:
        return (await read_token(conn, user_id, settings)).reveal()
    except NoToken:
        return None


async def test_a_key_is_replaced_without_anybody_setting_his_token_again(
    run: Run, ada: Account, conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    ben = await make_user(conn, "ben")
    await make_user(conn, "cleo")
    for name in ("ada", "ben"):
        kept = run(
            "user", "discogs-token", name, input=f"the-token-of-{name}\n", KLEIO_SECRET_KEY=OLD
        )
        assert (kept.exit_code, kept.output) == (0, "")
    assert await opened(conn, ada.id, conninfo, tmp_path, OLD) == TOKEN
    # The new key in front: what was kept is read, and what is kept from now on is the new key's.
    both = f"{NEW},{OLD}"
    assert await opened(conn, ada.id, conninfo, tmp_path, both) == TOKEN
    run("user", "discogs-token", "ben", input="the-token-of-ben", KLEIO_SECRET_KEY=both)
    assert await opened(conn, ben.id, conninfo, tmp_path, NEW) == "the-token-of-ben"
    assert await opened(conn, ada.id, conninfo, tmp_path, NEW) is None
    renewed = run("user", "rekey", KLEIO_SECRET_KEY=both)
    assert (renewed.exit_code, renewed.stdout) == (0, "")
    assert one_line(renewed) == (
        "Discogs tokens: 1 encrypted anew, 1 were so already, 0 that no key opens"
    )
    # The old key may go.
    assert await opened(conn, ada.id, conninfo, tmp_path, NEW) == TOKEN
    assert await opened(conn, ada.id, conninfo, tmp_path, OLD) is None
    again = run("user", "rekey", "--json", KLEIO_SECRET_KEY=NEW)
    assert json.loads(again.stdout) == {"renewed": 0, "unchanged": 2, "unreadable": 0}


async def test_a_token_that_no_key_opens_is_told_and_left(
    run: Run, ada: Account, conn: Connection
) -> None:
    run("user", "discogs-token", "ada", input=TOKEN, KLEIO_SECRET_KEY=OLD)
    before = await value(conn, "SELECT token_encrypted FROM discogs_credentials")
    result = run("user", "rekey", KLEIO_SECRET_KEY=NEW)
    assert result.exit_code == 1
    assert "1 that no key opens" in result.stderr
    assert await value(conn, "SELECT token_encrypted FROM discogs_credentials") == before


async def test_a_token_stays_bound_to_its_user(
    run: Run, ada: Account, conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    eve = await make_user(conn, "eve")
    run("user", "discogs-token", "ada", input=TOKEN, KLEIO_SECRET_KEY=OLD)
    await conn.execute(
        "INSERT INTO discogs_credentials SELECT %s, token_encrypted, updated_at"
        "  FROM discogs_credentials",
        (eve.id,),
    )
    result = run("user", "rekey", KLEIO_SECRET_KEY=f"{NEW},{OLD}")
    assert "1 encrypted anew, 0 were so already, 1 that no key opens" in result.stderr
    assert await opened(conn, eve.id, conninfo, tmp_path, f"{NEW},{OLD}") is None


@pytest.mark.parametrize("token", ["", "short", "with a\ttab in", "ü" * 20, "x" * 201])
def test_what_can_t_be_a_token_is_refused(run: Run, ada: Account, token: str) -> None:
    result = run("user", "discogs-token", "ada", input=token, KLEIO_SECRET_KEY=NEW)
    assert result.exit_code == 1
    assert "8 to 200" in one_line(result)
    assert token == "" or token not in one_line(result)


def test_without_a_key_nothing_is_kept(run: Run, ada: Account) -> None:
    for args in (("discogs-token", "ada"), ("rekey",)):
        result = run("user", *args, input=TOKEN)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "KLEIO_SECRET_KEY" in one_line(result)
        assert TOKEN not in result.stderr


def test_a_user_who_is_not_there(run: Run, ada: Account) -> None:
    result = run("user", "discogs-token", "eve", input=TOKEN, KLEIO_SECRET_KEY=NEW)
    assert one_line(result) == "kleio: user 'eve' does not exist"
