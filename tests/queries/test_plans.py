"""Plans of the hot queries on seeded data: custom, and generic where a statement is prepared.

psycopg prepares a statement after some runs and PostgreSQL may then plan it once for all
parameters; a query that is only fast while its parameters are known says `Plan: custom`.
The cases are in `plan_cases`.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from kleio.db.queries import Query
from plan_cases import CASES
from plan_cases.case import Case
from plan_cases.collection import ADDED, shelf
from plan_rows import Facts
from plans import Plan, explain, modes
from query_files import INDEX_NAME, QUERIES

BY_NAME: dict[str, Query] = {query.name: query for query in QUERIES}


def plan_of(case: Case, conn: psycopg.Connection[Any], facts: Facts, *, generic: bool) -> Plan:
    parameters = {
        name: getattr(facts, value[1:])
        if isinstance(value, str) and value.startswith("@")
        else value
        for name, value in case.parameters.items()
    }
    return explain(conn, BY_NAME[case.query], parameters, generic=generic)


@pytest.mark.parametrize(
    ("case", "mode"),
    [pytest.param(c, mode, id=f"{c} {mode}") for c in CASES for mode in modes(BY_NAME[c.query])],
)
def test_the_plan_uses_its_index_and_reads_no_more_than_its_bound(
    case: Case, mode: str, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    plan = plan_of(case, seeded, facts, generic=mode == "generic")
    assert case.indexes <= plan.indexes, plan
    assert not plan.scanned & facts.big_tables, plan
    assert plan.buffers <= case.buffers, plan
    if case.rows is not None:
        assert plan.rows == case.rows, plan


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_indexes_of_a_case_are_those_of_the_header(case: Case) -> None:
    header = BY_NAME[case.query].header["Index"]
    named = set(INDEX_NAME.findall(header))
    assert case.indexes <= named


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
@pytest.mark.parametrize("verb", ["newest", "oldest"])
def test_a_page_of_the_shelf_comes_sorted_from_its_index(
    verb: str, generic: bool, seeded: psycopg.Connection[Any], facts: Facts
) -> None:
    plan = plan_of(shelf(verb, ADDED, 400), seeded, facts, generic=generic)
    assert plan.sorts == [], plan


def test_no_page_and_no_export_is_missing_here() -> None:
    cases = {case.query for case in CASES}
    assert {query.name for query in QUERIES if query.copies} <= cases
    paged = {query.name for query in QUERIES if "page_size" in query.parameters}
    whole = {"genres.list_genres", "styles.list_styles"}  # some hundred rows, read whole
    # search_labels is search_artists on another table.
    assert paged - cases == {"labels.search_labels", *whole}
