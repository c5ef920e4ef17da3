"""Cleanings: what is written, what is refused, what the filters find."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import NOW, make_cleaning, make_copy, make_release, make_user
from kleio.db.errors import InvalidData
from kleio.db.queries import Connection
from kleio.repositories import cleanings, collection, users
from paging import walk

pytestmark = pytest.mark.anyio

NOWHERE = UUID(int=1)
LATER = NOW + timedelta(days=1)
NO_FILTERS = dict.fromkeys(("release_id", "copy_id", "since", "until"))


async def test_a_cleaning_of_a_copy_is_one_of_its_release(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx, 5)
    copy = await make_copy(tx, account, release_id)
    cleaning_id = await make_cleaning(tx, account.id, None, copy_id=copy.id, deep=True, notes="ü")
    found = await cleanings.get_cleaning(tx, user_id=account.id, cleaning_id=cleaning_id)
    assert (found.release_id, found.copy_id) == (release_id, copy.id)
    assert (found.deep, found.notes, found.cleaned_at) == (True, "ü", NOW)
    assert json.loads(bytes(found.release))["discogsId"] == 5


async def test_many_at_once(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    mine, not_mine = [await make_copy(tx, one, release_id) for one in (account, other)]
    given = [
        {"copyId": mine.id, "cleanedAt": NOW, "deep": True, "notes": "ü"},
        {"copyId": mine.id, "cleanedAt": LATER},
        {"copyId": not_mine.id, "cleanedAt": NOW},
    ]
    document = json.dumps(given, default=str)
    assert (
        await cleanings.insert_cleanings(tx, user_id=account.id, cleanings=document, now=NOW) == 2
    )
    page = {"before_cleaned_at": None, "before_id": None, "page_size": 9, "page_offset": 0}
    rows = await cleanings.list_cleanings(tx, user_id=account.id, **NO_FILTERS, **page)
    later, first = [keyed.row for keyed in rows]
    assert (first.copy_id, first.release_id) == (mine.id, release_id)
    assert (first.deep, first.notes, first.cleaned_at) == (True, "ü", NOW)
    assert (later.deep, later.notes, later.cleaned_at) == (False, None, LATER)


async def test_what_is_not_there_or_not_the_user_s_logs_nothing(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id, second = await make_release(tx), await make_release(tx)
    copy, own = await make_copy(tx, other, release_id), await make_copy(tx, mine, release_id)
    for given in (
        {"release_id": NOWHERE},
        {"release_id": None, "copy_id": NOWHERE},
        {"release_id": None, "copy_id": copy.id},
        {"release_id": release_id, "copy_id": copy.id},
        {"release_id": second, "copy_id": own.id},
    ):
        with pytest.raises(AssertionError):
            await make_cleaning(tx, mine.id, **given)
    assert await cleanings.count_cleanings(tx, user_id=mine.id, **NO_FILTERS) == 0
    with pytest.raises(InvalidData):
        async with tx.transaction():
            await make_cleaning(tx, mine.id, release_id, notes="NUL \0")


async def update(
    conn: Connection,
    user_id: UUID,
    cleaning_id: UUID,
    expected_updated_at: Any = None,
    **changes: Any,
) -> cleanings.Cleaning | None:
    count = await cleanings.update_cleaning(
        conn,
        user_id=user_id,
        cleaning_id=cleaning_id,
        changes=json.dumps(changes),
        expected_updated_at=expected_updated_at,
        now=LATER,
    )
    if not count:
        return None
    return await cleanings.get_cleaning(conn, user_id=user_id, cleaning_id=cleaning_id)


async def test_an_update_changes_what_it_names_and_null_clears(tx: Connection) -> None:
    account = await make_user(tx)
    cleaning_id = await make_cleaning(tx, account.id, await make_release(tx), notes="n")
    changed = await update(tx, account.id, cleaning_id, NOW, deep=True)
    assert (changed.deep, changed.notes, changed.updated_at) == (True, "n", LATER)
    assert await update(tx, account.id, cleaning_id, NOW, deep=False) is None
    changed = await update(
        tx, account.id, cleaning_id, notes=None, cleanedAt="2020-01-01T00:00:00Z"
    )
    assert (changed.deep, changed.notes, changed.cleaned_at.year) == (True, None, 2020)


async def test_a_cleaning_is_its_owner_s_alone(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    cleaning_id = await make_cleaning(tx, mine.id, await make_release(tx))
    key = {"cleaning_id": cleaning_id}
    assert await cleanings.get_cleaning(tx, user_id=other.id, **key) is None
    assert await update(tx, other.id, cleaning_id, deep=True) is None
    assert await cleanings.delete_cleaning(tx, user_id=other.id, **key) is None
    assert await cleanings.count_cleanings(tx, user_id=other.id, **NO_FILTERS) == 0
    removed = await cleanings.delete_cleaning(tx, user_id=mine.id, **key)
    assert removed.id == cleaning_id


async def test_a_cleaning_keeps_its_history_when_the_copy_goes(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    copy = await make_copy(tx, account, release_id)
    cleaning_id = await make_cleaning(tx, account.id, None, copy_id=copy.id)
    assert await collection.delete_copy(tx, user_id=account.id, copy_id=copy.id) == 1
    found = await cleanings.get_cleaning(tx, user_id=account.id, cleaning_id=cleaning_id)
    assert (found.copy_id, found.release_id) == (None, release_id)
    assert await users.delete_user(tx, user_id=account.id) == 1
    assert await cleanings.count_cleanings(tx, user_id=account.id, **NO_FILTERS) == 0


async def test_filters_and_pages(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    first, second = await make_release(tx), await make_release(tx)
    copy = await make_copy(tx, account, first)
    ids = [
        await make_cleaning(tx, account.id, first),
        await make_cleaning(tx, account.id, second),
        await make_cleaning(tx, account.id, first, copy_id=copy.id, cleaned_at=LATER),
    ]
    await make_cleaning(tx, other.id, first)

    async def found(page_size: int, **filters: Any) -> list[int]:
        given = {**NO_FILTERS, **filters}

        async def page(key: Any, last: UUID | None) -> Any:
            place = {"before_cleaned_at": key, "before_id": last}
            place |= {"page_size": page_size, "page_offset": 0}
            return await cleanings.list_cleanings(tx, user_id=account.id, **given, **place)

        rows = await walk(page, page_size)
        assert await cleanings.count_cleanings(tx, user_id=account.id, **given) == len(rows)
        return [ids.index(row.id) for row in rows]

    for page_size in (1, 2, 10):
        assert await found(page_size) == [2, 1, 0]
        assert await found(page_size, release_id=first) == [2, 0]
        assert await found(page_size, copy_id=copy.id) == [2]
        assert await found(page_size, since=LATER) == [2]
        assert await found(page_size, until=LATER) == [1, 0]
        assert await found(page_size, since=LATER, until=LATER) == []
