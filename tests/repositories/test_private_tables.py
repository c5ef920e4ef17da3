"""Preferences, Discogs credentials and idempotency keys: one user's, replaced and forgotten."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import anyio
import pytest
from anyio.abc import TaskGroup

from factories import NOW, make_user, settings_for
from kleio.db.connections import connect
from kleio.db.errors import InvalidData, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import discogs_credentials, idempotency_keys, preferences, users

pytestmark = pytest.mark.anyio

NOBODY = UUID(int=1)


async def test_preferences_are_merged_and_each_user_s_own(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    assert await preferences.get_preferences(tx, user_id=account.id) is None
    expected: dict[str, Any] = {}
    for changes in ({"theme": "dark", "æ": [1, None]}, {}, {"theme": "light"}):
        expected |= changes
        merged = await preferences.upsert_preferences(
            tx, user_id=account.id, changes=json.dumps(changes), now=NOW
        )
        found = await preferences.get_preferences(tx, user_id=account.id)
        assert json.loads(bytes(merged)) == json.loads(bytes(found)) == expected
    assert await preferences.get_preferences(tx, user_id=other.id) is None


async def test_credentials_are_replaced_and_forgotten(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    for secret in (b"\0\xff", b"second"):
        await discogs_credentials.upsert_credential(
            tx, user_id=account.id, token_encrypted=secret, now=NOW
        )
        found = await discogs_credentials.get_credential(tx, user_id=account.id)
        assert found == secret
    assert await discogs_credentials.get_credential(tx, user_id=other.id) is None
    assert await discogs_credentials.delete_credential(tx, user_id=other.id) == 0
    assert await discogs_credentials.delete_credential(tx, user_id=account.id) == 1
    assert await discogs_credentials.get_credential(tx, user_id=account.id) is None


async def claim(conn: Connection, user_id: UUID, key: str = "k") -> int:
    return await idempotency_keys.insert_idempotency_key(
        conn, user_id=user_id, key=key, request_hash=b"h", now=NOW
    )


async def test_a_key_is_claimed_once_a_user_and_keeps_its_answer(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    assert [await claim(tx, account.id) for _ in range(2)] == [1, 0]
    assert await claim(tx, other.id) == 1
    written = await idempotency_keys.update_idempotency_key(
        tx, user_id=account.id, key="k", status=201, response=b'{"id": 1}'
    )
    assert written == 1
    assert await idempotency_keys.get_idempotency_key(
        tx, user_id=account.id, key="k"
    ) == idempotency_keys.IdempotentAnswer(b"h", 201, b'{"id": 1}')
    answer = await idempotency_keys.get_idempotency_key(tx, user_id=other.id, key="k")
    assert answer.status == 0
    assert await idempotency_keys.get_idempotency_key(tx, user_id=other.id, key="x") is None


@pytest.mark.parametrize("commits", [True, False])
async def test_a_second_request_with_the_key_waits_for_the_first(
    commits: bool, conn: Connection, conninfo: str, tmp_path: Any
) -> None:
    account = await make_user(conn)
    claimed: list[int] = []

    async def second() -> None:
        async with await connect(settings_for(conninfo, tmp_path), conninfo) as other:
            claimed.append(await claim(other, account.id))

    async def first(group: TaskGroup) -> None:
        async with conn.transaction(force_rollback=not commits):
            assert await claim(conn, account.id) == 1
            group.start_soon(second)
            while not await waiting(conn):
                await anyio.lowlevel.checkpoint()
            assert claimed == []

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            await first(group)
    assert claimed == [0 if commits else 1]


async def waiting(conn: Connection) -> bool:
    # A transaction sees one snapshot of the activity unless it asks for another.
    await conn.execute("SELECT pg_stat_clear_snapshot()")
    cursor = await conn.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        "                WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    return (await cursor.fetchone())[0]


@pytest.mark.parametrize(
    ("write", "constraint"),
    [
        (
            lambda conn: preferences.upsert_preferences(
                conn, user_id=NOBODY, changes="{}", now=NOW
            ),
            "user_preferences_user_id_fkey",
        ),
        (
            lambda conn: discogs_credentials.upsert_credential(
                conn, user_id=NOBODY, token_encrypted=b"", now=NOW
            ),
            "discogs_credentials_user_id_fkey",
        ),
        (lambda conn: claim(conn, NOBODY), "idempotency_keys_user_id_fkey"),
    ],
    ids=["preferences", "credentials", "keys"],
)
async def test_a_user_who_is_not_there_has_nothing(
    write: Any, constraint: str, tx: Connection
) -> None:
    with pytest.raises(MissingReference) as caught:
        async with tx.transaction():
            await write(tx)
    assert caught.value.constraint == constraint
    assert caught.value.sqlstate == "23503"


@pytest.mark.parametrize("text", ["", "{", "nonsense", '"\\u0000"'])
async def test_preferences_that_are_not_json_are_refused(text: str, tx: Connection) -> None:
    account = await make_user(tx)
    with pytest.raises(InvalidData):
        async with tx.transaction():
            await preferences.upsert_preferences(tx, user_id=account.id, changes=text, now=NOW)


async def test_everything_of_a_user_goes_with_the_user(tx: Connection) -> None:
    account = await make_user(tx)
    await preferences.upsert_preferences(tx, user_id=account.id, changes="{}", now=NOW)
    await discogs_credentials.upsert_credential(
        tx, user_id=account.id, token_encrypted=b"x", now=NOW
    )
    await claim(tx, account.id)
    assert await users.delete_user(tx, user_id=account.id) == 1
    for table in ("user_preferences", "discogs_credentials", "idempotency_keys", "folders"):
        cursor = await tx.execute(f"SELECT count(*) FROM {table}")
        assert await cursor.fetchone() == (0,)
