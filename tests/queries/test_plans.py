"""Every query's plan on seeded data: custom, and generic where a statement is prepared.

psycopg prepares a statement after some runs and PostgreSQL may then plan it once for all
parameters; a query that is only fast while its parameters are known says `Plan: custom`.

Each query is run with parameters from the seeded rows (`kleio.sql.samples`, and
`plan_cases.samples` where those would tell nothing). Its plan uses the indexes that its header
names, reads no large table whole and no more partitions and buffers than the header says, and is
the one on record. The cases in `plan_cases` look at the hot queries more closely.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import psycopg
import pytest

from kleio.sql import plans
from kleio.sql.inventory import Entry
from kleio.sql.plans import Plan, cost_problem, modes, problems, side_by_side
from kleio.sql.rules_header import cost_of, named_indexes
from kleio.sql.samples import Value, sample
from kleio.sql.trees import is_plannable
from plan_cases import CASES
from plan_cases.case import Case
from plan_cases.collection import ADDED, shelf
from plan_cases.samples import NOW, UNRUN, samples
from query_files import ENTRIES, INVENTORY
from recorded_plans import RENEW, bound_for, read_plans, write_cost, write_plans
from servers import choice

from .conftest import Seeded

BY_NAME = INVENTORY.entries
BIG = 1000
"""Rows from which on a table may not be read whole: less than the smallest that grows with use."""

# What may speak against a plan on so few rows, and why it does not.
EXPECTED: dict[str, tuple[set[str], str]] = {
    "releases.upsert_releases": (
        {"scan", "index"},
        "a function's rows are guessed at 100 a document: so many as to read 4,000 artists whole",
    ),
    "songs.count_songs": ({"scan"}, "without a filter all songs are counted"),
}

PLANNED = [
    pytest.param(entry, mode, id=f"{entry.query.name} {mode}")
    for entry in ENTRIES
    if is_plannable(entry.tree)
    for mode in modes(entry.query)
]


@functools.cache
def parameters_of(entry: Entry, seeded: Seeded) -> dict[str, Value]:
    given = {"now": NOW, **samples(seeded.facts).get(entry.query.name, {})}
    return sample(entry, seeded.reads, seeded.schema, given)


def run(entry: Entry, mode: str, seeded: Seeded) -> tuple[Plan, Plan]:
    """Return the plan on rows that nothing has touched, and the one that was run."""
    values = parameters_of(entry, seeded)
    try:
        if entry.query.name in UNRUN:
            plan = plans.explain(
                seeded.reads, entry, values, mode=mode, analyze=False, schema=seeded.schema
            )
            return plan, plan
        done = plans.explain(seeded.conn(entry), entry, values, mode=mode, schema=seeded.schema)
        if not entry.writes:
            return done, done
        return plans.explain(
            seeded.reads, entry, values, mode=mode, analyze=False, schema=seeded.schema
        ), done
    except psycopg.Error as error:
        shown = ", ".join(f"{name} = {value.text}" for name, value in values.items())
        pytest.fail(
            f"{entry.query.name} refused the parameters that were found for it ({shown}): {error}"
            "; give it others in tests/plan_cases/samples.py"
        )


@pytest.mark.parametrize(("entry", "mode"), PLANNED)
def test_a_plan_keeps_to_its_header_and_to_what_is_on_record(
    entry: Entry, mode: str, seeded: Seeded
) -> None:
    query = entry.query
    plan, done = run(entry, mode, seeded)
    expected, _ = EXPECTED.get(query.name, (set(), ""))
    found = problems(plan, query, seeded.schema, big=BIG)
    found += [p for p in problems(done, query, seeded.schema, big=BIG) if p.kind == "partitions"]
    wrong = [p for p in found if p.kind not in {"estimate", *expected}]
    assert not wrong, "\n".join([*(p.message for p in wrong), repr(plan)])
    if os.environ.get("KLEIO_RENEW_PLANS"):
        return
    assert cost_of(query) is not None, (
        f"{query.name} says no Cost; it took {done.buffers} buffers: write `-- Cost:    at most "
        f"{bound_for(done.buffers)} buffers.`, or let `{RENEW}` do it"
    )
    over = cost_problem(done, query)
    assert over is None, f"{over and over.message}\n{done!r}"
    if choice() != "embedded":
        return  # another build, another locale: another plan may be as good
    recorded = read_plans().get((query.name, mode))
    assert recorded is not None, f"{query.name} has no {mode} plan on record: `{RENEW}` writes it"
    now = plan.shape(seeded.schema)
    assert now == recorded, (
        f"the {mode} plan of {query.name} is another one than on record:\n"
        f"{side_by_side(recorded, now)}\nif that is meant, `{RENEW}` and read the difference"
    )


def test_what_is_expected_of_a_plan_is_still_so(seeded: Seeded) -> None:
    for name, (kinds, _) in EXPECTED.items():
        entry = BY_NAME[name]
        plan, _ = run(entry, "custom", seeded)
        found = {p.kind for p in problems(plan, entry.query, seeded.schema, big=BIG)}
        assert kinds <= found, f"{name}: take it out of EXPECTED"


def test_every_plan_on_record_is_of_a_query_and_a_mode() -> None:
    known = {(entry.query.name, mode) for entry, mode in (p.values for p in PLANNED)}
    assert read_plans().keys() <= known, f"`{RENEW}` takes the others out"


@pytest.mark.skipif(not os.environ.get("KLEIO_RENEW_PLANS"), reason="KLEIO_RENEW_PLANS renews")
def test_plans_are_renewed(seeded: Seeded) -> None:
    found: dict[tuple[str, str], list[str]] = {}
    costs: dict[str, int] = {}
    for entry, mode in (p.values for p in PLANNED):
        plan, done = run(entry, mode, seeded)
        found[entry.query.name, mode] = plan.shape(seeded.schema)
        if cost_of(entry.query) is None:
            costs[entry.query.name] = max(costs.get(entry.query.name, 0), done.buffers)
    write_plans(found)
    for name, buffers in costs.items():
        write_cost(name, cost_words(BY_NAME[name], bound_for(buffers), seeded))


def cost_words(entry: Entry, bound: int, seeded: Seeded) -> str:
    given = samples(seeded.facts).get(entry.query.name, {})
    if given:
        return f"at most {bound:,} buffers for ten."
    values = parameters_of(entry, seeded)
    empty = [name for name, v in values.items() if v.origin == "its type" and v.text == "[]"]
    return f"at most {bound:,} buffers{f' without {empty[0]}' if empty else ''}."


def plan_of(case: Case, seeded: Seeded, mode: str) -> Plan:
    values: dict[str, Any] = {
        name: getattr(seeded.facts, value[1:])
        if isinstance(value, str) and value.startswith("@")
        else value
        for name, value in case.parameters.items()
    }
    entry = BY_NAME[case.query]
    return plans.explain(seeded.conn(entry), entry, values, mode=mode, schema=seeded.schema)


@pytest.mark.parametrize(
    ("case", "mode"),
    [
        pytest.param(case, mode, id=f"{case} {mode}")
        for case in CASES
        for mode in modes(BY_NAME[case.query].query)
    ],
)
def test_a_hot_plan_uses_its_index_and_reads_no_more_than_its_bound(
    case: Case, mode: str, seeded: Seeded
) -> None:
    plan = plan_of(case, seeded, mode)
    assert case.indexes <= plan.indexes, plan
    assert not plan.scanned & seeded.facts.big_tables, plan
    assert plan.buffers <= case.buffers, plan
    if case.rows is not None:
        assert plan.rows == case.rows, plan


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_indexes_of_a_case_are_those_of_the_header(case: Case) -> None:
    assert case.indexes <= named_indexes(BY_NAME[case.query].query)


@pytest.mark.parametrize("mode", ["custom", "generic"])
@pytest.mark.parametrize("verb", ["newest", "oldest"])
def test_a_page_of_the_shelf_comes_sorted_from_its_index(
    verb: str, mode: str, seeded: Seeded
) -> None:
    plan = plan_of(shelf(verb, ADDED, 400), seeded, mode)
    assert plan.sorts == [], plan
