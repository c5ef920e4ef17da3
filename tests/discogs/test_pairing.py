"""Which copy an item of Discogs becomes: adopted, gone, back, bought again, merged into another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import NOW, Account, make_cleaning, make_copy, make_play, make_release, make_user
from invariants import broken_rules
from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio.repositories import collection
from kleio.repositories.sync_runs import SyncRun
from kleio.settings import Settings
from shelf_at_discogs import Shelf
from syncing import copies, copy_of, counts, report, rows, value
from waiting import until

from .conftest import Sync

pytestmark = pytest.mark.anyio

LATER = datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC)
LATEST = datetime(2022, 5, 6, 7, 8, 9, tzinfo=UTC)

Synced = tuple[dict[str, Any], UUID]
"""An item at Discogs and its copy here."""


@pytest.fixture
async def synced(sync: Sync, ada: Account, shelf: Shelf, conn: Connection) -> Synced:
    """A record that a sync has put on the shelf."""
    item = shelf.add(10, rating=4)
    await sync(ada)
    return item, await value(conn, "SELECT id FROM user_releases")


# --- adoption -----------------------------------------------------------------------------------


async def test_a_copy_without_an_instance_is_adopted_and_not_doubled(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """As a CSV import leaves copies: times without a zone, so hours off."""
    release_id = await make_release(conn, 10)
    added = datetime(2020, 1, 10, 3, 26, 47, tzinfo=UTC)
    copy = await make_copy(
        conn, ada, release_id, added_at=added, rating=5, media_condition="VG", custom_fields="{}"
    )
    await make_play(conn, ada.id, release_id, copy_id=copy.id)
    item = shelf.add(10, folder_id=501, rating=3, added=added + timedelta(hours=8))
    shelf.set_note(item["instance_id"], 3, "from Discogs")
    run = await sync(ada)
    (found,) = await copies(conn, ada)
    # What was empty here comes from Discogs, what was not is kept.
    assert (found["folder"], found["rating"], found["media"], found["notes"]) == (
        "Jazz",
        5,
        "VG",
        "from Discogs",
    )
    assert found["added_at"] == added + timedelta(hours=8)
    assert await value(conn, "SELECT id FROM user_releases") == copy.id
    assert counts(run) == {"adopted": 1, "conflicts": 1}
    assert report(run)["conflicts"][0]["fields"] == ["rating"]
    assert counts(await sync(ada)) == {"unchanged": 1}


async def test_the_clock_s_time_of_a_copy_that_was_typed_in_gives_way(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    release_id = await make_release(conn, 10)
    await make_copy(conn, ada, release_id, added_at=NOW, now=NOW)
    await make_copy(conn, ada, await make_release(conn, 11), added_at=LATER, now=NOW)
    shelf.add(10, added=LATEST)
    shelf.add(11, added=LATEST)
    await sync(ada)
    assert [row["added_at"] for row in await copies(conn, ada)] == [LATEST, LATER]


async def test_several_copies_are_paired_in_the_order_of_adding_and_the_rest_is_new(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    release_id = await make_release(conn, 10)
    for number in (2, 1):
        await make_copy(
            conn, ada, release_id, added_at=NOW + timedelta(days=number), notes=f"copy {number}"
        )
    instances = [shelf.add(10, added=NOW + timedelta(days=day))["instance_id"] for day in (1, 2, 3)]
    run = await sync(ada)
    assert counts(run) == {"added": 1, "adopted": 2}
    notes = {row["instance"]: row["notes"] for row in await copies(conn, ada)}
    assert notes == dict(zip(instances, ("copy 1", "copy 2", None), strict=True))


async def test_copies_on_the_shelf_are_adopted_before_archived_ones(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    release_id = await make_release(conn, 10)
    sold = await make_copy(conn, ada, release_id, notes="sold")
    await archive(conn, ada, sold.id, "sold")
    await make_copy(conn, ada, release_id, notes="here", added_at=NOW + timedelta(days=9))
    shelf.add(10)
    await sync(ada)
    assert [
        (row["notes"], row["instance"] is None, row["reason"]) for row in await copies(conn, ada)
    ] == [
        ("here", False, None),
        ("sold", True, "sold"),
    ]


# --- gone and back ------------------------------------------------------------------------------


async def archive(conn: Connection, account: Account, copy_id: Any, reason: str) -> None:
    assert await collection.update_copy_archived(
        conn,
        user_id=account.id,
        copy_id=copy_id,
        archive_reason=reason,
        expected_updated_at=None,
        now=NOW,
    )


async def restore(conn: Connection, account: Account, copy_id: Any) -> None:
    assert await collection.update_copy_restored(
        conn, user_id=account.id, copy_id=copy_id, expected_updated_at=None, now=NOW
    )


async def test_a_vanished_copy_is_archived_and_comes_back(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10, rating=4)
    shelf.add(11)
    await sync(ada)
    shelf.remove(item["instance_id"])
    run = await sync(ada)
    assert counts(run) == {"unchanged": 1, "archived": 1}
    assert (await copy_of(conn, ada, item["instance_id"]))["reason"] == "removed at Discogs"
    assert counts(await sync(ada)) == {"unchanged": 1}
    shelf.items.append(item)
    assert counts(await sync(ada)) == {"unchanged": 1, "returned": 1}
    found = await copy_of(conn, ada, item["instance_id"])
    assert (found["reason"], found["rating"]) == (None, 4)


async def test_a_record_that_is_added_again_gets_its_old_copy_back(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """Discogs gives it another instance, no rating and no notes; what was here stays."""
    item = shelf.add(10, rating=4)
    shelf.set_note(item["instance_id"], 3, "mine for years")
    await sync(ada)
    copy_id = await value(conn, "SELECT id FROM user_releases")
    shelf.remove(item["instance_id"])
    await sync(ada)
    again = shelf.add(10)["instance_id"]
    assert counts(await sync(ada)) == {"returned": 1}
    found = await copy_of(conn, ada, again)
    assert (found["reason"], found["rating"], found["notes"]) == (None, 4, "mine for years")
    assert await value(conn, "SELECT id FROM user_releases") == copy_id
    assert counts(await sync(ada)) == {"unchanged": 1}


async def test_a_record_that_was_sold_and_is_bought_again_is_a_new_copy(
    synced: Synced, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """Gone here by the user's word and gone at Discogs, it is no copy to come back to."""
    item, copy_id = synced
    await archive(conn, ada, copy_id, "sold")
    shelf.remove(item["instance_id"])
    await sync(ada)
    again = shelf.add(10)["instance_id"]
    assert counts(await sync(ada)) == {"added": 1}
    assert [(row["instance"], row["reason"], row["rating"]) for row in await copies(conn, ada)] == [
        (item["instance_id"], "sold", 4),
        (again, None, 0),
    ]
    assert counts(await sync(ada)) == {"unchanged": 1}


@pytest.mark.parametrize(("days", "reasons"), [(-1, ["sold"]), (1, [None, "sold"])])
async def test_a_sold_copy_without_an_instance_is_an_item_s_from_before_it_was_sold(
    days: int,
    reasons: list[str | None],
    sync: Sync,
    ada: Account,
    shelf: Shelf,
    conn: Connection,
) -> None:
    """Where Discogs has an item still, it stays sold; what is added later was bought again."""
    sold = await make_copy(
        conn, ada, await make_release(conn, 10), added_at=NOW - timedelta(days=1)
    )
    await archive(conn, ada, sold.id, "sold")
    shelf.add(10, added=NOW + timedelta(days=days))
    run = await sync(ada)
    assert [row["reason"] for row in await copies(conn, ada)] == reasons
    assert counts(run) == ({"adopted": 1} if days < 0 else {"added": 1})
    assert counts(await sync(ada)) == {"unchanged": 1}


async def test_a_copy_that_the_user_archived_stays_archived(
    synced: Synced, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item, copy_id = synced
    await archive(conn, ada, copy_id, "sold")
    item["rating"] = 3
    assert counts(await sync(ada)) == {"changed": 1}
    found = await copy_of(conn, ada, item["instance_id"])
    assert (found["reason"], found["rating"]) == ("sold", 3)
    # Gone there as well, it is still the user who said why.
    shelf.remove(item["instance_id"])
    await sync(ada)
    assert (await copy_of(conn, ada, item["instance_id"]))["reason"] == "sold"
    shelf.items.append(item)
    await sync(ada)
    assert (await copy_of(conn, ada, item["instance_id"]))["reason"] == "sold"


async def test_a_vanished_copy_that_the_user_restores_stays(
    synced: Synced, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item, copy_id = synced
    shelf.remove(item["instance_id"])
    await sync(ada)
    await restore(conn, ada, copy_id)
    for _ in range(2):
        assert counts(await sync(ada)) == {}
        assert (await copy_of(conn, ada, item["instance_id"]))["reason"] is None


async def test_a_sold_copy_that_is_gone_and_restored_here_stays(
    synced: Synced, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item, copy_id = synced
    await archive(conn, ada, copy_id, "sold")
    shelf.remove(item["instance_id"])
    await sync(ada)
    await restore(conn, ada, copy_id)
    await sync(ada)
    assert (await copy_of(conn, ada, item["instance_id"]))["reason"] is None


async def test_copies_without_an_instance_never_vanish(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    await make_copy(conn, ada, await make_release(conn, None))
    shelf.add(10)
    assert counts(await sync(ada)) == {"added": 1}
    assert {row["reason"] for row in await copies(conn, ada)} == {None}


async def test_a_deleted_copy_takes_what_discogs_said_of_it_along(
    synced: Synced, sync: Sync, ada: Account, conn: Connection
) -> None:
    _, copy_id = synced
    assert await collection.delete_copy(conn, user_id=ada.id, copy_id=copy_id) == 1
    assert await value(conn, "SELECT count(*) FROM discogs_copies") == 0
    assert counts(await sync(ada)) == {"added": 1}


async def test_an_instance_whose_release_was_merged_into_another_follows_with_its_history(
    synced: Synced, sync: Sync, ada: Account, conn: Connection, conninfo: str
) -> None:
    """What was done with the copy goes along; what was done with the release alone does not."""
    ben = await make_user(conn, "ben")
    item, copy_id = synced
    before = (await copies(conn, ada))[0]["release"]
    old_id = await value(conn, "SELECT id FROM releases WHERE discogs_id = 10")
    await make_play(conn, ada.id, old_id, copy_id=copy_id)
    await make_play(conn, ada.id, old_id, notes="of any copy")
    await make_cleaning(conn, ada.id, old_id, copy_id=copy_id)
    theirs = await make_copy(conn, ben, old_id)
    await make_play(conn, ben.id, old_id, copy_id=theirs.id)
    item["id"] = 11
    assert counts(await sync(ada)) == {"changed": 1}
    assert (before, (await copy_of(conn, ada, item["instance_id"]))["release"]) == (10, 11)
    of = "SELECT r.discogs_id FROM {} AS h JOIN releases AS r ON r.id = h.release_id WHERE {}"
    mine = f"h.user_id = '{ada.id}' AND h.user_release_id IS"
    for table, which, found in (
        ("play_history", f"{mine} NOT NULL", 11),
        ("cleaning_history", f"{mine} NOT NULL", 11),
        ("play_history", f"{mine} NULL", 10),
        ("play_history", f"h.user_id = '{ben.id}'", 10),
    ):
        assert await rows(conn, of.format(table, which)) == [(found,)]
    assert broken_rules(conninfo) == []
    assert counts(await sync(ada)) == {"unchanged": 1}


async def test_a_sync_touches_nobody_else_s_copies(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    """Another user owns the same release, and even a copy with the same instance."""
    ben = await make_user(conn, "ben")
    release_id = await make_release(conn, 10)
    await make_copy(conn, ben, release_id, notes="ben's")
    gone = await make_copy(conn, ben, release_id, notes="ben's too")
    item = shelf.add(10, folder_id=501)
    await conn.execute(
        "UPDATE user_releases SET discogs_instance_id = %s WHERE id = %s",
        (item["instance_id"], gone.id),
    )
    before = await rows(conn, "SELECT * FROM user_releases WHERE user_id = %s ORDER BY id", ben.id)
    await sync(ada)
    shelf.items.clear()
    await sync(ada)
    after = await rows(conn, "SELECT * FROM user_releases WHERE user_id = %s ORDER BY id", ben.id)
    assert after == before
    assert await value(conn, "SELECT count(*) FROM folders WHERE user_id = %s", ben.id) == 1


async def test_a_sync_waits_for_an_import_of_the_same_user_and_takes_its_copies(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection, settings: Settings, conninfo: str
) -> None:
    """Either would put the record on the shelf that the other one is just putting there."""
    release_id = await make_release(conn, 10)
    item = shelf.add(10)
    async with await connect(settings, conninfo) as other:
        async with other.transaction():
            await collection.lock_shelf(other, user_id=ada.id)
            syncing = asyncio.ensure_future(sync(ada))
            await until(lambda: is_waiting(conn, syncing))
            await make_copy(other, ada, release_id, notes="from the file")
        async with asyncio.timeout(60):
            run = await syncing
    assert counts(run) == {"adopted": 1}
    (found,) = await copies(conn, ada)
    assert (found["instance"], found["notes"]) == (item["instance_id"], "from the file")


async def is_waiting(conn: Connection, syncing: asyncio.Future[SyncRun]) -> bool:
    """Tell whether a sync waits for the lock; one that has ended without it is a failure."""
    assert not syncing.done()
    return bool(
        await value(
            conn,
            "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted",
        )
    )
