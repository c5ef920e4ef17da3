"""Routes by which users erase what is theirs: plays of long ago, or the whole account."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import Router, delete
from litestar.params import QueryParameter

from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.problems import documented, invalid_field
from kleio.http.users import keep_an_administrator
from kleio.repositories import plays, users

Repeated = Annotated[
    str, QueryParameter(max_length=64, description="One's own username, to the letter.")
]
Before = Annotated[
    datetime, QueryParameter(description="A time with a zone; plays at that time or later stay.")
]
DryRun = Annotated[
    bool, QueryParameter(name="dryRun", description="Erase nothing and only tell how many.")
]


class ErasedPlays(msgspec.Struct, frozen=True, rename="camel"):
    """How many plays were erased, or with `dryRun` would be."""

    plays: int
    dry_run: bool


@delete(
    "/me",
    status_code=HTTPStatus.NO_CONTENT.value,
    responses=documented(400, 401, 403),
    summary="Erase one's account",
)
async def erase_account(request: ApiRequest, username: Repeated) -> None:
    """Erase the account for good: collection, plays, cleanings, styluses, settings and all tokens.

    The username is repeated, so that it is nobody's accident. The last administrator stays.
    Releases that the user added to the shared catalogue stay in it.
    """
    await erase(request, username)


async def erase(request: UserRequest, username: str) -> None:
    """Erase the account of the request's user, who repeats their name.

    Raises:
        ProblemError: 400 where it is another name, 403 to the last administrator.
    """
    user = request.user
    if username != user.username:
        raise invalid_field("username", "not your username, to the letter", source="query")
    async with database_of(request).transaction() as conn:
        if user.role == "admin":
            await keep_an_administrator(conn, leaving=user.user_id)
        await users.delete_user(conn, user_id=user.user_id)


@delete(
    "/plays",
    status_code=HTTPStatus.OK.value,
    responses=documented(400, 401),
    summary="Erase plays of long ago",
)
async def erase_plays(request: ApiRequest, before: Before, dry_run: DryRun = False) -> ErasedPlays:
    """Erase one's plays that are older than a time and return their number."""
    if before.tzinfo is None:
        raise invalid_field("before", "needs a zone, such as Z", source="query")
    user_id = request.user.user_id
    if dry_run:
        found = await database_of(request).read(
            plays.count_plays,
            user_id=user_id,
            until=before,
            **dict.fromkeys(("release_id", "copy_id", "stylus_id", "artist", "genre", "since")),
        )
        return ErasedPlays(found, dry_run=True)
    async with database_of(request).connection() as conn:
        erased = await plays.delete_plays_before(conn, user_id=user_id, before=before)
    return ErasedPlays(erased, dry_run=False)


router = Router("/", route_handlers=[erase_account, erase_plays], tags=["Erasure"])
"""Both for good: `GET /export/all` before it keeps a copy."""
