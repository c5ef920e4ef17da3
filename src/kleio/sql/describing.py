"""What PostgreSQL says of a statement that it prepares and does not run."""

from __future__ import annotations

import msgspec
import psycopg

from kleio.db.reading import SyncConnection


class Described(msgspec.Struct, frozen=True):
    """What PostgreSQL makes of a statement: types of the parameters, names and types of columns."""

    parameters: list[str]
    columns: list[tuple[str, str]]


class Refused(Exception):
    """PostgreSQL refused a statement; `offset` (from 0) is None where it does not say where."""

    def __init__(self, message: str, hint: str, offset: int | None) -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.offset = offset


def describe(conn: SyncConnection, text: str, type_names: dict[int, str]) -> Described:
    """Prepare a statement and return what PostgreSQL says of it.

    Raises:
        Refused: it is no statement, or names what is not there.
    """
    pgconn = conn.pgconn
    for answer in (
        pgconn.prepare(b"", text.encode()),
        result := pgconn.describe_prepared(b""),
    ):
        if answer.status != psycopg.pq.ExecStatus.COMMAND_OK:
            diag = psycopg.errors.error_from_result(answer).diag
            place = int(diag.statement_position) - 1 if diag.statement_position else None
            raise Refused(diag.message_primary or "refused", diag.message_hint or "", place)
    return Described(
        [type_names[result.param_type(number)] for number in range(result.nparams)],
        [
            ((result.fname(number) or b"").decode(), type_names[result.ftype(number)])
            for number in range(result.nfields)
        ],
    )
