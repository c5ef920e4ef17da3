"""Rows for tests, made the way Kleio makes them: through the repositories and the catalogue store.

Every factory takes the connection first and has defaults for all that a test does not care about;
names and numbers that must differ are counted up.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from kleio.catalogue import (
    ArtistCredit,
    ArtistDocument,
    FormatDocument,
    LabelCredit,
    ReleaseDocument,
    TrackDocument,
    seal,
)
from kleio.db.queries import Connection
from kleio.importers import catalogue_store
from kleio.repositories import (
    cleanings,
    collection,
    folders,
    plays,
    styluses,
    tokens,
    users,
    words,
)
from kleio.repositories.collection import Copy
from kleio.repositories.folders import Folder
from kleio.repositories.users import User
from kleio.settings import Settings, load_settings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NO_FILTERS: dict[str, Any] = dict.fromkeys(
    (
        *("artist", "label", "genre", "style", "format", "country"),
        *("year_from", "year_to", "folder_id", "min_rating", "search"),
        *("played_since", "not_played_since", "never_played", "needs_cleaning"),
    )
) | {"archived": False}
"""The collection's filters, none given."""

_numbers = itertools.count(1)


def settings_for(conninfo: str, home: Path, **variables: str) -> Settings:
    """Return settings as the environment would give them, with a small pool."""
    return load_settings(
        {
            "DATABASE_URL": conninfo,
            "KLEIO_HOME": str(home),
            "DB_MAX_OPEN_CONNS": "4",
            "DB_MAX_IDLE_CONNS": "1",
            **variables,
        }
    )


class Account(msgspec.Struct, frozen=True):
    """A user with the folder that every user has, and a token that is valid."""

    user: User
    folder: Folder
    token: str

    @property
    def id(self) -> UUID:
        return self.user.id


async def make_user(
    conn: Connection,
    username: str | None = None,
    *,
    role: str = "user",
    password_hash: str | None = None,
    now: datetime = NOW,
) -> Account:
    """Make a user with folder number 1 and a token."""
    username = username or f"user{next(_numbers)}"
    user = await users.insert_user(
        conn,
        username=username,
        email=f"{username}@example.org",
        discogs_username=None,
        role=role,
        password_hash=password_hash,
        now=now,
    )
    assert user is not None
    folder = await folders.insert_folder(
        conn, user_id=user.id, number=1, name="Uncategorized", now=now
    )
    assert folder is not None
    return Account(user, folder, await make_token(conn, user.id, now=now))


async def make_token(
    conn: Connection,
    user_id: UUID,
    *,
    name: str = "test",
    expires_at: datetime | None = None,
    now: datetime = NOW,
) -> str:
    """Make a token and return it as its owner would see it."""
    token = f"kleio_{secrets.token_urlsafe(32)}"
    await tokens.insert_token(
        conn,
        token_hash=token_hash(token),
        user_id=user_id,
        name=name,
        prefix=token[:12],
        expires_at=expires_at,
        now=now,
    )
    return token


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def release_document(discogs_id: int | None = None, **changes: Any) -> ReleaseDocument:
    """Return a small sealed release; `changes` replace fields of it."""
    if discogs_id is None and "discogs_id" not in changes:
        discogs_id = 1_000_000 + next(_numbers)
    fields: dict[str, Any] = {
        "discogs_id": discogs_id,
        "title": f"Title {discogs_id}",
        "year": 1999,
        "released": "1999-03-00",
        "country": "Sweden",
        "artists": [ArtistCredit(name="The Persuader", discogs_id=1)],
        "labels": [LabelCredit(name="Svek", discogs_id=5, catno="SK032")],
        "formats": [FormatDocument(name="Vinyl", qty="2", descriptions=['12"', "33 ⅓ RPM"])],
        "genres": ["Electronic"],
        "styles": ["Deep House"],
        "tracks": [
            TrackDocument(
                seq=1, title="Östermalm", position="A", duration_text="4:45", duration_seconds=285
            ),
            TrackDocument(seq=2, title="Vasastaden", position="B1"),
        ],
    }
    document = ReleaseDocument(**{**fields, **changes})
    document.set_play_duration()
    return seal(document)


def artist_document(discogs_id: int, name: str, **changes: Any) -> ArtistDocument:
    return seal(ArtistDocument(discogs_id=discogs_id, name=name, **changes))


async def store_releases(conn: Connection, documents: Iterable[ReleaseDocument]) -> list[UUID]:
    """Write releases and return their ids in the order of the documents' Discogs numbers."""
    saved = await catalogue_store.save(conn, "releases", list(documents))
    return [entry.id for entry in saved]


async def make_release(conn: Connection, discogs_id: int | None = None, **changes: Any) -> UUID:
    """Make one release and return its id."""
    (release_id,) = await store_releases(conn, [release_document(discogs_id, **changes)])
    return release_id


async def words_of(conn: Connection, text: str) -> dict[str, Any]:
    """Return what statements that search are told of the words of a text."""
    found = await words.get_alternatives(conn, search=text)
    assert found is not None
    return msgspec.structs.asdict(found)


async def make_copy(conn: Connection, account: Account, release_id: UUID, **changes: Any) -> Copy:
    """Put a copy of a release on a user's shelf."""
    fields: dict[str, Any] = {
        "discogs_id": None,
        "folder_id": None,
        "rating": 0,
        "media_condition": None,
        "sleeve_condition": None,
        "notes": None,
        "custom_fields": "{}",
        "added_at": NOW,
        "now": NOW,
    }
    copy = await collection.insert_copy(
        conn, user_id=account.id, release_id=release_id, **{**fields, **changes}
    )
    assert copy is not None
    return copy


async def make_play(
    conn: Connection, user_id: UUID, release_id: UUID | None, **changes: Any
) -> UUID:
    """Log a play and return its id; without a stylus, unless one is given."""
    fields: dict[str, Any] = {
        "copy_id": None,
        "stylus_id": None,
        "with_primary": False,
        "played_at": NOW,
        "duration_seconds": None,
        "side": None,
        "notes": None,
        "now": NOW,
    }
    play_id = await plays.insert_play(
        conn, user_id=user_id, release_id=release_id, **{**fields, **changes}
    )
    assert play_id is not None
    return play_id


async def make_cleaning(
    conn: Connection, user_id: UUID, release_id: UUID | None, **changes: Any
) -> UUID:
    """Log a cleaning and return its id."""
    fields: dict[str, Any] = {
        "copy_id": None,
        "cleaned_at": NOW,
        "deep": False,
        "notes": None,
        "now": NOW,
    }
    cleaning_id = await cleanings.insert_cleaning(
        conn, user_id=user_id, release_id=release_id, **{**fields, **changes}
    )
    assert cleaning_id is not None
    return cleaning_id


async def make_stylus(conn: Connection, user_id: UUID, **changes: Any) -> UUID:
    """Make a stylus and return its id."""
    fields: dict[str, Any] = dict.fromkeys(
        (
            *("model_id", "manufacturer", "cartridge_type", "expected_lifespan_hours"),
            *("purchase_date", "install_date"),
        )
    )
    fields |= {"name": "A stylus", "active": True, "is_primary": False, "owned": True, "now": NOW}
    stylus_id = await styluses.insert_stylus(conn, user_id=user_id, **{**fields, **changes})
    assert stylus_id is not None
    return stylus_id
