"""Which side counts, field by field: here, at Discogs, and what Discogs said last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from factories import NOW, Account, make_copy, make_play, make_release, make_user
from kleio.db.queries import Connection
from kleio.repositories import collection, folders
from shelf_at_discogs import Shelf
from syncing import copies, copy_of, counts, report, rows, value

from .conftest import Sync

pytestmark = pytest.mark.anyio

LATER = datetime(2021, 5, 6, 7, 8, 9, tzinfo=UTC)
LATEST = datetime(2022, 5, 6, 7, 8, 9, tzinfo=UTC)


def note(field_id: int, *texts: str) -> tuple[Callable[[Shelf, int], None], ...]:
    return tuple(
        lambda shelf, instance, text=text: shelf.set_note(instance, field_id, text)
        for text in texts
    )


def setting(name: str, *values: Any) -> tuple[Callable[[Shelf, int], None], ...]:
    return tuple(
        lambda shelf, instance, given=given: shelf.item(instance).update({name: given})
        for given in values
    )


# Field: the API's name, and of three values how Discogs is made to say the first and the second,
# what they are here, and what the user sets instead.
FIELDS: dict[str, tuple[str, tuple[Any, ...], tuple[Any, Any], tuple[str, Any, Any]]] = {
    "folder": ("folder", setting("folder_id", 501, 502), ("Jazz", "Attic"), ("folderId", None, "")),
    "rating": ("rating", setting("rating", 3, 5), (3, 5), ("rating", 1, 1)),
    "rating cleared": ("rating", setting("rating", 3, 0), (3, 0), ("rating", 1, 1)),
    "media": (
        "media",
        note(1, "Near Mint (NM or M-)", "Good (G)"),
        ("NM", "G"),
        ("mediaCondition", "P", "P"),
    ),
    "sleeve": (
        "sleeve",
        note(2, "Generic", "Fair (F)"),
        ("Generic", "F"),
        ("sleeveCondition", "M", "M"),
    ),
    "notes": ("notes", note(3, "one", "two"), ("one", "two"), ("notes", "mine", "mine")),
    "notes cleared": ("notes", note(3, "one", ""), ("one", None), ("notes", "mine", "mine")),
    "custom field": (
        "custom",
        note(4, "shop", "fair"),
        ('{"Purchase place": "shop"}', '{"Purchase place": "fair"}'),
        ("customFields", {"Purchase place": "mine"}, '{"Purchase place": "mine"}'),
    ),
    "added": (
        "added_at",
        setting("date_added", "2021-05-06T00:08:09-07:00", "2022-05-06T00:08:09-07:00"),
        (LATER, LATEST),
        ("addedAt", "2001-01-01T00:00:00Z", datetime(2001, 1, 1, tzinfo=UTC)),
    ),
}
each_field = pytest.mark.parametrize("case", FIELDS.values(), ids=FIELDS)


async def edit(conn: Connection, account: Account, instance: int, **changes: Any) -> None:
    """Change a copy as its owner does through the API."""
    (copy_id,) = await rows(
        conn,
        "SELECT id FROM user_releases WHERE user_id = %s AND discogs_instance_id = %s",
        account.id,
        instance,
    )
    changed = await collection.update_copy(
        conn,
        user_id=account.id,
        copy_id=copy_id[0],
        changes=msgspec.json.encode(changes).decode(),
        expected_updated_at=None,
        now=datetime.now(UTC),
    )
    assert changed is not None


async def own_value(conn: Connection, account: Account, case: Any) -> tuple[str, Any, Any]:
    """Return the field's name, what the user sets and what is seen then."""
    name, given, seen = case[3]
    if name != "folderId":
        return name, given, seen
    made = await folders.insert_folder(conn, user_id=account.id, number=None, name="Mine", now=NOW)
    assert made is not None
    return name, str(made.id), "Mine"


@each_field
async def test_only_discogs_changed_a_field(
    case: Any, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    column, (set_first, set_second), (first, second), _ = case
    instance = shelf.add(10)["instance_id"]
    set_first(shelf, instance)
    await sync(ada)
    assert (await copy_of(conn, ada, instance))[column] == first
    set_second(shelf, instance)
    run = await sync(ada)
    assert (await copy_of(conn, ada, instance))[column] == second
    assert counts(run) == {"changed": 1}


@each_field
async def test_only_the_user_changed_a_field(
    case: Any, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    column, (set_first, _), _, _ = case
    instance = shelf.add(10)["instance_id"]
    set_first(shelf, instance)
    await sync(ada)
    name, given, seen = await own_value(conn, ada, case)
    await edit(conn, ada, instance, **{name: given})
    for _ in range(2):
        run = await sync(ada)
        assert (await copy_of(conn, ada, instance))[column] == seen
        assert counts(run) == {"unchanged": 1}


@each_field
async def test_both_changed_a_field_and_the_user_wins_and_is_told_once(
    case: Any, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    column, (set_first, set_second), _, _ = case
    instance = shelf.add(10)["instance_id"]
    set_first(shelf, instance)
    await sync(ada)
    name, given, seen = await own_value(conn, ada, case)
    await edit(conn, ada, instance, **{name: given})
    set_second(shelf, instance)
    run = await sync(ada)
    assert (await copy_of(conn, ada, instance))[column] == seen
    assert counts(run) == {"unchanged": 1, "conflicts": 1}
    (conflict,) = report(run)["conflicts"]
    told = f"{name}.Purchase place" if name == "customFields" else name
    assert (conflict["instanceId"], conflict["releaseDiscogsId"]) == (instance, 10)
    assert conflict["fields"] == [told]
    run = await sync(ada)
    assert counts(run) == {"unchanged": 1}
    assert (await copy_of(conn, ada, instance))[column] == seen


@each_field
async def test_both_changed_a_field_alike(
    case: Any, sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    column, (set_first, set_second), (_, second), (name, _, _) = case
    instance = shelf.add(10)["instance_id"]
    set_first(shelf, instance)
    await sync(ada)
    alike: Any = second
    if name == "folderId":
        alike = await value(conn, "SELECT id::text FROM folders WHERE name = %s", second)
    elif name == "customFields":
        alike = msgspec.json.decode(second)
    await edit(conn, ada, instance, **{name: alike})
    set_second(shelf, instance)
    run = await sync(ada)
    assert counts(run) == {"unchanged": 1}
    # From now on it counts as Discogs', so the next change there is taken.
    set_first(shelf, instance)
    await sync(ada)
    assert (await copy_of(conn, ada, instance))[column] == case[2][0]


async def test_fields_are_judged_each_by_itself(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    shelf.fields[5] = "Shelf number"
    instance = shelf.add(10, rating=2)["instance_id"]
    shelf.set_note(instance, 4, "shop")
    shelf.set_note(instance, 5, "7")
    await sync(ada)
    mine = {"Purchase place": "mine", "Shelf number": "7", "Own": [1]}
    await edit(conn, ada, instance, customFields=mine, notes="mine")
    shelf.item(instance)["rating"] = 4
    shelf.set_note(instance, 5, "8")
    run = await sync(ada)
    found = await copy_of(conn, ada, instance)
    assert (found["rating"], found["notes"]) == (4, "mine")
    assert msgspec.json.decode(found["custom"]) == {**mine, "Shelf number": "8"}
    assert counts(run) == {"changed": 1}


async def test_a_condition_that_is_none_of_discogs_own_is_kept_as_a_field(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    instance = shelf.add(10)["instance_id"]
    shelf.set_note(instance, 1, "No Cover")
    shelf.set_note(instance, 9, "of a field that was made meanwhile")
    await sync(ada)
    found = await copy_of(conn, ada, instance)
    assert found["media"] is None
    assert msgspec.json.decode(found["custom"]) == {
        "Media Condition": "No Cover",
        "Field 9": "of a field that was made meanwhile",
    }


async def test_an_edit_during_the_sync_is_left_for_the_next(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Any, conn: Connection, conninfo: str
) -> None:
    """The copy is compared and written in one transaction, and only as it was compared."""
    instance = shelf.add(10, rating=1)["instance_id"]
    await sync(ada)
    shelf.item(instance)["rating"] = 2
    await conn.execute(
        # As if the owner had saved between the two statements.
        "CREATE FUNCTION edited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  UPDATE user_releases SET rating = 5, updated_at = now() + interval '1 s'; RETURN NULL;"
        " END $$"
    )
    await conn.execute(
        "CREATE TRIGGER edits AFTER UPDATE OF merged ON sync_items"
        " FOR EACH STATEMENT EXECUTE FUNCTION edited()"
    )
    await sync(ada)
    assert (await copy_of(conn, ada, instance))["rating"] == 5
    await conn.execute("DROP TRIGGER edits ON sync_items")
    run = await sync(ada)
    assert (await copy_of(conn, ada, instance))["rating"] == 5
    assert counts(run) == {"unchanged": 1, "conflicts": 1}


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


async def test_a_copy_that_the_user_archived_stays_archived(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10)
    await sync(ada)
    copy_id = await value(conn, "SELECT id FROM user_releases")
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
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10)
    await sync(ada)
    shelf.remove(item["instance_id"])
    await sync(ada)
    await restore(conn, ada, await value(conn, "SELECT id FROM user_releases"))
    for _ in range(2):
        assert counts(await sync(ada)) == {}
        assert (await copy_of(conn, ada, item["instance_id"]))["reason"] is None


async def test_a_sold_copy_that_is_gone_and_restored_here_stays(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10)
    await sync(ada)
    copy_id = await value(conn, "SELECT id FROM user_releases")
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
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    shelf.add(10)
    await sync(ada)
    copy_id = await value(conn, "SELECT id FROM user_releases")
    assert await collection.delete_copy(conn, user_id=ada.id, copy_id=copy_id) == 1
    assert await value(conn, "SELECT count(*) FROM discogs_copies") == 0
    assert counts(await sync(ada)) == {"added": 1}


async def test_an_instance_whose_release_was_merged_into_another_follows(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    item = shelf.add(10)
    await sync(ada)
    item["id"] = 11
    assert counts(await sync(ada)) == {"changed": 1}
    assert (await copy_of(conn, ada, item["instance_id"]))["release"] == 11


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
