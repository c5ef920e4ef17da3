"""The shapes of the JSON that PostgreSQL builds, for the OpenAPI document.

The server passes this JSON through as it is; nothing is ever decoded into these Structs but by the
tests, which hold the answers against them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from kleio.http.paging import CountedPage, Page


class ArtistOnCard(msgspec.Struct, frozen=True, rename="camel"):
    """A main artist; `id` is null for a credit that no artist is known of."""

    id: UUID | None
    discogs_id: int | None
    name: str
    anv: str | None
    join: str | None


class LabelOnCard(msgspec.Struct, frozen=True, rename="camel"):
    """A label with the release's catalogue number."""

    id: UUID | None
    discogs_id: int | None
    name: str
    catno: str | None


class FormatOnCard(msgspec.Struct, frozen=True, rename="camel"):
    """A carrier; `qty` is text as Discogs gives it."""

    name: str
    qty: str | None
    text: str | None
    descriptions: list[str]


class ReleaseCard(msgspec.Struct, frozen=True, rename="camel"):
    """A release in a list; `playDuration` is in seconds."""

    id: UUID
    discogs_id: int | None
    title: str
    year: int | None
    released: str | None
    country: str | None
    thumb: str | None
    cover_image: str | None
    play_duration: int | None
    play_duration_estimated: bool
    artists: list[ArtistOnCard]
    labels: list[LabelOnCard]
    formats: list[FormatOnCard]
    genres: list[str]
    styles: list[str]


class Credit(msgspec.Struct, frozen=True, rename="camel"):
    """What someone did for a release."""

    id: UUID | None
    discogs_id: int | None
    name: str
    anv: str | None
    role: str | None
    tracks: str | None


class TrackCredit(msgspec.Struct, frozen=True, rename="camel"):
    """An artist of a track, or with a `role` what someone did for it."""

    name: str
    discogs_id: int | None = None
    anv: str | None = None
    join: str | None = None
    role: str | None = None
    tracks: str | None = None


class Track(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the track list; `parentSeq` is the index track that a sub-track belongs to."""

    seq: int
    parent_seq: int | None
    type: Literal["track", "heading", "index"]
    position: str | None
    title: str
    duration: str | None
    duration_seconds: int | None
    credits: list[TrackCredit]


class ReleaseDetail(ReleaseCard, frozen=True, rename="camel"):
    """A release with everything that is known of it.

    `isStub` says that this is only what a shelf or a file told; `fetchedAt` when it came from
    Discogs' API, null where it came from a dump or from a person.
    """

    master_discogs_id: int | None
    resource_url: str | None
    data_quality: str | None
    notes: str | None
    credits: list[Credit]
    tracks: list[Track]
    identifiers: list[dict[str, Any]]
    companies: list[dict[str, Any]]
    series: list[dict[str, Any]]
    images: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    is_stub: bool
    fetched_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CopyWithRelease(msgspec.Struct, frozen=True, rename="camel"):
    """One copy; `rating` 0 is not rated, `archivedAt` is null while it is on the shelf."""

    id: UUID
    release_id: UUID
    folder_id: UUID
    discogs_instance_id: int | None
    rating: int
    media_condition: str | None
    sleeve_condition: str | None
    notes: str | None
    custom_fields: dict[str, Any]
    added_at: datetime
    archived_at: datetime | None
    archive_reason: str | None
    updated_at: datetime
    release: ReleaseCard


class ShelfCopyWithRelease(CopyWithRelease, frozen=True, rename="camel"):
    """One copy on the shelf; the last seven fields are there with `listening=true` alone.

    They tell of its release, by all copies: how often and when it was played and cleaned;
    `cleanliness` is 0 for clean and 100 for dirty, the marks go by the user's preferences.
    """

    plays: int | UnsetType = UNSET
    last_played_at: datetime | UnsetType = UNSET
    last_cleaned_at: datetime | UnsetType = UNSET
    cleanliness: float | UnsetType = UNSET
    needs_cleaning: bool | UnsetType = UNSET
    neglected: bool | UnsetType = UNSET
    recently_played: bool | UnsetType = UNSET


class PlayWithRelease(msgspec.Struct, frozen=True, rename="camel"):
    """A play; `durationEstimated` says that nobody gave the duration."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    stylus_id: UUID | None
    played_at: datetime
    duration_seconds: int
    duration_estimated: bool
    side: str | None
    notes: str | None
    updated_at: datetime
    release: ReleaseCard


class CleaningWithRelease(msgspec.Struct, frozen=True, rename="camel"):
    """A cleaning."""

    id: UUID
    release_id: UUID
    copy_id: UUID | None
    cleaned_at: datetime
    deep: bool
    notes: str | None
    updated_at: datetime
    release: ReleaseCard


class LogEntry(msgspec.Struct, frozen=True, rename="camel"):
    """A cleaning and the play one second after it."""

    cleaning: CleaningWithRelease
    play: PlayWithRelease


class PlayPage(Page[PlayWithRelease], frozen=True, kw_only=True):
    """A page of plays."""


class CleaningPage(Page[CleaningWithRelease], frozen=True, kw_only=True):
    """A page of cleanings."""


class ReleasePage(Page[ReleaseCard], frozen=True, kw_only=True):
    """A page of releases."""


class CountedReleasePage(CountedPage[ReleaseCard], frozen=True, kw_only=True):
    """A page of releases whose total may be no exact one."""


class CopyPage(Page[ShelfCopyWithRelease], frozen=True, kw_only=True):
    """A page of a shelf."""
