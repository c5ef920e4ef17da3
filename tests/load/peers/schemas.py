"""What the peers answer, in pydantic: the same JSON as Kleio's, which the load run checks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Schema(BaseModel):
    model_config = ConfigDict(
        from_attributes=True,
        populate_by_name=True,
        alias_generator=to_camel,
        serialize_by_alias=True,
    )


class ArtistOnCard(Schema):
    id: UUID | None = Field(validation_alias="artist_id", serialization_alias="id")
    discogs_id: int | None = Field(validation_alias="discogs_id", serialization_alias="discogsId")
    name: str
    anv: str | None
    join: str | None = Field(validation_alias="join_relation", serialization_alias="join")


class LabelOnCard(Schema):
    id: UUID | None = Field(validation_alias="label_id", serialization_alias="id")
    discogs_id: int | None
    name: str
    catno: str | None


class FormatOnCard(Schema):
    name: str
    qty: str | None
    text: str | None
    descriptions: list[str]


class ReleaseCard(Schema):
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
    artists: list[ArtistOnCard] = Field(
        validation_alias=AliasChoices("main_artists", "artists"), serialization_alias="artists"
    )
    labels: list[LabelOnCard] = Field(
        validation_alias=AliasChoices("label_credits", "labels"), serialization_alias="labels"
    )
    formats: list[FormatOnCard]
    genres: list[str]
    styles: list[str]


class Credit(Schema):
    id: UUID | None = Field(validation_alias="artist_id", serialization_alias="id")
    discogs_id: int | None
    name: str
    anv: str | None
    role: str | None
    tracks: str | None


class TrackOut(Schema):
    seq: int
    parent_seq: int | None
    type: str
    position: str | None
    title: str
    duration: str | None = Field(validation_alias="duration_text", serialization_alias="duration")
    duration_seconds: int | None
    credits: list[dict[str, Any]]


class ReleaseDetail(ReleaseCard):
    master_discogs_id: int | None
    resource_url: str | None
    data_quality: str | None
    notes: str | None
    credits: list[Credit]
    tracks: list[TrackOut]
    identifiers: list[dict[str, Any]]
    companies: list[dict[str, Any]]
    series: list[dict[str, Any]]
    images: list[dict[str, Any]]
    videos: list[dict[str, Any]]
    is_stub: bool
    fetched_at: datetime | None = Field(validation_alias="fetched", serialization_alias="fetchedAt")
    created_at: datetime
    updated_at: datetime


class CopyOut(Schema):
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


class PlayOut(Schema):
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


class SongOut(Schema):
    id: UUID
    library_id: UUID
    name: str
    artist_id: UUID | None
    artist_name: str | None
    album_id: UUID | None
    album_name: str | None
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    year: int | None
    genre: str | None
    codec: str
    bit_rate: int | None
    sample_rate: int | None
    channels: int | None
    missing_since: datetime | None
    created_at: datetime
    updated_at: datetime


class CopyPage(Schema):
    items: list[CopyOut]
    next: str | None
    total: int | None = None


class PlayPage(Schema):
    items: list[PlayOut]
    next: str | None
    total: int | None = None


class ReleasePage(Schema):
    items: list[ReleaseCard]
    next: str | None
    total: int | None = None
    total_is_estimate: bool = False
    refreshed_at: datetime | None = None


class SongLookup(Schema):
    ids: list[UUID] = Field(min_length=1, max_length=1000)


class FoundSongs(Schema):
    items: list[SongOut | None]


class NameCount(Schema):
    name: str
    copies: int


class DecadeCount(Schema):
    decade: int | None
    copies: int


class FolderCount(Schema):
    id: UUID
    name: str
    copies: int


class ConditionCount(Schema):
    condition: str | None
    copies: int


class RatingCount(Schema):
    rating: int
    copies: int


class Growth(Schema):
    month: date
    added: int
    copies: int


class CollectionStats(Schema):
    copies: int
    releases: int
    minutes: float
    never_played: int
    by_format: list[NameCount]
    by_decade: list[DecadeCount]
    by_genre: list[NameCount]
    by_folder: list[FolderCount]
    by_condition: list[ConditionCount]
    by_rating: list[RatingCount]
    growth: list[Growth]
