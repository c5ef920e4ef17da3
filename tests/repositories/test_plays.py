"""Plays: what is written, how long they take, what is refused, what the filters find."""

from __future__ import annotations

import functools
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from factories import (
    NOW,
    make_copy,
    make_play,
    make_release,
    make_stylus,
    make_user,
    release_document,
    store_releases,
)
from kleio.catalogue import ArtistCredit, FormatDocument, TrackDocument
from kleio.db.errors import DatabaseError, InvalidData, MissingReference
from kleio.db.queries import Connection
from kleio.repositories import collection, plays, users
from paging import walk
from servers import owner_only

pytestmark = pytest.mark.anyio

NOWHERE = UUID(int=1)
LATER = NOW + timedelta(days=1)
NO_FILTERS = dict.fromkeys(
    ("release_id", "copy_id", "stylus_id", "artist", "genre", "since", "until")
)


def track(seq: int, position: str | None, seconds: int | None, **more: Any) -> TrackDocument:
    return TrackDocument(seq=seq, title="t", position=position, duration_seconds=seconds, **more)


def sides(*lines: tuple[str | None, int | None]) -> list[TrackDocument]:
    return [track(seq, position, seconds) for seq, (position, seconds) in enumerate(lines, 1)]


LP = sides(("A1", 300), ("A2", 600), ("B1", 100), ("B2", None))
SUITE = [
    track(1, None, None, type="heading"),
    # An index without a duration: its sub-tracks count, each on its own side.
    track(2, None, None, type="index"),
    track(3, "A1.a", 100, parent_seq=2),
    track(4, "A1.b", 200, parent_seq=2),
    track(5, "B1.a", 50, parent_seq=2),
    # An index with one of its own stands for its sub-tracks.
    track(6, "B2", 1000, type="index"),
    track(7, "B2.a", 1, parent_seq=6),
    track(8, "B2.b", 2, parent_seq=6),
]
DOUBLE = [FormatDocument(name="Vinyl", qty="2", descriptions=["LP", "33 ⅓ RPM"])]
BOX = [FormatDocument(name="CD", qty="222")]

# Tracks, formats, the side, and the seconds of a play to which nobody gave any.
DURATIONS: dict[str, tuple[list[TrackDocument], list[FormatDocument], str | None, int]] = {
    "whole": (LP, DOUBLE, None, 1000),
    "side A": (LP, DOUBLE, "A", 900),
    "side B, in part": (LP, DOUBLE, "B", 100),
    "a side that no track is on: a third of A, B and it": (LP, DOUBLE, "C", 333),
    "sub-tracks on A": (SUITE, DOUBLE, "A", 300),
    "sub-tracks and an index on B": (SUITE, DOUBLE, "B", 1050),
    "whole suite": (SUITE, DOUBLE, None, 1350),
    "estimate": ([], DOUBLE, None, 4 * 22 * 60),
    "a side of an estimate without tracks: half": ([], DOUBLE, "A", 2 * 22 * 60),
    "a side of four without durations": (
        sides(("A1", None), ("B1", None), ("C1", None), ("D", None)),
        DOUBLE,
        "D",
        22 * 60,
    ),
    "one side only": (sides(("A1", None), ("A2", None)), DOUBLE, "A", 4 * 22 * 60),
    "positions without sides: half": (sides(("1", 100), ("2", 200)), DOUBLE, "A", 150),
    "a second without durations: its share": (sides(("A", 400), ("B", None)), DOUBLE, "B", 200),
    "0 is unknown": (sides(("A", 400), ("B", 0)), DOUBLE, "B", 200),
    "with a prefix": (sides(("LP-A1", 10), ("LP-B1", 20), ("CD-1", 70)), DOUBLE, "B", 20),
    "two letters": (sides(("AA1", 10), ("BB1", 20)), DOUBLE, "AA", 10),
    "dots, dashes and spaces": (sides(("A. 1", 1), ("A-2", 2), ("A 3", 4)), DOUBLE, "A", 7),
    "nothing known": ([], [], None, 2400),
    "half of nothing known": ([], [], "B", 1200),
    "no more than 48 hours": ([], BOX, None, 48 * 3600),
}


@pytest.mark.parametrize(
    ("tracks", "formats", "side", "seconds"), DURATIONS.values(), ids=DURATIONS
)
async def test_a_duration_that_nobody_gave(
    tracks: list[TrackDocument],
    formats: list[FormatDocument],
    side: str | None,
    seconds: int,
    tx: Connection,
) -> None:
    account = await make_user(tx)
    release_id = await make_release(tx, tracks=tracks, formats=formats)
    play_id = await make_play(tx, account.id, release_id, side=side)
    play = await plays.get_play(tx, user_id=account.id, play_id=play_id)
    assert (play.duration_seconds, play.duration_estimated, play.side) == (seconds, True, side)
    # An update estimates in the same way.
    other = await make_play(tx, account.id, release_id, duration_seconds=1)
    changed = await update(tx, account.id, other, durationSeconds=None, side=side)
    assert (changed.duration_seconds, changed.duration_estimated) == (seconds, True)


async def test_many_at_once(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx, tracks=LP)
    mine, not_mine = [await make_copy(tx, one, release_id) for one in (account, other)]
    stylus_id = await make_stylus(tx, account.id)
    given = [
        {"copyId": mine.id, "playedAt": NOW, "stylusId": stylus_id, "notes": "ü"},
        {"copyId": mine.id, "playedAt": LATER, "side": "A", "durationSeconds": 900},
        {"copyId": not_mine.id, "playedAt": NOW},
    ]

    async def insert() -> int:
        document = json.dumps(given, default=str)
        return await plays.insert_plays(tx, user_id=account.id, plays=document, now=NOW)

    assert await insert() == 2
    page = {"before_played_at": None, "before_id": None, "page_size": 9, "page_offset": 0}
    later, first = [k.row for k in await plays.list_plays(tx, user_id=account.id, **page)]
    assert (first.copy_id, first.release_id, first.stylus_id) == (mine.id, release_id, stylus_id)
    assert (first.duration_seconds, first.duration_estimated, first.notes) == (1000, True, "ü")
    assert (later.duration_seconds, later.duration_estimated, later.side) == (900, True, "A")
    given[0]["stylusId"] = await make_stylus(tx, other.id)
    with pytest.raises(MissingReference):
        async with tx.transaction():
            await insert()


async def test_a_release_without_a_playing_time_takes_40_minutes(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    await tx.execute("UPDATE releases SET play_duration = NULL")
    play_id = await make_play(tx, account.id, release_id)
    play = await plays.get_play(tx, user_id=account.id, play_id=play_id)
    assert play.duration_seconds == 2400


@pytest.mark.parametrize("position", [None, "", "1", "12", "CD1-1", "CD-1", "CD2", "DVD1", "Video"])
async def test_positions_without_a_side(position: str | None, tx: Connection) -> None:
    cursor = await tx.execute("SELECT side_of(%s)", [position])
    assert await cursor.fetchone() == (None,)


@pytest.mark.parametrize(
    ("position", "side"),
    [("A", "A"), ("b2", "B"), ("A10", "A"), ("AA", "AA"), ("LP1-C2", "C"), ("A1-A3", "A")],
)
async def test_positions_with_a_side(position: str, side: str, tx: Connection) -> None:
    cursor = await tx.execute("SELECT side_of(%s)", [position])
    assert await cursor.fetchone() == (side,)


async def test_a_play_of_a_copy_is_one_of_its_release(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx, 5)
    copy = await make_copy(tx, account, release_id)
    stylus_id = await make_stylus(tx, account.id)
    play_id = await make_play(
        tx,
        account.id,
        None,
        copy_id=copy.id,
        stylus_id=stylus_id,
        duration_seconds=0,
        side="B",
        notes="ünï",
    )
    play = await plays.get_play(tx, user_id=account.id, play_id=play_id)
    assert (play.release_id, play.copy_id, play.stylus_id) == (release_id, copy.id, stylus_id)
    assert (play.duration_seconds, play.duration_estimated) == (0, False)
    assert (play.side, play.notes, play.played_at, play.updated_at) == ("B", "ünï", NOW, NOW)
    assert json.loads(bytes(play.release))["discogsId"] == 5


async def test_the_primary_stylus_is_the_user_s_own_and_may_be_missing(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    await make_stylus(tx, other.id, is_primary=True)
    await make_stylus(tx, mine.id)

    async def stylus_of_a_play(**given: Any) -> UUID | None:
        play_id = await make_play(tx, mine.id, release_id, **given)
        return (await plays.get_play(tx, user_id=mine.id, play_id=play_id)).stylus_id

    assert await stylus_of_a_play(with_primary=True) is None
    primary = await make_stylus(tx, mine.id, is_primary=True)
    assert await stylus_of_a_play(with_primary=True) == primary
    assert await stylus_of_a_play(with_primary=False) is None


async def test_what_is_not_there_or_not_the_user_s_logs_nothing(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id, second = await make_release(tx), await make_release(tx)
    copy = await make_copy(tx, other, release_id)
    own = await make_copy(tx, mine, release_id)
    for given in (
        {"release_id": NOWHERE},
        {"release_id": None},
        {"release_id": None, "copy_id": NOWHERE},
        {"release_id": None, "copy_id": copy.id},
        {"release_id": release_id, "copy_id": copy.id},
        {"release_id": second, "copy_id": own.id},
    ):
        with pytest.raises(AssertionError):
            await make_play(tx, mine.id, **given)
    assert await plays.count_plays(tx, user_id=mine.id, **NO_FILTERS) == 0


@pytest.mark.parametrize(
    ("fields", "error", "constraint"),
    [
        ({"duration_seconds": -1}, InvalidData, "play_history_duration_check"),
        ({"duration_seconds": 172_801}, InvalidData, "play_history_duration_check"),
        ({"side": "a"}, InvalidData, "play_history_side_check"),
        ({"side": "AAA"}, InvalidData, "play_history_side_check"),
        ({"side": "A\n"}, InvalidData, "play_history_side_check"),
        ({"notes": "NUL \0"}, InvalidData, None),
        ({"stylus_id": NOWHERE}, MissingReference, "play_history_stylus_id_fkey"),
    ],
)
async def test_a_wrong_value_is_refused(
    fields: dict[str, Any], error: type[DatabaseError], constraint: str | None, tx: Connection
) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    with pytest.raises(error) as caught:
        async with tx.transaction():
            await make_play(tx, account.id, release_id, **fields)
    assert caught.value.constraint == constraint


async def test_another_user_s_stylus_is_refused_on_insert_and_update(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id, stylus_id = await make_release(tx), await make_stylus(tx, other.id)
    play_id = await make_play(tx, mine.id, release_id)
    for attempt in (
        lambda: make_play(tx, mine.id, release_id, stylus_id=stylus_id),
        lambda: update(tx, mine.id, play_id, stylusId=str(stylus_id)),
    ):
        with pytest.raises(MissingReference) as caught:
            async with tx.transaction():
                await attempt()
        assert caught.value.constraint == "play_history_stylus_id_fkey"


@owner_only
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE play_history SET stylus_id = %s WHERE id = %s", "stylus"),
        ("UPDATE play_history SET user_release_id = %s WHERE id = %s", "copy"),
        ("UPDATE cleaning_history SET user_release_id = %s WHERE id <> %s", "copy"),
        ("UPDATE play_history SET user_id = %s WHERE id = %s", "user"),
    ],
)
async def test_what_is_another_user_s_is_impossible_in_plain_sql_too(
    statement: str, what: str, tx: Connection
) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    own = await make_stylus(tx, mine.id)
    play_id = await make_play(tx, mine.id, release_id, stylus_id=own)
    await tx.execute(
        "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
        " updated_at) VALUES (%s, %s, %s, false, %s, %s)",
        [mine.id, release_id, NOW, NOW, NOW],
    )
    foreign = {
        "stylus": await make_stylus(tx, other.id),
        "copy": (await make_copy(tx, other, release_id)).id,
        "user": other.id,
    }
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with tx.transaction():
            await tx.execute(statement, [foreign[what], play_id])


async def update(
    conn: Connection,
    user_id: UUID,
    play_id: UUID,
    expected_updated_at: Any = None,
    **changes: Any,
) -> plays.Play | None:
    count = await plays.update_play(
        conn,
        user_id=user_id,
        play_id=play_id,
        changes=json.dumps(changes),
        expected_updated_at=expected_updated_at,
        now=LATER,
    )
    return await plays.get_play(conn, user_id=user_id, play_id=play_id) if count else None


async def test_an_update_changes_what_it_names_and_null_clears(tx: Connection) -> None:
    account = await make_user(tx)
    stylus_id = await make_stylus(tx, account.id)
    release_id = await make_release(tx, tracks=LP)
    play_id = await make_play(tx, account.id, release_id, notes="n", stylus_id=stylus_id, side="A")
    before = await plays.get_play(tx, user_id=account.id, play_id=play_id)
    untouched = await update(tx, account.id, play_id)
    assert untouched.duration_seconds == before.duration_seconds == 900
    cleared = await update(tx, account.id, play_id, notes=None, stylusId=None)
    assert (cleared.notes, cleared.stylus_id, cleared.side) == (None, None, "A")
    moved = await update(
        tx, account.id, play_id, playedAt="2020-01-01T00:00:00Z", stylusId=str(stylus_id)
    )
    assert (moved.played_at.year, moved.stylus_id) == (2020, stylus_id)
    assert (moved.duration_seconds, moved.duration_estimated) == (900, True)


async def test_an_estimate_follows_the_side_and_a_given_duration_does_not(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx, tracks=LP)
    play_id = await make_play(tx, account.id, release_id)

    async def change(**changes: Any) -> tuple[int, bool]:
        play = await update(tx, account.id, play_id, **changes)
        return play.duration_seconds, play.duration_estimated

    assert await change(side="A") == (900, True)
    assert await change(side="B") == (100, True)
    assert await change(side=None) == (1000, True)
    assert await change(side="A", durationSeconds=7) == (7, False)
    assert await change(side="B") == (7, False)
    assert await change(durationSeconds=None) == (100, True)


async def test_an_update_of_an_older_version_changes_nothing(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    play_id = await make_play(tx, account.id, release_id)
    assert await update(tx, account.id, play_id, NOW, notes="1") is not None
    assert await update(tx, account.id, play_id, NOW, notes="2") is None
    assert (await plays.get_play(tx, user_id=account.id, play_id=play_id)).notes == "1"


async def test_a_play_is_its_owner_s_alone(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    play_id = await make_play(tx, mine.id, await make_release(tx))
    assert await plays.get_play(tx, user_id=other.id, play_id=play_id) is None
    assert await update(tx, other.id, play_id, notes="x") is None
    assert await plays.delete_play(tx, user_id=other.id, play_id=play_id) is None
    assert await plays.count_plays(tx, user_id=other.id, **NO_FILTERS) == 0
    removed = await plays.delete_play(tx, user_id=mine.id, play_id=play_id)
    assert removed.id == play_id


async def test_a_removed_play_is_put_back_as_it_was(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    copy = await make_copy(tx, mine, await make_release(tx))
    whole = "SELECT to_jsonb(p) - 'updated_at' FROM play_history AS p WHERE p.id = %s"
    play_id = await make_play(tx, mine.id, None, copy_id=copy.id, side="B", notes="crackles")
    before = await (await tx.execute(whole, (play_id,))).fetchone()
    assert before is not None
    removed = await plays.delete_play(tx, user_id=mine.id, play_id=play_id)
    row = msgspec.structs.asdict(removed)
    del row["id"], row["release_title"]
    put_back = functools.partial(
        plays.insert_removed_play, tx, play_id=play_id, now=NOW + timedelta(days=1), **row
    )
    assert await put_back(user_id=mine.id) == 1
    assert await (await tx.execute(whole, (play_id,))).fetchone() == before
    assert await put_back(user_id=mine.id) == 0
    # On another's shelf it would be no play of a copy: the reference is looked up there.
    assert await put_back(user_id=other.id) == 1
    theirs = await plays.get_play(tx, user_id=other.id, play_id=play_id)
    assert (theirs.copy_id, theirs.stylus_id) == (None, None)


async def test_a_play_keeps_its_history_when_the_copy_goes(tx: Connection) -> None:
    mine, other = await make_user(tx), await make_user(tx)
    release_id = await make_release(tx)
    copy, second = await make_copy(tx, mine, release_id), await make_copy(tx, mine, release_id)
    played = await make_play(tx, mine.id, None, copy_id=copy.id)
    stays = await make_play(tx, mine.id, None, copy_id=second.id)
    assert await collection.delete_copy(tx, user_id=other.id, copy_id=copy.id) == 0
    assert (await plays.get_play(tx, user_id=mine.id, play_id=played)).copy_id == copy.id
    assert await collection.delete_copy(tx, user_id=mine.id, copy_id=copy.id) == 1
    play = await plays.get_play(tx, user_id=mine.id, play_id=played)
    assert (play.copy_id, play.release_id) == (None, release_id)
    assert (await plays.get_play(tx, user_id=mine.id, play_id=stays)).copy_id == second.id


async def test_a_user_takes_plays_along(tx: Connection) -> None:
    account, release_id = await make_user(tx), await make_release(tx)
    copy, stylus_id = await make_copy(tx, account, release_id), await make_stylus(tx, account.id)
    await make_play(tx, account.id, None, copy_id=copy.id, stylus_id=stylus_id)
    assert await users.delete_user(tx, user_id=account.id) == 1
    assert await plays.count_plays(tx, user_id=account.id, **NO_FILTERS) == 0


async def test_filters_and_pages(tx: Connection) -> None:
    account, other = await make_user(tx), await make_user(tx)
    first, second = await store_releases(
        tx,
        [
            release_document(1),
            release_document(
                2, artists=[ArtistCredit(name="Björk (2)", discogs_id=22)], genres=["Rock"]
            ),
        ],
    )
    copy, stylus_id = await make_copy(tx, account, first), await make_stylus(tx, account.id)
    ids = [
        await make_play(tx, account.id, first, played_at=NOW),
        await make_play(tx, account.id, second, played_at=NOW),
        await make_play(tx, account.id, first, copy_id=copy.id, played_at=NOW - timedelta(days=1)),
        await make_play(tx, account.id, second, stylus_id=stylus_id, played_at=LATER),
    ]
    await make_play(tx, other.id, first)

    async def found(page_size: int, **filters: Any) -> list[int]:
        given = {**NO_FILTERS, **filters}

        async def page(key: Any, last: UUID | None) -> Any:
            place = {"before_played_at": key, "before_id": last}
            place |= {"page_size": page_size, "page_offset": 0}
            if not filters:
                return await plays.list_plays(tx, user_id=account.id, **place)
            return await plays.list_filtered_plays(tx, user_id=account.id, **given, **place)

        rows = await walk(page, page_size)
        assert await plays.count_plays(tx, user_id=account.id, **given) == len(rows)
        return [ids.index(row.id) for row in rows]

    for page_size in (1, 2, 3, 10):
        assert await found(page_size) == [3, 1, 0, 2]
        assert await found(page_size, release_id=first) == [0, 2]
        assert await found(page_size, copy_id=copy.id) == [2]
        assert await found(page_size, stylus_id=stylus_id) == [3]
        assert await found(page_size, artist="BJORK") == [3, 1]
        assert await found(page_size, genre="electronic") == [0, 2]
        assert await found(page_size, genre="Rock", artist="The Persuader") == []
        assert await found(page_size, since=NOW) == [3, 1, 0]
        assert await found(page_size, until=NOW) == [2]
        assert await found(page_size, since=NOW, until=LATER) == [1, 0]
