"""The users' Discogs tokens: kept encrypted, read for a sync, encrypted anew with a new key."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from kleio import encryption
from kleio.db.queries import Connection
from kleio.discogs.errors import NoToken
from kleio.repositories import discogs_credentials, users
from kleio.settings import Secret, Settings

PAGE_SIZE = 500


class Renewed(msgspec.Struct):
    """How many tokens were encrypted anew, were so already, and could not be opened."""

    renewed: int = 0
    unchanged: int = 0
    unreadable: int = 0


async def keep_token(
    conn: Connection, user_id: UUID, token: Secret, settings: Settings, *, now: datetime
) -> None:
    """Keep a user's token, encrypted with the first key.

    Raises:
        EncryptionError: no key is configured.
    """
    encrypted = encryption.encrypt(token.reveal(), user_id=user_id, keys=settings.secret_keys())
    await discogs_credentials.upsert_credential(
        conn, user_id=user_id, token_encrypted=encrypted, now=now
    )


async def read_token(conn: Connection, user_id: UUID, settings: Settings) -> Secret:
    """Return a user's Discogs token.

    Raises:
        NoToken: there is none, none of the server's keys opens it, or no header can hold it.
    """
    encrypted = await discogs_credentials.get_credential(conn, user_id=user_id)
    if encrypted is None:
        raise NoToken("There is no Discogs token (PUT /me/discogs-token keeps one)")
    try:
        token = encryption.decrypt(encrypted, user_id=user_id, keys=settings.secret_keys())
    except encryption.EncryptionError as error:
        raise NoToken("The Discogs token was kept with another KLEIO_SECRET_KEY") from error
    if not token.isascii() or not token.isprintable() or token != token.strip():
        # A library that refuses to send it would tell what it is.
        raise NoToken(
            "The Discogs token holds what no token has, such as a line's end; set it again"
        )
    return Secret(token)


async def renew_tokens(conn: Connection, settings: Settings, *, now: datetime) -> Renewed:
    """Encrypt all tokens with the first key, so that the other keys can go.

    User by user, each in a transaction of its own: what is encrypted is bound to its user, and a
    token that its user replaces meanwhile is not overwritten.

    Args:
        conn: in autocommit mode.
        settings: the keys, the new one first.
        now: the time.

    Raises:
        EncryptionError: no key is configured.
    """
    keys = settings.secret_keys()
    if not keys:
        raise encryption.EncryptionError("no key is configured (KLEIO_SECRET_KEY)")
    counts = Renewed()
    after_name, after_id = None, None
    while True:
        page = await users.list_users(
            conn, after_name=after_name, after_id=after_id, page_size=PAGE_SIZE, page_offset=0
        )
        for keyed in page:
            async with conn.transaction():
                await _renew(conn, keyed.id, keys, counts, now)
        if len(page) < PAGE_SIZE:
            return counts
        after_name, after_id = page[-1].key, page[-1].id


async def _renew(
    conn: Connection, user_id: UUID, keys: tuple[bytes, ...], counts: Renewed, now: datetime
) -> None:
    encrypted = await discogs_credentials.lock_credential(conn, user_id=user_id)
    if encrypted is None:
        return
    try:
        encryption.decrypt(encrypted, user_id=user_id, keys=keys[:1])
    except encryption.EncryptionError:
        pass
    else:
        counts.unchanged += 1
        return
    try:
        token = encryption.decrypt(encrypted, user_id=user_id, keys=keys)
    except encryption.EncryptionError:
        counts.unreadable += 1
        return
    await discogs_credentials.upsert_credential(
        conn,
        user_id=user_id,
        token_encrypted=encryption.encrypt(token, user_id=user_id, keys=keys),
        now=now,
    )
    counts.renewed += 1
