"""Many songs by id: under any plan each id reads its one month, and songs' names need no join."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg
import pytest

from kleio.db.queries import Query
from plan_rows import Facts
from plans import Plan, explain
from query_files import QUERIES

BY_NAME: dict[str, Query] = {query.name: query for query in QUERIES}
both_modes = pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])


def scans(plan: Plan) -> int:
    """Return how often a month was looked into."""
    return sum(
        node["Actual Loops"]
        for node in plan.ran
        if node.get("Relation Name", "").startswith(("songs_", "albums_"))
    )


@both_modes
def test_each_of_a_hundred_ids_reads_one_month(
    generic: bool, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    query = BY_NAME["songs.list_songs_by_id"]
    plan = explain(seeded, query, {"song_ids": facts.song_ids}, generic=generic)
    assert (plan.rows, scans(plan)) == (100, 100), plan
    # The root, a leaf and the row; a month of 1,700 songs has no level between.
    assert plan.buffers <= 100 * 3 + 10, plan


def test_any_looks_into_every_month_once_its_plan_is_generic(
    seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    """Why it is LATERAL: where this fails, a new PostgreSQL does better and so may the query."""
    query = msgspec.structs.replace(
        BY_NAME["songs.list_songs_by_id"],
        sql="SELECT s.id, s.name FROM songs AS s WHERE s.id = ANY (%(song_ids)s::uuid[])",
    )
    plan = explain(seeded, query, {"song_ids": facts.song_ids}, generic=True)
    (months,) = seeded.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'songs'::regclass"
    ).fetchone()
    assert (plan.rows, scans(plan)) == (100, months), plan


@both_modes
def test_one_song_reads_one_month(
    generic: bool, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    query = BY_NAME["songs.get_song"]
    plan = explain(seeded, query, {"song_id": facts.song_id}, generic=generic)
    assert (plan.rows, scans(plan)) == (1, 1), plan


@both_modes
def test_a_page_stops_in_the_month_that_fills_it(
    generic: bool, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    query = BY_NAME["songs.list_songs_newest"]
    place = {"before_id": facts.middle_song_id, "page_size": 50, "page_offset": 0}
    plan = explain(seeded, query, place, generic=generic)
    assert plan.rows == 50
    assert scans(plan) <= 2, plan
    assert plan.sorts == [], plan


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("songs.get_song", {"song_id": "@song_id"}),
        ("songs.list_songs_by_id", {"song_ids": "@song_ids"}),
        ("songs.list_songs_newest", {"before_id": None, "page_size": 50, "page_offset": 0}),
        ("songs.list_songs_oldest", {"after_id": None, "page_size": 50, "page_offset": 0}),
        ("albums.get_album", {"album_id": "@album_id"}),
    ],
)
def test_left_to_itself_postgresql_plans_a_hot_query_once(
    name: str, parameters: dict[str, Any], seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    """A plan over many months takes longer to make than to run."""
    given = {
        key: getattr(facts, value[1:]) if isinstance(value, str) else value
        for key, value in parameters.items()
    }
    for _ in range(12):
        seeded.execute(BY_NAME[name].sql, given, prepare=True).fetchall()
    plans = seeded.execute(
        "SELECT custom_plans, generic_plans FROM pg_prepared_statements"
        " WHERE position(%s IN statement) > 0 AND statement NOT LIKE 'PREPARE%%'",
        [f"kleio:{name} "],
    ).fetchall()
    assert plans == [(5, 7)]
