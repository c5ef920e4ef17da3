"""Pages of the shelf: every sort, to the end, without gap or repeat, with many equal keys."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from factories import (
    NO_FILTERS,
    NOW,
    Account,
    make_copy,
    make_user,
    release_document,
    store_releases,
)
from kleio.catalogue import ArtistCredit
from kleio.db.queries import Connection, Keyed
from kleio.repositories import collection, collection_pages
from paging import walk

pytestmark = pytest.mark.anyio

COPIES = 45
SORTS = {
    "newest": ("c.added_at DESC, c.id DESC", None),
    "oldest": ("c.added_at, c.id", None),
    **{
        f"{sort} {direction}": (expression.format(order), sort)
        for sort, expression in {
            "added": "c.added_at {0}, c.id {0}",
            "artist": 'left(r.artist_normalized, 100) COLLATE "C" {0}, c.id {0}',
            "title": 'left(r.title_normalized, 100) COLLATE "C" {0}, c.id {0}',
            "year": "coalesce(r.year, 0) {0}, c.id {0}",
            "rating": "c.rating {0}, c.id {0}",
        }.items()
        for direction, order in (("ascending", "ASC"), ("descending", "DESC"))
    },
}


async def fill(conn: Connection, rng: random.Random) -> Account:
    """Make two shelves of the same releases and return the owner of the first."""
    account, other = await make_user(conn), await make_user(conn)
    long = "Ä very long title " * 20
    releases = await store_releases(
        conn,
        [
            release_document(
                number,
                title=rng.choice(["Same", "same", "Sáme", f"{long}{number}", ""]),
                year=rng.choice([None, 1999, 2001]),
                artists=[ArtistCredit(name=rng.choice(["Ann", "Änn", "Bo"]), discogs_id=number)],
            )
            for number in range(1, 16)
        ],
    )
    for number in range(COPIES):
        for owner in (account, other):
            await make_copy(
                conn,
                owner,
                releases[number % len(releases)],
                rating=rng.choice([0, 3, 5]),
                added_at=NOW - timedelta(days=rng.choice([0, 1, 2])),
            )
    return account


def pages(conn: Connection, user_id: UUID, sort: str, page_size: int, page_offset: int = 0) -> Any:
    """Return the function that fetches the page after a key and an id."""
    name, _, direction = sort.partition(" ")
    given: dict[str, Any] = {
        "marks_at": None,
        "page_size": page_size,
        "page_offset": page_offset,
    }
    if direction:
        given |= {"sort": name, **NO_FILTERS}
    way = "after" if (direction or name) in ("oldest", "ascending") else "before"
    key_name = f"{way}_key" if direction else f"{way}_added_at"
    module = collection_pages if direction else collection
    function = getattr(module, f"list_collection_{direction or name}")

    async def page(key: Any, last: UUID | None) -> list[Keyed[collection.Copy]]:
        return await function(conn, user_id=user_id, **given, **{key_name: key, f"{way}_id": last})

    return page


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_hold_every_copy_once_and_in_order(
    sort: str, tx: Connection, rng: random.Random
) -> None:
    account = await fill(tx, rng)
    order, _ = SORTS[sort]
    cursor = await tx.execute(
        f"SELECT c.id FROM user_releases AS c JOIN releases AS r ON r.id = c.release_id"
        f" WHERE c.user_id = %s ORDER BY {order}",
        [account.id],
    )
    expected = [row[0] for row in await cursor.fetchall()]
    assert len(expected) == COPIES
    whole = await pages(tx, account.id, sort, 1000)(None, None)
    assert [row.id for row in whole] == expected
    assert [row.row.id for row in whole] == expected
    for page_size in (1, 7, COPIES):
        rows = await walk(pages(tx, account.id, sort, page_size), page_size)
        assert [row.id for row in rows] == expected, f"pages of {page_size}"


@pytest.mark.parametrize("sort", SORTS)
async def test_a_copy_added_or_taken_off_meanwhile_repeats_and_hides_no_other(
    sort: str, tx: Connection, rng: random.Random
) -> None:
    account = await fill(tx, rng)
    page = pages(tx, account.id, sort, 10)
    before = [row.id for row in await pages(tx, account.id, sort, 1000)(None, None)]
    first = await page(None, None)
    gone = first[-1].id
    await collection.delete_copy(tx, user_id=account.id, copy_id=gone)
    await make_copy(tx, account, first[0].row.release_id, added_at=NOW, rating=5)
    rest: list[UUID] = []
    key, last = first[-1].key, first[-1].id
    while rows := await page(key, last):
        rest += [row.id for row in rows]
        key, last = rows[-1].key, rows[-1].id
    seen = [row.id for row in first] + [id_ for id_ in rest if id_ in before]
    assert seen == before


@pytest.mark.parametrize("sort", SORTS)
async def test_an_offset_skips_as_many(sort: str, tx: Connection, rng: random.Random) -> None:
    account = await fill(tx, rng)
    everything = [row.id for row in await pages(tx, account.id, sort, 1000)(None, None)]
    rows = await pages(tx, account.id, sort, 5, page_offset=10)(None, None)
    assert [row.id for row in rows] == everything[10:15]


@pytest.mark.parametrize("sort", ["newest", "oldest", "title ascending", "year descending"])
async def test_archived_copies_are_not_on_the_shelf(
    sort: str, tx: Connection, rng: random.Random
) -> None:
    account = await fill(tx, rng)
    await tx.execute(
        "UPDATE user_releases SET archived_at = added_at WHERE user_id = %s AND rating = 0",
        [account.id],
    )
    rows = await walk(pages(tx, account.id, sort, 7), 7)
    assert rows
    assert all(row.row.rating > 0 for row in rows)
    count = await collection_pages.count_collection(tx, user_id=account.id, **NO_FILTERS)
    assert count == len(rows)
