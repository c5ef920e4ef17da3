"""Routes of one's own account: login, tokens, profile, preferences, the Discogs token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, Router, delete, get, patch, post, put
from litestar.connection import ASGIConnection
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Raw, UnsetType

from kleio import account_rules, accounts, encryption, passwords
from kleio.db.queries import Connection
from kleio.discogs.credentials import keep_token
from kleio.holdings import check_holdings
from kleio.http import fields
from kleio.http.auth import NO_AUTH, ApiRequest, UserRequest, database_of, note_write
from kleio.http.bodies import ANONYMOUS_BYTES
from kleio.http.guesses import guesses_of
from kleio.http.own_rows import delete_row
from kleio.http.paging import Page
from kleio.http.problems import (
    ProblemError,
    documented,
    invalid_field,
    not_found,
    unauthorized,
)
from kleio.http.responses import check_version, expected_version, version_changed, versioned
from kleio.http.zones import check_zone
from kleio.repositories import discogs_credentials, preferences, tokens, users
from kleio.repositories.tokens import Token
from kleio.repositories.users import User
from kleio.settings import Secret, Settings

Days = Annotated[int, Meta(ge=1, le=36_500)]


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """A user's name and password."""

    username: fields.Username
    password: Annotated[str, Meta(min_length=1, max_length=1024, pattern=fields.NO_NUL)]


class NewToken(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A token to make; it does not expire where `expiresInDays` is left out."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=fields.NO_NUL)]
    expires_in_days: Days | None = None


class IssuedToken(msgspec.Struct, frozen=True, rename="camel"):
    """A new token. `token` is shown this once and kept nowhere."""

    token: str
    id: UUID
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None


class MyChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of one's own account; a new password needs the current one if any."""

    email: fields.Email | UnsetType = UNSET
    discogs_username: fields.DiscogsUsername | UnsetType | None = UNSET
    password: fields.Password | UnsetType = UNSET
    current_password: fields.Password | UnsetType = UNSET


class DiscogsToken(msgspec.Struct, forbid_unknown_fields=True):
    """A personal access token of Discogs; it can be set and removed, never read."""

    token: Annotated[str, Meta(min_length=8, max_length=200, pattern=fields.PRINTABLE)]


class Preferences(msgspec.Struct, forbid_unknown_fields=True, rename="camel", frozen=True):
    """How the user wants to be served; days and plays are counts, the zone an IANA name."""

    recently_played_days: Days = 180
    neglected_days: Days = 365
    cleaning_frequency_plays: Annotated[int, Meta(ge=1, le=1000)] = 5
    time_zone: Annotated[str, Meta(max_length=64, pattern=fields.NO_NUL)] = "UTC"


class PreferenceChanges(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What to change of the preferences."""

    recently_played_days: Days | UnsetType = UNSET
    neglected_days: Days | UnsetType = UNSET
    cleaning_frequency_plays: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET
    time_zone: Annotated[str, Meta(max_length=64, pattern=fields.NO_NUL)] | UnsetType = UNSET


class TokenPage(Page[Token], frozen=True, kw_only=True):
    """All tokens of a user, in one page."""


def settings_of(request: ASGIConnection[Any, Any, Any, Any]) -> Settings:
    """Return the worker's settings."""
    settings: Settings = request.app.state.settings
    return settings


def _issued(token: Token, text: str) -> Response[IssuedToken]:
    return Response(
        IssuedToken(
            token=text,
            id=token.id,
            name=token.name,
            prefix=token.prefix,
            created_at=token.created_at,
            expires_at=token.expires_at,
        ),
        status_code=HTTPStatus.CREATED.value,
        headers={"Cache-Control": "no-store"},
    )


@post(
    "/auth/login",
    opt={NO_AUTH: True},
    request_max_body_size=ANONYMOUS_BYTES,
    security=[{}],
    responses=documented(400, 401, 413, 503),
    summary="Sign in with a password",
)
async def login(request: ApiRequest, data: JSONBody[Login]) -> Response[IssuedToken]:
    """Return a new token, valid for the server's lifetime of login tokens."""
    signed_in = await sign_in(request, data.username, data.password)
    return _issued(signed_in.token, signed_in.text)


async def sign_in(request: UserRequest, username: str, password: str) -> accounts.SignIn:
    """Make a login token for the right name and password; a wrong one counts as a guess.

    Raises:
        ProblemError: 401; 429 where too many were wrong.
        Overloaded: too many passwords wait already.
    """
    async with guesses_of(request).at_password(request, username):
        signed_in = await accounts.sign_in(
            database_of(request).connection,
            username,
            password,
            lifetime=settings_of(request).token_lifetime,
            now=datetime.now(UTC),
        )
        if signed_in is None:
            raise unauthorized("The name or the password is wrong.")
    note_write(request, signed_in.user_id)
    return signed_in


@post("/auth/tokens", responses=documented(400, 401, 413), summary="Make a token")
async def create_token(request: ApiRequest, data: JSONBody[NewToken]) -> Response[IssuedToken]:
    """Return a new token, for a script or a device."""
    async with database_of(request).connection() as conn:
        return _issued(*await make_token(conn, request.user.user_id, data))


async def make_token(conn: Connection, user_id: UUID, wish: NewToken) -> tuple[Token, str]:
    """Make a token of a user; its text is told this once."""
    await check_holdings(conn, user_id, "tokens", more=1)
    days = wish.expires_in_days
    return await accounts.create_token(
        conn,
        user_id=user_id,
        name=wish.name,
        lifetime=None if days is None else timedelta(days=days).total_seconds(),
        now=datetime.now(UTC),
    )


@get("/auth/tokens", responses=documented(401), summary="One's tokens")
async def list_tokens(request: ApiRequest) -> TokenPage:
    """Return all tokens, newest first, without the tokens themselves."""
    rows = await database_of(request).read(tokens.list_tokens, user_id=request.user.user_id)
    return TokenPage(items=rows, next=None, total=len(rows))


@delete(
    "/auth/tokens/{token_id:str}",
    responses=documented(400, 401, 404),
    summary="Revoke a token",
)
async def delete_token(request: ApiRequest, token_id: FromPath[UUID]) -> None:
    """Revoke a token at once; it may be the one of this request."""
    await delete_row(request, "token", tokens.delete_token, token_id=token_id)


@get("/me", responses=documented(401), summary="One's own account")
async def get_me(request: ApiRequest) -> Response[User]:
    """Return the account of the token."""
    user = await database_of(request).read(users.get_user, user_id=request.user.user_id)
    if user is None:
        raise not_found("user")
    return versioned(user)


@patch("/me", responses=documented(400, 401, 409, 412, 413), summary="Change one's account")
async def update_me(request: ApiRequest, data: JSONBody[MyChanges]) -> Response[User]:
    """Change what is given; takes `If-Match`."""
    expected = expected_version(request)
    if isinstance(data.email, str):
        account_rules.check_email(data.email)
    changes = {
        name: value
        for name, value in (("email", data.email), ("discogsUsername", data.discogs_username))
        if value is not UNSET
    }
    database = database_of(request)
    if isinstance(data.password, str):
        current = data.current_password if isinstance(data.current_password, str) else ""
        secret = await database.read(users.get_user_secret, username=request.user.username)
        if secret is not None:
            # Of two at once that know the same password, the second one would undo the first.
            check_version(expected, secret.updated_at)
            expected = secret.updated_at
        if secret is not None and secret.password_hash is not None:
            async with guesses_of(request).at_password(request, request.user.username):
                is_right, _ = await passwords.verify_password(current, secret.password_hash)
                if not is_right:
                    raise invalid_field("currentPassword", "not the current password")
        changes["passwordHash"] = await passwords.hash_password(data.password)
    async with database.connection() as conn:
        user = await users.update_user(
            conn,
            user_id=request.user.user_id,
            changes=msgspec.json.encode(changes).decode(),
            expected_updated_at=expected,
            now=datetime.now(UTC),
        )
    if user is None:
        raise version_changed()
    return versioned(user)


def _with_defaults(stored: Raw | None) -> Preferences:
    """Return all preferences; what was never changed has its default."""
    return Preferences() if stored is None else msgspec.json.decode(stored, type=Preferences)


async def read_preferences(request: UserRequest) -> Preferences:
    """Return all preferences of the request's user."""
    return _with_defaults(
        await database_of(request).read(preferences.get_preferences, user_id=request.user.user_id)
    )


async def change_preferences(request: UserRequest, changes: PreferenceChanges) -> Preferences:
    """Change what is given and return all preferences.

    Raises:
        ProblemError: 400, naming `timeZone`.
    """
    if isinstance(changes.time_zone, str):
        changes.time_zone = check_zone(changes.time_zone, field="timeZone", source="body")
    async with database_of(request).connection() as conn:
        return _with_defaults(
            await preferences.upsert_preferences(
                conn,
                user_id=request.user.user_id,
                changes=msgspec.json.encode(changes).decode(),
                now=datetime.now(UTC),
            )
        )


@get("/me/preferences", responses=documented(401), summary="One's preferences")
async def get_preferences(request: ApiRequest) -> Preferences:
    """Return all preferences."""
    return await read_preferences(request)


@patch("/me/preferences", responses=documented(400, 401, 413), summary="Change preferences")
async def update_preferences(request: ApiRequest, data: JSONBody[PreferenceChanges]) -> Preferences:
    """Change what is given and return all preferences."""
    return await change_preferences(request, data)


async def keep_discogs_token(request: UserRequest, given: DiscogsToken) -> None:
    """Keep the Discogs token of the request's user, encrypted.

    Raises:
        ProblemError: 503 where the server has no key.
    """
    settings = settings_of(request)
    try:
        async with database_of(request).connection() as conn:
            await keep_token(
                conn,
                request.user.user_id,
                Secret(given.token),
                settings,
                now=datetime.now(UTC),
            )
    except encryption.EncryptionError as error:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not-configured",
            "This server has no key to keep tokens with (KLEIO_SECRET_KEY).",
        ) from error


async def forget_discogs_token(request: UserRequest) -> None:
    """Remove the Discogs token of the request's user from the server.

    Raises:
        ProblemError: 404 where there is none.
    """
    async with database_of(request).connection() as conn:
        deleted = await discogs_credentials.delete_credential(conn, user_id=request.user.user_id)
    if not deleted:
        raise not_found("Discogs token")


@put(
    "/me/discogs-token",
    status_code=204,
    responses=documented(400, 401, 413, 503),
    summary="Set the Discogs token",
)
async def set_discogs_token(request: ApiRequest, data: JSONBody[DiscogsToken]) -> None:
    """Keep the token encrypted; it is never returned."""
    await keep_discogs_token(request, data)


@delete("/me/discogs-token", responses=documented(401, 404), summary="Forget the Discogs token")
async def delete_discogs_token(request: ApiRequest) -> None:
    """Remove the token from the server."""
    await forget_discogs_token(request)


router = Router(
    "/",
    route_handlers=[
        login,
        create_token,
        list_tokens,
        delete_token,
        get_me,
        update_me,
        get_preferences,
        update_preferences,
        set_discogs_token,
        delete_discogs_token,
    ],
    tags=["Session"],
)
