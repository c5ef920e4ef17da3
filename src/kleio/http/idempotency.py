"""Creating POSTs that a client may send again: what the first time created is given again.

The key, the work and its result are one transaction, so a request is done once or not at all,
whatever becomes of the connection or the server. With a key, one that the database's connection
was cut under is therefore tried again here, and its client sees nothing of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from litestar import MediaType, Request, Response

from kleio.db.errors import Overloaded, Unavailable
from kleio.db.queries import Connection
from kleio.http.auth import ApiRequest, database_of
from kleio.http.problems import ProblemError, invalid_field
from kleio.repositories import idempotency_keys

MAX_KEY_LENGTH = 255

_encoder = msgspec.json.Encoder()


class _Identified(msgspec.Struct):
    id: UUID | None = None


async def create(
    request: ApiRequest, work: Callable[[Connection], Awaitable[Any]]
) -> Response[bytes]:
    """Do the work of a creating POST as `create_once` does and answer 201 with what it returns.

    Args:
        request: whose `Idempotency-Key` counts, where it has one.
        work: creates something and returns it, a Struct or JSON; where that has an `id`, it is one
            thing and the answer says where.

    Raises:
        ProblemError: 400 where the key can't be one, 422 where it was used for another request.
    """
    key, digest = request.headers.get("idempotency-key"), b""
    if key is not None:
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
            raise invalid_field(
                "Idempotency-Key", f"1 to {MAX_KEY_LENGTH} printable characters", source="header"
            )
        hashed = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
        hashed.update(await request.body())
        digest = hashed.digest()
    return _answer(request, await create_once(request, work, key, digest))


async def create_once(
    request: Request[Any, Any, Any],
    work: Callable[[Connection], Awaitable[Any]],
    key: str | None,
    digest: bytes,
) -> bytes:
    """Do the work of a creating POST in one transaction and return what it returns, as JSON.

    Args:
        request: whose user it is done for.
        work: creates something and returns it, a Struct or JSON.
        key: of what was done under it before, the result of that time is returned and nothing is
            done; None where it may be done again.
        digest: a hash of what is asked for, by which a key that is used for something else is told.

    Raises:
        ProblemError: 422 where the key was used for another request.
    """
    if key is None:
        async with database_of(request).transaction() as conn:
            return _encoder.encode(await work(conn))
    try:
        return await _with_key(request, work, key, digest)
    except Overloaded:
        raise
    except Unavailable:
        # The connection was cut, perhaps after the commit: the key tells.
        return await _with_key(request, work, key, digest)


async def _with_key(
    request: Request[Any, Any, Any],
    work: Callable[[Connection], Awaitable[Any]],
    key: str,
    digest: bytes,
) -> bytes:
    user_id = request.user.user_id
    async with database_of(request).transaction() as conn:
        claimed = await idempotency_keys.insert_idempotency_key(
            conn, user_id=user_id, key=key, request_hash=digest, now=datetime.now(UTC)
        )
        if not claimed:
            answer = await idempotency_keys.get_idempotency_key(conn, user_id=user_id, key=key)
            if answer is None or answer.request_hash != digest:
                raise ProblemError(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "idempotency-key-reused",
                    "The Idempotency-Key was used for another request.",
                )
            return answer.response
        body = _encoder.encode(await work(conn))
        await idempotency_keys.update_idempotency_key(
            conn, user_id=user_id, key=key, status=HTTPStatus.CREATED.value, response=body
        )
        return body


def _answer(request: ApiRequest, body: bytes) -> Response[bytes]:
    created = msgspec.json.decode(body, type=_Identified)
    place = f"{request.url.path.rstrip('/')}/{created.id}"
    return Response(
        body,
        status_code=HTTPStatus.CREATED.value,
        media_type=MediaType.JSON,
        headers={} if created.id is None else {"Location": place},
    )
