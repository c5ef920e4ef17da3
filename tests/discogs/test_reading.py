"""The traps of paging, and what is read again: domain.md's list, one by one."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from discogs_standin import Discogs, Fault
from factories import Account
from kleio.db.queries import Connection
from kleio.discogs import details, reading
from shelf_at_discogs import Shelf
from syncing import copies, counts, report, rows, value

from .conftest import Sync

pytestmark = pytest.mark.anyio

FIRST_PAGE = 4
"""The number of the call that reads the first page: after identity, folders and fields."""


def pages_read(discogs: Discogs) -> list[int]:
    return [int(call.query["page"]) for call in discogs.calls if call.path.endswith("/0/releases")]


async def instances(conn: Connection, account: Account) -> set[int]:
    return {row["instance"] for row in await copies(conn, account) if row["reason"] is None}


async def test_pages_have_the_most_items_and_an_order_that_does_not_change(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs
) -> None:
    await sync(ada)
    queries = [call.query for call in discogs.calls if call.path.endswith("/0/releases")]
    assert queries == [
        {"page": str(page), "per_page": "100", "sort": "added", "sort_order": "asc"}
        for page in (1, 2, 3)
    ]


async def test_an_empty_shelf_is_one_page_without_items(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs
) -> None:
    run = await sync(ada)
    assert (run.status, counts(run), len(discogs.calls)) == ("completed", {}, FIRST_PAGE)


async def test_a_removal_between_pages_hides_no_copy(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    """Page 2 then begins with what was its second item."""
    discogs.before_call[FIRST_PAGE + 1] = lambda: large_shelf.items.pop(5)
    run = await sync(ada)
    assert pages_read(discogs) == [1, 2, 3, 1, 2, 3]
    assert await instances(conn, ada) == {item["instance_id"] for item in large_shelf.items}
    assert report(run) == {}


async def test_an_addition_between_pages_is_read(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    discogs.before_call[FIRST_PAGE + 2] = lambda: large_shelf.add(77, added=datetime.now(UTC))
    # The second reading begins in the same second, and the item could be newer than its page 1.
    await sync(ada)
    assert await instances(conn, ada) == {item["instance_id"] for item in large_shelf.items}


async def test_a_removal_and_an_addition_that_leave_the_total_as_it_was(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    def change() -> None:
        large_shelf.items.pop(5)
        large_shelf.add(77, added=datetime.now(UTC))

    discogs.before_call[FIRST_PAGE + 1] = change
    await sync(ada)
    assert len(pages_read(discogs)) >= 6
    assert await instances(conn, ada) >= {item["instance_id"] for item in large_shelf.items}


async def test_items_of_one_second_that_change_places_are_put_together_from_several_readings(
    sync: Sync, ada: Account, discogs: Discogs, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discogs sorts by the second of adding alone: a mass import has hundreds of one second."""
    shelf = discogs.add_shelf(Shelf("collector", "t0ken-of-collector"))
    for number in range(230):
        shelf.add(number + 1, added=datetime(2020, 1, 1, tzinfo=UTC))
    shelf.shuffled = random.Random(7)
    monkeypatch.setattr(reading, "MOST_READINGS", 30)
    run = await sync(ada)
    assert len(pages_read(discogs)) > 3
    assert await instances(conn, ada) == {item["instance_id"] for item in shelf.items}
    assert (counts(run), report(run)) == ({"added": 230}, {})


async def test_a_shelf_that_never_stands_still_is_taken_as_seen_and_archives_nothing(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    await sync(ada)
    gone = large_shelf.items.pop(0)["instance_id"]
    discogs.calls.clear()
    for reading_number in range(reading.MOST_READINGS):
        discogs.before_call[FIRST_PAGE + 1 + 3 * reading_number] = lambda: large_shelf.items.pop(5)
    run = await sync(ada)
    assert run.status == "completed"
    assert report(run) == {"incomplete": True}
    assert "archived" not in counts(run)
    assert gone in await instances(conn, ada)
    # The next one can tell.
    assert counts(await sync(ada))["archived"] == 1 + reading.MOST_READINGS


async def test_a_shelf_that_becomes_shorter_by_a_page(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    """The page that was announced is answered with 404."""
    del large_shelf.items[201:]
    discogs.before_call[FIRST_PAGE + 2] = lambda: large_shelf.items.pop()
    await sync(ada)
    assert await instances(conn, ada) == {item["instance_id"] for item in large_shelf.items}


async def test_what_no_page_shows_is_asked_for_before_it_counts_as_gone(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    await sync(ada)
    hidden = large_shelf.items[150]
    gone = large_shelf.items.pop(20)
    everything = large_shelf.sorted_items
    large_shelf.sorted_items = lambda query: [  # type: ignore[method-assign]
        item for item in everything(query) if item is not hidden
    ]
    discogs.calls.clear()
    run = await sync(ada)
    asked = [path for path in discogs.paths() if "/collection/releases/" in path]
    assert sorted(asked) == sorted(
        f"/users/collector/collection/releases/{item['id']}" for item in (hidden, gone)
    )
    assert counts(run)["archived"] == 1
    assert hidden["instance_id"] in await instances(conn, ada)
    assert gone["instance_id"] not in await instances(conn, ada)


async def test_where_more_vanished_than_there_are_pages_the_shelf_is_read_once_more(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    await sync(ada)
    del large_shelf.items[20:60]
    discogs.calls.clear()
    run = await sync(ada)
    assert pages_read(discogs) == [1, 2, 3, 1, 2, 3]
    assert len(discogs.calls) == 3 + 6
    assert counts(run)["archived"] == 40
    assert (run.pages_done, run.pages_total) == (6, 6)


async def test_the_second_reading_finds_what_the_first_did_not(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    await sync(ada)
    hidden = [item["instance_id"] for item in large_shelf.items[20:60]]
    everything = large_shelf.items
    discogs.calls.clear()
    discogs.before_call[FIRST_PAGE] = lambda: setattr(
        large_shelf, "items", everything[:20] + everything[60:]
    )
    discogs.before_call[FIRST_PAGE + 3] = lambda: setattr(large_shelf, "items", everything)
    run = await sync(ada)
    assert "archived" not in counts(run)
    assert set(hidden) <= await instances(conn, ada)


async def test_an_incomplete_fetch_writes_no_shelf_at_all(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    await sync(ada)
    before = await rows(conn, "SELECT * FROM user_releases ORDER BY id")
    large_shelf.items.clear()
    large_shelf.add(1)
    discogs.faults.append(Fault("status", "/0/releases", times=99, value=403))
    run = await sync(ada)
    assert (run.status, run.error_code) == ("failed", "discogs-refused")
    assert await rows(conn, "SELECT * FROM user_releases ORDER BY id") == before
    assert await value(conn, "SELECT count(*) FROM sync_items") == 0


async def test_a_page_with_an_item_that_makes_no_sense_is_named(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    shelf.add(10, basic_information={"title": "No number"})["instance_id"] = "what"
    run = await sync(ada)
    assert (run.status, run.error_code) == ("failed", "discogs-unexpected-answer")
    assert "$.releases[0].instance_id" in (run.error or "")
    assert await copies(conn, ada) == []


async def test_nul_in_a_text_is_left_out(
    sync: Sync, ada: Account, shelf: Shelf, conn: Connection
) -> None:
    instance = shelf.add(10)["instance_id"]
    shelf.set_note(instance, 3, "a\0b")
    await sync(ada)
    assert (await copies(conn, ada))[0]["notes"] == "ab"


# --- releases -----------------------------------------------------------------------------------


async def test_the_shelf_is_whole_before_the_releases_are(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    run = await sync(ada, with_details=False)
    assert counts(run) == {"added": 250}
    cards = await rows(conn, "SELECT card ->> 'title', card ->> 'thumb' FROM releases")
    assert all(title and thumb for title, thumb in cards)
    assert await value(conn, "SELECT count(*) FROM tracks") == 0
    discogs.calls.clear()
    run = await sync(ada, with_details=True)
    assert counts(run)["fetched"] == len(cards) == run.releases_done == run.releases_total
    assert await value(conn, "SELECT count(*) FROM releases WHERE source_hash IS NULL") == 0
    # The latest added first, so that these are complete first.
    fetched = [path for path in discogs.paths() if path.startswith("/releases/")]
    newest = {f"/releases/{item['id']}" for item in large_shelf.items[-details.BATCH_SIZE :]}
    assert set(fetched[: len(newest)]) == newest


async def test_a_release_that_discogs_has_no_more_stays_a_stub_and_is_not_asked_for_again(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    shelf.add(10)
    shelf.add(11)
    discogs.missing.add(10)
    run = await sync(ada, with_details=True)
    assert run.status == "completed"
    assert counts(run) == {"added": 2, "toFetch": 2, "fetched": 1, "refused": 1}
    (refused,) = report(run)["refused"]
    assert refused["discogsId"] == 10
    assert refused["reason"].endswith("Release not found.")
    discogs.calls.clear()
    await sync(ada, with_details=True)
    assert "/releases/10" not in discogs.paths()
    # A week later it is tried again.
    await conn.execute("UPDATE releases SET fetched_at = fetched_at - interval '8 days'")
    await sync(ada, with_details=True)
    assert discogs.paths().count("/releases/10") == 1


@pytest.mark.parametrize("others", [0, 20])
async def test_a_release_that_discogs_fails_at_is_refused_alone_and_tried_another_time(
    others: int, sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    for number in range(10, 11 + others):
        shelf.add(number)
    discogs.faults.append(Fault("status", "^/releases/10$", times=99, value=500, retry_after="0"))
    run = await sync(ada, with_details=True)
    assert (run.status, run.error) == ("completed", None)
    fetched = {"fetched": others} if others else {}
    total = others + 1
    assert counts(run) == {"added": total, "toFetch": total, **fetched, "refused": 1}
    reason = "Discogs fails with 500 at /releases/10"
    assert report(run)["refused"] == [{"discogsId": 10, "reason": reason}]
    discogs.calls.clear()
    assert (await sync(ada, with_details=True)).releases_total == 0
    assert "/releases/10" not in discogs.paths()
    discogs.faults.clear()
    await conn.execute("UPDATE releases SET fetched_at = fetched_at - interval '8 days'")
    await sync(ada, with_details=True)
    assert await value(conn, "SELECT count(*) FROM releases WHERE source_hash IS NULL") == 0


@pytest.mark.parametrize(("status", "retry_after"), [(503, "0"), (429, "7200")])
async def test_discogs_that_fails_at_all_releases_ends_the_run_and_refuses_none(
    status: int,
    retry_after: str,
    sync: Sync,
    ada: Account,
    shelf: Shelf,
    discogs: Discogs,
    conn: Connection,
) -> None:
    for number in range(10, 24):
        shelf.add(number)
    fault = Fault("status", "^/releases/", times=999, value=status, retry_after=retry_after)
    discogs.faults.append(fault)
    run = await sync(ada, with_details=True)
    assert (run.status, run.error_code) == ("failed", "discogs-unavailable")
    assert counts(run) == {"added": 14, "toFetch": 14}
    assert await value(conn, "SELECT count(fetched_at) FROM releases") == 0
    discogs.faults.clear()
    assert counts(await sync(ada, with_details=True))["fetched"] == 14


async def test_what_came_from_the_api_is_asked_for_again_after_six_hours_and_a_dump_s_never(
    sync: Sync, ada: Account, shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    for number in (10, 11, 12):
        shelf.add(number)
    await sync(ada, with_details=True)
    await conn.execute("UPDATE releases SET fetched_at = fetched_at - interval '5 hours 59 min'")
    await conn.execute(
        "UPDATE releases SET fetched_at = fetched_at - interval '2 min' WHERE discogs_id > 10"
    )
    await conn.execute("UPDATE releases SET from_api = false WHERE discogs_id = 12")
    updated = await rows(conn, "SELECT id, updated_at FROM releases WHERE from_api ORDER BY id")
    discogs.calls.clear()
    run = await sync(ada, with_details=True)
    assert [path for path in discogs.paths() if path.startswith("/releases/")] == ["/releases/11"]
    assert counts(run) == {"unchanged": 3, "toFetch": 1, "fetched": 1}
    # The same content is not written again; only its age is.
    assert (
        await rows(conn, "SELECT id, updated_at FROM releases WHERE from_api ORDER BY id")
        == updated
    )
    assert (await sync(ada, with_details=True)).releases_total == 0


async def test_a_dry_run_writes_nothing_but_its_run(
    sync: Sync, ada: Account, large_shelf: Shelf, discogs: Discogs, conn: Connection
) -> None:
    async def everything() -> dict[str, list[object]]:
        tables = await rows(
            conn,
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace"
            " AND relname NOT IN ('sync_runs', 'discogs_pace') AND relname !~ '^_?(yoyo|kleio)_'",
        )
        return {
            name: await rows(conn, f"SELECT t::text FROM {name} AS t ORDER BY 1")
            for (name,) in tables
        }

    before = await everything()
    run = await sync(ada, dry_run=True, with_details=True)
    releases = len({item["id"] for item in large_shelf.items})
    assert counts(run) == {"added": 250, "toFetch": releases}
    assert (run.status, run.dry_run) == ("completed", True)
    assert await everything() == before

    await sync(ada)
    before = await everything()
    large_shelf.items[0]["rating"] = 1
    large_shelf.items[0]["folder_id"] = 1_387_001
    large_shelf.items.pop()
    large_shelf.folders[1_387_001] = "Renamed"
    large_shelf.add(99)
    dry = await sync(ada, dry_run=True)
    assert await everything() == before
    real = await sync(ada)
    told = counts(dry)
    assert told.pop("toFetch") > 0
    assert told == counts(real)
    assert told["archived"] == told["changed"] == told["added"] == 1
