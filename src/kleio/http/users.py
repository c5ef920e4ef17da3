"""Routes of all users, for administrators; registration is the one that may be open to anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from kleio import account_rules, accounts, passwords
from kleio.db.queries import Connection
from kleio.http import fields
from kleio.http.auth import (
    OPTIONAL_AUTH,
    ApiRequest,
    UserRequest,
    database_of,
    note_write,
    require_admin,
)
from kleio.http.bodies import ANONYMOUS_BYTES
from kleio.http.guesses import guesses_of
from kleio.http.paging import (
    CursorText,
    Limit,
    Offset,
    Page,
    WithTotal,
    page_request,
    page_response,
)
from kleio.http.problems import documented, forbidden, invalid_field, not_found, unauthorized
from kleio.http.responses import expected_version, version_changed, versioned
from kleio.http.session import settings_of
from kleio.repositories import users
from kleio.repositories.users import User

Role = Literal["user", "admin"]


class NewUser(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A user to add; only an administrator may give a role or leave out the password."""

    username: fields.Username
    email: fields.Email
    password: fields.Password | None = None
    discogs_username: fields.DiscogsUsername | None = None
    role: Role = "user"


class UserChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of a user."""

    email: fields.Email | UnsetType = UNSET
    discogs_username: fields.DiscogsUsername | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    password: fields.Password | UnsetType = UNSET


async def keep_an_administrator(conn: Connection, *, leaving: UUID) -> list[UUID]:
    """Keep administrators what they are until the transaction ends; refuse that the last one goes.

    Args:
        conn: in the transaction in which somebody goes, or becomes a user.
        leaving: who that is.

    Returns:
        All administrators.

    Raises:
        ProblemError: 403 to the last one.
    """
    administrators = await users.lock_administrators(conn)
    if administrators == [leaving]:
        raise forbidden("The last administrator can't go; make another user one first.")
    return administrators


async def _only_as_administrator(conn: Connection, request: ApiRequest, *, leaving: UUID) -> None:
    """Let only somebody go on who is an administrator still, which the guard has seen earlier."""
    if request.user.user_id not in await keep_an_administrator(conn, leaving=leaving):
        raise forbidden("Only an administrator may do this.")


class UserPage(Page[User], frozen=True, kw_only=True):
    """A page of users."""


@post(
    "/users",
    opt={OPTIONAL_AUTH: True},
    request_max_body_size=ANONYMOUS_BYTES,
    security=[{}, {"token": []}],
    responses=documented(400, 401, 403, 409, 413),
    summary="Add a user, or register",
)
async def add_user(request: ApiRequest, data: JSONBody[NewUser]) -> Response[User]:
    """Add a user; without an administrator's token only where registration is open."""
    session: Any = request.scope.get("user")
    if session is None or session.role != "admin":
        if settings_of(request).registration != "open":
            if session is None:
                raise unauthorized("Registration is closed; an administrator adds users.")
            raise forbidden("Only an administrator may do this.")
        if data.role != "user":
            raise forbidden("Only an administrator may give a role.")
        if data.password is None:
            raise invalid_field("password", "needed to register")
        await guesses_of(request).count_registration(request)
    user = await register(request, data)
    response = versioned(user)
    response.headers["Location"] = f"{request.url.path}/{user.id}"
    return response


async def register(request: UserRequest, wish: NewUser) -> User:
    """Make a user; who may have one made the caller knows.

    Raises:
        InvalidField, Conflict, Overloaded: as `accounts.register_user`.
    """
    user = await accounts.register_user(
        database_of(request).connection,
        username=wish.username,
        email=wish.email,
        discogs_username=wish.discogs_username,
        role=wish.role,
        password=wish.password,
        now=datetime.now(UTC),
    )
    note_write(request, user.id)
    return user


@get(
    "/users",
    guards=[require_admin],
    responses={200: ResponseSpec(UserPage, generate_examples=False)} | documented(400, 401, 403),
    summary="All users",
)
async def list_users(
    request: ApiRequest,
    limit: Limit = 50,
    cursor: CursorText = None,
    offset: Offset = 0,
    with_total: WithTotal = False,
) -> Response[Page[User]]:
    """Return users by name."""
    database = database_of(request)
    place = page_request("name", limit, cursor, offset)
    rows = await database.read(
        users.list_users,
        after_name=place.key,
        after_id=place.id,
        page_size=limit + 1,
        page_offset=place.offset,
    )
    total = await database.read(users.count_users) if with_total else None
    return page_response(request, place, rows, total=total, page=UserPage)


@patch(
    "/users/{user_id:str}",
    guards=[require_admin],
    responses=documented(400, 401, 403, 404, 409, 412, 413),
    summary="Change a user",
)
async def update_user(
    request: ApiRequest, user_id: FromPath[UUID], data: JSONBody[UserChanges]
) -> Response[User]:
    """Change what is given; takes `If-Match`. The last administrator stays one."""
    expected = expected_version(request)
    if isinstance(data.email, str):
        account_rules.check_email(data.email)
    changes = {
        name: value
        for name, value in (
            ("email", data.email),
            ("discogsUsername", data.discogs_username),
            ("role", data.role),
        )
        if value is not UNSET
    }
    if isinstance(data.password, str):
        changes["passwordHash"] = await passwords.hash_password(data.password)
    async with database_of(request).transaction() as conn:
        if data.role == "user":
            await _only_as_administrator(conn, request, leaving=user_id)
        user = await users.update_user(
            conn,
            user_id=user_id,
            changes=msgspec.json.encode(changes).decode(),
            expected_updated_at=expected,
            now=datetime.now(UTC),
        )
        if user is None and expected is not None:
            known = await users.get_user(conn, user_id=user_id)
            if known is not None:
                raise version_changed()
    if user is None:
        raise not_found("user")
    return versioned(user)


@delete(
    "/users/{user_id:str}",
    guards=[require_admin],
    status_code=HTTPStatus.NO_CONTENT.value,
    responses=documented(400, 401, 403, 404),
    summary="Delete a user",
)
async def delete_user(request: ApiRequest, user_id: FromPath[UUID]) -> None:
    """Delete a user with everything that is theirs; not oneself."""
    if user_id == request.user.user_id:
        raise forbidden("Nobody may delete their own account here.")
    async with database_of(request).transaction() as conn:
        await _only_as_administrator(conn, request, leaving=user_id)
        deleted = await users.delete_user(conn, user_id=user_id)
    if not deleted:
        raise not_found("user")


router = Router(
    "/", route_handlers=[add_user, list_users, update_user, delete_user], tags=["Users"]
)
