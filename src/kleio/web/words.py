"""Numbers, times and names as people read them; nothing here knows HTML."""

from __future__ import annotations

import re
from datetime import date, datetime

from kleio.http.schemas import ArtistOnCard, FormatOnCard

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBERED = re.compile(r" \(\d+\)$")


def field(name: str) -> str:
    """Return a field's name of the API in words: `playedAt` is `Played at`."""
    words = _CAMEL.sub(" ", name.replace("_", " ")).lower()
    return words[:1].upper() + words[1:]


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 play`, `1,203 plays`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was, in days of `now`'s zone."""
    local = moment.astimezone(now.tzinfo)
    days = (now.date() - local.date()).days
    if days <= 0:
        minutes = int((now - local).total_seconds() // 60)
        if minutes < 1:
            return "just now"
        return f"{minutes} min ago" if minutes < 60 else f"today, {local:%H:%M}"
    if days == 1:
        return f"yesterday, {local:%H:%M}"
    return days_ago(days)


def days_ago(days: int) -> str:
    """Return a number of days as people say it."""
    if days <= 0:
        return "today"
    if days < 14:
        return f"{count(days, 'day')} ago"
    if days < 60:
        return f"{days // 7} weeks ago"
    if days < 700:
        return f"{days // 30} months ago"
    return f"{days // 365} years ago" if days >= 730 else "2 years ago"


def day(moment: datetime | date, now: datetime) -> str:
    """Return the day of a moment in `now`'s zone, with the year where it is not this one."""
    local = moment.astimezone(now.tzinfo) if isinstance(moment, datetime) else moment
    written = f"{local.day} {local:%b}"
    return written if local.year == now.year else f"{written} {local.year}"


def weekday(moment: datetime, now: datetime) -> str:
    """Return the day of a moment as a heading: `Today`, `Tuesday, 3 Mar`."""
    local = moment.astimezone(now.tzinfo)
    days = (now.date() - local.date()).days
    if days in (0, 1):
        return ("Today", "Yesterday")[days]
    return f"{local:%A}, {day(moment, now)}"


def clock(moment: datetime, now: datetime) -> str:
    """Return the time of day of a moment in `now`'s zone."""
    return f"{moment.astimezone(now.tzinfo):%H:%M}"


def duration(seconds: int | None) -> str:
    """Return a playing time: `43 min`, `1 h 02`; empty where it is not known."""
    if not seconds:
        return ""
    minutes = max(round(seconds / 60), 1)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02}"


def artists(credited: list[ArtistOnCard]) -> str:
    """Return the artists of a release as its sleeve has them."""
    text = ""
    for number, artist in enumerate(credited):
        name = artist.anv or _NUMBERED.sub("", artist.name)
        text += name
        if number < len(credited) - 1:
            join = (artist.join or ",").strip()
            text += ", " if join == "," else f" {join} "
    return text or "Unknown artist"


def formats(carriers: list[FormatOnCard]) -> str:
    """Return the carriers of a release: `2 × Vinyl, LP, Album`."""
    return " + ".join(
        ", ".join(
            (
                carrier.name
                if carrier.qty in (None, "", "1")
                else f"{carrier.qty} × {carrier.name}",
                *carrier.descriptions,
            )
        )
        for carrier in carriers
    )


def minutes(number: float) -> str:
    """Return a listening time: `43 min`, `312 h 05`; `0 min` where it is nothing."""
    return duration(round(number * 60)) or "0 min"


def length(milliseconds: int | None) -> str:
    """Return how long a song is: `3:45`, `1:02:03`; empty where it is not known."""
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
