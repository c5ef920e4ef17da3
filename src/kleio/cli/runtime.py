"""What all commands share: settings, the database, errors as one line, tables on stdout.

This module knows which database a command gets and in what state; it holds no command. psycopg
and asyncio are imported where they are needed, because most options need neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import rich_click as click

from kleio.settings import Settings, SettingsError, load_settings
from kleio.words import show_text

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg import AsyncConnection

    from kleio.db.errors import DatabaseError

T = TypeVar("T")

WRONG_SETTING = 2


class CommandError(click.ClickException):
    """Ends the command with one line on stderr and an exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command: one line on stderr, and this exit code."""
    raise CommandError(message, code)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn the errors that an operator can do something about into one line and exit code 1.

    The original stays as the cause, and is shown under KLEIO_LOG_LEVEL=debug.
    """
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:
        import psycopg

        from kleio.db.embedded import EmbeddedError
        from kleio.db.errors import DatabaseError, translate

        if isinstance(error, psycopg.Error):
            translated = translate(error, operation="transaction")
            translated.__cause__ = error
            raise CommandError(describe(translated)) from error
        if isinstance(error, DatabaseError):
            raise CommandError(describe(error)) from error
        if isinstance(error, EmbeddedError):
            raise CommandError(str(error)) from error
        raise


def describe(error: DatabaseError) -> str:
    """Return what an operator needs to find the cause, with PostgreSQL's own words.

    Clients of the API never see those words; who runs `kleio` holds the database anyway.
    """
    cause = error.__cause__
    # libpq gives a line for each address it tried and a hint; it never shows the password.
    words = " ".join(str(cause).split()) if cause is not None else ""
    if len(words) > 400:
        words = words[:397] + "..."
    message = error.message if error.operation in ("connect", "migrate") else str(error)
    return f"{message}: {words}" if words and words not in message else message


def read_settings(overrides: Mapping[str, object] | None = None) -> Settings:
    """Return the settings; a wrong one ends the command with exit code 2.

    Args:
        overrides: variables from the command's options, None for one that was not given.
    """
    import os

    given = {name: str(value) for name, value in (overrides or {}).items() if value is not None}
    try:
        return load_settings({**os.environ, **given})
    except SettingsError as error:
        raise CommandError(str(error), WRONG_SETTING) from error


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Yield the conninfo of the configured server, or of the embedded one while it is used.

    Of the configured one it is the way past a pooler, where there is one.

    The embedded server is started or joined below `settings.home`; the last user stops it.
    Nothing is checked and nothing migrated: that is what `prepare_database` does.
    """
    conninfo = settings.direct_conninfo()
    if conninfo is not None:
        yield conninfo
        return
    from kleio.db.embedded import embedded_server

    with embedded_server(settings.home) as server:
        yield server.conninfo


def prepare_database(settings: Settings, conninfo: str) -> None:
    """Migrate the embedded database; check that an own server is migrated.

    Raises:
        DatabaseError: it can't be reached, is too old, or is not migrated.
    """
    from kleio.db.migrate import migrate
    from kleio.db.migration_states import check_server

    if settings.embedded:
        migrate(conninfo)
    else:
        check_server(conninfo)


def run_with_connection(
    main: Callable[[AsyncConnection[Any], Settings], Awaitable[T]],
) -> T:
    """Run `main` on one configured connection to a checked and migrated database.

    A wrong setting exits with 2, and whatever is wrong with the database with 1, each with one
    line on stderr. The connection is in autocommit mode and closed afterwards.
    """
    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        prepare_database(settings, conninfo)
        return run_connected(main, settings, conninfo)


def run_connected(
    main: Callable[[AsyncConnection[Any], Settings], Awaitable[T]],
    settings: Settings,
    conninfo: str,
) -> T:
    """Run `main` on one configured connection to a database that is open already."""
    import asyncio

    from kleio.db.connections import connect

    async def run() -> T:
        conn = await connect(settings, conninfo)
        try:
            return await main(conn, settings)
        finally:
            await conn.close()

    return asyncio.run(run())


def with_own_key(settings: Settings) -> Settings:
    """Return the settings with the embedded server's own key, where none is given.

    The server's directory exists, so the server was opened before.
    """
    import msgspec

    from kleio import encryption
    from kleio.settings import Secret

    if not settings.embedded or settings.secret_key is not None:
        return settings
    key = encryption.key_file(settings.home).read_text().strip()
    return msgspec.structs.replace(settings, secret_key=Secret(key))


def describe_end(error: BaseException) -> str:
    """Return why a command ended, for the line of JSON that it ends with."""
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted"
    return str(error) or type(error).__name__


def print_json(value: object) -> None:
    """Write a value as one line of JSON on stdout."""
    import msgspec

    click.echo(msgspec.json.encode(value).decode())


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write aligned columns on stdout, never cut to a terminal's width."""
    table = [[show_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def show_time(moment: datetime | None, never: str = "never") -> str:
    """Return a time for people, to the second and in UTC."""
    from datetime import UTC

    return never if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
