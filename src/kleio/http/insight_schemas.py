"""The shapes of statistics and recommendations whose JSON PostgreSQL builds, as in `schemas`."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from kleio.http.paging import Page
from kleio.http.schemas import ReleaseCard
from kleio.repositories.stats import HeatmapCell, PlayBucket


class PlayBucketPage(Page[PlayBucket], frozen=True, kw_only=True):
    """All buckets of a range, in one page."""


class HeatmapPage(Page[HeatmapCell], frozen=True, kw_only=True):
    """The 168 hours of a week, in one page."""


class TopItem(msgspec.Struct, frozen=True, rename="camel"):
    """What was played much; `release` is there for releases, `id` is null where none is known."""

    id: UUID | None
    name: str
    plays: int
    minutes: float
    releases: int
    release: ReleaseCard | None = None


class TopPage(Page[TopItem], frozen=True, kw_only=True):
    """What was played most, in one page."""


class EarlierPlay(msgspec.Struct, frozen=True, rename="camel"):
    """A play on this day of an earlier year."""

    id: UUID
    played_at: datetime
    years_ago: int
    release: ReleaseCard


class EarlierPlayPage(Page[EarlierPlay], frozen=True, kw_only=True):
    """What was played on this day of earlier years, in one page."""


class Streak(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """Days in a row with a play, both ends included."""

    days: int
    first: date
    last: date


class Day(msgspec.Struct, frozen=True, rename="camel"):
    """Plays and minutes of a day."""

    date: date
    plays: int
    minutes: float


class Month(msgspec.Struct, frozen=True, rename="camel"):
    """Plays and minutes of a month, 1 to 12."""

    month: int
    plays: int
    minutes: float


class YearRelease(msgspec.Struct, frozen=True, rename="camel"):
    """A release among those that were played most in a year."""

    plays: int
    minutes: float
    release: ReleaseCard


class YearArtist(msgspec.Struct, frozen=True, rename="camel"):
    """An artist among those that were played most in a year."""

    id: UUID | None
    name: str
    plays: int
    minutes: float


class YearGenre(msgspec.Struct, frozen=True, rename="camel"):
    """A genre among those that were played most in a year."""

    name: str
    plays: int
    minutes: float


class Year(msgspec.Struct, frozen=True, rename="camel"):
    """A year in review; `newReleases` were played for the first time, lists hold up to ten."""

    year: int
    plays: int
    minutes: float
    releases: int
    new_releases: int
    days_with_plays: int
    longest_streak: Streak | None
    busiest_day: Day | None
    months: list[Month]
    top_releases: list[YearRelease]
    top_artists: list[YearArtist]
    top_genres: list[YearGenre]
    copies_added: int
    cleanings: int


class NamedCount(msgspec.Struct, frozen=True, rename="camel"):
    """Copies of a format or genre."""

    name: str
    copies: int


class DecadeCount(msgspec.Struct, frozen=True, rename="camel"):
    """Copies of a decade, such as 1970; null where the year is not known."""

    decade: int | None
    copies: int


class FolderCopies(msgspec.Struct, frozen=True, rename="camel"):
    """Copies in a folder."""

    id: UUID
    name: str
    copies: int


class ConditionCount(msgspec.Struct, frozen=True, rename="camel"):
    """Copies whose medium is in a condition; null where it is not told."""

    condition: str | None
    copies: int


class RatingCount(msgspec.Struct, frozen=True, rename="camel"):
    """Copies with a rating; 0 is not rated."""

    rating: int
    copies: int


class Growth(msgspec.Struct, frozen=True, rename="camel"):
    """Copies added in the month that begins on a date, and how many there were at its end."""

    month: date
    added: int
    copies: int


class CollectionStats(msgspec.Struct, frozen=True, rename="camel"):
    """What the shelf is made of, archived copies aside; `minutes` is its playing time."""

    copies: int
    releases: int
    minutes: float
    never_played: int
    by_format: list[NamedCount]
    by_decade: list[DecadeCount]
    by_genre: list[NamedCount]
    by_folder: list[FolderCopies]
    by_condition: list[ConditionCount]
    by_rating: list[RatingCount]
    growth: list[Growth]


class RecommendedRelease(msgspec.Struct, frozen=True, rename="camel"):
    """A release to play now; days count from the last play, else from its addition."""

    copy_id: UUID
    weight: float
    reason: str
    days_since: int
    plays: int
    rating: int
    cleanliness: float
    recency: int
    last_played_at: datetime | None
    release: ReleaseCard


class RecommendationPage(Page[RecommendedRelease], frozen=True, kw_only=True):
    """What to play now, in one page."""


class NeglectedItem(msgspec.Struct, frozen=True, rename="camel"):
    """A release that was not played for long; days count as in a recommendation."""

    days_since: int
    last_played_at: datetime | None
    release: ReleaseCard


class NeglectedPage(Page[NeglectedItem], frozen=True, kw_only=True):
    """What was neglected, in one page."""


class CleaningItem(msgspec.Struct, frozen=True, rename="camel"):
    """A release that wants cleaning; `cleanliness` is 0 for clean and 100 for dirty."""

    cleanliness: float
    plays_since: int
    last_cleaned_at: datetime | None
    release: ReleaseCard


class CleaningDuePage(Page[CleaningItem], frozen=True, kw_only=True):
    """What is due for cleaning, in one page."""
