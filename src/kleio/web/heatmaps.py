"""Plays as a calendar, and by weekday and hour: squares that are the darker the more there is."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
from markupsafe import Markup, escape

from kleio.repositories.stats import HeatmapCell, PlayBucket
from kleio.web import words

WEEKDAYS = tuple(calendar.day_abbr)
"""Monday first."""

LEVELS = 4
_PITCH = 13
_SIDE = 11
_LEFT = 26
_TOP = 14


class Half(msgspec.Struct, frozen=True):
    """Six months of a calendar; `says` is what it shows, in words."""

    picture: Markup
    says: str


def level(value: float, most: float) -> int:
    """Return how dark a square is: 0 where there is nothing, LEVELS for the most."""
    return min(-int(-value * LEVELS // most), LEVELS) if value and most else 0


def _svg(wide: int, tall: int, label: str, parts: list[str]) -> Markup:
    return Markup(  # noqa: S704 -- every text in it is escaped
        f'<svg class="chart heat" viewBox="0 0 {wide} {tall}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _word(x: float, y: float, word: str) -> str:
    return f'<text class="tick" x="{x:g}" y="{y:g}">{escape(word)}</text>'


def _square(column: int, row: int, kind: str, says: str) -> str:
    return (
        f'<rect class="{kind}" x="{_LEFT + column * _PITCH}" y="{_TOP + row * _PITCH}" '
        f'width="{_SIDE}" height="{_SIDE}" rx="2"><title>{escape(says)}</title></rect>'
    )


def day_says(bucket: PlayBucket) -> str:
    """Return a day with its plays, in words."""
    says = f"{bucket.start:%a} {bucket.start.day} {bucket.start:%b}: "
    if not bucket.plays:
        return says + "nothing"
    return says + f"{words.count(bucket.plays, 'play')}, {words.minutes(bucket.minutes)}"


def halves(days: Sequence[PlayBucket], today: date) -> list[Half]:
    """Return a year as two pictures, which stand side by side or, on a phone, one below the other.

    Args:
        days: every day of a year.
        today: days after it are only outlined.
    """
    most = max((day.plays for day in days), default=0)
    parted = [
        [day for day in days if day.start.month <= 6],
        [day for day in days if day.start.month > 6],
    ]
    return [_half(part, most, today) for part in parted if part]


def _half(days: list[PlayBucket], most: int, today: date) -> Half:
    first = days[0].start
    monday = first - timedelta(days=first.weekday())
    parts = [_word(0, _TOP + row * _PITCH + 9, WEEKDAYS[row]) for row in (0, 2, 4)]
    for day in days:
        column, row = divmod((day.start - monday).days, 7)
        if day.start.day == 1:
            parts.append(_word(_LEFT + (column + (row > 0)) * _PITCH, 9, f"{day.start:%b}"))
        kind = "later" if day.start > today else f"heat-{level(day.plays, most)}"
        parts.append(_square(column, row, kind, day_says(day)))
    weeks = (days[-1].start - monday).days // 7 + 1
    plays = sum(day.plays for day in days)
    listened = sum(day.plays > 0 for day in days)
    says = (
        f"{first:%B} to {days[-1].start:%B %Y}: {words.count(plays, 'play')} "
        f"on {words.count(listened, 'day')}"
    )
    return Half(_svg(_LEFT + weeks * _PITCH, _TOP + 7 * _PITCH, says, parts), says)


def week(cells: Sequence[HeatmapCell]) -> Markup:
    """Return the hours of a week, a row for each day."""
    most = max((cell.plays for cell in cells), default=0)
    parts = [_word(0, _TOP + row * _PITCH + 9, WEEKDAYS[row]) for row in range(7)]
    parts += [_word(_LEFT + hour * _PITCH, 9, f"{hour:02}") for hour in range(0, 24, 3)]
    for cell in cells:
        says = f"{WEEKDAYS[cell.weekday - 1]}, {cell.hour:02} to {cell.hour + 1:02} h: "
        says += words.count(cell.plays, "play")
        kind = f"heat-{level(cell.plays, most)}"
        parts.append(_square(cell.hour, cell.weekday - 1, kind, says))
    plays = sum(cell.plays for cell in cells)
    label = f"{words.count(plays, 'play')} by weekday and hour"
    if plays:
        busiest = max(cells, key=lambda cell: cell.plays)
        label += f"; most on {calendar.day_name[busiest.weekday - 1]} from {busiest.hour:02}:00"
    return _svg(_LEFT + 24 * _PITCH, _TOP + 7 * _PITCH, label, parts)
