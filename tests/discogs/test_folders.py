"""Folders of a shelf: new, renamed on either side, moved between, deleted, with taken names."""

from __future__ import annotations

import pytest

from factories import NOW, Account, make_copy, make_release
from kleio.db.queries import Connection
from kleio.repositories import folders
from shelf_at_discogs import Shelf
from syncing import copies, counts, report, rows

from .conftest import Sync

pytestmark = pytest.mark.anyio


async def names(conn: Connection, account: Account) -> dict[int, str]:
    return dict(await rows(conn, "SELECT number, name FROM folders WHERE user_id = %s", account.id))


async def rename(conn: Connection, account: Account, number: int, name: str) -> None:
    (folder_id,) = (
        await rows(
            conn,
            "SELECT id FROM folders WHERE user_id = %s AND number = %s",
            account.id,
            number,
        )
    )[0]
    await folders.update_folder(
        conn,
        user_id=account.id,
        folder_id=folder_id,
        name=name,
        expected_updated_at=None,
        now=NOW,
    )


async def test_folders_come_with_their_numbers_and_folder_0_does_not(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    assert await names(conn, ada) == {1: "Uncategorized", 501: "Jazz", 502: "Attic"}


async def test_a_folder_renamed_at_discogs_is_renamed(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    shelf.folders[501] = "Bop"
    await sync(ada)
    assert (await names(conn, ada))[501] == "Bop"


async def test_a_folder_renamed_here_keeps_its_name_and_a_conflict_is_told_once(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    await rename(conn, ada, 501, "Mine")
    assert report(await sync(ada)) == {}
    shelf.folders[501] = "Bop"
    run = await sync(ada)
    assert (await names(conn, ada))[501] == "Mine"
    assert report(run)["folders"] == [{"number": 501, "here": "Mine", "there": "Bop"}]
    assert report(await sync(ada)) == {}


async def test_folders_that_exchange_their_names(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    shelf.folders[501], shelf.folders[502] = "Attic", "Jazz"
    await sync(ada)
    assert await names(conn, ada) == {1: "Uncategorized", 501: "Attic", 502: "Jazz"}


async def test_a_folder_of_the_same_name_here_becomes_discogs_folder(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    made = await folders.insert_folder(conn, user_id=ada.id, number=None, name="JAZZ", now=NOW)
    copy = await make_copy(conn, ada, await make_release(conn, 10), folder_id=made.id)
    item = shelf.add(10, folder_id=501)
    run = await sync(ada)
    assert counts(run) == {"adopted": 1}
    assert (await names(conn, ada))[501] == "JAZZ"
    (found,) = await copies(conn, ada)
    assert (found["instance"], found["folder"]) == (item["instance_id"], "JAZZ")
    assert copy.folder_id == made.id


async def test_a_number_that_a_folder_here_has_is_left_to_discogs(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """Folders of one's own are numbered from 2, and Discogs' first ones have such numbers too."""
    await folders.insert_folder(conn, user_id=ada.id, number=2, name="Mine", now=NOW)
    shelf.folders[2] = "An old one"
    await sync(ada)
    assert await names(conn, ada) == {
        1: "Uncategorized",
        2: "An old one",
        501: "Jazz",
        502: "Attic",
        503: "Mine",
    }


async def test_a_name_that_another_folder_has_gets_the_number_added(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    await rename(conn, ada, 501, "Bop")
    shelf.folders[503] = "bop"
    await sync(ada)
    assert (await names(conn, ada))[503] == "bop (503)"
    shelf.folders[502] = "BOP"
    await sync(ada)
    assert (await names(conn, ada))[502] == "BOP (502)"


async def test_a_folder_deleted_at_discogs_goes_where_it_is_empty_here(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10, folder_id=501)
    await sync(ada)
    item["folder_id"] = 1
    del shelf.folders[501]
    await sync(ada)
    assert await names(conn, ada) == {1: "Uncategorized", 502: "Attic"}


async def test_a_folder_deleted_at_discogs_stays_where_it_holds_copies_or_was_renamed(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await sync(ada)
    (folder_id,) = (await rows(conn, "SELECT id FROM folders WHERE number = 501"))[0]
    await make_copy(conn, ada, await make_release(conn, None), folder_id=folder_id)
    await rename(conn, ada, 502, "Mine")
    shelf.folders = {1: "Uncategorized"}
    await sync(ada)
    assert await names(conn, ada) == {1: "Uncategorized", 501: "Jazz", 502: "Mine"}
    assert await rows(conn, "SELECT count(discogs_name) FROM folders") == [(0,)]


async def test_a_folder_that_was_made_while_pages_were_read(
    sync: Sync, ada: Account, shelf: Shelf, discogs, conn: Connection
) -> None:
    shelf.add(10, folder_id=777)
    # After identity, folders and fields.
    discogs.before_call[4] = lambda: shelf.folders.update({777: "New"})
    await sync(ada)
    assert (await names(conn, ada))[777] == "New"
    (found,) = await copies(conn, ada)
    assert found["folder"] == "New"


async def test_an_item_of_older_shape_without_a_folder_is_in_uncategorized(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10)
    del item["folder_id"]
    del item["rating"]
    await sync(ada)
    (found,) = await copies(conn, ada)
    assert (found["folder"], found["rating"]) == ("Uncategorized", 0)
