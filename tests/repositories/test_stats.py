"""Statistics over time and of what is played most: worked examples, and against plain Python."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import insight
from factories import NOW
from insight import Played
from insight_rows import SHELF, at, days, listener, names_of, once, store_shelf, thoroughly, zones
from kleio.db.queries import Connection
from kleio.repositories import preferences, stats

pytestmark = pytest.mark.anyio


@pytest.fixture
async def releases(tx: Connection) -> list[UUID]:
    """The ids of SHELF's releases."""
    return await store_shelf(tx)


# --- over time ----------------------------------------------------------------------------------

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("bucket", "zone", "plays", "first", "last", "expected"),
    [
        ("day", "UTC", [], None, None, []),
        ("day", "UTC", [], "2024-01-31", "2024-02-01", ["01-31 0", "02-01 0"]),
        ("day", "UTC", ["2024-02-28 23:59:59.9", "2024-03-01"], None, None,
         ["02-28 1", "02-29 0", "03-01 1"]),
        # The new year comes an hour earlier in Berlin, five hours later in New York.
        ("year", "UTC", ["2023-12-31 23:30"], None, None, ["2023-01-01 1"]),
        ("year", BERLIN, ["2023-12-31 23:30"], None, None, ["2024-01-01 1"]),
        ("year", "America/New_York", ["2024-01-01 04:59:59"], None, None, ["2023-01-01 1"]),
        # The day that has 23 hours, and the one that has 25.
        ("day", BERLIN, ["2024-03-30 22:59", "2024-03-30 23:00", "2024-03-31 21:59",
                         "2024-03-31 22:00"], None, None, ["03-30 1", "03-31 2", "04-01 1"]),
        ("day", BERLIN, ["2024-10-26 22:00", "2024-10-27 22:59", "2024-10-27 23:00"], None, None,
         ["10-27 2", "10-28 1"]),
        # In Havana midnight comes twice on that day; both belong to the 3rd, in a range too.
        ("day", "America/Havana", ["2024-11-03 04:30", "2024-11-03 05:30"], "2024-11-03",
         "2024-11-03", ["11-03 2"]),
        ("day", "Asia/Kolkata", ["2024-05-01 18:29", "2024-05-01 18:30"], None, None,
         ["05-01 1", "05-02 1"]),
        ("day", "Australia/Lord_Howe", ["2024-04-06 12:59", "2024-04-06 13:00",
                                        "2024-04-07 13:29", "2024-04-07 13:30"], None, None,
         ["04-06 1", "04-07 2", "04-08 1"]),
        ("week", "UTC", ["2024-12-31", "2025-01-05 23:59", "2025-01-06"], None, None,
         ["12-30 2", "01-06 1"]),
        ("month", "UTC", ["2024-01-31", "2024-03-01"], None, "2024-04-02",
         ["01-01 1", "02-01 0", "03-01 1", "04-01 0"]),
        ("month", "UTC", ["2024-01-31", "2024-03-01"], "2024-02-10", None, ["02-01 0", "03-01 1"]),
    ],
)  # fmt: skip
async def test_buckets_by_example(
    tx: Connection,
    releases: list[UUID],
    bucket: str,
    zone: str,
    plays: list[str],
    first: str | None,
    last: str | None,
    expected: list[str],
) -> None:
    user_id = await listener(tx, releases, once(*plays))
    rows = await stats.list_play_buckets(
        tx,
        user_id=user_id,
        bucket=bucket,
        tz=zone,
        first_day=first and date.fromisoformat(first),
        last_day=last and date.fromisoformat(last),
    )
    found = [f"{row.start} {row.plays}" for row in rows]
    assert [line[-len(e) :] for line, e in zip(found, expected, strict=True)] == expected
    assert [row.minutes for row in rows] == [10 * row.plays for row in rows]


@thoroughly
@given(
    plays=insight.plays_of(len(SHELF)),
    zone=zones,
    bucket=st.sampled_from(["day", "week", "month", "year"]),
    first=days,
    last=days,
)
async def test_buckets_as_python_counts_them(
    tx: Connection,
    releases: list[UUID],
    plays: list[Played],
    zone: str,
    bucket: str,
    first: date | None,
    last: date | None,
) -> None:
    user_id = await listener(tx, releases, plays)
    rows = await stats.list_play_buckets(
        tx, user_id=user_id, bucket=bucket, tz=zone, first_day=first, last_day=last
    )
    expected = insight.buckets(plays, bucket, zone, first, last)
    assert [(row.start, row.plays) for row in rows] == [row[:2] for row in expected]
    assert [row.minutes for row in rows] == pytest.approx([row[2] for row in expected])


@pytest.mark.parametrize(
    ("plays", "now", "expected"),
    [
        ([], "2024-03-05", (0, None, 0, None, None)),
        (["2024-03-05"], "2024-03-05 12:00", (1, "03-05", 1, "03-05", "03-05")),
        (["2024-03-04"], "2024-03-05 12:00", (1, "03-04", 1, "03-04", "03-04")),
        (["2024-03-03"], "2024-03-05 12:00", (0, None, 1, "03-03", "03-03")),
        # Over a leap day and the change of clocks; of two equal runs the later is the longest.
        (
            ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-30 12:00", "2024-03-31 12:00",
             "2024-04-01 12:00", "2024-04-01 13:00"],
            "2024-04-01 20:00", (3, "03-30", 3, "03-30", "04-01"),
        ),
        # What is logged for tomorrow is no run of today's.
        (["2024-03-07"], "2024-03-05 12:00", (0, None, 1, "03-07", "03-07")),
    ],
)  # fmt: skip
async def test_streaks_by_example(
    tx: Connection, releases: list[UUID], plays: list[str], now: str, expected: tuple[Any, ...]
) -> None:
    user_id = await listener(tx, releases, once(*plays))
    found = await stats.get_streaks(tx, user_id=user_id, tz=BERLIN, now=at(now))
    values = msgspec.structs.astuple(found)
    assert tuple(str(v)[5:] if isinstance(v, date) else v for v in values) == expected


@thoroughly
@given(plays=insight.plays_of(1), zone=zones, now=insight.times)
async def test_streaks_as_python_counts_them(
    tx: Connection, releases: list[UUID], plays: list[Played], zone: str, now: datetime
) -> None:
    user_id = await listener(tx, releases, plays)
    found = await stats.get_streaks(tx, user_id=user_id, tz=zone, now=now)
    today = insight.local(now, zone).date()
    assert msgspec.structs.astuple(found) == insight.streaks(plays, zone, today)


@thoroughly
@given(plays=insight.plays_of(1), zone=zones, first=days, last=days)
async def test_the_heatmap_as_python_counts_it(
    tx: Connection,
    releases: list[UUID],
    plays: list[Played],
    zone: str,
    first: date | None,
    last: date | None,
) -> None:
    user_id = await listener(tx, releases, plays)
    rows = await stats.list_heatmap(tx, user_id=user_id, tz=zone, first_day=first, last_day=last)
    expected = insight.heatmap(insight.in_range(plays, zone, first, last), zone)
    assert [msgspec.structs.astuple(row)[:3] for row in rows] == [row[:3] for row in expected]
    assert [row.minutes for row in rows] == pytest.approx([row[3] for row in expected])


@pytest.mark.parametrize(
    ("zone", "plays", "weekday", "hour"),
    [
        ("UTC", ["2024-01-07 23:59"], 7, 23),
        (BERLIN, ["2024-01-07 23:59"], 1, 0),
        ("Asia/Kolkata", ["2024-01-07 23:59"], 1, 5),
        (BERLIN, ["2024-10-27 00:30", "2024-10-27 01:30"], 7, 2),  # an hour that comes twice
        ("Australia/Lord_Howe", ["2024-04-06 14:45", "2024-04-06 15:15"], 7, 1),
    ],
)
async def test_the_heatmap_by_example(
    tx: Connection, releases: list[UUID], zone: str, plays: list[str], weekday: int, hour: int
) -> None:
    user_id = await listener(tx, releases, once(*plays))
    rows = await stats.list_heatmap(tx, user_id=user_id, tz=zone, first_day=None, last_day=None)
    assert len(rows) == 168
    (cell,) = [row for row in rows if row.plays]
    assert msgspec.structs.astuple(cell) == (weekday, hour, len(plays), 10.0 * len(plays))


# --- most played --------------------------------------------------------------------------------


@thoroughly
@given(
    plays=insight.plays_of(len(SHELF)),
    zone=zones,
    kind=st.sampled_from(["artist", "label", "genre", "style", "decade", "release"]),
    by_minutes=st.booleans(),
    first=days,
    last=days,
    most=st.sampled_from([1, 3, 50]),
)
async def test_the_top_as_python_counts_it(
    tx: Connection,
    releases: list[UUID],
    plays: list[Played],
    zone: str,
    kind: str,
    by_minutes: bool,
    first: date | None,
    last: date | None,
    most: int,
) -> None:
    user_id = await listener(tx, releases, plays)
    asked: dict[str, Any] = {"user_id": user_id, "tz": zone, "by_minutes": by_minutes}
    asked |= {"first_day": first, "last_day": last, "max_rows": most}
    chosen = insight.in_range(plays, zone, first, last)
    rows: list[Any]
    if kind == "release":
        rows = await stats.list_top_releases(tx, **asked)
        expected = insight.top(
            chosen, lambda n: [(releases[n], f"Title {(n + 1) % 2}")], by_minutes
        )
        assert [msgspec.json.decode(row.release)["id"] for row in rows] == [
            str(row.id) for row in rows
        ]
    else:
        rows = await stats.list_top_names(tx, kind=kind, **asked)
        ids = {} if kind == "decade" else await names_of(tx, kind)

        def names(number: int) -> list[tuple[Any, str]]:
            if kind == "decade":
                year = SHELF[number]["year"]
                return [] if year is None else [(None, str(year // 10 * 10))]
            return [(ids[name], name) for name in SHELF[number].get(f"{kind}s", [])]

        expected = insight.top(chosen, names, by_minutes)
    found = [(row.id, row.name, row.plays, row.releases) for row in rows]
    assert found == [(*row[:3], row[4]) for row in expected[:most]]
    assert [row.minutes for row in rows] == pytest.approx([row[3] for row in expected[:most]])


async def test_the_top_by_example(tx: Connection, releases: list[UUID]) -> None:
    day = at("2024-05-05")
    plays = [Played(0, day, 600), Played(1, day, 600), Played(2, day, 3000), Played(2, day, 0)]
    user_id = await listener(tx, releases, plays)

    async def top(kind: str, by_minutes: bool) -> list[str]:
        rows = await stats.list_top_names(
            tx,
            user_id=user_id,
            kind=kind,
            tz=None,
            by_minutes=by_minutes,
            first_day=None,
            last_day=None,
            max_rows=10,
        )
        return [f"{row.name} {row.plays} {row.minutes:g} {row.releases}" for row in rows]

    assert await top("artist", False) == ["Bo 3 60 2", "Ann 2 20 2"]
    assert await top("genre", True) == ["Jazz 3 60 2", "Rock 2 20 2"]
    assert await top("decade", False) == ["1970 3 60 2", "1960 1 10 1"]
    assert await top("label", False) == ["X 2 20 2", "Y 1 10 1"]


# --- the zone -----------------------------------------------------------------------------------


async def test_the_zone_is_that_of_the_preferences(tx: Connection, releases: list[UUID]) -> None:
    user_id = await listener(tx, releases, once("2024-05-05 22:30"))

    async def days_of(tz: str | None) -> list[date]:
        given: dict[str, Any] = {"user_id": user_id, "tz": tz, "first_day": None, "last_day": None}
        rows = await stats.list_play_buckets(tx, bucket="day", **given)
        return [row.start for row in rows]

    assert await days_of(None) == [date(2024, 5, 5)]
    await preferences.upsert_preferences(
        tx, user_id=user_id, changes='{"timeZone": "Europe/Berlin"}', now=NOW
    )
    assert await days_of(None) == [date(2024, 5, 6)]
    assert await days_of("America/New_York") == [date(2024, 5, 5)]
