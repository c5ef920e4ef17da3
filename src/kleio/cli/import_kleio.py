"""`kleio import kleio-sqlite` and `kleio-json`: what an older, single-user Kleio holds.

This module owns the options, who the data becomes, and how the report is shown and written; what is
read, written and checked is `kleio.importers`' to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from kleio.cli.import_account import (
    ImportDisplay,
    dry_run_option,
    json_option,
    show_option,
    summary,
    update_option,
    user_option,
)
from kleio.cli.kleio_report import show_report, write_report
from kleio.cli.runtime import (
    CommandError,
    describe_end,
    fail,
    print_json,
    run_with_connection,
    with_own_key,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from kleio.importers.account_import import Counts
    from kleio.importers.kleio_json import KleioJson
    from kleio.importers.kleio_sqlite import KleioSqlite
    from kleio.importers.older_records import Login
    from kleio.importers.older_report import Report
    from kleio.repositories.imports import Run
    from kleio.repositories.users import User
    from kleio.settings import Settings

    OlderSource = KleioSqlite | KleioJson


report_option = click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the whole report to this file, as JSON.",
)


class _Owner:
    """Whose data it becomes: a user who is there, or one who is made for it."""

    def __init__(
        self,
        username: str | None,
        new_name: str | None = None,
        email: str | None = None,
        *,
        is_admin: bool = False,
    ) -> None:
        self.username = username
        self.new_name = new_name
        self.email = email
        self.is_admin = is_admin
        self.token: str | None = None
        """The new user's first token, to be shown once."""

    async def find(self, conn: AsyncConnection[Any], discogs_username: str | None) -> User:
        """Return the user; ends the command where there is none, or one who should not be."""
        from kleio import account_rules, accounts
        from kleio.cli.users import find_user
        from kleio.db.errors import Conflict

        if self.new_name is None:
            return await find_user(conn, self.username or "")
        try:
            user, _, self.token = await accounts.create_user(
                conn,
                username=self.new_name,
                email=self.email or "",
                role="admin" if self.is_admin else "user",
                discogs_username=discogs_username,
                now=datetime.now(UTC),
            )
        except Conflict as error:
            if accounts.conflicting_field(error) == "email":
                fail(f"a user with the e-mail {self.email} exists already")
            fail(f"user {self.new_name!r} exists already; --user imports into it")
        except account_rules.InvalidField as error:
            fail(str(error), 2)
        return user

    async def undo(self, conn: AsyncConnection[Any], user: User) -> None:
        """Remove the user again who was made for an import that failed."""
        from kleio.repositories import users

        if self.new_name is not None:
            self.token = None
            with suppress(Exception):
                await users.delete_user(conn, user_id=user.id)


@click.command(
    "kleio-sqlite",
    epilog="Example: kleio import kleio-sqlite sqlite.db --create-user ada --email ada@example.org",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--user", "username", metavar="NAME", help="Whose data, of a user who is there.")
@click.option(
    "--create-user", "new_name", metavar="NAME", help="Whose data, of a user to be added."
)
@click.option("--email", help="The new user's address.")
@click.option("--admin", is_flag=True, help="The new user may manage users.")
@click.option(
    "--zone",
    default="UTC",
    show_default=True,
    help="Time zone (IANA name) of plays and cleanings whose time names none. Its web page sent"
    " UTC; what was logged without a time has that of the server's clock.",
)
@click.option(
    "--with-discogs-token",
    "with_token",
    is_flag=True,
    help="Take over the file's Discogs token too, encrypted.",
)
@dry_run_option
@update_option
@report_option
@show_option
@json_option
def kleio_sqlite(
    file: Path,
    username: str | None,
    new_name: str | None,
    email: str | None,
    admin: bool,
    zone: str,
    with_token: bool,
    **choices: Any,
) -> None:
    """Import the database of an older, single-user Kleio: sqlite.db.

    The file is only read. Releases that the catalogue lacks are added to it by their Discogs
    numbers; folders, copies, styluses, plays and cleanings become the user's. Afterwards every row
    of every table is accounted for, and a sample is read back and compared. The same file again
    adds nothing.
    """
    from zoneinfo import ZoneInfo, available_timezones

    from kleio import account_rules
    from kleio.importers.kleio_sqlite import KleioSqlite

    if (username is None) == (new_name is None):
        raise click.UsageError("give either --user or --create-user")
    if new_name is not None:
        if email is None:
            raise click.UsageError("--create-user needs --email")
        if choices["dry_run"]:
            raise click.UsageError("--dry-run compares with what a user has: give --user")
        try:
            account_rules.check_username(new_name)
            account_rules.check_email(email)
        except account_rules.InvalidField as error:
            fail(str(error), 2)
    elif email is not None or admin:
        raise click.UsageError("--email and --admin are of a user to be added: --create-user")
    if zone not in available_timezones():
        fail(f"--zone: there is no time zone {zone!r}", 2)

    def open_source() -> KleioSqlite:
        return KleioSqlite(file, zone=UTC if zone == "UTC" else ZoneInfo(zone))

    owner = _Owner(username, new_name, email, is_admin=admin)
    _import(file, open_source, owner, options={"zone": zone}, with_token=with_token, **choices)


@click.command("kleio-json", epilog="Example: kleio import kleio-json history.json --user ada")
@click.argument("file", type=click.Path(path_type=Path))
@user_option
@dry_run_option
@update_option
@report_option
@show_option
@json_option
def kleio_json(file: Path, username: str, **choices: Any) -> None:
    """Import the history export of an older Kleio: plays, cleanings and styluses.

    The file names releases by Discogs' numbers alone: those that the catalogue lacks are listed as
    unmatched, and their plays come with the same file again after a sync or a dump brought them.
    """
    from kleio.importers.files import open_file
    from kleio.importers.kleio_json import KleioJson

    def open_source() -> KleioJson:
        opened = open_file(file)
        try:
            return KleioJson(opened, file.name)
        except BaseException:
            opened.close()
            raise

    _import(file, open_source, _Owner(username), options={}, with_token=False, **choices)


def _import(
    file: Path,
    open_source: Callable[[], OlderSource],
    owner: _Owner,
    *,
    options: dict[str, Any],
    with_token: bool,
    dry_run: bool,
    with_updates: bool,
    report: Path | None,
    show: int,
    as_json: bool,
) -> None:
    from kleio.importers.sources import SourceError

    display = ImportDisplay(file.name)
    started = time.monotonic()

    async def main(conn: AsyncConnection[Any], settings: Settings) -> tuple[Run, Report]:
        keys = with_own_key(settings).secret_keys() if with_token else ()
        if with_token and not keys:
            fail("--with-discogs-token: no key to keep it with is configured (KLEIO_SECRET_KEY)")
        with closing(open_source()) as source:
            login = source.login()
            if with_token and not login.is_usable:
                fail(f"{file}: there is no Discogs token in it")
            user = await owner.find(conn, login.username)
            if with_token:
                _check_same_owner(user, login)
            run, result = await _carry_out(
                conn,
                user,
                owner,
                source,
                display,
                dry_run=dry_run,
                with_updates=with_updates,
                options=options,
            )
        if owner.token is not None and not as_json:
            display.line(f"user {user.username} added; the token below is shown this once")
            click.echo(owner.token)
        if with_token and not dry_run:
            await _keep_token(conn, user, login, keys)
            result.token_was_kept()
        await show_report(conn, user, run, result, display, show)
        if report is not None:
            await write_report(conn, user, run, result, report)
        return run, result

    async def guarded(conn: AsyncConnection[Any], settings: Settings) -> tuple[Run, Report]:
        try:
            return await main(conn, settings)
        except SourceError as error:
            words = str(error).removeprefix(f"{file}: ")
            raise CommandError(f"{file}: {words}") from error

    def end(found: Counts, **more: object) -> None:
        seconds = round(time.monotonic() - started, 3)
        token = {} if owner.token is None else {"token": owner.token}
        print_json({**summary(found, with_updates), "seconds": seconds, **more, **token})

    try:
        run, result = run_with_connection(guarded)
    except BaseException as error:
        if as_json:
            end({}, error=describe_end(error))
        raise
    if as_json:
        end(
            result.verdicts,
            dryRun=run.dry_run,
            id=run.id,
            counts=result.verdicts,
            passed=result.passed,
        )
    if result.passed is False:
        fail(f"{file}: imported, but the check failed: {result.failures[0]}")


def _check_same_owner(user: User, login: Login) -> None:
    known, found = user.discogs_username, login.username
    if known is not None and found is not None and known.lower() != found.lower():
        fail(f"the file's token is {found}'s at Discogs, but {user.username} is {known} there")


async def _carry_out(
    conn: AsyncConnection[Any],
    user: User,
    owner: _Owner,
    source: OlderSource,
    display: ImportDisplay,
    *,
    dry_run: bool,
    with_updates: bool,
    options: dict[str, Any],
) -> tuple[Run, Report]:
    """Import and check; the source is read to its end then."""
    from kleio.importers.account_import import import_source
    from kleio.importers.import_check import Witness, check
    from kleio.importers.older_report import make_report

    witness = Witness(source)
    try:
        with display:
            run = await import_source(
                conn,
                user.id,
                witness,
                dry_run=dry_run,
                with_updates=with_updates,
                options=options,
                progress=display.progress,
            )
    except BaseException:
        await owner.undo(conn, user)
        raise
    result = make_report(
        run,
        user=user.username,
        findings=source.findings,
        check=None if dry_run else await check(conn, user.id, run, witness),
        file_seconds=source.play_seconds(),
    )
    result.syncs = source.syncs()
    result.discogs_username = source.login().username
    return run, result


async def _keep_token(
    conn: AsyncConnection[Any], user: User, login: Login, keys: tuple[bytes, ...]
) -> None:
    """Keep the file's token, and its owner's name at Discogs where none is known."""
    import msgspec

    from kleio import encryption
    from kleio.repositories import discogs_credentials, users

    now = datetime.now(UTC)
    async with conn.transaction():
        await discogs_credentials.upsert_credential(
            conn,
            user_id=user.id,
            token_encrypted=encryption.encrypt(login.token or "", user_id=user.id, keys=keys),
            now=now,
        )
        if user.discogs_username is None and login.username is not None:
            changes = msgspec.json.encode({"discogsUsername": login.username}).decode()
            await users.update_user(
                conn, user_id=user.id, changes=changes, expected_updated_at=None, now=now
            )
