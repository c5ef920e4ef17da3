"""On this day, a year in review and the shelf: worked examples, and against plain Python."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import insight
from factories import NOW, make_copy, make_user
from insight import Played
from insight_rows import SHELF, listener, log, names_of, once, store_shelf, thoroughly, zones
from kleio.db.queries import Connection
from kleio.http import insight_schemas
from kleio.repositories import folders, stats_reviews

pytestmark = pytest.mark.anyio


@pytest.fixture
async def releases(tx: Connection) -> list[UUID]:
    """The ids of SHELF's releases."""
    return await store_shelf(tx)


# --- a day, a year ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2025-02-28", [1, 2, 5]),  # the 29ths of 2024 and 2020, the 28th of 2023
        ("2024-02-28", [1]),
        ("2024-02-29", [4]),
        ("2025-03-01", []),
        ("2028-02-28", [5]),
        ("2023-02-28", [3]),  # the 29th of 2020; what is of the same year does not count
        ("1999-02-28", []),
    ],
)
async def test_on_this_day_by_example(
    tx: Connection, releases: list[UUID], today: str, expected: list[int]
) -> None:
    plays = once("2024-02-29 12:00", "2023-02-28 12:00", "2020-02-29 23:59:59")
    user_id = await listener(tx, releases, plays)
    rows = await stats_reviews.list_on_this_day(
        tx, user_id=user_id, tz="UTC", day=date.fromisoformat(today), now=NOW, max_rows=50
    )
    assert [row.years_ago for row in rows] == expected


@thoroughly
@given(
    plays=insight.plays_of(2),
    zone=zones,
    now=insight.times,
    years=st.integers(0, 3),
    given_day=st.booleans(),
)
async def test_on_this_day_as_python_finds_it(
    tx: Connection,
    releases: list[UUID],
    plays: list[Played],
    zone: str,
    now: datetime,
    years: int,
    given_day: bool,
) -> None:
    now += timedelta(days=365 * years)
    user_id = await listener(tx, releases, plays)
    today = insight.local(now, zone).date()
    day = today if given_day else None
    rows = await stats_reviews.list_on_this_day(
        tx, user_id=user_id, tz=zone, day=day, now=now, max_rows=200
    )
    found = [(row.played_at, row.years_ago) for row in rows]
    assert found == insight.on_this_day(plays, zone, today)


@thoroughly
@given(
    plays=insight.plays_of(len(SHELF)),
    zone=zones,
    year=st.sampled_from([2023, 2024, 2025]),
    others=st.lists(insight.times, max_size=4),
)
async def test_a_year_as_python_sees_it(
    tx: Connection,
    releases: list[UUID],
    plays: list[Played],
    zone: str,
    year: int,
    others: list[datetime],
) -> None:
    account = await make_user(tx)
    await log(tx, account.id, releases, plays)
    for moment in others:
        await make_copy(tx, account, releases[0], added_at=moment)
        await tx.execute(
            "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
            " updated_at) VALUES (%s, %s, %s, false, %s, %s)",
            [account.id, releases[0], moment, NOW, NOW],
        )
    raw = await stats_reviews.get_year(tx, user_id=account.id, year=year, tz=zone)
    found = msgspec.json.decode(raw, type=insight_schemas.Year)
    first, last = date(year, 1, 1), date(year, 12, 31)
    chosen = insight.in_range(plays, zone, first, last)
    played = {play.release for play in chosen}
    before = {p.release for p in insight.in_range(plays, zone, None, first - insight.DAY)}
    assert (found.year, found.plays, found.releases) == (year, len(chosen), len(played))
    assert found.minutes == pytest.approx(sum(play.seconds for play in chosen) / 60)
    assert found.new_releases == len(played - before)
    by_day = [row for row in insight.buckets(chosen, "day", zone, first, last) if row[1]]
    assert found.days_with_plays == len(by_day)
    longest = insight.streaks(chosen, zone, first)[2:]
    streak = found.longest_streak
    assert longest == ((streak.days, streak.first, streak.last) if streak else (0, None, None))
    busiest = max(by_day, key=lambda row: (row[1], row[2], -row[0].toordinal()), default=None)
    day = found.busiest_day
    assert (day and (day.date, day.plays)) == (busiest and busiest[:2])
    months = insight.buckets(chosen, "month", zone, first, last)
    assert [(m.month, m.plays) for m in found.months] == [(m[0].month, m[1]) for m in months]
    assert [m.minutes for m in found.months] == pytest.approx([m[2] for m in months])
    artists = await names_of(tx, "artist")
    top = insight.top(chosen, lambda n: [(artists[a], a) for a in SHELF[n]["artists"]], False)
    assert [(a.id, a.name, a.plays) for a in found.top_artists] == [row[:3] for row in top[:10]]
    top = insight.top(chosen, lambda n: [(None, g) for g in SHELF[n]["genres"]], False)
    assert [(g.name, g.plays) for g in found.top_genres] == [row[1:3] for row in top[:10]]
    top = insight.top(chosen, lambda n: [(releases[n], f"Title {(n + 1) % 2}")], False)
    assert [(r.release.id, r.plays) for r in found.top_releases] == [
        (row[0], row[2]) for row in top[:10]
    ]
    local_years = [insight.local(moment, zone).year for moment in others]
    assert found.copies_added == found.cleanings == local_years.count(year)


@pytest.mark.parametrize("year", [1, 1899, 9999])
async def test_a_year_without_anything(tx: Connection, releases: list[UUID], year: int) -> None:
    user_id = await listener(tx, releases, once("2024-05-05"))
    raw = await stats_reviews.get_year(tx, user_id=user_id, year=year, tz="Asia/Kolkata")
    found = msgspec.json.decode(raw, type=insight_schemas.Year)
    assert (found.plays, found.longest_streak, found.busiest_day) == (0, None, None)
    assert len(found.months) == 12


# --- the shelf ----------------------------------------------------------------------------------

_copies = st.lists(
    st.tuples(
        st.integers(0, len(SHELF) - 1),
        st.integers(0, 5),
        st.sampled_from([None, "NM", "VG+"]),
        insight.times,
        st.booleans(),
        st.booleans(),
    ),
    max_size=20,
)


@thoroughly
@given(copies=_copies, plays=insight.plays_of(3), zone=zones)
async def test_the_shelf_as_python_counts_it(
    tx: Connection, releases: list[UUID], copies: list[Any], plays: list[Played], zone: str
) -> None:
    account = await make_user(tx)
    await log(tx, account.id, releases, plays)
    own = await folders.insert_folder(tx, user_id=account.id, number=2, name="Own", now=NOW)
    kept = []
    for number, rating, condition, added_at, in_own, archived in copies:
        folder_id = own.id if in_own else account.folder.id
        copy = await make_copy(
            tx,
            account,
            releases[number],
            rating=rating,
            media_condition=condition,
            added_at=added_at,
            folder_id=folder_id,
        )
        if archived:
            await tx.execute(
                "UPDATE user_releases SET archived_at = added_at WHERE user_id = %s AND id = %s",
                [account.id, copy.id],
            )
        else:
            kept.append((number, rating, condition, added_at, folder_id))
    raw = await stats_reviews.get_collection_stats(tx, user_id=account.id, tz=zone)
    found = msgspec.json.decode(raw, type=insight_schemas.CollectionStats)
    played = {play.release for play in plays}

    def count(values: Any) -> dict[Any, int]:
        listed = list(values)
        return {value: listed.count(value) for value in listed}

    assert (found.copies, found.releases) == (len(kept), len({copy[0] for copy in kept}))
    assert found.never_played == sum(copy[0] not in played for copy in kept)
    cursor = await tx.execute(
        "SELECT coalesce(sum(r.play_duration), 0) / 60.0 FROM unnest(%s::uuid[]) AS n (id)"
        " JOIN releases AS r ON r.id = n.id",
        [[releases[copy[0]] for copy in kept]],
    )
    assert found.minutes == pytest.approx(float((await cursor.fetchone())[0]))
    years = [SHELF[copy[0]]["year"] for copy in kept]
    assert {b.decade: b.copies for b in found.by_decade} == count(y and y // 10 * 10 for y in years)
    genres = count(genre for copy in kept for genre in SHELF[copy[0]]["genres"])
    assert [(b.name, b.copies) for b in found.by_genre] == sorted(
        genres.items(), key=lambda item: (-item[1], item[0])
    )
    assert {b.name: b.copies for b in found.by_format} == count("Vinyl" for _ in kept)
    in_folders = {own.id: 0, account.folder.id: 0} | count(copy[4] for copy in kept)
    assert {b.id: b.copies for b in found.by_folder} == in_folders
    assert {b.condition: b.copies for b in found.by_condition} == count(copy[2] for copy in kept)
    assert {b.rating: b.copies for b in found.by_rating} == count(copy[1] for copy in kept)
    months = sorted(insight.local(copy[3], zone).date().replace(day=1) for copy in kept)
    growth = [(month, len(list(same))) for month, same in itertools.groupby(months)]
    assert [(g.month, g.added) for g in found.growth] == growth
    totals = list(itertools.accumulate(added for _, added in growth))
    assert [g.copies for g in found.growth] == totals
