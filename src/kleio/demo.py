"""The demo's data: the invented catalogue, three users' shelves and their listening, once.

This module decides what is missing and writes it in one transaction; what is written is
`kleio.seed`'s. It neither serves nor prints.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from kleio import accounts
from kleio.catalogue import ReleaseDocument
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import store
from kleio.repositories import (
    cleanings,
    collection,
    folders,
    plays,
    preferences,
    releases,
    styluses,
    tokens,
    users,
    words,
)
from kleio.repositories.users import User
from kleio.seed import (
    DemoUser,
    Listening,
    ShelfEntry,
    demo_catalogue,
    demo_listening,
    demo_shelf,
    demo_users,
)

TOKEN_NAME = "demo"  # noqa: S105 -- a token's name, not a token
_BATCH = 200
_NO_FILTERS: dict[str, Any] = dict.fromkeys(
    ("artist", "label", "genre", "style", "format", "country", "catno", "barcode",
     "year_from", "year_to", "before_score", "before_id")
)  # fmt: skip


class DemoResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo has: `token` is `owner`'s and valid until the next start.

    `is_new` tells whether this call wrote the data. `search` finds `release_id` although it is
    spelt wrong.
    """

    is_new: bool
    users: tuple[str, ...]
    owner: str
    token: str
    release_id: UUID
    title: str
    search: str


class DemoError(Exception):
    """The database holds something that the demo would be mixed with."""


async def load_demo(
    conn: Connection, *, beside_others: bool = False, now: datetime | None = None
) -> DemoResult:
    """Write what is missing of the demo, all or nothing, and make a new token for its first user.

    A user who is there stays as is, also one that an older version wrote without any plays: what
    somebody has tried out since is not to be mixed with an invented year.

    Args:
        conn: in autocommit mode, to a migrated database.
        beside_others: also where there are users that are not the demo's.
        now: when the users' year of listening ends, and what the token's times start from.

    Raises:
        DemoError: there are such users, or one of them has a name of the demo's.
    """
    now = now or datetime.now(UTC)
    found = {user.username: await _find(conn, user) for user in demo_users()}
    missing = [user for user in demo_users() if found[user.username] is None]
    if len(missing) == len(found) and not beside_others and await users.count_users(conn):
        raise DemoError("this database has users of its own, which the demo would be mixed with")
    if missing:
        # One transaction: a start that is cut short leaves nothing, and the next one does it all.
        async with conn.transaction():
            catalogue = list(demo_catalogue())
            await _store_catalogue(conn, catalogue)
            for user in missing:
                found[user.username] = await _add_user(conn, user, catalogue, now)
    owner = found[demo_users()[0].username]
    assert owner is not None
    document = _shown_release()
    release_id = await releases.get_release_id(conn, discogs_id=document.discogs_id or 0)
    if release_id is None:
        raise DemoError("the demo's catalogue was removed from this database")
    return DemoResult(
        is_new=bool(missing),
        users=tuple(found),
        owner=owner.username,
        token=await _replace_token(conn, owner, now),
        release_id=release_id,
        title=document.title,
        search=await _misspelt(conn, document, release_id),
    )


async def _find(conn: Connection, user: DemoUser) -> User | None:
    known = await users.get_user_by_username(conn, username=user.username)
    if known is not None and known.email != user.email:
        raise DemoError(f"this database has a user {user.username!r} who is not the demo's")
    return known


async def _store_catalogue(conn: Connection, catalogue: list[ReleaseDocument]) -> None:
    for start in range(0, len(catalogue), _BATCH):
        await store(conn, "releases", catalogue[start : start + _BATCH])


async def _add_user(
    conn: Connection, user: DemoUser, catalogue: list[ReleaseDocument], now: datetime
) -> User:
    added = await accounts.make_user(
        conn,
        username=user.username,
        email=user.email,
        role="admin" if user.admin else "user",
        now=now,
    )
    by_number = {entry.discogs_id: entry for entry in catalogue if entry.discogs_id is not None}
    shelf = demo_shelf(user, list(by_number))
    copy_ids = await _add_shelf(conn, added, user, shelf, now)
    changes = _json({"timeZone": user.time_zone, **user.thresholds})
    await preferences.upsert_preferences(conn, user_id=added.id, changes=changes, now=now)
    day = now.astimezone(ZoneInfo(user.time_zone)).date()
    listening = demo_listening(user, shelf, by_number, day)
    await _add_listening(conn, added, listening, copy_ids, now)
    return added


async def _add_shelf(
    conn: Connection, owner: User, user: DemoUser, shelf: list[ShelfEntry], now: datetime
) -> dict[str, str]:
    """Return the copies' ids by their places on the shelf."""
    folder_ids = {}
    for name in user.folders:
        if name != accounts.UNCATEGORIZED:
            folder = await folders.insert_folder(
                conn, user_id=owner.id, number=None, name=name, now=now
            )
            assert folder is not None
            folder_ids[name] = folder.id
    copy_ids = {}
    for place, entry in enumerate(shelf):
        copy = await collection.insert_copy(
            conn,
            user_id=owner.id,
            release_id=None,
            discogs_id=entry.release_discogs_id,
            folder_id=folder_ids.get(entry.folder),
            rating=entry.rating or 0,
            media_condition=entry.media_condition,
            sleeve_condition=entry.sleeve_condition,
            notes=entry.notes,
            custom_fields="{}",
            added_at=entry.added_at,
            now=now,
        )
        assert copy is not None
        copy_ids[str(place)] = str(copy.id)
        if entry.archived_at is not None and entry.archive_reason is not None:
            await collection.update_copy_archived(
                conn,
                user_id=owner.id,
                copy_id=copy.id,
                archive_reason=entry.archive_reason,
                expected_updated_at=None,
                now=entry.archived_at,
            )
    return copy_ids


async def _add_listening(
    conn: Connection, owner: User, listening: Listening, copy_ids: dict[str, str], now: datetime
) -> None:
    models = {
        (model.manufacturer, model.name): model.id
        for model in await styluses.list_stylus_models(conn)
    }
    stylus_ids = {}
    for stylus in listening.styluses:
        stylus_id = await styluses.insert_stylus(
            conn,
            user_id=owner.id,
            model_id=models[stylus.model] if stylus.model else None,
            name=stylus.name,
            manufacturer=None,
            cartridge_type=None,
            expected_lifespan_hours=stylus.expected_lifespan_hours,
            purchase_date=stylus.purchase_date,
            install_date=stylus.install_date,
            active=stylus.active,
            is_primary=stylus.is_primary,
            owned=stylus.owned,
            now=now,
        )
        stylus_ids[stylus.id] = str(stylus_id)
    played = [
        replace(
            play,
            copy_id=copy_ids[play.copy_id or ""],
            stylus_id=stylus_ids[play.stylus_id] if play.stylus_id else None,
        )
        for play in listening.plays
    ]
    cleaned = [
        replace(cleaning, copy_id=copy_ids[cleaning.copy_id or ""])
        for cleaning in listening.cleanings
    ]
    await plays.insert_plays(conn, user_id=owner.id, plays=_json(played), now=now)
    await cleanings.insert_cleanings(conn, user_id=owner.id, cleanings=_json(cleaned), now=now)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def _replace_token(conn: Connection, user: User, now: datetime) -> str:
    # Only hashes are kept, so the last start's token can't be shown again.
    async with conn.transaction():
        await tokens.delete_tokens_by_name(conn, user_id=user.id, name=TOKEN_NAME)
        _, text = await accounts.create_token(
            conn, user_id=user.id, name=TOKEN_NAME, lifetime=None, now=now
        )
    return text


def _shown_release() -> ReleaseDocument:
    """Return the release that the demo shows: a title of one long plain word."""
    first = list(demo_catalogue(40))
    return max(first, key=lambda entry: len(max(_words(entry.title), key=len, default="")))


def _words(text: str) -> list[str]:
    return [word for word in text.split() if word.isascii() and word.isalpha()]


async def _misspelt(conn: Connection, document: ReleaseDocument, release_id: UUID) -> str:
    """Return words that find the release although one letter is missing."""
    longest = max(_words(document.title), key=len, default=document.title)
    middle = len(longest) // 2
    wrong = document.title.replace(longest, longest[:middle] + longest[middle + 1 :])
    for search in (wrong, f"{wrong} {document.artists[0].name}"):
        found = await words.get_alternatives(conn, search=search) or words.NO_WORDS
        page = await releases.search_releases(
            conn, search=search, page_size=5, page_offset=0, **_NO_FILTERS,
            **msgspec.structs.asdict(found),
        )  # fmt: skip
        if any(keyed.id == release_id for keyed in page):
            return search
    return document.title
