"""Kleio's tables as SQLAlchemy's documentation teaches to map them; both Python peers use these.

Mapped onto tables that exist, typed, with relationships in the order of the record. Loading is the
query's choice (`selectinload`), as the documentation recommends for collections.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from advanced_alchemy.base import CommonTableAttributes
from sqlalchemy import ForeignKey, Text, and_
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, ENUM, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, foreign, mapped_column, relationship

Moment = TIMESTAMP(timezone=True)
_GRADES = ("M", "NM", "VG+", "VG", "G+", "G", "F", "P", "Not Graded")
MEDIA = ENUM(*_GRADES, name="media_condition", create_type=False)
SLEEVE = ENUM(*_GRADES, "Generic", "No Cover", name="sleeve_condition", create_type=False)
TRACK = ENUM("track", "heading", "index", name="track_type", create_type=False)


class Base(CommonTableAttributes, DeclarativeBase):
    """With what advanced-alchemy's repositories ask of a model."""

    __abstract__ = True
    type_annotation_map: ClassVar = {datetime: Moment, dict[str, Any]: JSONB, list[Any]: JSONB}


class User(Base):
    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str]


class AuthToken(Base):
    __tablename__ = "auth_tokens"
    token_hash: Mapped[bytes] = mapped_column(BYTEA, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime | None]
    user: Mapped[User] = relationship()


class UserPreferences(Base):
    __tablename__ = "user_preferences"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    preferences: Mapped[dict[str, Any]]


class Artist(Base):
    __tablename__ = "artists"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    discogs_id: Mapped[int | None]


class Label(Base):
    __tablename__ = "labels"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    discogs_id: Mapped[int | None]


class Genre(Base):
    __tablename__ = "genres"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Style(Base):
    __tablename__ = "styles"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class ReleaseArtist(Base):
    __tablename__ = "release_artists"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    artist_id: Mapped[UUID | None] = mapped_column(ForeignKey("artists.id"))
    name: Mapped[str]
    anv: Mapped[str | None]
    join_relation: Mapped[str | None]
    role: Mapped[str | None]
    tracks: Mapped[str | None]
    artist: Mapped[Artist | None] = relationship()

    @property
    def discogs_id(self) -> int | None:
        return self.artist.discogs_id if self.artist else None


class ReleaseLabel(Base):
    __tablename__ = "release_labels"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[UUID | None] = mapped_column(ForeignKey("labels.id"))
    name: Mapped[str]
    catno: Mapped[str | None]
    label: Mapped[Label | None] = relationship()

    @property
    def discogs_id(self) -> int | None:
        return self.label.discogs_id if self.label else None


class ReleaseFormat(Base):
    __tablename__ = "release_formats"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    qty: Mapped[str | None]
    text: Mapped[str | None]
    descriptions: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ReleaseGenre(Base):
    __tablename__ = "release_genres"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    genre_id: Mapped[UUID] = mapped_column(ForeignKey("genres.id"))
    genre: Mapped[Genre] = relationship()


class ReleaseStyle(Base):
    __tablename__ = "release_styles"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    style_id: Mapped[UUID] = mapped_column(ForeignKey("styles.id"))
    style: Mapped[Style] = relationship()


class Track(Base):
    __tablename__ = "tracks"
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    parent_seq: Mapped[int | None]
    duration_seconds: Mapped[int | None]
    type: Mapped[str] = mapped_column(TRACK)
    position: Mapped[str | None]
    title: Mapped[str]
    duration_text: Mapped[str | None]
    credit_list: Mapped[list[Any] | None] = mapped_column("credits")

    @property
    def credits(self) -> list[Any]:
        return self.credit_list or []


class Release(Base):
    __tablename__ = "releases"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    discogs_id: Mapped[int | None]
    master_discogs_id: Mapped[int | None]
    title: Mapped[str]
    title_normalized: Mapped[str] = mapped_column(deferred=True)
    artist_normalized: Mapped[str] = mapped_column(deferred=True)
    search_text: Mapped[str] = mapped_column(deferred=True)
    year: Mapped[int | None]
    released: Mapped[str | None]
    country: Mapped[str | None]
    thumb: Mapped[str | None]
    cover_image: Mapped[str | None]
    play_duration: Mapped[int | None]
    play_duration_estimated: Mapped[bool]
    resource_url: Mapped[str | None] = mapped_column(deferred=True, deferred_group="detail")
    data_quality: Mapped[str | None] = mapped_column(deferred=True, deferred_group="detail")
    notes: Mapped[str | None] = mapped_column(deferred=True, deferred_group="detail")
    details: Mapped[dict[str, Any]] = mapped_column(
        "metadata", deferred=True, deferred_group="detail"
    )
    source_hash: Mapped[str | None] = mapped_column(deferred=True, deferred_group="detail")
    from_api: Mapped[bool] = mapped_column(deferred=True, deferred_group="detail")
    fetched_at: Mapped[datetime | None] = mapped_column(deferred=True, deferred_group="detail")
    created_at: Mapped[datetime] = mapped_column(deferred=True, deferred_group="detail")
    updated_at: Mapped[datetime] = mapped_column(deferred=True, deferred_group="detail")

    main_artists: Mapped[list[ReleaseArtist]] = relationship(
        primaryjoin=lambda: and_(
            Release.id == foreign(ReleaseArtist.release_id), ReleaseArtist.role.is_(None)
        ),
        order_by=ReleaseArtist.position,
        viewonly=True,
    )
    further_artists: Mapped[list[ReleaseArtist]] = relationship(
        primaryjoin=lambda: and_(
            Release.id == foreign(ReleaseArtist.release_id), ReleaseArtist.role.is_not(None)
        ),
        order_by=ReleaseArtist.position,
        viewonly=True,
    )
    label_credits: Mapped[list[ReleaseLabel]] = relationship(order_by=ReleaseLabel.position)
    formats: Mapped[list[ReleaseFormat]] = relationship(order_by=ReleaseFormat.position)
    release_genres: Mapped[list[ReleaseGenre]] = relationship(order_by=ReleaseGenre.position)
    release_styles: Mapped[list[ReleaseStyle]] = relationship(order_by=ReleaseStyle.position)
    tracks: Mapped[list[Track]] = relationship(order_by=Track.seq)

    @property
    def genres(self) -> list[str]:
        return [entry.genre.name for entry in self.release_genres]

    @property
    def styles(self) -> list[str]:
        return [entry.style.name for entry in self.release_styles]

    @property
    def credits(self) -> list[ReleaseArtist]:
        return self.further_artists

    @property
    def identifiers(self) -> list[Any]:
        return self.details.get("identifiers", [])

    @property
    def companies(self) -> list[Any]:
        return self.details.get("companies", [])

    @property
    def series(self) -> list[Any]:
        return self.details.get("series", [])

    @property
    def images(self) -> list[Any]:
        return self.details.get("images", [])

    @property
    def videos(self) -> list[Any]:
        return self.details.get("videos", [])

    @property
    def is_stub(self) -> bool:
        return self.discogs_id is not None and self.source_hash is None

    @property
    def fetched(self) -> datetime | None:
        return self.fetched_at if self.from_api else None


class Folder(Base):
    __tablename__ = "folders"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Copy(Base):
    __tablename__ = "user_releases"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"))
    folder_id: Mapped[UUID]
    discogs_instance_id: Mapped[int | None]
    rating: Mapped[int]
    media_condition: Mapped[str | None] = mapped_column(MEDIA)
    sleeve_condition: Mapped[str | None] = mapped_column(SLEEVE)
    notes: Mapped[str | None]
    custom_fields: Mapped[dict[str, Any]]
    added_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
    archive_reason: Mapped[str | None]
    updated_at: Mapped[datetime]
    release: Mapped[Release] = relationship()


class Play(Base):
    __tablename__ = "play_history"
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    release_id: Mapped[UUID] = mapped_column(ForeignKey("releases.id"))
    copy_id: Mapped[UUID | None] = mapped_column("user_release_id")
    stylus_id: Mapped[UUID | None]
    played_at: Mapped[datetime]
    duration_seconds: Mapped[int]
    duration_estimated: Mapped[bool]
    side: Mapped[str | None]
    notes: Mapped[str | None]
    updated_at: Mapped[datetime]
    release: Mapped[Release] = relationship()


class Song(Base):
    __tablename__ = "songs"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    library_id: Mapped[UUID]
    name: Mapped[str]
    artist_id: Mapped[UUID | None]
    artist_name: Mapped[str | None]
    album_id: Mapped[UUID | None]
    album_name: Mapped[str | None]
    disc_number: Mapped[int | None]
    track_number: Mapped[int | None]
    duration_ms: Mapped[int | None]
    year: Mapped[int | None]
    genre: Mapped[str | None]
    codec: Mapped[str]
    bit_rate: Mapped[int | None]
    sample_rate: Mapped[int | None]
    channels: Mapped[int | None]
    missing_since: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
