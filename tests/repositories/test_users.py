"""Users: names and addresses are unique beyond case, roles and shapes are checked."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import NOW, make_user
from kleio.db.errors import Conflict, DatabaseError, InvalidData
from kleio.db.queries import Connection, Keyed
from kleio.repositories import users
from kleio.repositories.users import User, UserSecret
from paging import walk

pytestmark = pytest.mark.anyio

LATER = NOW + timedelta(hours=1)


async def insert(conn: Connection, **changes: Any) -> User:
    fields = {
        "username": "Ada",
        "email": "ada@example.org",
        "discogs_username": None,
        "role": "user",
        "password_hash": None,
        "now": NOW,
    }
    async with conn.transaction():
        user = await users.insert_user(conn, **{**fields, **changes})
    assert user is not None
    return user


async def update(conn: Connection, user: User, expected: Any = None, **changes: Any) -> User | None:
    async with conn.transaction():
        return await users.update_user(
            conn,
            user_id=user.id,
            changes=json.dumps(changes),
            expected_updated_at=expected,
            now=LATER,
        )


async def test_a_user_is_found_by_id_and_by_name_in_any_case(tx: Connection) -> None:
    user = await insert(tx, password_hash="$argon2id$x")
    assert user.has_password
    assert (user.created_at, user.updated_at) == (NOW, NOW)
    assert await users.get_user(tx, user_id=user.id) == user
    for name in ("Ada", "ada", "ADA"):
        assert await users.get_user_by_username(tx, username=name) == user
        secret = UserSecret(user.id, "$argon2id$x", user.updated_at)
        assert await users.get_user_secret(tx, username=name) == secret
    assert await users.get_user_by_username(tx, username="ad") is None
    assert await users.get_user(tx, user_id=UUID(int=1)) is None


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"email": "other@example.org"}, "users_username_key"),
        ({"username": "aDA", "email": "other@example.org"}, "users_username_key"),
        ({"username": "bob"}, "users_email_key"),
        ({"username": "bob", "email": "ADA@example.ORG"}, "users_email_key"),
    ],
)
async def test_a_name_or_address_is_taken_once(
    changes: dict[str, str], constraint: str, tx: Connection
) -> None:
    await insert(tx)
    with pytest.raises(Conflict) as caught:
        await insert(tx, **changes)
    error = caught.value
    assert (error.table, error.constraint, error.sqlstate) == ("users", constraint, "23505")
    assert error.query == "users.insert_user"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"username": ""}, "users_username_check"),
        ({"username": " ada"}, "users_username_check"),
        ({"username": "ada\n"}, "users_username_check"),
        ({"username": "ådå"}, "users_username_check"),
        ({"username": "a" * 65}, "users_username_check"),
        ({"username": ".a"}, "users_username_check"),
        ({"email": "ada"}, "users_email_check"),
        ({"email": "a b@c"}, "users_email_check"),
        ({"email": "a@b@c"}, "users_email_check"),
        ({"email": "a@" + "b" * 253}, "users_email_check"),
        ({"role": "root"}, None),
        ({"username": "a\0"}, None),
    ],
)
async def test_a_wrong_shape_is_refused(
    changes: dict[str, str], constraint: str | None, tx: Connection
) -> None:
    with pytest.raises(InvalidData) as caught:
        await insert(tx, **changes)
    assert caught.value.constraint == constraint


@pytest.mark.parametrize("changes", [{"username": None}, {"email": None}, {"role": None}])
async def test_what_a_user_must_have_is_never_null(changes: Any, tx: Connection) -> None:
    with pytest.raises(InvalidData) as caught:
        await insert(tx, **changes)
    assert caught.value.sqlstate == "23502"
    assert caught.value.column == next(iter(changes))


async def test_an_update_changes_what_it_names(tx: Connection) -> None:
    user = await insert(tx, discogs_username="ada_d")
    changed = await update(tx, user, email="new@example.org", role="admin", passwordHash="$x")
    assert (changed.email, changed.role, changed.has_password) == ("new@example.org", "admin", True)
    assert (changed.discogs_username, changed.updated_at) == ("ada_d", LATER)
    cleared = await update(tx, user, discogsUsername=None)
    assert (cleared.discogs_username, cleared.email) == (None, "new@example.org")


async def test_an_update_of_an_older_version_changes_nothing(tx: Connection) -> None:
    user = await insert(tx)
    assert await update(tx, user, NOW, role="admin") is not None
    assert await update(tx, user, NOW, role="user") is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "BOB@example.org"}, Conflict),
        ({"email": "nonsense"}, InvalidData),
        ({"role": "root"}, InvalidData),
    ],
)
async def test_an_update_is_checked_as_an_insert_is(
    changes: dict[str, str], error: type[DatabaseError], tx: Connection
) -> None:
    user = await insert(tx)
    await insert(tx, username="bob", email="bob@example.org")
    with pytest.raises(error):
        await update(tx, user, **changes)


async def test_users_are_paged_by_name(tx: Connection) -> None:
    names = ["b", "A", "a1", "C.c", "a-2", "_".join("ab")]
    for name in names:
        await make_user(tx, name)

    async def page(key: Any, last: UUID | None) -> list[Keyed[User]]:
        return await users.list_users(tx, after_name=key, after_id=last, page_size=2, page_offset=0)

    found = [row.row.username for row in await walk(page, 2)]
    assert found == sorted(names, key=str.lower)
    assert await users.count_users(tx) == len(names)
