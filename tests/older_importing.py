"""Imports of an older Kleio in tests: a database or a history, and what was read back of it."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from factories import Account
from importing import counts
from kleio.db.queries import Connection
from kleio.importers.account_import import import_source
from kleio.importers.import_check import Check, Witness, check
from kleio.importers.kleio_json import KleioJson
from kleio.importers.kleio_sqlite import KleioSqlite
from kleio.importers.older_report import Report, make_report
from kleio.repositories.imports import Run


class Imported:
    """A run, and what was read back of it."""

    def __init__(self, run: Run, checked: Check, report: Report) -> None:
        self.run = run
        self.check = checked
        self.report = report
        self.counts = counts(run)


async def import_older(
    conn: Connection, account: Account, source: KleioSqlite | KleioJson, **choices: Any
) -> Imported:
    with closing(source):
        witness = Witness(source)
        run = await import_source(conn, account.id, witness, **choices)
        checked = await check(conn, account.id, run, witness)
        report = make_report(
            run,
            user=account.user.username,
            findings=source.findings,
            check=checked,
            file_seconds=source.play_seconds(),
        )
    return Imported(run, checked, report)


async def import_database(
    conn: Connection, account: Account, path: Path, **choices: Any
) -> Imported:
    return await import_older(conn, account, KleioSqlite(path), **choices)


async def import_history(conn: Connection, account: Account, export: dict[str, Any]) -> Imported:
    file = io.BytesIO(json.dumps(export).encode())
    return await import_older(conn, account, KleioJson(file, "history.json"))


async def rows(conn: Connection, statement: str, *parameters: Any) -> list[Any]:
    return await (await conn.execute(statement, parameters)).fetchall()  # type: ignore[arg-type]
