"""`kleio migrate`, `rollback` and `migrations`: options and output; `kleio.db` does the work."""

from __future__ import annotations

import rich_click as click

from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    print_json,
    print_table,
    read_settings,
    show_time,
)
from kleio.words import show_bytes


@click.command("migrate", epilog="Example: kleio migrate --dry-run > review.sql")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the exact pending SQL, and on stderr what it locks here and why; write nothing.",
)
@click.option("--to", metavar="NAME", help="The last migration wanted; its number is enough.")
def migrate(dry_run: bool, to: str | None) -> None:
    """Bring the database to this version of Kleio.

    Any number may run at once: one does the work, the others wait for it and find nothing left.
    The role needs the right to create in its database.
    """
    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        if dry_run:
            _print_pending(conninfo, to)
        else:
            _apply(conninfo, to)


@click.command("rollback", epilog="Example: kleio rollback --to 0009 --dry-run")
@click.option("--to", metavar="NAME", help="Undo all after this one; its number is enough.")
@click.option("--dry-run", is_flag=True, help="Print the exact SQL and write nothing.")
@click.option("--force", is_flag=True, help="Also where data is lost by it.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def rollback(to: str | None, dry_run: bool, force: bool, yes: bool) -> None:
    """Undo the newest applied migration, or all after one.

    A migration whose undoing loses data needs --force, and one that can't be undone is refused;
    then none is undone.
    """
    from kleio.db.migrate import rollback as undo
    from kleio.db.migration_states import rollbacks

    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        found = rollbacks(conninfo, to=to)
        if not found:
            _say("nothing to undo")
            return
        if dry_run:
            _print_files([(f"{name}.rollback.sql", sql) for name, sql in found])
            return
        if not yes:
            _confirm([name for name, _ in found])
        for name in undo(conninfo, to=to, force=force, report=_say):
            _say(f"{name} undone")


@click.command("migrations", epilog="Example: kleio migrations --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def migrations(as_json: bool) -> None:
    """List every migration with its state: applied, pending, changed or missing."""
    from kleio.db.migration_states import list_states, session

    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo, session(conninfo) as conn:
        states = list_states(conn)
    if as_json:
        print_json(
            [
                {"id": state.id, "state": state.state, "appliedAt": state.applied_at}
                for state in states
            ]
        )
    else:
        rows = [(state.id, state.state, show_time(state.applied_at, "")) for state in states]
        print_table(("MIGRATION", "STATE", "APPLIED"), rows)


def _print_pending(conninfo: str, to: str | None) -> None:
    from kleio.db.migration_states import pending_migrations

    pending = pending_migrations(conninfo, to=to)
    if not pending:
        _say("nothing pending")
    _print_files([(f"{one.id}.sql", one.sql) for one in pending])
    for one in pending:
        _say(f"{one.id}: {one.why}")
        _say(f"  locks: {one.locks}")
        for table in one.tables:
            rows = f"about {table.rows:,} rows, " if table.rows >= 0 else ""
            _say(
                f"  {table.table}: {table.mode}, {table.waits}; here {rows}"
                f"{show_bytes(table.bytes)}"
            )
            for holder in table.holders:
                _say(f"    it would wait for {holder}")


def _print_files(files: list[tuple[str, str]]) -> None:
    for name, sql in files:
        click.echo(f"-- {name}")
        click.echo(sql, nl=not sql.endswith("\n"))


def _confirm(names: list[str]) -> None:
    import sys

    question = f"Undo {', '.join(names)}?"
    if not sys.stdin.isatty():
        fail(f"{question} Say --yes", 2)
    if not click.confirm(question, err=True):
        fail("nothing was undone")


def _apply(conninfo: str, to: str | None) -> None:
    from kleio.db.migrate import migrate as apply

    done = apply(conninfo, to=to, report=_say)
    _say(f"{len(done)} applied" if done else "nothing pending")


def _say(line: str) -> None:
    click.echo(line, err=True)
