"""What the isolation rule (D4) takes and refuses; `test_lint.py` holds every query to it."""

from __future__ import annotations

import pytest

from kleio.sql.isolation import Unsafe, check_isolation
from query_files import reading_schema

TABLES = frozenset({"folders", "user_releases"})
"""What the examples below are judged by; the queries are by the tables of the schema."""

GOOD = {
    "direct": "SELECT f.name FROM folders AS f WHERE f.user_id = $1",
    "the other way round, cast": "SELECT f.name FROM folders f WHERE $1::uuid = f.user_id",
    "no alias needed with one table": "DELETE FROM folders WHERE user_id = $1 AND id = $2",
    "through a join": """
        SELECT f.name FROM folders AS f
          JOIN user_releases AS c ON c.user_id = f.user_id AND c.folder_id = f.id
         WHERE f.user_id = $1""",
    "through USING": """
        SELECT f.name FROM folders AS f JOIN user_releases AS c USING (user_id)
         WHERE c.user_id = $1""",
    "outer join, the inner side in ON": """
        SELECT u.id FROM users AS u LEFT JOIN folders AS f ON f.user_id = $1""",
    "correlated": """
        SELECT (SELECT count(*) FROM user_releases AS c WHERE c.user_id = f.user_id)
          FROM folders AS f WHERE f.user_id = $1""",
    "a CTE's name hides the table": """
        WITH folders AS (SELECT 1 AS id) SELECT folders.id FROM folders""",
    "insert": "INSERT INTO folders (id, user_id) VALUES ($2, $1::uuid), (uuidv7(), $1)",
    "insert from a safe relation": """
        INSERT INTO user_releases (user_id, folder_id)
        SELECT f.user_id, f.id FROM folders AS f WHERE f.user_id = $1""",
    "upsert": """
        INSERT INTO folders (user_id, name) VALUES ($1, $2)
            ON CONFLICT (user_id, name) DO UPDATE SET name = excluded.name""",
    "update": "UPDATE folders AS f SET name = $2 FROM users AS u WHERE f.user_id = $1",
    "rows of no user on their way in": "COPY songs (id) FROM STDIN",
    "a view is its migration's": "REFRESH MATERIALIZED VIEW CONCURRENTLY mv_library_stats",
    "COPY of another table": "COPY releases (id) FROM STDIN",
    "ANALYZE of another table": "ANALYZE releases",
    "other tables need no user": "SELECT r.id FROM releases AS r WHERE r.id = $2",
}

BAD = {
    "none": "SELECT f.name FROM folders AS f",
    "by id alone": "SELECT f.name FROM folders AS f WHERE f.id = $2",
    "another parameter": "SELECT f.name FROM folders AS f WHERE f.user_id = $2",
    "not an equality": "SELECT f.name FROM folders AS f WHERE f.user_id >= $1",
    "one branch of OR": "SELECT f.name FROM folders AS f WHERE f.user_id = $1 OR f.id = $2",
    "negated": "SELECT f.name FROM folders AS f WHERE NOT f.user_id = $1",
    "the parameter is optional": """
        SELECT f.name FROM folders AS f WHERE $1::uuid IS NULL OR f.user_id = $1""",
    "with itself": "SELECT f.name FROM folders AS f WHERE f.user_id = f.user_id",
    "only the other table of a join": """
        SELECT f.name FROM folders AS f
          JOIN user_releases AS c ON c.folder_id = f.id
         WHERE c.user_id = $1""",
    "unqualified among two": """
        SELECT name FROM folders AS f JOIN users AS u ON true WHERE user_id = $1""",
    "the outer side of a LEFT JOIN": """
        SELECT f.name FROM folders AS f LEFT JOIN users AS u ON f.user_id = $1""",
    "a joined relation that is not the user's": """
        SELECT f.name FROM folders AS f JOIN auth_tokens AS t ON t.user_id = f.user_id
         WHERE t.id = $2""",
    "in a sub-select": """
        SELECT u.id FROM users AS u
         WHERE EXISTS (SELECT FROM folders AS f WHERE f.id = u.id)""",
    "an outer alias that the sub-select hides": """
        SELECT (SELECT count(*) FROM user_releases AS f)
          FROM folders AS f WHERE f.user_id = $1""",
    "in a CTE": "WITH mine AS (SELECT f.id FROM folders AS f) SELECT mine.id FROM mine",
    "in a CTE that writes": """
        WITH gone AS (DELETE FROM folders WHERE id = $2 RETURNING id) SELECT gone.id FROM gone""",
    "one part of a UNION": """
        SELECT f.id FROM folders AS f WHERE f.user_id = $1
         UNION ALL SELECT f.id FROM folders AS f""",
    "in a LATERAL": """
        SELECT x.id FROM users AS u
         CROSS JOIN LATERAL (SELECT f.id FROM folders AS f WHERE f.id = u.id) AS x""",
    "qualified by its schema past a CTE of its name": """
        WITH folders AS (SELECT 1) SELECT f.id FROM public.folders AS f""",
    "update": "UPDATE folders SET name = 'x' WHERE id = $2",
    "update of the owner": "UPDATE folders SET user_id = $2 WHERE user_id = $1",
    "delete": "DELETE FROM folders AS f USING users AS u WHERE u.id = $1 AND f.id = $2",
    "insert for another": "INSERT INTO folders (user_id, name) VALUES ($2, 'x')",
    "second row for another": "INSERT INTO folders (user_id) VALUES ($1), ($2)",
    "insert without the column": "INSERT INTO folders (name) VALUES ('x')",
    "insert without columns": "INSERT INTO folders VALUES ($1)",
    "insert from another table's users": """
        INSERT INTO folders (user_id) SELECT t.user_id FROM auth_tokens AS t WHERE t.id = $2""",
    "upsert on a key of all users": """
        INSERT INTO folders (user_id, id) VALUES ($1, $2)
            ON CONFLICT (id) DO UPDATE SET name = 'x'""",
    "truncate": "TRUNCATE folders",
    "copy": "COPY folders (user_id, name) FROM STDIN",
    "copy out": "COPY (SELECT f.name FROM folders AS f) TO STDOUT",
    "copy of a query": "COPY (SELECT f.id FROM folders AS f) TO STDOUT",
}


@pytest.fixture(scope="module")
def user_tables(shared_conninfo: str) -> frozenset[str]:
    """The tables whose primary key begins with user_id."""
    with reading_schema(shared_conninfo) as (_, schema):
        return schema.user_tables


def test_the_tables_of_users_are_found(user_tables: frozenset[str]) -> None:
    assert user_tables >= {
        "discogs_credentials",
        "folders",
        "idempotency_keys",
        "user_preferences",
        "user_releases",
    }


@pytest.mark.parametrize("sql", GOOD.values(), ids=GOOD)
def test_a_safe_statement_passes(sql: str) -> None:
    check_isolation(sql, ("user_id", "other"), TABLES)


@pytest.mark.parametrize("sql", BAD.values(), ids=BAD)
def test_an_unsafe_statement_is_found(sql: str) -> None:
    with pytest.raises(Unsafe):
        check_isolation(sql, ("user_id", "other"), TABLES)


def test_a_statement_without_the_parameter_is_found() -> None:
    with pytest.raises(Unsafe, match="folders AS f"):
        check_isolation("SELECT f.id FROM folders AS f WHERE f.user_id = $1", ("id",), TABLES)
