"""`kleio sql`: the queries for a DBA; `kleio.sql` does the work, here are options and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from kleio.cli.runtime import (
    clear_errors,
    fail,
    open_database,
    prepare_database,
    print_json,
    print_table,
    read_settings,
    show_time,
)
from kleio.cli.sql_output import print_findings, print_plan, print_stats, print_values

if TYPE_CHECKING:
    from kleio.db.reading import SyncConnection
    from kleio.sql.inventory import Entry, Inventory
    from kleio.sql.samples import Value
    from kleio.sql.schema import Schema

names_argument = click.argument("names", nargs=-1, metavar="[NAME]...")
given_option = click.option(
    "-p",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter; the name alone makes it NULL. The others are taken from the data.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("sql", epilog="Example: kleio sql explain plays.list_plays")
def sql_group() -> None:
    """List, check, explain and count the statements in `queries/`.

    They look at the configured database and change nothing in it. A NAME is a query
    (`plays.list_plays` or `list_plays`) or a file (`plays`).
    """


@sql_group.command("list", epilog="Example: kleio sql list plays")
@names_argument
@json_option
def list_queries(names: tuple[str, ...], as_json: bool) -> None:
    """List queries: where they stand, what they take, give, read and write."""
    from kleio.sql.listing import listed

    with _clear():
        lines = [listed(entry) for entry in _select(_load(), names)]
    if as_json:
        print_json(lines)
        return
    header = ("NAME", "PLACE", "KIND", "ROW", "DOES", "TABLES", "PARAMETERS")
    rows = [
        (
            line.name,
            f"{line.file}:{line.line}",
            line.kind,
            line.row,
            "read" if line.read_only else "write",
            ",".join(line.tables) or "-",
            ",".join(line.parameters) or "-",
        )
        for line in lines
    ]
    print_table(header, rows)


@sql_group.command("show", epilog="Example: kleio sql show list_plays --psql | psql kleio")
@click.argument("name")
@click.option("--psql", is_flag=True, help="As a script for psql, with a value for each parameter.")
@given_option
def show(name: str, psql: bool, given: tuple[str, ...]) -> None:
    """Print a query as it stands in its file: the contract and the SQL."""
    entry = _one(_load(), name)
    if not psql:
        if given:
            fail("-p goes with --psql", 2)
        click.echo(entry.source.text)
        return
    with _clear():
        _need_parser()
    from kleio.sql.psql import psql_script

    with _clear(), _database() as conninfo, _reading(conninfo) as (conn, schema):
        click.echo(psql_script(entry, _sample(entry, conn, schema, given)), nl=False)


@sql_group.command("check", epilog="Example: kleio sql check plays collection")
@names_argument
@json_option
def check(names: tuple[str, ...], as_json: bool) -> None:
    """Prepare queries and compare them with their functions, rows and headers; run none.

    Exits with 1 where one does not fit. It takes no right but to connect.
    """
    with _clear():
        _need_parser()
        from kleio.sql.check import check as check_queries

        inventory = _load()
        with _database() as conninfo, _reading(conninfo) as (conn, _):
            entries = _select(inventory, names)
            findings = check_queries(inventory, conn, entries)
    print_findings(findings, as_json, f"{len(entries)} queries checked")


@sql_group.command("lint", epilog="Example: kleio sql lint")
@names_argument
@json_option
@click.option("--rules", is_flag=True, help="List the rules instead.")
def lint(names: tuple[str, ...], as_json: bool, rules: bool) -> None:
    """Hold the files to the rules of queries/README.md; exits with 1 where one breaks any.

    A line `-- Allow:   RULE: reason.` in a header lets one pass.
    """
    with _clear():
        _need_parser()
        from kleio.sql.lint import RULES
        from kleio.sql.lint import lint as lint_queries

        if rules:
            print_table(("RULE", "WANTS"), list(RULES.items()))
            return
        inventory = _load()
        with _database() as conninfo, _reading(conninfo) as (_, schema):
            files = {entry.source.file for entry in _select(inventory, names)}
            findings = lint_queries(inventory, schema)
    if names:
        findings = [f for f in findings if f.file.rpartition("/")[2] in files]
    print_findings(findings, as_json, f"{len(inventory.entries)} queries, nothing to put right")


@sql_group.command("explain", epilog="Example: kleio sql explain list_plays -p page_size=500")
@click.argument("name")
@given_option
@click.option(
    "--mode",
    type=click.Choice(["custom", "generic", "both"]),
    default="both",
    help="How PostgreSQL plans it: knowing the values, or once for all values.",
)
@click.option("--analyze", is_flag=True, help="Run also what writes, and roll it back.")
@click.option("--big", default=10_000, metavar="ROWS", help="Warn of larger tables read whole.")
@json_option
def explain(
    name: str, given: tuple[str, ...], mode: str, analyze: bool, big: int, as_json: bool
) -> None:
    """Show the plans of a query, what they cost, and what is wrong with them.

    What only reads is run, in a read-only transaction; what writes is planned and not run, unless
    --analyze says so. Nothing is kept.
    """
    with _clear():
        _need_parser()
        from kleio.db.citus import is_distributed_sync
        from kleio.sql import plans
        from kleio.sql.trees import is_plannable

        entry = _one(_load(), name)
        if not is_plannable(entry.tree):
            fail(f"{entry.query.name} is no SELECT, INSERT, UPDATE or DELETE: it has no plan")
        writes = entry.writes
        found = []
        with (
            _database() as conninfo,
            _reading(conninfo, may_write=writes and analyze) as (conn, schema),
        ):
            values = _sample(entry, conn, schema, given)
            is_distributed = is_distributed_sync(conn)
            for each in plans.modes(entry.query, is_distributed=is_distributed):
                if mode in (each, "both"):
                    plan = plans.explain(
                        conn,
                        entry,
                        values,
                        mode=each,
                        analyze=analyze or not writes,
                        timing=True,
                    )
                    found.append((plan, plans.problems(plan, entry.query, schema, big=big)))
    if not found:
        why = "the database is on Citus" if is_distributed else "its header says Plan: custom"
        fail(f"{entry.query.name} is never planned in that way: {why}")
    if as_json:
        print_json(
            [
                {
                    "query": entry.query.name,
                    "mode": plan.mode,
                    "parameters": {name: value.text for name, value in values.items()},
                    "buffers": plan.buffers,
                    "milliseconds": plan.milliseconds,
                    "partitions": plan.partitions(schema),
                    "warnings": [problem.message for problem in problems],
                    "plan": plan.document,
                }
                for plan, problems in found
            ]
        )
        return
    click.echo(f"{entry.query.name}  queries/{entry.query.file}:{entry.query.line}")
    print_values(values)
    for plan, problems in found:
        click.echo()
        print_plan(plan, schema, [problem.message for problem in problems])
    if writes and not analyze:
        click.echo("\nIt writes, so it was planned and not run; --analyze runs it and rolls back.")


@sql_group.command("stats", epilog="Example: kleio sql stats --sort mean --limit 20")
@click.option(
    "--sort",
    type=click.Choice(["total", "mean", "max", "calls", "rows", "buffers"]),
    default="total",
    help="What comes first.",
)
@click.option("--limit", default=0, metavar="N", help="Only the first N; all without it.")
@click.option("--reset", is_flag=True, help="Forget what was counted in this database.")
@json_option
def stats(sort: str, limit: int, reset: bool, as_json: bool) -> None:
    """Show what each query has cost, from pg_stat_statements."""
    from kleio.sql import stats as counted

    inventory = _load()
    try:
        with _clear(), _database() as conninfo:
            if reset:
                with _owner_of_server(conninfo) as owner, _reading_rows(owner) as conn:
                    counted.reset_stats(conn)
                click.echo("forgotten", err=True)
                return
            with _reading_rows(conninfo) as conn:
                found = counted.read_stats(conn, inventory, sort)
    except counted.StatsUnavailable as error:
        fail(str(error))
    rows = found.queries[:limit] if limit else found.queries
    if as_json:
        print_json({"since": found.since, "otherMs": found.other_ms, "queries": rows})
        return
    print_stats(rows)
    total = sum(entry.total_ms for entry in found.queries) + found.other_ms
    click.echo(
        f"\n{len(found.queries)} queries, counted since {show_time(found.since)}; "
        f"statements without a name took {found.other_ms:,.0f} of {total:,.0f} ms"
    )
    if found.hidden:
        click.echo(
            f"{found.hidden} statements of other roles can't be read: GRANT pg_read_all_stats",
            err=True,
        )


@contextmanager
def _clear() -> Iterator[None]:
    """Turn what the tools can't go on with into one line."""
    from kleio.sql.describing import Refused
    from kleio.sql.trees import SyntaxProblem, ToolMissing

    with clear_errors():
        try:
            yield
        except ToolMissing as error:
            fail(str(error), 2)
        except Refused as error:
            fail(f"PostgreSQL refuses the query: {error}; `kleio sql check` says where")
        except SyntaxProblem as error:
            fail(f"{error}; `kleio sql check` says where")


def _need_parser() -> None:
    """End the command with one line where pglast is missing; without it much can't be imported."""
    from kleio.sql.trees import need_parser

    need_parser()


def _load() -> Inventory:
    from kleio.sql.inventory import load

    return load()


def _select(inventory: Inventory, names: tuple[str, ...]) -> list[Entry]:
    try:
        return inventory.select(names)
    except KeyError as error:
        fail(f"there is no query and no file {error}; `kleio sql list` shows all", 2)


def _one(inventory: Inventory, name: str) -> Entry:
    found = _select(inventory, (name,))
    if len(found) > 1:
        fail(f"{name} is {len(found)} queries: {', '.join(e.query.name for e in found)}", 2)
    return found[0]


@contextmanager
def _database() -> Iterator[str]:
    """Yield the conninfo of a database with Kleio's tables, of whatever version they are."""
    from kleio.db.migration_states import list_states, session

    settings = read_settings()
    with open_database(settings) as conninfo:
        if settings.embedded:
            prepare_database(settings, conninfo)
        with session(conninfo) as conn:
            states = list_states(conn)
        pending = [state.id for state in states if state.state == "pending"]
        if len(pending) == len(states):
            fail("the database has none of Kleio's tables; run `kleio migrate`")
        if pending:
            click.echo(
                f"pending migrations: {len(pending)}, the first is {pending[0]}; what is reported "
                "may be their lack",
                err=True,
            )
        yield conninfo


@contextmanager
def _owner_of_server(conninfo: str) -> Iterator[str]:
    """Yield the conninfo with the rights of who runs the server: more, where it is embedded."""
    settings = read_settings()
    if not settings.embedded:
        yield conninfo
        return
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from kleio.db.embedded import embedded_server

    with embedded_server(settings.home) as server:
        yield make_conninfo(server.admin_conninfo, dbname=conninfo_to_dict(conninfo)["dbname"])


@contextmanager
def _reading_rows(conninfo: str, *, may_write: bool = False) -> Iterator[SyncConnection]:
    from kleio.db.reading import reading

    with reading(conninfo, may_write=may_write) as conn:
        yield conn


@contextmanager
def _reading(conninfo: str, *, may_write: bool = False) -> Iterator[tuple[SyncConnection, Schema]]:
    from kleio.sql.schema import read_schema

    with _reading_rows(conninfo, may_write=may_write) as conn:
        yield conn, read_schema(conn)


def _sample(
    entry: Entry, conn: SyncConnection, schema: Schema, given: Sequence[str]
) -> dict[str, Value]:
    from kleio.sql.samples import sample

    values: dict[str, str | None] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if name not in entry.query.parameters:
            known = ", ".join(entry.query.parameters) or "none"
            fail(f"{entry.query.name} has no parameter {name!r}; it has: {known}", 2)
        values[name] = value if sign else None
    return sample(entry, conn, schema, values)
