"""A query as a script for psql: its parameters as variables, then the statement itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from psycopg import sql

from kleio.db.session import SESSION_OPTIONS
from kleio.sql.inventory import Entry
from kleio.sql.samples import Value

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


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
    """Return a literal with its type, so that it means the same wherever it is put.

    A value may be anybody's. What would end the line, or command the terminal that it is pasted
    into, is written as psql's escapes.
    """
    text = f"{sql.Literal(value.text).as_string()}::{value.type}"
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{_CONTROL.sub(_escape, quoted)}'"


def _escape(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match[0].encode())
