"""What both Python peers read, as SQLAlchemy statements: copies, plays, releases, counts.

Children come by `selectinload`, which the documentation recommends for collections: one statement
for each kind of child, whatever the number of parents.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models import (
    AuthToken,
    Copy,
    Folder,
    Genre,
    Play,
    Release,
    ReleaseArtist,
    ReleaseFormat,
    ReleaseGenre,
    ReleaseLabel,
    ReleaseStyle,
    UserPreferences,
)
from sqlalchemy import Date, Select, Text, cast, distinct, func, literal_column, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload, undefer_group

POOL_SIZE = max(1, 50 // int(os.environ.get("PEER_WORKERS", "1")))
"""As many connections as Kleio's workers have together."""

CONNECT_ARGS = {"server_settings": {"timezone": "UTC", "pg_trgm.word_similarity_threshold": "0.45"}}
"""What the answers depend on."""


def card(release: Any) -> list[Any]:
    """Return what loads the children of a list's releases; `release` leads there."""
    return [
        release.selectinload(Release.main_artists).selectinload(ReleaseArtist.artist),
        release.selectinload(Release.label_credits).selectinload(ReleaseLabel.label),
        release.selectinload(Release.formats),
        release.selectinload(Release.release_genres).selectinload(ReleaseGenre.genre),
        release.selectinload(Release.release_styles).selectinload(ReleaseStyle.style),
    ]


def own_card() -> list[Any]:
    """Return what loads the children of releases that are selected themselves."""
    return [
        selectinload(Release.main_artists).selectinload(ReleaseArtist.artist),
        selectinload(Release.label_credits).selectinload(ReleaseLabel.label),
        selectinload(Release.formats),
        selectinload(Release.release_genres).selectinload(ReleaseGenre.genre),
        selectinload(Release.release_styles).selectinload(ReleaseStyle.style),
    ]


def detail() -> list[Any]:
    """Return what loads all of one release."""
    return [
        *own_card(),
        undefer_group("detail"),
        selectinload(Release.further_artists).selectinload(ReleaseArtist.artist),
        selectinload(Release.tracks),
    ]


COPY_OPTIONS = card(selectinload(Copy.release))
PLAY_OPTIONS = card(selectinload(Play.release))


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def session_of(token: str) -> Select[tuple[AuthToken]]:
    return (
        select(AuthToken)
        .options(joinedload(AuthToken.user))
        .where(
            AuthToken.token_hash == token_hash(token),
            or_(AuthToken.expires_at.is_(None), AuthToken.expires_at > datetime.now(UTC)),
        )
    )


def shelf(user_id: UUID, sort: str) -> Select[tuple[Copy]]:
    statement = select(Copy).where(Copy.user_id == user_id, Copy.archived_at.is_(None))
    if sort == "artist":
        key = func.left(Release.artist_normalized, 100)
        return statement.join(Copy.release).order_by(key, Copy.id)
    return statement.order_by(Copy.added_at.desc(), Copy.id.desc())


def plays(user_id: UUID) -> Select[tuple[Play]]:
    return (
        select(Play).where(Play.user_id == user_id).order_by(Play.played_at.desc(), Play.id.desc())
    )


ALTERNATIVES = text(
    "SELECT ARRAY(SELECT w.word FROM words AS w WHERE w.word %> typed.word"
    "              ORDER BY word_similarity(typed.word, w.word)"
    "                       + similarity(typed.word, w.word) DESC, w.word"
    "              LIMIT 80) || left(typed.word, 64) || typed.word"
    "  FROM unnest(search_keys(:search)) WITH ORDINALITY AS typed (word, place)"
    " WHERE typed.place <= 3"
    " ORDER BY typed.place"
)
"""The words like each of the three longest, as `words.get_alternatives`."""


async def alternatives(session: AsyncSession, search: str) -> list[list[str] | None]:
    found = list((await session.scalars(ALTERNATIVES, {"search": search})).all())
    return [*found, None, None, None][:3]


def search(typed: str, words: list[list[str] | None]) -> Select[tuple[Release]]:
    wanted = func.normalize_name(typed)
    like = [cast(one, ARRAY(Text)) for one in words]
    found = (
        select(Release.id)
        .where(
            or_(
                func.matches_words(Release.search_text, typed, *like),
                literal_column("releases.facets").op("&&")(func.search_codes(typed)),
            )
        )
        .limit(2000)
        .subquery()
    )
    score = (
        func.word_similarity(wanted, Release.search_text)
        + func.similarity(wanted, Release.search_text) / 10
    )
    return (
        select(Release)
        .join(found, found.c.id == Release.id)
        .order_by(score.desc(), Release.id.desc())
    )


def next_cursor(items: list[Any], rows: list[Any], limit: int) -> str | None:
    """Return the place after a page's last item, None where there is no further row."""
    if len(rows) <= limit:
        return None
    return base64.urlsafe_b64encode(items[-1].id.bytes).decode()


async def collection_stats(session: AsyncSession, user_id: UUID) -> dict[str, Any]:
    """Count the shelf, one statement for each thing counted."""
    own = (Copy.user_id == user_id, Copy.archived_at.is_(None))
    played = select(Play.id).where(Play.user_id == user_id, Play.release_id == Copy.release_id)
    copies, releases, seconds = (
        await session.execute(
            select(
                func.count(Copy.id),
                func.count(distinct(Copy.release_id)),
                func.coalesce(func.sum(Release.play_duration), 0),
            )
            .join(Copy.release)
            .where(*own)
        )
    ).one()
    never_played = await session.scalar(select(func.count(Copy.id)).where(*own, ~played.exists()))

    async def counted(statement: Select[Any], *names: str) -> list[dict[str, Any]]:
        rows = (await session.execute(statement)).all()
        return [dict(zip(names, row, strict=True)) for row in rows]

    number = func.count(distinct(Copy.id))
    by_format = await counted(
        select(ReleaseFormat.name, number)
        .join(Copy, Copy.release_id == ReleaseFormat.release_id)
        .where(*own)
        .group_by(ReleaseFormat.name)
        .order_by(number.desc(), ReleaseFormat.name.collate("C")),
        "name",
        "copies",
    )
    decade = Release.year.op("/")(10).op("*")(10).label("decade")
    by_decade = await counted(
        select(decade, func.count(Copy.id))
        .join(Copy.release)
        .where(*own)
        .group_by(decade)
        .order_by(decade.nulls_last()),
        "decade",
        "copies",
    )
    by_genre = await counted(
        select(Genre.name, number)
        .join(ReleaseGenre, ReleaseGenre.genre_id == Genre.id)
        .join(Copy, Copy.release_id == ReleaseGenre.release_id)
        .where(*own)
        .group_by(Genre.name)
        .order_by(number.desc(), Genre.name.collate("C")),
        "name",
        "copies",
    )
    filed = func.count(Copy.id)
    by_folder = await counted(
        select(Folder.id, Folder.name, filed)
        .outerjoin(
            Copy,
            (Copy.user_id == Folder.user_id)
            & (Copy.folder_id == Folder.id)
            & Copy.archived_at.is_(None),
        )
        .where(Folder.user_id == user_id)
        .group_by(Folder.id, Folder.name)
        .order_by(filed.desc(), Folder.name.collate("C")),
        "id",
        "name",
        "copies",
    )
    by_condition = await counted(
        select(Copy.media_condition, func.count())
        .where(*own)
        .group_by(Copy.media_condition)
        .order_by(Copy.media_condition.nulls_last()),
        "condition",
        "copies",
    )
    by_rating = await counted(
        select(Copy.rating, func.count()).where(*own).group_by(Copy.rating).order_by(Copy.rating),
        "rating",
        "copies",
    )
    zone = await session.scalar(
        select(UserPreferences.preferences["timeZone"].astext).where(
            UserPreferences.user_id == user_id
        )
    )
    month = cast(func.date_trunc("month", func.timezone(zone or "UTC", Copy.added_at)), Date)
    months = select(month.label("month"), func.count().label("added")).where(*own)
    grown = months.group_by("month").subquery()
    growth = await counted(
        select(
            grown.c.month, grown.c.added, func.sum(grown.c.added).over(order_by=grown.c.month)
        ).order_by(grown.c.month),
        "month",
        "added",
        "copies",
    )
    return {
        "copies": copies,
        "releases": releases,
        "minutes": float(seconds) / 60,
        "never_played": never_played,
        "by_format": by_format,
        "by_decade": by_decade,
        "by_genre": by_genre,
        "by_folder": by_folder,
        "by_condition": by_condition,
        "by_rating": by_rating,
        "growth": growth,
    }
