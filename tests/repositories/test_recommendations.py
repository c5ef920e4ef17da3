"""What to play, what was neglected, what wants cleaning: examples, and against plain Python."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import insight
from factories import NOW, Account, make_copy, make_user
from insight import Played
from insight_rows import log, store_shelf, thoroughly
from kleio.db.queries import Connection
from kleio.http.session import Preferences
from kleio.repositories import preferences, recommendations
from query_files import QUERIES

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)


@pytest.fixture
async def releases(tx: Connection) -> list[UUID]:
    """The ids of SHELF's releases."""
    return await store_shelf(tx)


async def clean(conn: Connection, user_id: UUID, release_id: UUID, *times: datetime) -> None:
    for moment in times:
        await conn.execute(
            "INSERT INTO cleaning_history (user_id, release_id, cleaned_at, deep, created_at,"
            " updated_at) VALUES (%s, %s, %s, false, %s, %s)",
            [user_id, release_id, moment, NOW, NOW],
        )


async def luck(conn: Connection, user_id: UUID, day: str, release_id: UUID) -> float:
    """Return the part of the weight that is drawn, 0 to 1."""
    cursor = await conn.execute("SELECT hashtextextended(%s, 0)", [f"{user_id}{day}{release_id}"])
    return ((await cursor.fetchone())[0] & 1023) / 1023


# --- examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cleaned", "plays", "frequency", "score"),
    [
        (None, 0, 5, 100),
        (None, 9, 5, 100),
        (0, 0, 5, 0),
        (0, 1, 5, 100 / 5.01),  # under 20: recently cleaned
        (0, 3, 5, 300 / 5.01),  # just under 60: may need soon
        (0, 4, 5, 400 / 5.01),
        (0, 5, 5, 500 / 5.01),  # 99.8
        (0, 6, 5, 100),
        (0, 1, 1, 100 / 1.01),
        (0, 500, 1000, 50_000 / 1000.01),
    ],
)
async def test_cleanliness_by_example(
    tx: Connection,
    releases: list[UUID],
    cleaned: int | None,
    plays: int,
    frequency: int,
    score: float,
) -> None:
    account = await make_user(tx)
    await make_copy(tx, account, releases[0])
    if cleaned is not None:
        await clean(tx, account.id, releases[0], NOW - 9 * DAY, NOW - 10 * DAY)
    # These were before the cleaning or with it; one millisecond after it is not "since".
    before = [NOW - 9 * DAY - DAY / 24, NOW - 9 * DAY, NOW - 9 * DAY + timedelta(milliseconds=1)]
    since = [NOW - 9 * DAY + timedelta(milliseconds=2 + n) for n in range(plays)]
    moments = since if cleaned is None else before + since
    await log(tx, account.id, releases, [Played(0, moment, 60) for moment in moments])
    changes = f'{{"cleaningFrequencyPlays": {frequency}}}'
    await preferences.upsert_preferences(tx, user_id=account.id, changes=changes, now=NOW)
    (row,) = await recommendations.list_recommendations(
        tx, user_id=account.id, tz=None, now=NOW, max_rows=9
    )
    assert row.cleanliness == pytest.approx(score)
    cleanings = [NOW - 9 * DAY] if cleaned is not None else []
    assert insight.cleanliness(cleanings, moments, frequency) == pytest.approx(score)
    due = await recommendations.list_due_cleanings(tx, user_id=account.id, max_rows=9)
    assert [(row.cleanliness, row.plays_since) for row in due] == (
        [(pytest.approx(score), plays)] if score >= 60 else []
    )


@pytest.mark.parametrize(
    ("days", "score"),
    [(0, 100), (7, 100), (8, 80), (30, 80), (31, 60), (90, 60), (91, 40), (180, 40), (181, 20),
     (365, 20), (366, 0), (None, 0)],
)  # fmt: skip
async def test_recency_by_example(
    tx: Connection, releases: list[UUID], days: int | None, score: int
) -> None:
    account = await make_user(tx)
    await make_copy(tx, account, releases[0])
    if days is not None:
        await log(tx, account.id, releases, [Played(0, NOW - days * DAY, 60)])
    (row,) = await recommendations.list_recommendations(
        tx, user_id=account.id, tz=None, now=NOW, max_rows=9
    )
    assert row.recency == score == insight.recency(days)


@pytest.mark.parametrize(
    ("rating", "ago", "plays", "weight", "reason"),
    [
        (0, 365, 0, 40 + 25 + 10, "never played"),
        (5, 1000, 0, 40 + 25 + 20, "never played"),
        (5, 365, 1, 40 + 22.5 + 20, "neglected"),
        (4, 73, 2, 8 + 20 + 16, "well rated"),
        (1, 73, 2, 8 + 20 + 4, "seldom played"),
        (2, 73, 10, 8 + 0 + 8, "not played lately"),
        (0, 31, 12, 40 * 31 / 365 + 10, "not played lately"),
        (3, 30, 4, 40 * 30 / 365 + 15 + 12 - 20, "worth another play"),
        (1, 0, 20, 0, "worth another play"),
    ],
)
async def test_weights_by_example(
    tx: Connection,
    releases: list[UUID],
    rating: int,
    ago: int,
    plays: int,
    weight: float,
    reason: str,
) -> None:
    account = await make_user(tx)
    copy = await make_copy(tx, account, releases[0], rating=rating, added_at=NOW - ago * DAY)
    await make_copy(tx, account, releases[0], rating=0, added_at=NOW)
    await log(tx, account.id, releases, [Played(0, NOW - ago * DAY, 60)] * plays)
    (row,) = await recommendations.list_recommendations(
        tx, user_id=account.id, tz=None, now=NOW, max_rows=9
    )
    # Of two copies of a release the better rated is recommended; with no rating, the first.
    assert row.copy_id == copy.id
    assert (row.days_since, row.plays, row.rating, row.reason) == (ago, plays, rating, reason)
    drawn = 10 * await luck(tx, account.id, f"{NOW:%Y-%m-%d}", releases[0])
    expected = weight + drawn if weight else max(drawn + 4 - 20, 0)
    assert row.weight == pytest.approx(expected)


async def test_a_day_s_list_stays_and_the_next_day_s_differs(
    tx: Connection, releases: list[UUID]
) -> None:
    accounts = [await make_user(tx) for _ in range(2)]
    for account in accounts:
        for release_id in releases:
            await make_copy(tx, account, release_id, added_at=NOW - 999 * DAY)

    async def weights(account: Account, now: datetime, tz: str = "UTC") -> list[float]:
        rows = await recommendations.list_recommendations(
            tx, user_id=account.id, tz=tz, now=now, max_rows=9
        )
        return [row.weight for row in rows]

    midnight = NOW.replace(hour=0, minute=0, second=0)
    first = await weights(accounts[0], midnight)
    assert await weights(accounts[0], midnight + DAY - timedelta(microseconds=1)) == first
    assert await weights(accounts[0], midnight + DAY) != first
    assert await weights(accounts[1], midnight) != first
    # The day begins earlier in Kiritimati.
    assert await weights(accounts[0], midnight - DAY / 2, "Pacific/Kiritimati") == first


# --- all of it against plain Python -------------------------------------------------------------

_copies = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), insight.times, st.booleans()), max_size=10
)


@thoroughly
@given(
    copies=_copies,
    plays=insight.plays_of(6),
    cleanings=st.lists(st.tuples(st.integers(0, 5), insight.times), max_size=8),
    zone=st.sampled_from(insight.ZONES),
    now=insight.times,
    neglected=st.sampled_from([None, 1, 30, 365]),
    frequency=st.sampled_from([None, 1, 3]),
    most=st.sampled_from([2, 50]),
)
async def test_all_three_as_python_computes_them(
    tx: Connection,
    releases: list[UUID],
    copies: list[Any],
    plays: list[Played],
    cleanings: list[Any],
    zone: str,
    now: datetime,
    neglected: int | None,
    frequency: int | None,
    most: int,
) -> None:
    account = await make_user(tx)
    await log(tx, account.id, releases, plays)
    for number, moment in cleanings:
        await clean(tx, account.id, releases[number], moment)
    shelf: dict[int, list[Any]] = {}
    for number, rating, added_at, archived in copies:
        copy = await make_copy(tx, account, releases[number], rating=rating, added_at=added_at)
        if archived:
            await tx.execute(
                "UPDATE user_releases SET archived_at = added_at WHERE user_id = %s AND id = %s",
                [account.id, copy.id],
            )
        else:
            shelf.setdefault(number, []).append(copy)
    changes = {"timeZone": zone, "neglectedDays": neglected, "cleaningFrequencyPlays": frequency}
    given_changes = {name: value for name, value in changes.items() if value is not None}
    text = msgspec.json.encode(given_changes).decode()
    await preferences.upsert_preferences(tx, user_id=account.id, changes=text, now=NOW)
    neglected = neglected or Preferences().neglected_days
    frequency = frequency or Preferences().cleaning_frequency_plays

    today = insight.local(now, zone).date()
    recommended, forgotten, due = [], [], []
    for number, owned in shelf.items():
        release_id = releases[number]
        copy = min(owned, key=lambda one: (-one.rating, one.id))
        played = [play.at for play in plays if play.release == number]
        cleaned = [moment for n, moment in cleanings if n == number]
        score = insight.cleanliness(cleaned, played, frequency)
        days = (today - insight.local(max(played, default=copy.added_at), zone).date()).days
        weight = insight.weight(
            days=max(days, 0),
            neglected=neglected,
            plays=len(played),
            rating=copy.rating,
            clean=score,
            luck=await luck(tx, account.id, str(today), release_id),
        )
        recency = insight.recency(max(days, 0) if played else None)
        recommended.append((-weight, release_id, copy.id, max(days, 0), len(played), recency))
        first = min(one.added_at for one in owned)
        days = (today - insight.local(max(played, default=first), zone).date()).days
        if days > neglected:
            forgotten.append((-days, release_id, max(played, default=None)))
        since = [
            at for at in played if not cleaned or at - max(cleaned) > timedelta(milliseconds=1)
        ]
        if score >= 60:
            due.append((-score, -len(since), release_id, max(cleaned, default=None)))

    now_rows = await recommendations.list_recommendations(
        tx, user_id=account.id, tz=None, now=now, max_rows=most
    )
    expected = sorted(recommended)[:most]
    found = [(row.copy_id, row.days_since, row.plays, row.recency) for row in now_rows]
    assert found == [row[2:] for row in expected]
    assert [row.weight for row in now_rows] == pytest.approx([-row[0] for row in expected])
    old_rows = await recommendations.list_neglected(
        tx, user_id=account.id, tz=None, now=now, max_rows=most
    )
    assert [(-row.days_since, id_of(row), row.last_played_at) for row in old_rows] == sorted(
        forgotten
    )[:most]
    due_rows = await recommendations.list_due_cleanings(tx, user_id=account.id, max_rows=most)
    assert [(-row.plays_since, id_of(row), row.last_cleaned_at) for row in due_rows] == [
        row[1:] for row in sorted(due)[:most]
    ]


def id_of(row: Any) -> UUID:
    return UUID(msgspec.json.decode(row.release)["id"])


def test_the_defaults_in_sql_are_those_of_the_api() -> None:
    defaults = msgspec.to_builtins(Preferences())
    pattern = re.compile(r"u\.preferences ->> '(\w+)'(?:\)::int)?,\s+'?(\w+)'?\)")
    found = [pair for query in QUERIES for pair in pattern.findall(query.sql)]
    assert {"neglectedDays", "cleaningFrequencyPlays", "timeZone"} <= {name for name, _ in found}
    assert [(name, value) for name, value in found if str(defaults[name]) != value] == []
