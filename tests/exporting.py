"""What tests do with exports: read one whole, as the API and the command line do."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import msgspec

from kleio.db.copy_out import Blocks
from kleio.db.queries import Connection
from kleio.export import Export
from kleio.http.exports import AccountFile
from kleio.repositories.users import User

EXPORTED = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


async def read_all(blocks: Blocks) -> bytes:
    async with aclosing(blocks):
        return b"".join([block async for block in blocks])


async def export(conn: Connection, user: User, noun: Any, **choices: Any) -> bytes:
    chosen = Export(noun=noun, **choices)
    return await read_all(
        chosen.blocks(conn, user_id=user.id, username=user.username, now=EXPORTED)
    )


async def account_of(conn: Connection, user: User) -> AccountFile:
    return msgspec.json.decode(await export(conn, user, "all"), type=AccountFile)
