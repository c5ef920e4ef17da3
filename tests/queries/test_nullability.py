"""Whether a column may be NULL: certain answers only, both ways."""

from __future__ import annotations

import pytest

from kleio.sql.nullability import Null, result_columns
from kleio.sql.schema import Schema
from kleio.sql.trees import parse
from query_files import reading_schema

NEVER, MAYBE, SOMETIMES = Null.NEVER, Null.MAYBE, Null.SOMETIMES


@pytest.fixture(scope="module")
def schema(shared_conninfo: str) -> Schema:
    with reading_schema(shared_conninfo) as (_, found):
        return found


# user_releases.notes may be NULL, .rating not; folders.name not; play_history.stylus_id may be
# NULL; tracks.parent_seq may be NULL.
CASES = {
    "a column": ("SELECT c.rating, c.notes FROM user_releases AS c", [NEVER, SOMETIMES]),
    "a cast": ("SELECT c.rating::text, c.notes::text FROM user_releases AS c", [NEVER, SOMETIMES]),
    "without an alias": ("SELECT rating, notes FROM user_releases", [NEVER, SOMETIMES]),
    "a name of two tables": (
        "SELECT id FROM user_releases AS c JOIN folders AS f ON true",
        [MAYBE],
    ),
    "a condition speaks of it": (
        "SELECT c.notes FROM user_releases AS c WHERE c.notes LIKE 'x%'",
        [MAYBE],
    ),
    "a CHECK ties it to one that a condition speaks of": (
        "SELECT c.archive_reason FROM user_releases AS c WHERE c.archived_at IS NOT NULL",
        [MAYBE],
    ),
    "an inner join speaks of it": (
        "SELECT p.stylus_id, p.notes FROM play_history AS p JOIN styluses AS s"
        " ON s.user_id = p.user_id AND s.id = p.stylus_id",
        [MAYBE, SOMETIMES],
    ),
    "a left join": (
        "SELECT s.name, p.id FROM play_history AS p LEFT JOIN styluses AS s"
        " ON s.user_id = p.user_id AND s.id = p.stylus_id",
        [SOMETIMES, NEVER],
    ),
    "a right join": (
        "SELECT s.name, p.id FROM play_history AS p RIGHT JOIN styluses AS s"
        " ON s.user_id = p.user_id AND s.id = p.stylus_id",
        [NEVER, SOMETIMES],
    ),
    "a left join that a condition undoes": (
        "SELECT s.name FROM play_history AS p LEFT JOIN styluses AS s"
        " ON s.user_id = p.user_id AND s.id = p.stylus_id WHERE s.active",
        [MAYBE],
    ),
    "a left join that a later join undoes": (
        "SELECT s.name FROM play_history AS p LEFT JOIN styluses AS s ON s.id = p.stylus_id"
        " JOIN stylus_models AS m ON m.id = s.model_id",
        [MAYBE],
    ),
    "a left join along a foreign key that always holds": (
        "SELECT r.title FROM user_releases AS c LEFT JOIN releases AS r ON r.id = c.release_id",
        [MAYBE],
    ),
    "a left join on true": (
        "SELECT n.many FROM folders AS f LEFT JOIN LATERAL (SELECT count(*) AS many"
        " FROM user_releases AS c WHERE c.folder_id = f.id) AS n ON true",
        [MAYBE],
    ),
    "coalesce": (
        "SELECT coalesce(c.notes, ''), coalesce(c.notes, c.archive_reason) FROM user_releases AS c",
        [NEVER, MAYBE],
    ),
    "a constant": ("SELECT 1, 'x', NULL, true", [NEVER, NEVER, SOMETIMES, NEVER]),
    "a parameter": ("SELECT $1::text", [MAYBE]),
    "arithmetic": (
        "SELECT c.rating + 1, t.parent_seq * 2 FROM user_releases AS c JOIN tracks AS t ON true",
        [NEVER, SOMETIMES],
    ),
    "a test for NULL": ("SELECT c.notes IS NULL FROM user_releases AS c", [NEVER]),
    "an aggregate of what may be no rows": (
        "SELECT max(p.played_at), count(*) FROM play_history AS p",
        [SOMETIMES, NEVER],
    ),
    "an aggregate of groups": (
        "SELECT max(p.played_at), max(p.played_at) FILTER (WHERE p.duration_seconds > 1),"
        " max(p.duration_seconds), max(p.notes) FROM play_history AS p GROUP BY p.release_id",
        [NEVER, MAYBE, NEVER, MAYBE],
    ),
    "an aggregate of constant rows": ("SELECT max(v.x) FROM (VALUES (1), (2)) AS v (x)", [MAYBE]),
    "grouping sets": (
        "SELECT p.release_id FROM play_history AS p GROUP BY ROLLUP (p.release_id)",
        [MAYBE],
    ),
    "through a CTE": (
        "WITH c AS (SELECT u.notes, u.rating FROM user_releases AS u)"
        " SELECT c.notes, c.rating FROM c",
        [SOMETIMES, NEVER],
    ),
    "a CTE that is filtered": (
        "WITH c AS (SELECT u.notes FROM user_releases AS u)"
        " SELECT c.notes FROM c WHERE c.notes > ''",
        [MAYBE],
    ),
    "through a subquery with names of its own": (
        "SELECT x.a, x.b FROM (SELECT u.notes, u.rating FROM user_releases AS u) AS x (a, b)",
        [SOMETIMES, NEVER],
    ),
    "a union": (
        "SELECT c.rating::text, c.notes FROM user_releases AS c"
        " UNION ALL SELECT c.notes, c.notes FROM user_releases AS c",
        [SOMETIMES, SOMETIMES],
    ),
    "exists and an array": (
        "SELECT EXISTS (SELECT FROM folders), ARRAY(SELECT f.id FROM folders AS f),"
        " (SELECT f.name FROM folders AS f LIMIT 1)",
        [NEVER, NEVER, MAYBE],
    ),
    "case": (
        "SELECT CASE WHEN $1::boolean THEN 1 ELSE 2 END, CASE WHEN $1 THEN 1 END",
        [NEVER, MAYBE],
    ),
    "greatest": ("SELECT greatest(c.notes, 'x') FROM user_releases AS c", [NEVER]),
    "a function": ("SELECT lower(c.notes) FROM user_releases AS c", [MAYBE]),
    "an update, and what it sets": (
        "UPDATE user_releases AS c SET notes = $1 RETURNING c.notes, c.rating, c.archive_reason",
        [MAYBE, NEVER, SOMETIMES],
    ),
    "an insert": (
        "INSERT INTO folders AS f (user_id, number, name, created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $4) RETURNING f.id, old.id",
        [NEVER, MAYBE],
    ),
    "a delete": (
        "DELETE FROM user_releases AS c WHERE c.rating = 1 RETURNING c.notes, c.rating",
        [SOMETIMES, NEVER],
    ),
    "a recursive CTE": (
        "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT n.x + 1 FROM n WHERE n.x < 3)"
        " SELECT n.x FROM n",
        [MAYBE],
    ),
    "a function's columns": (
        "SELECT x.a FROM jsonb_to_recordset($1::jsonb) AS x (a int)",
        [MAYBE],
    ),
}


@pytest.mark.parametrize(("sql", "expected"), CASES.values(), ids=CASES)
def test_an_answer_is_certain_or_maybe(sql: str, expected: list[Null], schema: Schema) -> None:
    assert [answer for _, answer in result_columns(parse(sql), schema)] == expected
