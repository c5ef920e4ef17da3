"""What tests of syncs share: tokens, and pictures of a database to compare."""

from __future__ import annotations

from typing import Any

import msgspec

from factories import NOW, Account
from kleio import encryption
from kleio.db.queries import Connection
from kleio.repositories import discogs_credentials
from kleio.repositories.sync_runs import SyncRun
from kleio.settings import Settings

SECRET_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

COPIES = """
SELECT c.discogs_instance_id AS instance, r.discogs_id AS release, f.name AS folder, c.rating,
       c.media_condition::text AS media, c.sleeve_condition::text AS sleeve, c.notes,
       c.custom_fields::text AS custom, c.added_at, c.archive_reason AS reason
  FROM user_releases AS c
  JOIN releases AS r ON r.id = c.release_id
  JOIN folders AS f ON f.user_id = c.user_id AND f.id = c.folder_id
 WHERE c.user_id = %s
 ORDER BY c.discogs_instance_id, c.added_at, c.id
"""

# Everything but what differs from run to run: ids, and when something was written.
PICTURE = {
    "releases": """
        SELECT r.discogs_id, r.title, r.year, r.released, r.country, r.thumb, r.cover_image,
               r.notes, r.metadata::text, r.source_hash, r.play_duration, r.from_api,
               r.fetched_at IS NOT NULL, r.facets, r.search_text,
               (SELECT count(*) FROM tracks AS t WHERE t.release_id = r.id),
               (SELECT string_agg(a.name || coalesce(a.role, ''), ',' ORDER BY a.position)
                  FROM release_artists AS a WHERE a.release_id = r.id)
          FROM releases AS r ORDER BY r.discogs_id, r.title""",
    "tracks": """
        SELECT r.discogs_id, t.seq, t.parent_seq, t.type::text, t.position, t.title,
               t.duration_seconds
          FROM tracks AS t JOIN releases AS r ON r.id = t.release_id
         ORDER BY r.discogs_id, t.seq""",
    "artists": "SELECT discogs_id, name FROM artists ORDER BY discogs_id",
    "labels": "SELECT discogs_id, name FROM labels ORDER BY discogs_id",
    "users": "SELECT username, discogs_username FROM users ORDER BY username",
    "folders": """
        SELECT u.username, f.number, f.name, f.discogs_name
          FROM folders AS f JOIN users AS u ON u.id = f.user_id ORDER BY 1, 2""",
    "copies": """
        SELECT u.username, c.discogs_instance_id, r.discogs_id, f.number, c.rating,
               c.media_condition::text, c.sleeve_condition::text, c.notes, c.custom_fields::text,
               c.added_at, c.archived_at IS NOT NULL, c.archive_reason
          FROM user_releases AS c
          JOIN users AS u ON u.id = c.user_id
          JOIN releases AS r ON r.id = c.release_id
          JOIN folders AS f ON f.user_id = c.user_id AND f.id = c.folder_id
         ORDER BY 1, 2, 3, c.added_at, c.id""",
    "known": """
        SELECT u.username, c.discogs_instance_id, b.present, b.folder_number, b.rating,
               b.media_condition, b.sleeve_condition, b.notes, b.custom_fields::text, b.added_at
          FROM discogs_copies AS b
          JOIN users AS u ON u.id = b.user_id
          JOIN user_releases AS c ON c.user_id = b.user_id AND c.id = b.id
         ORDER BY 1, 2""",
    "items": "SELECT count(*) FROM sync_items",
    "jobs": "SELECT count(*) FROM sync_jobs",
}


async def rows(conn: Connection, statement: str, *parameters: Any) -> list[Any]:
    """Run a statement and return its rows."""
    cursor = await conn.execute(statement, parameters)
    return await cursor.fetchall() if cursor.description else []


async def value(conn: Connection, statement: str, *parameters: Any) -> Any:
    return (await rows(conn, statement, *parameters))[0][0]


async def picture(conn: Connection) -> dict[str, list[Any]]:
    """Return everything that a sync may write, without ids and times of writing."""
    return {name: await rows(conn, statement) for name, statement in PICTURE.items()}


async def copies(conn: Connection, account: Account) -> list[dict[str, Any]]:
    """Return a user's copies by the fields that a sync is about."""
    cursor = await conn.execute(COPIES, (account.id,))
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]


async def copy_of(conn: Connection, account: Account, instance: int) -> dict[str, Any]:
    """Return the copy of an instance."""
    (found,) = [row for row in await copies(conn, account) if row["instance"] == instance]
    return found


async def give_token(conn: Connection, account: Account, token: str, settings: Settings) -> None:
    """Keep a Discogs token for a user, as the API does."""
    await discogs_credentials.upsert_credential(
        conn,
        user_id=account.id,
        token_encrypted=encryption.encrypt(token, user_id=account.id, keys=settings.secret_keys()),
        now=NOW,
    )


def counts(run: SyncRun) -> dict[str, int]:
    """Return a run's counts that are not 0, without their sum."""
    found: dict[str, int] = msgspec.json.decode(run.counts)
    return {name: number for name, number in found.items() if name != "items"}


def report(run: SyncRun) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(run.report)
    return found
