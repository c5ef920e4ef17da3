"""What the page decodes of the JSON that PostgreSQL builds, for templates to read."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from markupsafe import Markup, escape
from msgspec import Raw

from kleio.http.schemas import ReleaseCard, ReleaseDetail
from kleio.web.sleeves import sleeve

T = TypeVar("T")

_CARD = msgspec.json.Decoder(ReleaseCard)
_DETAIL = msgspec.json.Decoder(ReleaseDetail)


def card(raw: Raw) -> ReleaseCard:
    """Return the release of a row."""
    return _CARD.decode(raw)


def detail(raw: Raw) -> ReleaseDetail:
    """Return a release with its tracks."""
    return _DETAIL.decode(raw)


def decoded(raw: Raw, type_: type[T]) -> T:
    """Return what a column of JSON holds."""
    return msgspec.json.decode(raw, type=type_)


def cover(release: ReleaseCard, hosts: tuple[str, ...], *, large: bool = False) -> Markup:
    """Return a release's picture where browsers may load it, else its drawn sleeve.

    Args:
        release: whose it is.
        hosts: where pictures may come from.
        large: the big one, and at once.
    """
    address = (release.cover_image if large else release.thumb) or release.cover_image or ""
    if any(address.startswith(f"https://{host}/") for host in hosts):
        return Markup(
            '<img class="sleeve" src="{}" alt="" loading="{}" width="150" height="150">'
        ).format(escape(address), "eager" if large else "lazy")
    # Discogs' number is the same on every server.
    return sleeve(release.discogs_id or release.id, release.title, release.genres)


class OwnCopy(msgspec.Struct, rename="camel", frozen=True):
    """A copy of a record's page."""

    id: UUID
    folder_id: UUID
    rating: int
    media_condition: str | None
    sleeve_condition: str | None
    notes: str | None
    archive_reason: str | None
    added_at: datetime
    archived_at: datetime | None
    updated_at: datetime


class PlayOfRecord(msgspec.Struct, rename="camel", frozen=True):
    """A play of a record's page."""

    id: UUID
    stylus_id: UUID | None
    side: str | None
    notes: str | None
    duration_seconds: int
    at: datetime


class CleaningOfRecord(msgspec.Struct, rename="camel", frozen=True):
    """A cleaning of a record's page."""

    id: UUID
    deep: bool
    notes: str | None
    at: datetime


class MonthOfRecord(msgspec.Struct, rename="camel", frozen=True):
    """How often a record was played and cleaned in a month, `YYYY-MM`."""

    month: str
    plays: int
    cleanings: int


class Choice(msgspec.Struct, frozen=True):
    """Something to choose: a folder, a stylus."""

    id: UUID
    name: str
    primary: bool = False
    active: bool = True


def choices(raw: Raw) -> list[Choice]:
    """Return what there is to choose from."""
    return decoded(raw, list[Choice])
