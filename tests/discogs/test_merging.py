"""Which side counts, field by field: here, at Discogs, and what Discogs said last."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from factories import NOW, Account
from kleio.db.queries import Connection
from kleio.repositories import collection, folders
from shelf_at_discogs import Shelf
from syncing import copy_of, counts, report, rows, value

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
