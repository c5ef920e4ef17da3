"""Copies on a shelf: what is written, what is refused, what the filters find."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from factories import (
    NO_FILTERS,
    NOW,
    make_copy,
    make_release,
    make_user,
    release_document,
    store_releases,
)
from kleio.catalogue import ArtistCredit, FormatDocument, LabelCredit
from kleio.db.errors import Conflict, DatabaseError, InvalidData, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import collection, collection_pages, folders, users
from servers import owner_only

pytestmark = pytest.mark.anyio

NOWHERE = UUID(int=1)
LATER = NOW + timedelta(days=1)


async def test_several_copies_of_one_release_can_be_owned(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx, 1)
    first = await make_copy(tx, account, release_id, rating=4, media_condition="NM", notes="a")
    second = await make_copy(tx, account, release_id, sleeve_condition="Generic")
    assert first.id != second.id
    assert (first.rating, first.media_condition, first.notes) == (4, "NM", "a")
    assert (second.rating, second.sleeve_condition) == (0, "Generic")
    assert first.folder_id == account.folder.id
    assert json.loads(bytes(first.release))["title"] == "Title 1"
    found = await collection.get_copy(tx, user_id=account.id, copy_id=first.id)
    assert found == first


async def test_a_copy_is_added_by_the_discogs_number_too(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx, 77)
    copy = await make_copy(tx, account, None, discogs_id=77)
    assert copy.release_id == release_id


@pytest.mark.parametrize("which", [{"release_id": NOWHERE}, {"discogs_id": 999}, {}])
async def test_a_release_that_is_not_there_adds_nothing(
    which: dict[str, Any], tx: Connection
) -> None:
    account = await make_user(tx)
    fields = dict.fromkeys(
        ("release_id", "discogs_id", "folder_id", "media_condition", "sleeve_condition", "notes")
    )
    fields |= {"rating": 0, "custom_fields": "{}", "added_at": NOW, "now": NOW, **which}
    assert await collection.insert_copy(tx, user_id=account.id, **fields) is None


@pytest.mark.parametrize(
    ("fields", "error", "constraint"),
    [
        ({"rating": 6}, InvalidData, "user_releases_rating_check"),
        ({"rating": -1}, InvalidData, "user_releases_rating_check"),
        ({"rating": 40000}, InvalidData, None),
        ({"media_condition": "Mint"}, InvalidData, None),
        ({"media_condition": "Generic"}, InvalidData, None),
        ({"custom_fields": "{"}, InvalidData, None),
        ({"custom_fields": '{"a": "\\u0000"}'}, InvalidData, None),
        ({"notes": "NUL \0"}, InvalidData, None),
        ({"folder_id": NOWHERE}, MissingReference, "user_releases_folder_id_fkey"),
    ],
)
async def test_a_wrong_value_is_refused(
    fields: dict[str, Any], error: type[DatabaseError], constraint: str | None, tx: Connection
) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    with pytest.raises(error) as caught:
        async with tx.transaction():
            await make_copy(tx, account, release_id, **fields)
    assert type(caught.value) is error
    assert caught.value.query == "collection.insert_copy"
    assert caught.value.constraint == constraint
    assert caught.value.is_data_error


async def test_another_user_s_folder_is_refused_on_insert_and_update(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    copy = await make_copy(tx, mine, release_id)
    with pytest.raises(MissingReference) as caught:
        async with tx.transaction():
            await make_copy(tx, mine, release_id, folder_id=other.folder.id)
    assert (caught.value.table, caught.value.constraint) == (
        "user_releases",
        "user_releases_folder_id_fkey",
    )
    with pytest.raises(MissingReference):
        async with tx.transaction():
            await update(tx, mine.id, copy.id, folderId=str(other.folder.id))


@owner_only
async def test_another_user_s_folder_is_impossible_in_plain_sql_too(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    copy = await make_copy(tx, mine, await make_release(tx))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with tx.transaction():
            await tx.execute(
                "UPDATE user_releases SET folder_id = %s WHERE id = %s",
                [other.folder.id, copy.id],
            )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with tx.transaction():
            await tx.execute("UPDATE user_releases SET user_id = %s", [other.id])


@owner_only
async def test_a_discogs_instance_is_on_a_shelf_once(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    statement = "UPDATE user_releases SET discogs_instance_id = 5 WHERE id = %s"
    for account in (mine, other):
        copy = await make_copy(tx, account, release_id)
        await tx.execute(statement, [copy.id])
    second = await make_copy(tx, mine, release_id)
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with tx.transaction():
            await tx.execute(statement, [second.id])


async def update(
    conn: Connection,
    user_id: UUID,
    copy_id: UUID,
    expected_updated_at: Any = None,
    **changes: Any,
) -> collection.Copy | None:
    return await collection.update_copy(
        conn,
        user_id=user_id,
        copy_id=copy_id,
        changes=json.dumps(changes),
        expected_updated_at=expected_updated_at,
        now=LATER,
    )


async def test_an_update_changes_what_it_names_and_null_clears(tx: Connection) -> None:
    account = await make_user(tx)
    copy = await make_copy(
        tx, account, await make_release(tx), notes="old", media_condition="VG", rating=2
    )
    changed = await update(tx, account.id, copy.id, notes=None, rating=5, customFields={"a": 1})
    assert changed == msgspec.structs.replace(
        copy,
        notes=None,
        rating=5,
        custom_fields=changed.custom_fields,
        updated_at=LATER,
    )
    assert json.loads(bytes(changed.custom_fields)) == {"a": 1}
    assert await update(tx, account.id, copy.id) == changed


async def test_an_update_of_an_older_version_changes_nothing(tx: Connection) -> None:
    account = await make_user(tx)
    copy = await make_copy(tx, account, await make_release(tx))
    assert await update(tx, account.id, copy.id, copy.updated_at, rating=1) is not None
    assert await update(tx, account.id, copy.id, copy.updated_at, rating=2) is None
    found = await collection.get_copy(tx, user_id=account.id, copy_id=copy.id)
    assert found.rating == 1


async def test_a_copy_is_its_owner_s_alone(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    copy = await make_copy(tx, mine, await make_release(tx))
    assert await collection.get_copy(tx, user_id=other.id, copy_id=copy.id) is None
    assert await update(tx, other.id, copy.id, rating=1) is None
    assert await collection.delete_copy(tx, user_id=other.id, copy_id=copy.id) == 0
    assert await collection_pages.count_collection(tx, user_id=other.id, **NO_FILTERS) == 0
    assert await collection.delete_copy(tx, user_id=mine.id, copy_id=copy.id) == 1
    assert await collection.get_copy(tx, user_id=mine.id, copy_id=copy.id) is None


async def test_a_user_takes_the_shelf_along_and_leaves_the_catalogue(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    await make_copy(tx, account, release_id)
    assert await users.delete_user(tx, user_id=account.id) == 1
    assert await collection_pages.count_collection(tx, user_id=account.id, **NO_FILTERS) == 0
    cursor = await tx.execute("SELECT count(*) FROM releases WHERE id = %s", [release_id])
    assert await cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {1, 2, 3}),
        ({"artist": "björk"}, {2}),
        ({"artist": "BJORK"}, {2}),
        ({"artist": "Bjö"}, set()),
        ({"label": "one little indian"}, {2}),
        ({"genre": "electronic"}, {1, 2}),
        ({"style": "deep house"}, {1, 3}),
        ({"format": "cd"}, {2}),
        ({"country": "iceland"}, {2}),
        ({"year_from": 1999}, {1, 3}),
        ({"year_to": 1998}, {2}),
        ({"year_from": 1993, "year_to": 1993}, {2}),
        ({"min_rating": 4}, {3}),
        ({"search": "debutt"}, {2}),
        ({"search": "bjork debut"}, {2}),
        ({"genre": "Electronic", "style": "Deep House"}, {1}),
        ({"genre": "Electronic", "year_to": 1900}, set()),
    ],
)
async def test_filters(filters: dict[str, Any], expected: set[int], tx: Connection) -> None:
    account = await make_user(tx)
    releases = await store_releases(
        tx,
        [
            release_document(1),
            release_document(
                2,
                title="Debut",
                year=1993,
                country="Iceland",
                artists=[ArtistCredit(name="Björk (2)", discogs_id=22)],
                labels=[LabelCredit(name="One Little Indian", catno="TPLP 31")],
                formats=[FormatDocument(name="CD")],
                styles=["Downtempo"],
            ),
            release_document(3, title="Third", genres=["Rock"]),
        ],
    )
    for number, release_id in enumerate(releases, 1):
        await make_copy(tx, account, release_id, rating=number + 1)
    given = {**NO_FILTERS, **filters}
    page = {"sort": "added", "marks_at": None, "page_size": 10, "page_offset": 0}
    ascending = await collection_pages.list_collection_ascending(
        tx, user_id=account.id, **given, **page, after_key=None, after_id=None
    )
    assert {json.loads(bytes(row.row.release))["discogsId"] for row in ascending} == expected
    descending = await collection_pages.list_collection_descending(
        tx, user_id=account.id, **given, **page, before_key=None, before_id=None
    )
    assert [row.id for row in descending] == [row.id for row in reversed(ascending)]
    count = await collection_pages.count_collection(tx, user_id=account.id, **given)
    assert count == len(expected)


async def test_a_folder_filters_and_counts_its_copies(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    attic = await folders.insert_folder(tx, user_id=account.id, number=None, name="Attic", now=NOW)
    await make_copy(tx, account, release_id)
    await make_copy(tx, account, release_id, folder_id=attic.id)
    given = {**NO_FILTERS, "folder_id": attic.id}
    assert await collection_pages.count_collection(tx, user_id=account.id, **given) == 1
    counts = {row.name: row.copies for row in await folders.list_folders(tx, user_id=account.id)}
    assert counts == {"Uncategorized": 1, "Attic": 1}


@pytest.mark.parametrize("number", [0, -1])
async def test_a_folder_s_number_is_positive(number: int, tx: Connection) -> None:
    account = await make_user(tx)
    with pytest.raises(InvalidData) as caught:
        async with tx.transaction():
            await folders.insert_folder(tx, user_id=account.id, number=number, name="x", now=NOW)
    assert caught.value.constraint == "folders_number_check"


async def test_a_folder_s_number_is_taken_once_a_user(tx: Connection) -> None:
    account = await make_user(tx)
    with pytest.raises(Conflict) as caught:
        async with tx.transaction():
            await folders.insert_folder(tx, user_id=account.id, number=1, name="x", now=NOW)
    assert (caught.value.table, caught.value.constraint) == (
        "folders",
        "folders_user_id_number_key",
    )
    free = await folders.insert_folder(tx, user_id=account.id, number=None, name="x", now=NOW)
    assert free.number == 2
