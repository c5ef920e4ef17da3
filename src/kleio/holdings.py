"""How much a user may have of what one answer lists in whole: folders, styluses, tokens.

Nobody has as many. Without an end, an account with a million of them would cost the server a
gigabyte of memory for each look at the list.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from kleio.account_rules import InvalidField
from kleio.db.queries import Connection
from kleio.repositories import users

Noun = Literal["folders", "styluses", "tokens"]

MOST = 10_000


async def check_holdings(conn: Connection, user_id: UUID, *nouns: Noun, more: int = 0) -> None:
    """Refuse what would be too many of something that a user has.

    Args:
        conn: where what counts is written already, or in autocommit mode.
        user_id: whose.
        nouns: of what.
        more: how many more there are to be.

    Raises:
        InvalidField: with the noun as the field.
    """
    holdings = await users.get_holdings(conn, user_id=user_id)
    for noun in nouns:
        if getattr(holdings, noun) + more > MOST:
            raise InvalidField(noun, f"a user has at most {MOST:,} of them")
