"""The command `kleio`: its groups by name, how they are found, and how an error looks.

Each group's module is imported when it is used, so that `kleio --version` and `kleio --help` cost
next to nothing; the sentences of the overview stand here for the same reason. This file runs
nothing itself.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import rich_click as click

from kleio import __version__
from kleio.words import show_text

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended: 128 and the number of SIGINT, as shells have it."""


class _Entry(NamedTuple):
    module: str
    attribute: str
    sentence: str


COMMANDS: dict[str, _Entry] = {
    "serve": _Entry("serve", "serve", "Serve the API, with the embedded PostgreSQL or your own."),
    "demo": _Entry("demo", "demo", "Serve an invented catalogue with three users' shelves."),
    "migrate": _Entry("migrations", "migrate", "Bring the database to this version."),
    "rollback": _Entry("migrations", "rollback", "Undo the newest migration, or all after one."),
    "migrations": _Entry("migrations", "migrations", "List the migrations and their state."),
    "user": _Entry("users", "user_group", "Add, list and remove users."),
    "token": _Entry("users", "token_group", "Make, list and revoke users' tokens."),
    "import": _Entry("imports", "import_group", "Bring data from files into Kleio."),
    "export": _Entry("exports", "export", "Write a user's data to a file: CSV, JSON or NDJSON."),
    "sync": _Entry("sync", "sync", "Bring a user's collection up to date with Discogs."),
    "sql": _Entry("sql", "sql_group", "List, check, explain and count the statements it sends."),
    "seed": _Entry("seed", "seed", "Fill a database with an invented library and shelves."),
    "maintain": _Entry("maintain", "maintain", "Keep the database well; cron's command."),
    "grants": _Entry("grants", "grants", "Print the rights that the serving role needs."),
    "diagram": _Entry("diagram", "diagram", "Print a diagram of the schema."),
    "doctor": _Entry(
        "doctor", "doctor", "Check settings, server and schema, and say what is wrong."
    ),
}


class KleioGroup(click.RichGroup):
    """The group `kleio`: imports commands when they are used and writes errors as one line."""

    _is_listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the overview."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002
        cmd_name: str,
    ) -> click.Command | None:
        """Return the command, or in the overview a stand-in with its sentence."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if self._is_listing:
            return click.RichCommand(name=cmd_name, help=entry.sentence)
        module = importlib.import_module(f"kleio.cli.{entry.module}")
        command: click.Command = getattr(module, entry.attribute)
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the overview without importing what it lists."""
        self._is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_listing = False

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command; an error is one line on stderr, its exit code the process's."""
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            result = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.Abort:
            _end("interrupted", INTERRUPTED)
        except click.ClickException as error:
            _show_traceback(error)
            _end(_line(error), error.exit_code)
        except Exception as error:
            _show_traceback(error)
            _end(
                f"internal error, {type(error).__name__}: {error}; "
                "KLEIO_LOG_LEVEL=debug shows where",
                1,
            )
        # A number is what ctx.exit() was given; commands return nothing.
        sys.exit(result if isinstance(result, int) else 0)


def _line(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} (see `{error.ctx.command_path} --help`)"
    return message


def _end(message: str, code: int) -> NoReturn:
    click.echo(f"kleio: {show_text(' '.join(message.split()))}", err=True)
    sys.exit(code)


def _show_traceback(error: BaseException) -> None:
    if os.environ.get("KLEIO_LOG_LEVEL", "").strip().lower() == "debug":
        traceback.print_exception(error)


@click.group(
    cls=KleioGroup,
    epilog="Example: kleio serve --port 8000 --workers 2",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="kleio", message="%(prog)s %(version)s")
def kleio() -> None:
    """Serve record collectors and music libraries from PostgreSQL 18."""
