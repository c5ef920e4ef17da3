"""`kleio migrate` and `kleio migrations`: options and output; `kleio.db.migrate` does the work."""

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


@click.command("migrate", epilog="Example: kleio migrate --dry-run > review.sql")
@click.option("--dry-run", is_flag=True, help="Print the exact pending SQL and write nothing.")
@click.option("--rollback", is_flag=True, help="Undo the newest applied migration.")
@click.option("--force", is_flag=True, help="With --rollback: also where data is lost by it.")
def migrate(dry_run: bool, rollback: bool, force: bool) -> None:
    """Bring the database to this version of Kleio.

    Any number may run at once: one does the work, the others wait for it and find nothing left.
    The role needs the right to create in its database.
    """
    if dry_run and rollback:
        fail("--dry-run shows what would be applied; it does not go with --rollback", 2)
    if force and not rollback:
        fail("--force goes with --rollback only", 2)
    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo:
        if dry_run:
            _print_pending(conninfo)
        elif rollback:
            _undo(conninfo, force=force)
        else:
            _apply(conninfo)


@click.command("migrations", epilog="Example: kleio migrations --json")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def migrations(as_json: bool) -> None:
    """List every migration with its state: applied, pending, changed or missing."""
    from kleio.db import migrate as runner

    settings = read_settings()
    with clear_errors(), open_database(settings) as conninfo, runner.session(conninfo) as conn:
        states = runner.list_states(conn)
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


def _print_pending(conninfo: str) -> None:
    from kleio.db.migrate import pending_sql

    pending = pending_sql(conninfo)
    if not pending:
        _say("nothing pending")
    for name, sql in pending:
        click.echo(f"-- {name}.sql")
        click.echo(sql, nl=not sql.endswith("\n"))


def _apply(conninfo: str) -> None:
    from kleio.db.migrate import migrate as apply

    done = apply(conninfo, report=_say)
    _say(f"{len(done)} applied" if done else "nothing pending")


def _undo(conninfo: str, *, force: bool) -> None:
    from kleio.db.migrate import rollback as undo

    name = undo(conninfo, force=force, report=_say)
    _say("nothing to undo" if name is None else f"{name} undone")


def _say(line: str) -> None:
    click.echo(line, err=True)
