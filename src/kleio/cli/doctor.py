"""`kleio doctor`: what this Kleio is set to, what it finds, and what of it is wrong.

It changes nothing but that it starts the embedded server where that is not running. What it finds
in the database is `kleio.doctor`'s.
"""

from __future__ import annotations

import os
import platform
from typing import Any

import rich_click as click

from kleio import __version__
from kleio.cli.runtime import (
    clear_errors,
    describe,
    fail,
    open_database,
    print_json,
    print_table,
    read_settings,
    run_connected,
)
from kleio.settings import Settings, list_settings

REQUIRED_EXTENSIONS = ("pg_trgm", "unaccent")
OPTIONAL_EXTENSIONS = {"pg_stat_statements": "no statistics of queries"}
SPARE_CONNECTIONS = 10
"""Connections that should be left for a DBA, a migration and an import."""


_MARKS = {"ok": "ok", "note": "note", "warn": "warn", "wrong": "WRONG"}
WARNED = 3
"""The exit code where nothing is wrong yet and something will hurt."""


class _Report:
    """Findings, printed as they come unless they are wanted as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.findings: list[dict[str, str]] = []

    def add(self, level: str, line: str, part: str = "kleio") -> None:
        if not self._as_json:
            if part != "kleio" and (not self.findings or self.findings[-1]["part"] != part):
                click.echo(f"\n{part}")
            click.echo(f"{_MARKS[level]:<6} {line}")
        self.findings.append({"level": level, "part": part, "line": line})

    def good(self, line: str) -> None:
        self.add("ok", line)

    def note(self, line: str) -> None:
        self.add("note", line)

    def wrong(self, line: str) -> None:
        self.add("wrong", line)

    def count(self, level: str) -> int:
        return sum(finding["level"] == level for finding in self.findings)


@click.command("doctor", epilog="Example: kleio doctor")
@click.option("--json", "as_json", is_flag=True, help="Print settings and findings as JSON.")
def doctor(as_json: bool) -> None:
    """Show settings and database on one page, with what is wrong and what to do about it.

    The exit code is 1 where something is wrong, 3 where something will hurt, else 0.
    """
    settings = read_settings()
    rows = _settings(settings)
    report = _Report(as_json=as_json)
    if not as_json:
        print_table(("SETTING", "VALUE", "FROM"), rows)
        click.echo()
    report.good(f"Kleio {__version__}, Python {platform.python_version()}, {platform.machine()}")
    _check_workers(report, settings)
    _check_cache(report, settings)
    _check_database(report, settings)
    if as_json:
        names = ("variable", "value", "from")
        print_json(
            {
                "settings": [dict(zip(names, row, strict=True)) for row in rows],
                "findings": report.findings,
            }
        )
    wrong, warned = report.count("wrong"), report.count("warn")
    if wrong:
        fail(f"{wrong} thing{'s' if wrong > 1 else ''} wrong, see above")
    if warned:
        fail(f"{warned} warning{'s' if warned > 1 else ''}, see above", WARNED)


def _settings(settings: Settings) -> list[tuple[str, str, str]]:
    rows = []
    for setting in list_settings():
        given = os.environ.get(setting.variable)
        in_file = os.environ.get(f"{setting.variable}_FILE")
        if setting.secret and (given or in_file):
            shown, source = "(not shown)", "environment" if given else in_file or ""
        elif given:
            shown, source = given, "environment"
        else:
            shown, source = setting.default, "default"
        if setting.variable == "KLEIO_HOME":
            shown = str(settings.home)  # its default depends on the user
        rows.append((setting.variable, shown, source))
    return rows


def _check_workers(report: _Report, settings: Settings) -> None:
    cores = len(os.sched_getaffinity(0))
    line = f"{settings.workers} worker(s) on {cores} core(s)"
    if settings.workers > cores:
        report.note(f"{line}: more workers than cores cost memory and gain nothing")
    else:
        report.good(line)
    share = settings.per_worker()
    report.good(
        f"pool of each worker: {share.max_open} connections at most, {share.max_idle} kept, "
        f"{share.max_waiting} requests may wait"
    )


def _check_cache(report: _Report, settings: Settings) -> None:
    import asyncio

    from kleio.cache import Cache

    async def ask() -> str:
        cache = Cache(settings.cache_url)
        try:
            return await cache.check()
        finally:
            await cache.close()

    if settings.cache_url is None:
        report.note("no cache (CACHE_URL)")
    elif asyncio.run(ask()) == "ok":
        report.good("the cache answers")
    else:
        report.wrong("the cache does not answer as one does; requests go without it")


def _check_database(report: _Report, settings: Settings) -> None:
    from kleio.cli.serve import describe_database
    from kleio.db.embedded import EmbeddedError
    from kleio.db.errors import DatabaseError

    try:
        with open_database(settings) as conninfo, clear_errors():
            report.note(describe_database(settings, conninfo))
            try:
                _check_server(report, settings, conninfo)
            except DatabaseError as error:
                report.wrong(describe(error))
    except EmbeddedError as error:
        report.wrong(str(error))


def _check_server(report: _Report, settings: Settings, conninfo: str) -> None:
    from kleio.db import migration_states as migrate
    from kleio.db.errors import NotMigrated
    from kleio.db.health import check_connection, server_facts

    with migrate.session(conninfo) as conn:
        version = conn.info.parameter_status("server_version")
        try:
            check_connection(conn.info)
        except NotMigrated as error:
            report.wrong(error.message)
            return  # the rest asks for what such a server may lack
        report.good(f"PostgreSQL {version}")
        facts = server_facts(conn)
        states = migrate.list_states(conn)
    _check_connections(report, settings, facts.connection_limit)
    if facts.letters in ("C", "POSIX"):
        report.note(f"LC_CTYPE is {facts.letters}: a search finds no Greek or Cyrillic name")
    if not any(state.state == "pending" for state in states):
        _check_extensions(report, facts.extensions)  # migrations make them
    _check_migrations(report, settings, states)
    if all(state.state in ("applied", "changed") for state in states):
        _examine(report, settings, conninfo)


def _examine(report: _Report, settings: Settings, conninfo: str) -> None:
    from kleio.doctor import examine

    async def run(conn: Any, _: Settings) -> None:
        for finding in await examine(conn):
            report.add(finding.level, finding.line, finding.part)

    run_connected(run, settings, conninfo)


def _check_connections(report: _Report, settings: Settings, limit: int) -> None:
    wanted = settings.per_worker().max_open * settings.workers
    line = f"the workers open up to {wanted} of {limit} connections"
    if wanted > limit:
        report.wrong(f"{line}; lower DB_MAX_OPEN_CONNS or raise max_connections")
    elif wanted > limit - SPARE_CONNECTIONS:
        report.note(f"{line}; little is left for a DBA, a migration or an import")
    else:
        report.good(line)


def _check_extensions(report: _Report, extensions: list[str]) -> None:
    names = {extension.split()[0] for extension in extensions}
    missing = [name for name in REQUIRED_EXTENSIONS if name not in names]
    if missing:
        report.wrong(f"extensions missing: {', '.join(missing)}; CREATE EXTENSION makes them")
    if extensions:
        report.good(f"extensions: {', '.join(extensions)}")
    for name, consequence in OPTIONAL_EXTENSIONS.items():
        if name not in names:
            report.note(f"no {name}: {consequence}")


def _check_migrations(report: _Report, settings: Settings, states: list[Any]) -> None:
    by_state: dict[str, list[str]] = {}
    for state in states:
        by_state.setdefault(state.state, []).append(state.id)
    applied = len(by_state.get("applied", ()))
    line = f"{applied} of {len(states)} migrations applied"
    if pending := by_state.get("pending"):
        if settings.embedded:
            report.note(f"{line}; the next `kleio serve` applies the rest")
        else:
            report.wrong(f"{line}, the first pending one is {pending[0]}; run `kleio migrate`")
    else:
        report.good(line)
    for name in by_state.get("changed", ()):
        report.wrong(f"{name}: the file was changed after it had been applied")
    for name in by_state.get("missing", ()):
        report.wrong(f"{name} was applied by another version of Kleio, this one lacks its file")
