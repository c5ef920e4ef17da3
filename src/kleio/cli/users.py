"""`kleio user` and `kleio token`: options, questions and output.

How users and tokens are made is `kleio.accounts`' to say, what they may be `account_rules`'. A
token goes to stdout alone on its line and everything else to stderr, so that a script may write
TOKEN=$(kleio user add ...).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import rich_click as click

from kleio import account_rules, accounts
from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    prepare_database,
    print_json,
    print_table,
    read_settings,
    run_connected,
    run_with_connection,
    show_time,
    with_own_key,
)
from kleio.db.errors import Conflict, MissingReference
from kleio.encryption import EncryptionError
from kleio.repositories import tokens, users
from kleio.settings import Secret, Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.discogs.credentials import Renewed
    from kleio.repositories.users import User

PAGE_SIZE = 500
_PASSWORD_LINE_BYTES = 8 * 1024


@click.group("user", epilog="Example: kleio user add ada --email ada@example.org")
def user_group() -> None:
    """Add, list and remove users."""


@click.group("token", epilog="Example: kleio token create ada --expires 90d")
def token_group() -> None:
    """Make, list and revoke users' tokens."""


@user_group.command("add", epilog="Example: kleio user add ada --email ada@example.org --admin")
@click.argument("name")
@click.option("--email", required=True, help="The user's address; no other user may have it.")
@click.option("--admin", is_flag=True, help="May manage users.")
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read a password from the first line of stdin; without one the user has tokens only.",
)
@click.option("--discogs-username", metavar="NAME", help="The user's name on Discogs.")
@click.option("--json", "as_json", is_flag=True, help='Print {"id","username","token"}.')
def add_user(
    name: str,
    email: str,
    admin: bool,
    password_stdin: bool,
    discogs_username: str | None,
    as_json: bool,
) -> None:
    """Add a user and print a token for them; it is shown this once."""
    password = _read_line("password") if password_stdin else None

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> tuple[User, str]:
        try:
            user, _, text = await accounts.create_user(
                conn,
                username=name,
                email=email,
                role="admin" if admin else "user",
                discogs_username=discogs_username,
                password=password,
                now=datetime.now(UTC),
            )
        except Conflict as error:
            if accounts.conflicting_field(error) == "email":
                fail(f"a user with the e-mail {email} exists already")
            fail(f"user {name!r} exists already")
        return user, text

    with _broken_rules():
        # A wrong name needs no database to be refused.
        account_rules.check_username(name)
        account_rules.check_email(email)
        if password is not None:
            account_rules.check_password_rules(password)
        user, text = run_with_connection(main)
    if as_json:
        print_json({"id": user.id, "username": user.username, "token": text})
    else:
        _say(f"user {user.username} added; the token below is shown this once")
        click.echo(text)


@user_group.command("discogs-token", epilog="Example: kleio user discogs-token ada < token.txt")
@click.argument("name")
def discogs_token(name: str) -> None:
    """Keep a user's Discogs token, read from the first line of stdin.

    It is encrypted and never shown; PUT /me/discogs-token does the same.
    """
    token = _read_line("token").strip()
    if not (8 <= len(token) <= 200 and token.isascii() and token.isprintable()):
        fail("a Discogs token has 8 to 200 printable characters, on the first line of stdin")

    async def main(conn: AsyncConnection[Any], settings: Settings) -> None:
        from kleio.discogs.credentials import keep_token

        user = await find_user(conn, name)
        try:
            await keep_token(
                conn, user.id, Secret(token), with_own_key(settings), now=datetime.now(UTC)
            )
        except EncryptionError as error:
            fail(str(error))

    run_with_connection(main)


@user_group.command("rekey", epilog="Example: KLEIO_SECRET_KEY=new,old kleio user rekey")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def rekey(as_json: bool) -> None:
    """Encrypt all Discogs tokens with the first key of KLEIO_SECRET_KEY.

    To replace a key: put the new one in front, restart the servers, rekey, take the old one away.
    """

    async def main(conn: AsyncConnection[Any], settings: Settings) -> Renewed:
        from kleio.discogs.credentials import renew_tokens

        try:
            return await renew_tokens(conn, with_own_key(settings), now=datetime.now(UTC))
        except EncryptionError as error:
            fail(str(error))

    counts = run_with_connection(main)
    if as_json:
        print_json(counts)
    else:
        _say(
            f"Discogs tokens: {counts.renewed:,} encrypted anew, {counts.unchanged:,} were so "
            f"already, {counts.unreadable:,} that no key opens"
        )
    if counts.unreadable:
        fail("some Discogs tokens can't be opened; their users have to set them again")


@user_group.command("list", epilog="Example: kleio user list --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_users(as_json: bool) -> None:
    """List all users by name."""

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> list[User]:
        found: list[User] = []
        after_name, after_id = None, None
        while True:
            page = await users.list_users(
                conn,
                after_name=after_name,
                after_id=after_id,
                page_size=PAGE_SIZE,
                page_offset=0,
            )
            found += [keyed.row for keyed in page]
            if len(page) < PAGE_SIZE:
                return found
            after_name, after_id = page[-1].key, page[-1].id

    found = run_with_connection(main)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            user.username,
            user.email,
            user.role,
            "yes" if user.has_password else "no",
            show_time(user.created_at),
            str(user.id),
        )
        for user in found
    ]
    print_table(("NAME", "EMAIL", "ROLE", "PASSWORD", "ADDED", "ID"), rows)


@user_group.command("remove", epilog="Example: kleio user remove ada --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove_user(name: str, yes: bool) -> None:
    """Remove a user with their shelf, folders and tokens, for good.

    The last administrator too: `kleio user add --admin` makes another one.
    """

    async def find(conn: AsyncConnection[Any], _settings: Settings) -> User:
        return await find_user(conn, name)

    async def remove(conn: AsyncConnection[Any], _settings: Settings) -> None:
        async with conn.transaction():
            administrators = await users.lock_administrators(conn)
            if await users.delete_user(conn, user_id=user.id) == 0:
                fail(f"user {name!r} does not exist")
        _say(f"user {user.username} removed")
        if administrators == [user.id]:
            _say("no administrator is left; kleio user add --admin makes one")

    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)
        user = run_connected(find, settings, conninfo)
        if not yes:
            # Outside asyncio, which would keep the first Ctrl-C to itself.
            _confirm(f"Remove {user.username} <{user.email}> and everything of theirs?")
        run_connected(remove, settings, conninfo)


@user_group.command("password", epilog="Example: kleio user password ada < password.txt")
@click.argument("name")
def set_password(name: str) -> None:
    """Give a user a password: asked for on a terminal, else the first line of stdin."""
    password = _ask_password() if sys.stdin.isatty() else _read_line("password")

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> None:
        user = await find_user(conn, name)
        now = datetime.now(UTC)
        if not await accounts.set_password(conn, user_id=user.id, password=password, now=now):
            fail(f"user {name!r} does not exist")
        _say(f"the password of {user.username} is set")

    with _broken_rules():
        account_rules.check_password_rules(password)
        run_with_connection(main)


@token_group.command("create", epilog="Example: kleio token create ada --name phone --expires 90d")
@click.argument("username")
@click.option("--name", default="cli", show_default=True, help="What the token is for.")
@click.option("--expires", metavar="DURATION", help="Such as 12h or 90d; without it, never.")
@click.option("--json", "as_json", is_flag=True, help='Print {"id","username","token", ...}.')
def create_token(username: str, name: str, expires: str | None, as_json: bool) -> None:
    """Make one more token for a user and print it; it is shown this once."""
    lifetime = None if expires is None else _parse_duration(expires)

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> None:
        user = await find_user(conn, username)
        now = datetime.now(UTC)
        try:
            token, text = await accounts.create_token(
                conn, user_id=user.id, name=name, lifetime=lifetime, now=now
            )
        except MissingReference:
            fail(f"user {username!r} does not exist")
        if as_json:
            print_json(
                {
                    "id": token.id,
                    "username": user.username,
                    "name": token.name,
                    "expiresAt": token.expires_at,
                    "token": text,
                }
            )
        else:
            until = show_time(token.expires_at, "it is revoked")
            _say(f"token {token.id}, valid until {until}; it is shown this once")
            click.echo(text)

    with _broken_rules():
        run_with_connection(main)


@token_group.command("list", epilog="Example: kleio token list ada")
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_tokens(username: str, as_json: bool) -> None:
    """List a user's tokens, newest first; of the token itself only the beginning is known."""

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> list[tokens.Token]:
        user = await find_user(conn, username)
        return await tokens.list_tokens(conn, user_id=user.id)

    found = run_with_connection(main)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            str(token.id),
            token.name,
            f"{token.prefix}...",
            show_time(token.created_at),
            show_time(token.expires_at),
            show_time(token.last_used_at),
        )
        for token in found
    ]
    print_table(("ID", "NAME", "TOKEN", "MADE", "EXPIRES", "LAST USED"), rows)


@token_group.command(
    "revoke", epilog="Example: kleio token revoke ada 01980f5e-31a4-7c3c-9d2f-6a2f0c6f3a11"
)
@click.argument("username")
@click.argument("token_id", type=click.UUID)
def revoke_token(username: str, token_id: UUID) -> None:
    """Revoke one token; it opens nothing from then on."""

    async def main(conn: AsyncConnection[Any], _settings: Settings) -> None:
        user = await find_user(conn, username)
        if await tokens.delete_token(conn, user_id=user.id, token_id=token_id) == 0:
            fail(f"user {user.username!r} has no token {token_id}")
        _say(f"token {token_id} revoked")

    run_with_connection(main)


# --- shared -------------------------------------------------------------------------------------


@contextmanager
def _broken_rules() -> Iterator[None]:
    """Turn a field that breaks the rules into one line that names it, and exit code 2."""
    try:
        yield
    except account_rules.InvalidField as error:
        fail(str(error), 2)


async def find_user(conn: AsyncConnection[Any], name: str) -> User:
    """Return the user of this name in any case, or end the command."""
    # A name that breaks the rules is nobody's, and may hold what PostgreSQL refuses.
    try:
        account_rules.check_username(name)
    except account_rules.InvalidField:
        fail(f"user {name!r} does not exist")
    user = await users.get_user_by_username(conn, username=name)
    if user is None:
        fail(f"user {name!r} does not exist")
    return user


def _confirm(question: str) -> None:
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        fail("nothing was removed; --yes removes without asking")


def _ask_password() -> str:
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _read_line(what: str) -> str:
    """Return the first line of stdin without its end; spaces belong to it."""
    line = sys.stdin.buffer.readline(_PASSWORD_LINE_BYTES)
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        fail(f"{what}: must be UTF-8 text", 2)


def _parse_duration(text: str) -> float:
    # The settings' own reader, with its range and its words; to it an empty text is not given.
    if not text:
        fail("--expires is empty; allowed is a duration such as 12h or 90d", 2)
    try:
        return load_settings({"KLEIO_TOKEN_LIFETIME": text}).token_lifetime
    except SettingsError as error:
        fail(str(error).replace("KLEIO_TOKEN_LIFETIME", "--expires"), 2)


def _say(line: str) -> None:
    click.echo(line, err=True)
