"""Many songs by id: under any plan each id reads its one month, and songs' names need no join."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from kleio.sql.plans import Plan, explain
from query_files import HEAD, INVENTORY, own_inventory, query_text

from .conftest import SETTINGS, Seeded

BY_NAME = INVENTORY.entries
both_modes = pytest.mark.parametrize("mode", ["custom", "generic"])


def scans(plan: Plan) -> int:
    """Return how often a month was looked into."""
    return sum(
        node["Actual Loops"]
        for node in plan.ran()
        if node.get("Relation Name", "").startswith(("songs_", "albums_"))
    )


@both_modes
def test_each_of_a_hundred_ids_reads_one_month(mode: str, seeded: Seeded) -> None:
    query = BY_NAME["songs.list_songs_by_id"]
    plan = explain(seeded.reads, query, {"song_ids": seeded.facts.song_ids}, mode=mode)
    assert (plan.rows, scans(plan)) == (100, 100), plan
    # The root, a leaf and the row; a month of 1,700 songs has no level between.
    assert plan.buffers <= 100 * 3 + 10, plan


def test_any_looks_into_every_month_once_its_plan_is_generic(
    seeded: Seeded, tmp_path: Path
) -> None:
    """Why it is LATERAL: where this fails, a new PostgreSQL does better and so may the query."""
    text = "SELECT s.id, s.name FROM songs AS s WHERE s.id = ANY (:song_ids::uuid[]);"
    inventory = own_inventory(tmp_path, HEAD + query_text(text, "list_things(song_ids)"))
    (query,) = inventory.entries.values()
    plan = explain(seeded.reads, query, {"song_ids": seeded.facts.song_ids}, mode="generic")
    (months,) = seeded.reads.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'songs'::regclass"
    ).fetchone()
    assert (plan.rows, scans(plan)) == (100, months), plan


@both_modes
def test_one_song_reads_one_month(mode: str, seeded: Seeded) -> None:
    query = BY_NAME["songs.get_song"]
    plan = explain(seeded.reads, query, {"song_id": seeded.facts.song_id}, mode=mode)
    assert (plan.rows, scans(plan)) == (1, 1), plan


@both_modes
def test_a_page_stops_in_the_month_that_fills_it(mode: str, seeded: Seeded) -> None:
    query = BY_NAME["songs.list_songs_newest"]
    place = {"before_id": seeded.facts.middle_song_id, "page_size": 50, "page_offset": 0}
    plan = explain(seeded.reads, query, place, mode=mode)
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
    name: str, parameters: dict[str, Any], seeded: Seeded
) -> None:
    """A plan over many months takes longer to make than to run."""
    given = {
        key: getattr(seeded.facts, value[1:]) if isinstance(value, str) else value
        for key, value in parameters.items()
    }
    sql = BY_NAME[name].query.sql
    with psycopg.connect(seeded.conninfo, autocommit=True, options=SETTINGS) as conn:
        for _ in range(12):
            conn.execute(sql, given, prepare=True).fetchall()
        plans = conn.execute(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements"
            " WHERE position(%s IN statement) > 0 AND statement NOT LIKE 'PREPARE%%'",
            [f"kleio:{name} "],
        ).fetchall()
    assert plans == [(5, 7)]
