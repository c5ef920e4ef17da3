"""Folders: names whatever their case, numbers, and what keeps one from being deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from factories import NOW, make_copy, make_release, make_user
from kleio.db.errors import Conflict, DatabaseError, InvalidData, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import collection, folders
from kleio.repositories.folders import Folder

pytestmark = pytest.mark.anyio

ANY_VERSION: dict[str, Any] = {"expected_updated_at": None}

NOWHERE = UUID(int=1)


async def make_folder(conn: Connection, user_id: UUID, name: str) -> Folder:
    folder = await folders.insert_folder(conn, user_id=user_id, number=None, name=name, now=NOW)
    assert folder is not None
    return folder


@pytest.mark.parametrize(
    ("first", "second"),
    [("Attic", "attic"), ("ÄRGER", "ärger"), ("Джаз", "ДЖАЗ"), ("x", "UNCATEGORIZED")],
)
async def test_a_name_is_there_once_whatever_its_case(
    first: str, second: str, tx: Connection
) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    folder = await make_folder(tx, mine.id, first)
    with pytest.raises(Conflict) as caught:
        async with tx.transaction():
            await make_folder(tx, mine.id, second)
    assert caught.value.constraint == "folders_user_name_key"
    third = await make_folder(tx, mine.id, "third")
    with pytest.raises(Conflict):
        async with tx.transaction():
            await folders.update_folder(
                tx, user_id=mine.id, folder_id=third.id, name=second, **ANY_VERSION, now=NOW
            )
    await make_folder(tx, other.id, first)
    # Its own name in another case is no other's.
    again = await folders.update_folder(
        tx, user_id=mine.id, folder_id=folder.id, name=first.swapcase(), **ANY_VERSION, now=NOW
    )
    assert again is not None
    assert again.name == first.swapcase()


async def test_number_one_is_neither_renamed_nor_deleted(tx: Connection) -> None:
    account = await make_user(tx)
    folder_id = account.folder.id
    renamed = await folders.update_folder(
        tx, user_id=account.id, folder_id=folder_id, name="x", **ANY_VERSION, now=NOW
    )
    assert renamed is None
    assert await folders.delete_folder(tx, user_id=account.id, folder_id=folder_id) == 0
    found = await folders.get_folder(tx, user_id=account.id, folder_id=folder_id)
    assert found is not None
    assert found.name == "Uncategorized"


async def test_only_an_empty_folder_is_deleted(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    attic = await make_folder(tx, account.id, "Attic")
    copy = await make_copy(tx, account, release_id, folder_id=attic.id)
    for archive in (False, True):
        if archive:
            await collection.update_copy_archived(
                tx,
                user_id=account.id,
                copy_id=copy.id,
                archive_reason="lost",
                **ANY_VERSION,
                now=NOW,
            )
        with pytest.raises(MissingReference) as caught:
            async with tx.transaction():
                await folders.delete_folder(tx, user_id=account.id, folder_id=attic.id)
        assert caught.value.constraint == "user_releases_folder_id_fkey"
        found = await folders.get_folder(tx, user_id=account.id, folder_id=attic.id)
        assert found is not None
        assert (found.copies, found.archived) == (int(not archive), int(archive))
        assert found in await folders.list_folders(tx, user_id=account.id)
    await collection.delete_copy(tx, user_id=account.id, copy_id=copy.id)
    assert await folders.delete_folder(tx, user_id=account.id, folder_id=attic.id) == 1
    assert await folders.get_folder(tx, user_id=account.id, folder_id=attic.id) is None


async def test_a_folder_is_its_owner_s_alone(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    attic = await make_folder(tx, mine.id, "Attic")
    given = {"user_id": other.id, "folder_id": attic.id}
    assert await folders.get_folder(tx, **given) is None
    assert await folders.update_folder(tx, **given, name="x", **ANY_VERSION, now=NOW) is None
    assert await folders.delete_folder(tx, **given) == 0
    assert await folders.lock_folders(tx, user_id=other.id) == other.folder.id
    assert await folders.lock_folders(tx, user_id=NOWHERE) is None


@pytest.mark.parametrize(
    ("reason", "error"), [("bored", InvalidData), ("", InvalidData), ("Sold", InvalidData)]
)
async def test_an_archive_reason_is_one_that_is_known(
    reason: str, error: type[DatabaseError], tx: Connection
) -> None:
    account = await make_user(tx)
    copy = await make_copy(tx, account, await make_release(tx))
    with pytest.raises(error) as caught:
        async with tx.transaction():
            await collection.update_copy_archived(
                tx,
                user_id=account.id,
                copy_id=copy.id,
                archive_reason=reason,
                **ANY_VERSION,
                now=NOW,
            )
    assert caught.value.constraint == "user_releases_archive_reason_check"


async def test_a_reason_without_a_time_is_refused(tx: Connection) -> None:
    account = await make_user(tx)
    copy = await make_copy(tx, account, await make_release(tx))
    with pytest.raises(psycopg.errors.CheckViolation):
        async with tx.transaction():
            await tx.execute(
                "UPDATE user_releases SET archive_reason = 'sold' WHERE id = %s", [copy.id]
            )


async def test_archive_and_restore_happen_once(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    copy = await make_copy(tx, mine, await make_release(tx))
    gone = {"copy_id": copy.id, "archive_reason": "given away", **ANY_VERSION, "now": NOW}
    back = {"copy_id": copy.id, **ANY_VERSION, "now": NOW}
    assert await collection.update_copy_archived(tx, user_id=other.id, **gone) is None
    assert await collection.update_copy_restored(tx, user_id=mine.id, **back) is None
    archived = await collection.update_copy_archived(tx, user_id=mine.id, **gone)
    assert archived is not None
    assert await collection.get_copy(tx, user_id=mine.id, copy_id=copy.id) == archived
    assert await collection.update_copy_archived(tx, user_id=mine.id, **gone) is None
    assert await collection.update_copy_restored(tx, user_id=other.id, **back) is None
    assert await collection.update_copy_restored(tx, user_id=mine.id, **back) == copy
