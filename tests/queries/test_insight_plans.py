"""Plans of statistics and recommendations: one user's rows by index, custom and generic.

What a header calls `alone` is read from the index only, which needs a vacuumed table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from plan_rows import fill_catalogue
from plans import Plan, explain, modes
from query_files import INDEX_NAME, QUERIES
from servers import RUN, Server

RELEASES = 3000
USERS = 200
COPIES = 60
PLAYS = 200
"""Plays of each user."""
BY_NAME = {query.name: query for query in QUERIES}

_ROWS = """
INSERT INTO users (username, email, created_at, updated_at)
SELECT 'user' || n, 'user' || n || '@example.org', '2026-01-01Z', '2026-01-01Z'
  FROM generate_series(1, %(users)s) AS n;

INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT u.id, 1, 'Folder', u.created_at, u.created_at FROM users AS u;

INSERT INTO user_releases (
    user_id, release_id, folder_id, rating, added_at, created_at, updated_at
)
SELECT f.user_id, r.id, f.id, n %% 6, '2020-01-01Z'::timestamptz + n * interval '1 day',
       f.created_at, f.created_at
  FROM (SELECT user_id, id, created_at, row_number() OVER (ORDER BY id) AS k FROM folders) AS f
 CROSS JOIN generate_series(1, %(copies)s) AS n
  JOIN (SELECT id, row_number() OVER (ORDER BY id) AS k FROM releases) AS r
    ON r.k = 1 + (f.k * 37 + n * 101) %% %(releases)s;

INSERT INTO play_history (
    user_id, release_id, user_release_id, played_at, duration_seconds, duration_estimated,
    created_at, updated_at
)
SELECT c.user_id, c.release_id, c.id,
       '2021-01-01Z'::timestamptz + n * interval '9 days' + c.k * interval '3 minutes',
       1800 + n, true, c.created_at, c.created_at
  FROM generate_series(1, %(plays)s) AS n
  JOIN (SELECT user_id, release_id, id, created_at,
               row_number() OVER (PARTITION BY user_id ORDER BY id) AS k
          FROM user_releases) AS c
    ON c.k = 1 + n %% 40
 ORDER BY n, c.user_id;

INSERT INTO cleaning_history (
    user_id, release_id, cleaned_at, deep, created_at, updated_at
)
SELECT c.user_id, c.release_id, '2021-01-01Z'::timestamptz + c.k * interval '9 days',
       false, c.created_at, c.created_at
  FROM (SELECT user_id, release_id, created_at,
               row_number() OVER (PARTITION BY user_id ORDER BY id) AS k
          FROM user_releases) AS c
 WHERE c.k %% 3 = 0
 ORDER BY c.k, c.user_id;
"""


def fill(conninfo: str) -> None:
    fill_catalogue(conninfo, RELEASES)
    counts = {"users": USERS, "copies": COPIES, "releases": RELEASES, "plays": PLAYS}
    with psycopg.ClientCursor(psycopg.connect(conninfo)) as cursor, cursor.connection:
        cursor.execute(_ROWS, counts)


@pytest.fixture(scope="module")
def listened(server: Server, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database with plays, which is made once a run and only read."""
    name = server.ensure_database(f"kleio_test_{RUN}_insight", fill, template=template_database)
    with psycopg.connect(server.conninfo(name), autocommit=True) as conn:
        conn.execute("SET random_page_cost = 1.1")
        yield conn


class Case(msgspec.Struct):
    """A query with parameters beside the user, the indexes it must use, its bound of buffers."""

    query: str
    parameters: dict[str, Any]
    indexes: set[str]
    buffers: int
    name: str = ""
    is_alone: bool = True

    def __str__(self) -> str:
        return self.query + (f" {self.name}" if self.name else "")


PLAYED = "play_history_user_played_idx"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
RANGE = {"tz": None, "first_day": None, "last_day": None}
MONTH = {"tz": "Europe/Berlin", "first_day": date(2024, 3, 1), "last_day": date(2024, 3, 31)}
TOP = {**RANGE, "by_minutes": False, "max_rows": 10}
CARE = {
    "play_history_user_release_idx",
    "cleaning_history_user_release_idx",
    "releases_pkey",
}
CASES = [
    Case("stats.list_play_buckets", {**RANGE, "bucket": "month"}, {PLAYED}, 40),
    Case("stats.list_play_buckets", {**MONTH, "bucket": "day"}, {PLAYED}, 12, "of a month"),
    Case("stats.get_streaks", {"tz": None, "now": NOW}, set(), 40),
    Case("stats.list_heatmap", RANGE, {PLAYED}, 40),
    Case("stats.list_heatmap", MONTH, {PLAYED}, 12, "of a month"),
    Case("stats.list_top_releases", TOP, {PLAYED, "releases_pkey"}, 200),
    Case("stats.list_top_releases", {**TOP, **MONTH}, {PLAYED, "releases_pkey"}, 40, "of a month"),
    *(
        Case("stats.list_top_names", {**TOP, "kind": kind}, {PLAYED, *indexes}, 500, f"by {kind}")
        for kind, indexes in {
            "artist": {"release_artists_pkey"},
            # The links of so small a catalogue may be read whole.
            "label": set[str](),
            "genre": set[str](),
            "style": set[str](),
            "decade": {"releases_pkey"},
        }.items()
    ),
    Case(
        "stats.list_on_this_day",
        {"tz": None, "day": None, "now": NOW, "max_rows": 50},
        {PLAYED, "releases_pkey"},
        80,
    ),
    Case("stats.get_year", {"year": 2024, "tz": None}, {PLAYED, "releases_pkey"}, 1500),
    Case(
        "stats.get_collection_stats",
        {"tz": None},
        {"releases_pkey"},
        1500,
        is_alone=False,
    ),
    Case(
        "recommendations.list_recommendations",
        {"tz": None, "now": NOW, "max_rows": 10},
        CARE,
        500,
        is_alone=False,
    ),
    Case(
        "recommendations.list_neglected",
        {"tz": None, "now": NOW, "max_rows": 50},
        CARE - {"cleaning_history_user_release_idx"},
        500,
        is_alone=False,
    ),
    Case("recommendations.list_due_cleanings", {"max_rows": 50}, CARE, 500, is_alone=False),
]


@pytest.fixture(scope="module")
def user_id(listened: psycopg.Connection[Any]) -> UUID:
    (found,) = listened.execute("SELECT id FROM users WHERE username = 'user7'").fetchone()
    return found


def plan_of(case: Case, conn: psycopg.Connection[Any], user_id: UUID, *, generic: bool) -> Plan:
    query = BY_NAME[case.query]
    return explain(conn, query, {"user_id": user_id, **case.parameters}, generic=generic)


@pytest.mark.parametrize(
    ("case", "mode"),
    [
        pytest.param(case, mode, id=f"{case} {mode}")
        for case in CASES
        for mode in modes(BY_NAME[case.query])
    ],
)
def test_an_insight_reads_the_user_s_rows_by_index(
    case: Case, mode: str, listened: psycopg.Connection[Any], user_id: UUID
) -> None:
    plan = plan_of(case, listened, user_id, generic=mode == "generic")
    ran = [node for node in plan.nodes if node.get("Actual Loops")]
    scanned = {n["Relation Name"] for n in ran if n["Node Type"] == "Seq Scan"}
    # A catalogue of 3,000 releases may be small enough to be read whole; a user's table never is.
    assert not scanned & {"play_history", "user_releases", "cleaning_history"}, plan
    assert case.indexes <= plan.indexes, plan
    assert plan.buffers <= case.buffers, plan
    if case.is_alone:
        # The year's look for earlier plays of a release is on another index, as an index is for.
        plays = [node for node in ran if node.get("Relation Name") == "play_history"]
        assert {node["Node Type"] for node in plays} == {"Index Only Scan"}, plan
        assert sum(node["Heap Fetches"] for node in plays) == 0, plan


def test_every_insight_has_a_case() -> None:
    names = {name for name in BY_NAME if name.startswith(("stats.", "recommendations."))}
    assert {case.query for case in CASES} == names


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_indexes_of_a_case_are_those_of_the_header(case: Case) -> None:
    header = BY_NAME[case.query].header["Index"]
    assert case.indexes <= set(INDEX_NAME.findall(header))
    assert case.is_alone == ("alone" in header) or case.query == "stats.get_year"
