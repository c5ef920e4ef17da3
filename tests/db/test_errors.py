"""What a client is told of PostgreSQL's errors, and of those that come through Citus."""

from __future__ import annotations

import psycopg
import pytest

from kleio.db.errors import Conflict, DatabaseError, InvalidData, MissingReference, translate
from kleio.db.queries import Connection

pytestmark = pytest.mark.anyio

# As Citus makes a shard, whose number stands behind each name.
SHARD = """
CREATE TABLE users_102008 (
    id int CONSTRAINT users_pkey_102008 PRIMARY KEY,
    email text CONSTRAINT users_email_check_102008 CHECK (email <> ''),
    CONSTRAINT users_username_key_102008 UNIQUE (email),
    CONSTRAINT users_id_fkey_102008 FOREIGN KEY (id) REFERENCES users_102008 (id)
);
INSERT INTO users_102008 VALUES (1, 'a');
"""


async def error_of(conn: Connection, statement: str) -> DatabaseError:
    with pytest.raises(psycopg.Error) as caught:
        async with conn.transaction():
            await conn.execute(statement)
    return translate(caught.value)


@pytest.mark.parametrize(
    ("row", "kind", "constraint"),
    [
        ("(2, 'a')", Conflict, "users_username_key"),
        ("(2, '')", InvalidData, "users_email_check"),
        ("(1, 'b')", Conflict, "users_pkey"),
    ],
)
async def test_a_shard_s_names_are_those_of_its_table(
    row: str, kind: type[DatabaseError], constraint: str, tx: Connection
) -> None:
    await tx.execute(SHARD)
    error = await error_of(tx, f"INSERT INTO users_102008 VALUES {row}")
    assert (type(error), error.table, error.constraint) == (kind, "users", constraint)


# What reaches the client of a shard on another server: the sentence, and no field beside it.
RAISED = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}', MESSAGE = '{}'; END $$"


@pytest.mark.parametrize(
    ("sqlstate", "message", "kind", "constraint"),
    [
        (
            "23505",
            'duplicate key value violates unique constraint "users_username_key_102008"',
            Conflict,
            "users_username_key",
        ),
        (
            "23503",
            'insert or update on table "user_releases_102140" violates foreign key constraint'
            ' "user_releases_folder_id_fkey_102140"',
            MissingReference,
            "user_releases_folder_id_fkey",
        ),
        (
            "23514",
            'new row for relation "styluses_102204" violates check constraint'
            ' "styluses_primary_check_102204"',
            InvalidData,
            "styluses_primary_check",
        ),
        ("22P02", 'invalid input: constraint "x_102008"', InvalidData, None),
        ("23505", "it is there", Conflict, None),
    ],
)
async def test_a_constraint_is_known_by_the_sentence_alone(
    sqlstate: str, message: str, kind: type[DatabaseError], constraint: str | None, tx: Connection
) -> None:
    error = await error_of(tx, RAISED.format(sqlstate, message))
    assert (type(error), error.constraint) == (kind, constraint)
