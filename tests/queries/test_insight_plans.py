"""Plans of statistics and recommendations: one user's rows by index, custom and generic.

What a header calls `alone` is read from the index only, which needs a vacuumed table.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from kleio.sql import plans
from kleio.sql.plans import Plan, modes
from kleio.sql.rules_header import named_indexes
from query_files import INVENTORY

from .conftest import Seeded

BY_NAME = INVENTORY.entries


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
        "stats_reviews.list_on_this_day",
        {"tz": None, "day": None, "now": NOW, "max_rows": 50},
        {PLAYED, "releases_pkey"},
        80,
    ),
    Case("stats_reviews.get_year", {"year": 2024, "tz": None}, {PLAYED, "releases_pkey"}, 1500),
    Case(
        "stats_reviews.get_collection_stats",
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


def plan_of(case: Case, seeded: Seeded, mode: str) -> Plan:
    parameters = {"user_id": seeded.facts.user_id, **case.parameters}
    return plans.explain(
        seeded.reads, BY_NAME[case.query], parameters, mode=mode, schema=seeded.schema
    )


@pytest.mark.parametrize(
    ("case", "mode"),
    [
        pytest.param(case, mode, id=f"{case} {mode}")
        for case in CASES
        for mode in modes(BY_NAME[case.query].query)
    ],
)
def test_an_insight_reads_the_user_s_rows_by_index(case: Case, mode: str, seeded: Seeded) -> None:
    plan = plan_of(case, seeded, mode)
    ran = plan.ran()
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
    names = {
        name
        for name in BY_NAME
        if name.startswith(("stats.", "stats_reviews.", "recommendations."))
    }
    assert {case.query for case in CASES} == names


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_indexes_of_a_case_are_those_of_the_header(case: Case) -> None:
    query = BY_NAME[case.query].query
    assert case.indexes <= named_indexes(query)
    assert (
        case.is_alone == ("alone" in query.header["Index"])
        or case.query == "stats_reviews.get_year"
    )
