"""Tokens: found by hash while valid, each user's own, revocable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from factories import NOW, make_token, make_user, token_hash
from kleio.db.errors import Conflict, InvalidData, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import tokens, users

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


async def test_a_token_opens_its_user_s_session(tx: Connection) -> None:
    account = await make_user(tx, "ada", role="admin")
    session = await tokens.get_session(tx, token_hash=token_hash(account.token), now=NOW)
    (token,) = await tokens.list_tokens(tx, user_id=account.id)
    assert session == tokens.Session(account.id, "ada", "admin", token.id)
    assert await tokens.get_session(tx, token_hash=token_hash("kleio_other"), now=NOW) is None
    assert token.prefix == account.token[:12]


async def test_many_tokens_open_the_sessions_of_their_users(tx: Connection) -> None:
    ada, ben = await make_user(tx, "ada", role="admin"), await make_user(tx, "ben")
    gone = await make_token(tx, ben.id, expires_at=NOW)
    second = await make_token(tx, ada.id)
    hashes = [token_hash(t) for t in (ben.token, "kleio_other", ada.token, gone, second)]
    found = {
        session.token_hash: session
        for session in await tokens.list_sessions(tx, token_hashes=hashes, now=NOW)
    }
    assert set(found) == {hashes[0], hashes[2], hashes[4]}
    for digest, session in found.items():
        alone = await tokens.get_session(tx, token_hash=digest, now=NOW)
        assert alone is not None
        assert tokens.HashedSession(*msgspec.structs.astuple(alone), digest) == session
    assert await tokens.list_sessions(tx, token_hashes=[], now=NOW) == []
    among = await tokens.list_sessions_among(tx, token_hashes=hashes, now=NOW)
    assert {session.token_hash: session for session in among} == found
    named = await tokens.get_named_session(tx, token_hash=hashes[0], now=NOW)
    whole = await tokens.get_page_session(tx, token_hash=hashes[0], now=NOW)
    assert named is not None
    assert whole == tokens.PageSession(*msgspec.structs.astuple(named), "UTC")


@pytest.mark.parametrize(("after", "is_valid"), [(-SECOND, True), (0 * SECOND, False)])
async def test_a_token_ends_when_it_expires(
    after: timedelta, is_valid: bool, tx: Connection
) -> None:
    account = await make_user(tx)
    token = await make_token(tx, account.id, expires_at=NOW + SECOND)
    session = await tokens.get_session(tx, token_hash=token_hash(token), now=NOW + SECOND + after)
    assert (session is not None) == is_valid


async def test_tokens_are_listed_newest_first_and_each_user_s_own(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    for name in ("phone", "script"):
        await make_token(tx, account.id, name=name)
    listed = await tokens.list_tokens(tx, user_id=account.id)
    assert [token.name for token in listed] == ["script", "phone", "test"]
    assert len(await tokens.list_tokens(tx, user_id=other.id)) == 1


async def test_a_token_is_revoked_by_its_owner_alone(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    (token,) = await tokens.list_tokens(tx, user_id=account.id)
    assert await tokens.delete_token(tx, user_id=other.id, token_id=token.id) == 0
    assert await tokens.delete_token(tx, user_id=account.id, token_id=token.id) == 1
    assert await tokens.delete_token(tx, user_id=account.id, token_id=token.id) == 0
    digest = token_hash(account.token)
    assert await tokens.get_session(tx, token_hash=digest, now=NOW) is None


async def test_tokens_of_a_name_are_revoked_together(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    await make_token(tx, account.id, name="test")
    await make_token(tx, account.id, name="phone")
    assert await tokens.delete_tokens_by_name(tx, user_id=account.id, name="test") == 2
    assert [t.name for t in await tokens.list_tokens(tx, user_id=account.id)] == ["phone"]
    assert len(await tokens.list_tokens(tx, user_id=other.id)) == 1


async def test_spent_tokens_are_forgotten_and_no_others(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    for owner in (account, other):
        await make_token(tx, owner.id, name="old", expires_at=NOW)
        await make_token(tx, owner.id, name="young", expires_at=NOW + SECOND)
    spent = {"user_id": account.id, "name": "login", "now": NOW}
    assert await tokens.delete_spent_tokens(tx, kept=2, **spent) == 1
    names = [token.name for token in await tokens.list_tokens(tx, user_id=account.id)]
    assert names == ["young", "test"]
    assert len(await tokens.list_tokens(tx, user_id=other.id)) == 3
    for owner in (account, account, other, account, account):
        await make_token(tx, owner.id, name="login")
    latest = [token.id for token in await tokens.list_tokens(tx, user_id=account.id)][:2]
    assert await tokens.delete_spent_tokens(tx, kept=2, **spent) == 2
    left = await tokens.list_tokens(tx, user_id=account.id)
    assert [token.id for token in left[:2]] == latest
    assert [token.name for token in left] == ["login", "login", "young", "test"]
    assert await tokens.delete_spent_tokens(tx, kept=2, **spent) == 0
    assert len(await tokens.list_tokens(tx, user_id=other.id)) == 4


@pytest.mark.parametrize("write", [tokens.update_tokens_last_used, tokens.update_tokens_used])
async def test_the_last_use_is_written_for_a_batch(write: Any, tx: Connection) -> None:
    account = await make_user(tx)
    second = await make_token(tx, account.id, name="phone")
    digests = [token_hash(token) for token in (account.token, second, "kleio_gone")]
    assert await write(tx, token_hashes=digests, now=NOW) == 2
    assert {t.last_used_at for t in await tokens.list_tokens(tx, user_id=account.id)} == {NOW}
    assert await write(tx, token_hashes=[], now=NOW) == 0


async def insert(conn: Connection, **changes: Any) -> None:
    fields = {"name": "x", "prefix": "kleio_x", "expires_at": None, "now": NOW}
    async with conn.transaction():
        await tokens.insert_token(conn, **{**fields, **changes})


async def test_wrong_tokens_are_refused(tx: Connection) -> None:
    account = await make_user(tx)
    with pytest.raises(Conflict) as conflict:
        await insert(tx, token_hash=token_hash(account.token), user_id=account.id)
    assert conflict.value.constraint == "auth_tokens_pkey"
    with pytest.raises(InvalidData) as invalid:
        await insert(tx, token_hash=b"short", user_id=account.id)
    assert invalid.value.constraint == "auth_tokens_token_hash_check"
    with pytest.raises(MissingReference) as missing:
        await insert(tx, token_hash=token_hash("x"), user_id=UUID(int=1))
    assert missing.value.constraint == "auth_tokens_user_id_fkey"


async def test_tokens_go_with_their_user(tx: Connection) -> None:
    account = await make_user(tx)
    assert await users.delete_user(tx, user_id=account.id) == 1
    digest = token_hash(account.token)
    assert await tokens.get_session(tx, token_hash=digest, now=NOW) is None
