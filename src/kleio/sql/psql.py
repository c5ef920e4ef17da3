"""A query as a script for psql: its parameters as variables, then the statement itself."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from kleio.db.session import SESSION_OPTIONS
from kleio.sql.inventory import Entry
from kleio.sql.samples import Value


def psql_script(entry: Entry, values: Mapping[str, Value]) -> str:
    """Return a text to paste into psql; what a statement writes is rolled back at its end."""
    source = entry.source
    lines = [f'-- PGOPTIONS="{SESSION_OPTIONS}" psql ... gives a session like those of Kleio.']
    lines += [f"\\set {name} {_variable(value)}" for name, value in values.items()]
    # psql's variables look as the file's parameters do; only %% is the loader's own.
    statement = source.text[source.body :].replace("%%", "%").rstrip().rstrip(";")
    header = source.text[: source.body].rstrip()
    body = f"{header}\n{statement};"
    if entry.writes:
        body = f"BEGIN;\n{body}\nROLLBACK;"
    return "\n".join([*lines, body]) + "\n"


def _variable(value: Value) -> str:
    """Return a literal with its type, so that it means the same wherever it is put."""
    text = f"{sql.Literal(value.text).as_string()}::{value.type}"
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
    return f"'{escaped}'"
