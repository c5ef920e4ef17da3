"""Playing times: parsing, summing over a track list, and the estimate by format.

This module owns every rule about how long a release plays. It knows formats and tracks only by
the attributes below, so that `catalogue` and the importers can both use it, and it reads neither
files nor a database. All results are whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Protocol

MAX_TRACK_SECONDS = 100 * 3600
"""A longer "duration" of one track is taken for a mistyped number, not for music."""

MAX_SECONDS = 2**31 - 1
"""The database keeps playing times as `integer`."""

MAX_DISCS = 250
"""Above the largest boxes that exist (Bach 333 has 222 CDs); dumps hold quantities of 64 digits."""

DEFAULT_SIDE_SECONDS = 20 * 60
UNKNOWN_SECONDS = 40 * 60

_DURATION = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,6})", re.ASCII)
_SPACES = re.compile(r"\s+")
_QUANTITY = re.compile(r"\d+", re.ASCII)


class TimedTrack(Protocol):
    """What a line of a track list must have to be summed."""

    @property
    def seq(self) -> int:
        """The line's number within its release."""

    @property
    def type(self) -> str:
        """Either track, heading or index."""

    @property
    def parent_seq(self) -> int | None:
        """The number of the index track that this line belongs to."""

    @property
    def duration_seconds(self) -> int | None:
        """The line's own duration, None when unknown."""


class Format(Protocol):
    """What a carrier must have to be estimated."""

    @property
    def name(self) -> str:
        """The carrier, for example Vinyl, CD or File."""

    @property
    def qty(self) -> str | None:
        """The number of pieces, as the source gives it."""

    @property
    def descriptions(self) -> Sequence[str]:
        """Size, speed and kind, for example 12", 45 RPM, EP."""


# A cache, because a dump repeats the same few thousand texts some hundred million times.
@lru_cache(maxsize=16384)
def parse_duration(text: str | None) -> int | None:
    """Return the seconds of a duration written as ``ss``, ``m:ss`` or ``h:mm:ss``.

    Spaces are ignored and minutes may exceed 59 where no hour is given (``155:20``, as in the
    dumps). Minutes after an hour and seconds after a minute are below 60. Only colons separate:
    of 4,757 durations in the dump sample none has a point, and ``4.45`` could as well mean
    4.45 minutes as 4:45, so it is unknown rather than wrong.

    Returns:
        Seconds from 0 to 360,000 (100 hours), or None for everything else.

    >>> parse_duration("4:45"), parse_duration(" 1:02:03 "), parse_duration("about 4 min")
    (285, 3723, None)
    """
    if not text:
        return None
    match = _DURATION.fullmatch(_SPACES.sub("", text))
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    if (minutes and int(seconds) > 59) or (hours and int(minutes) > 59):
        return None
    total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return total if total <= MAX_TRACK_SECONDS else None


def sum_track_durations(tracks: Iterable[TimedTrack]) -> int | None:
    """Return the seconds that a track list plays, or None when no duration is known.

    Headings do not play. An index track with a duration of its own stands for its sub-tracks at
    any depth; without one its sub-tracks count. A duration of 0 is unknown. Tracks come in the
    order of `seq`, every parent before its sub-tracks.
    """
    total = 0
    covered: set[int] = set()
    for track in tracks:
        if track.parent_seq in covered:
            covered.add(track.seq)
        elif track.type != "heading" and track.duration_seconds:
            total += track.duration_seconds
            covered.add(track.seq)
    return min(total, MAX_SECONDS) if total else None


def estimate_play_duration(formats: Iterable[Format]) -> int:
    """Estimate the seconds that a release plays from its carriers (domain.md 1.3).

    Grooved discs count quantity x 2 sides x minutes a side, one side where the disc is
    "Single Sided":

    ======  ==========================  ==========
    size    45 RPM                      33 RPM
    ======  ==========================  ==========
    7"      3, as EP 5                  8
    10"     9                           15
    12"     12                          22
    ======  ==========================  ==========

    and 20 where size or speed is unknown. A 7" without a speed is taken as 45 RPM and an "LP"
    without a size as 12", because nearly all are. 78 RPM and shellac are not in the formula and
    take what the groove holds: 12" 4 minutes a side, every other size 3.

    With grooved discs present nothing else counts: the CD or download that comes with an LP
    repeats it. Otherwise each CD, cassette or other piece counts the formula's default, 2 x 20
    minutes, as a single 2 x 5 and as an EP or mini-album 2 x 12; files count once, because their
    quantity is the number of tracks. "Box Set" and "All Media" describe other formats and count
    nothing. Nothing known is 40 minutes.

    Returns:
        Seconds, more than 0 and at most 2**31 - 1.
    """
    grooved = 0
    other = 0
    for item in formats:
        if item.name in _CONTAINERS:
            continue
        if item.name in _GROOVED:
            sides = 1 if "Single Sided" in item.descriptions else 2
            grooved += _quantity(item.qty) * sides * _side_seconds(item)
        else:
            pieces = 1 if item.name == "File" else _quantity(item.qty)
            other += pieces * 2 * _kind_seconds(item.descriptions)
    return min(grooved or other or UNKNOWN_SECONDS, MAX_SECONDS)


_GROOVED = frozenset(
    ("Vinyl", "Shellac", "Flexi-disc", "Lathe Cut", "Acetate", "Edison Disc", "Pathé Disc")
)
_CONTAINERS = frozenset(("Box Set", "All Media"))
_EP_KINDS = frozenset(("EP", "Mini-Album"))
_SINGLE_KINDS = frozenset(("Single", "Maxi-Single"))

_SIDE_MINUTES = {
    ('7"', "45"): 3,
    ('7"', "33"): 8,
    ('10"', "45"): 9,
    ('10"', "33"): 15,
    ('12"', "45"): 12,
    ('12"', "33"): 22,
    ('12"', "78"): 4,
}


def _quantity(text: str | None) -> int:
    """Return the number of pieces, 1 for garbage, clamped to 1..MAX_DISCS."""
    match = _QUANTITY.fullmatch(text.strip()) if text else None
    if match is None:
        return 1
    digits = match[0].lstrip("0")
    if len(digits) > 3:
        return MAX_DISCS
    return max(1, min(int(digits or 1), MAX_DISCS))


def _side_seconds(item: Format) -> int:
    size = speed = None
    extended = False
    for description in item.descriptions:
        if description in ('7"', '10"', '12"'):
            size = description
        elif description == "LP":
            size = size or '12"'
        elif description.endswith("RPM"):
            speed = description[:2]
        elif description in _EP_KINDS:
            extended = True
    if speed is None:
        speed = "78" if item.name == "Shellac" else "45" if size == '7"' else "33"
        if size == '12"' and "LP" not in item.descriptions and item.name == "Vinyl":
            # A 12" may be an album at 33 or a single at 45: the formula's default.
            return DEFAULT_SIDE_SECONDS
    if size == '7"' and speed == "45" and extended:
        return 5 * 60
    minutes = _SIDE_MINUTES.get((size or "", speed))
    if minutes is None:
        return 3 * 60 if speed == "78" else DEFAULT_SIDE_SECONDS
    return minutes * 60


def _kind_seconds(descriptions: Sequence[str]) -> int:
    for description in descriptions:
        if description in _SINGLE_KINDS:
            return 5 * 60
        if description in _EP_KINDS:
            return 12 * 60
    return DEFAULT_SIDE_SECONDS
