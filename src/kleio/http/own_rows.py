"""What reading, changing and deleting one row of a user's own have in common.

Each takes the queries of its noun. The key's name is that of the queries' parameter, the noun that
of people; the versions are those of `kleio.http.responses`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from litestar import Response

from kleio.db.queries import Connection
from kleio.http.auth import ApiRequest, UserRequest, database_of
from kleio.http.problems import not_found
from kleio.http.responses import Versioned, expected_version, version_changed, versioned

T = TypeVar("T", bound=Versioned)


async def get_row(
    request: ApiRequest, noun: str, get: Callable[..., Awaitable[T | None]], **key: UUID
) -> Response[T]:
    """Answer with a row and its version.

    Raises:
        ProblemError: 404.
    """
    row = await database_of(request).read(get, user_id=request.user.user_id, **key)
    if row is None:
        raise not_found(noun)
    return versioned(row)


async def update_row(
    conn: Connection,
    request: ApiRequest,
    noun: str,
    update: Callable[..., Awaitable[int]],
    get: Callable[..., Awaitable[T | None]],
    *,
    changes: str,
    **key: UUID,
) -> Response[T]:
    """Change a row and answer with what it became.

    Args:
        conn: in a transaction.
        request: whose `If-Match` counts, where it has one.
        noun: what a row is.
        update: writes the changes and returns how many rows it changed.
        get: reads the row again.
        changes: a JSON object with the fields to change.
        key: the row's id.

    Raises:
        ProblemError: 404; 412 where the row is not of the version that If-Match demands.
    """
    user_id = request.user.user_id
    changed = await update(
        conn,
        user_id=user_id,
        changes=changes,
        expected_updated_at=expected_version(request),
        now=datetime.now(UTC),
        **key,
    )
    row = await get(conn, user_id=user_id, **key)
    if row is None:
        raise not_found(noun)
    if not changed:
        raise version_changed()
    return versioned(row)


async def delete_row(
    request: UserRequest, noun: str, delete: Callable[..., Awaitable[object]], **key: UUID
) -> None:
    """Delete a row, of which `delete` returns something where there was one.

    Raises:
        ProblemError: 404.
    """
    async with database_of(request).connection() as conn:
        if not await delete(conn, user_id=request.user.user_id, **key):
            raise not_found(noun)
