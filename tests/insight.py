"""The statistics once more, play by play in plain Python, to hold the SQL against.

Nothing here knows SQL; times become local ones through `zoneinfo` alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "America/Havana",  # clocks go back at 1:00, so midnight comes twice
    "Africa/Cairo",  # clocks go forward at 0:00, so midnight is missing
    "Pacific/Kiritimati",
)

DAY = timedelta(days=1)


class Played(msgspec.Struct, frozen=True):
    """A play: the number of the release, when, and for how long."""

    release: int
    at: datetime
    seconds: int


_HOT = [
    datetime(2023, 12, 31, 23, 30, tzinfo=UTC),
    datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2023, 2, 28, 12, tzinfo=UTC),
    datetime(2024, 3, 31, 1, tzinfo=UTC),  # Berlin forward
    datetime(2024, 10, 27, 1, tzinfo=UTC),  # Berlin back
    datetime(2024, 3, 10, 7, tzinfo=UTC),  # New York forward, Havana two hours before
    datetime(2024, 11, 3, 5, tzinfo=UTC),  # New York and Havana back
    datetime(2024, 4, 6, 15, tzinfo=UTC),  # Lord Howe back
    datetime(2024, 10, 5, 15, 30, tzinfo=UTC),  # Lord Howe forward
    datetime(2024, 4, 25, 22, tzinfo=UTC),  # Cairo forward
    datetime(2025, 1, 1, 0, tzinfo=UTC),
]
times = st.one_of(
    st.builds(
        lambda base, minutes: base + timedelta(minutes=minutes),
        st.sampled_from(_HOT),
        st.integers(-40 * 60, 40 * 60),
    ),
    st.datetimes(datetime(2022, 12, 1), datetime(2025, 2, 1), timezones=st.just(UTC)),
)
"""Times of which many are near a change of clocks, of day or of year."""


def plays_of(releases: int) -> st.SearchStrategy[list[Played]]:
    """Return lists of plays of some releases; lengths are few, so that sums tie."""
    one = st.builds(
        Played, st.integers(0, releases - 1), times, st.sampled_from([0, 61, 1800, 1800, 2400])
    )
    return st.lists(one, max_size=40)


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def in_range(
    plays: Iterable[Played], zone: str, first: date | None, last: date | None
) -> list[Played]:
    found = []
    for play in plays:
        day = local(play.at, zone).date()
        if (first is None or day >= first) and (last is None or day <= last):
            found.append(play)
    return found


_START: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - day.weekday() * DAY,
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
_LENGTH = {"day": 1, "week": 7, "month": 31, "year": 366}


def buckets(
    plays: list[Played], bucket: str, zone: str, first: date | None, last: date | None
) -> list[tuple[date, int, float]]:
    """Return start, plays and minutes of each bucket, the empty ones too."""
    start = _START[bucket]
    sums: dict[date, list[int]] = defaultdict(list)
    for play in in_range(plays, zone, first, last):
        sums[start(local(play.at, zone).date())].append(play.seconds)
    if (not sums and (first is None or last is None)) and not (first and last):
        return []
    at = start(first) if first else min(sums)
    end = start(last) if last else max(sums)
    found = []
    while at <= end:
        found.append((at, len(sums[at]), sum(sums[at]) / 60))
        at = start(at + _LENGTH[bucket] * DAY)
    return found


def runs(days: Iterable[date]) -> list[tuple[date, date, int]]:
    """Return first and last day and length of each run of days, in their order."""
    found: list[tuple[date, date, int]] = []
    for day in sorted(set(days)):
        if found and found[-1][1] + DAY == day:
            found[-1] = (found[-1][0], day, found[-1][2] + 1)
        else:
            found.append((day, day, 1))
    return found


def streaks(plays: list[Played], zone: str, today: date) -> tuple[Any, ...]:
    """Return current days and their first; longest days, their first and last."""
    all_runs = runs(local(play.at, zone).date() for play in plays)
    current = [run for run in all_runs if run[0] <= today <= run[1] + DAY]
    longest = max(all_runs, key=lambda run: (run[2], run[0]), default=None)
    return (
        current[0][2] if current else 0,
        current[0][0] if current else None,
        longest[2] if longest else 0,
        longest[0] if longest else None,
        longest[1] if longest else None,
    )


def heatmap(plays: list[Played], zone: str) -> list[tuple[int, int, int, float]]:
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for play in plays:
        at = local(play.at, zone)
        cells[at.isoweekday(), at.hour].append(play.seconds)
    return [
        (weekday, hour, len(cells[weekday, hour]), sum(cells[weekday, hour]) / 60)
        for weekday in range(1, 8)
        for hour in range(24)
    ]


def top(
    plays: list[Played], names: Callable[[int], Iterable[tuple[Any, str]]], by_minutes: bool
) -> list[tuple[Any, str, int, float, int]]:
    """Return id, name, plays, minutes and releases, most first; ties by the name, then the id."""
    count: Counter[tuple[Any, str]] = Counter()
    seconds: Counter[tuple[Any, str]] = Counter()
    releases: dict[tuple[Any, str], set[int]] = defaultdict(set)
    for play in plays:
        for name in set(names(play.release)):
            count[name] += 1
            seconds[name] += play.seconds
            releases[name].add(play.release)

    def order(name: tuple[Any, str]) -> Any:
        measures = (-count[name], -seconds[name])
        return (*(reversed(measures) if by_minutes else measures), name[1].encode(), str(name[0]))

    return [
        (*name, count[name], seconds[name] / 60, len(releases[name]))
        for name in sorted(count, key=order)
    ]


def on_this_day(plays: list[Played], zone: str, today: date) -> list[tuple[datetime, int]]:
    """Return the time and the years since of the plays on this day of earlier years."""
    found = []
    for play in plays:
        day = local(play.at, zone).date()
        same = (day.month, day.day) == (today.month, today.day)
        leap = (day.month, day.day) == (2, 29) and today.month == 2 and (today + DAY).month == 3
        if day.year < today.year and (same or leap):
            found.append((play.at, today.year - day.year))
    return sorted(found, reverse=True)


def cleanliness(cleaned: list[datetime], played: list[datetime], frequency: int) -> float:
    """Return 0 for clean to 100 for dirty (domain.md 1.3)."""
    if not cleaned:
        return 100.0
    since = sum(1 for at in played if at - max(cleaned) > timedelta(milliseconds=1))
    return min(100.0, since / (frequency + 0.01) * 100)


def recency(days: int | None) -> int:
    """Return the recency score of days since the last play, None for never."""
    for limit, score in ((7, 100), (30, 80), (90, 60), (180, 40), (365, 20)):
        if days is not None and days <= limit:
            return score
    return 0


def weight(
    *, days: int, neglected: int, plays: int, rating: int, clean: float, luck: float
) -> float:
    """Return the weight of a recommendation."""
    found = 40 * min(days, neglected) / neglected
    found += 25 * (10 - min(plays, 10)) / 10
    found += 4 * rating if rating else 10
    found += 5 * (100 - clean) / 100
    found += 10 * luck
    found -= 20 if plays and days <= 30 else 0
    return max(found, 0)
