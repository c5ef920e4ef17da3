"""What `tests/load` says of numbers: held to numbers that are known by hand, nothing is timed."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

LOAD = Path(__file__).parents[1] / "load"
sys.path.append(str(LOAD))

import installing  # noqa: E402
import reports  # noqa: E402
from budgets import BUDGETS, verdicts  # noqa: E402
from endpoints import _compare, misspelt  # noqa: E402
from figures import Figure, Figures, Spread, changed, drift, number, percentile, ratios  # noqa: E402


def rate(work: str, server: str, values: list[float], connections: int = 16) -> Figure:
    return Figure(work=work, server=server, measure="rate", unit="/s", values=values,
                  connections=connections, more_is_better=True)  # fmt: skip


def report_of(figures: list[Figure], **more: Any) -> reports.Report:
    values: dict[str, Any] = {
        "started": "2026-11-26T20:00:00+00:00", "seconds": 600.0, "commit": "abc",
        "machine": {"processor": "P", "cores": 2}, "versions": {"kleio": "1"},
        "options": {"workers": 2, "sizes": [1]}, "skipped": {},
    }  # fmt: skip
    return reports.Report(figures=figures, **{**values, **more})


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    random.Random(1).shuffle(values)
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert percentile([7.0], 0.99) == 7


def test_a_spread_is_median_lowest_and_highest() -> None:
    assert Spread.of([3, 1, 2]) == (2, 1, 3)
    assert Spread.of([1234.5, 1000]).text("/s") == "1,117 /s (1,000 to 1,234)"
    assert Spread.of([0.01234]).text("ms") == "0.0123 ms"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.5, "0.5"), (99.94, "99.9"), (1234567, "1,234,567")]
)
def test_a_number_has_the_digits_that_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_ratios_are_those_of_each_round() -> None:
    """The machine was half as fast in the second round: the ratio does not move."""
    assert ratios([200, 100], [10, 5]) == [20, 20]
    assert ratios([200, 100], [10, 0]) == [20]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


def test_a_budget_is_met_by_its_median() -> None:
    figures = Figures([rate("page", "kleio", [210, 190, 100]), rate("page", "fastapi", [10, 9, 8])])
    verdict = verdicts(figures, {}, 0)[0]
    assert (verdict.met, verdict.measured, verdict.spread) == (True, "21 x", "12.5 x to 21.1 x")
    figures.add(rate("page", "fastapi", [11, 10, 9]))
    assert verdicts(figures, {}, 0)[0].met is False


def test_what_was_not_measured_is_not_met_and_says_why() -> None:
    found = verdicts(Figures(), {"go + gorm": "no Go on this machine"}, 0)
    assert len(found) == len(BUDGETS)
    assert {verdict.met for verdict in found} == {None}
    reasons = {verdict.measured for verdict in found if verdict.peer.startswith("Go")}
    assert reasons == {"skipped: no Go on this machine"}
    assert found[0].measured == "skipped: not part of this run"


def test_a_part_that_failed_is_the_reason_of_all_its_budgets() -> None:
    found = verdicts(Figures(), {"peers": "failed: no memory"}, 0)
    reasons = {verdict.measured for verdict in found if "connections" in verdict.work}
    assert reasons == {"skipped: failed: no memory"}
    assert found[-1].measured == "skipped: failed: no memory"
    assert found[5].measured == "skipped: not part of this run"
    found = verdicts(Figures(), {"sql": "failed: gone"}, 0)
    assert [v.measured for v in found].count("skipped: failed: gone") == 4


def test_what_is_meant_of_ten_million_songs_is_not_judged_by_fewer() -> None:
    figures = Figures(
        [
            Figure(work=work, server="sql", measure="p50", unit="ms", values=[value])
            for work, value in (("ILIKE", 50.0), ("search", 2.0))
        ]
    )
    (few,) = [v for v in verdicts(figures, {}, 1_000_000) if v.peer.startswith("ILIKE")]
    assert (few.met, few.measured) == (None, "25 x with 1,000,000 songs")
    (many,) = [v for v in verdicts(figures, {}, 10_000_000) if v.peer.startswith("ILIKE")]
    assert (many.met, many.measured) == (False, "25 x")


def test_a_budget_of_at_most_is_met_below() -> None:
    figures = Figures(
        [Figure(work="start", server="kleio", measure="seconds", unit="s", values=[1.5, 2.5, 1.9])]
    )
    (verdict,) = [v for v in verdicts(figures, {}, 0) if v.work.startswith("start")]
    assert (verdict.met, verdict.goal) == (True, "at most 2 s")


def test_each_budget_can_be_measured() -> None:
    """No budget looks for a figure under a name that no part of a run gives it."""
    works = {"page": 16, "song": 64}
    figures = [
        rate(work, server, [1.0], count)
        for work, count in works.items()
        for server in ("kleio", "fastapi", "gorm", "pgbench")
    ]
    text = "".join(path.read_text() for path in LOAD.glob("*.py") if path.name != "budgets.py")
    for work, server, measure in (
        ("deep page", "sql", "p99"), ("first page", "sql", "p99"), ("song of many", "sql", "p50"),
        ("song of few", "sql", "p50"), ("ILIKE", "sql", "p50"), ("search", "sql", "p50"),
        ("search", "sql", "p95"), ("dump", "kleio", "rate"), ("dump", "discogskit", "rate"),
        ("dump", "kleio", "lost"), ("load", "kleio", "rate"), ("load", "copy", "rate"),
        ("start", "kleio", "seconds"), ("start", "kleio", "memory"),
    ):  # fmt: skip
        assert f'"{work}"' in text
        figures.append(Figure(work=work, server=server, measure=measure, unit="", values=[1.0]))
    assert [v.work for v in verdicts(Figures(figures), {}, 10_000_000) if v.met is None] == []


def test_a_slower_figure_is_named_and_noise_is_not() -> None:
    then = Figures([
        rate("page", "kleio", [100, 104, 96]), rate("song", "kleio", [100, 120, 80]),
        rate("plays", "kleio", [100, 101, 99]), rate("page", "fastapi", [10, 10, 10]),
    ])  # fmt: skip
    now = Figures([
        rate("page", "kleio", [80, 82, 79]), rate("song", "kleio", [85, 100, 90]),
        rate("plays", "kleio", [97, 97.5, 97]), rate("page", "fastapi", [10, 10, 10]),
    ])  # fmt: skip
    slower, faster = changed(then, now)
    assert [change.name for change in slower] == ["page, kleio, rate, 16 connections"]
    assert slower[0].speed == 0.8
    assert faster == []


def test_a_machine_that_is_slower_as_a_whole_slows_nothing() -> None:
    then = Figures([rate("page", "kleio", [100, 101]), rate("page", "fastapi", [10, 10.1])])
    now = Figures([rate("page", "kleio", [50, 50.5]), rate("page", "fastapi", [5, 5.05])])
    assert drift(then, now) == 0.5
    assert changed(then, now) == ([], [])
    now.add(rate("page", "kleio", [60, 61]))
    assert [change.speed for change in changed(then, now)[1]] == [pytest.approx(1.204, abs=0.001)]


def test_a_latency_that_grows_is_slower() -> None:
    def latency(values: list[float]) -> Figures:
        return Figures(
            [Figure(work="page", server="kleio", measure="p99", unit="ms", values=values)]
        )

    (slow,), _ = changed(latency([10, 11]), latency([20, 22]))
    assert slow.speed == 0.5


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = report_of([rate("page", "kleio", [1, 2])], skipped={"gorm": "no Go"})
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(report))
    assert reports.read(path) == report
    slower, faster, notes = reports.against(reports.read(path), report)
    assert (slower, faster) == ([], [])
    assert notes == ["the peers are 1.00 x as fast as then, which is taken off"]
    path.write_bytes(b'{"figures": [{"work": 1}]}')
    with pytest.raises(msgspec.ValidationError):
        reports.read(path)


def test_reports_of_two_machines_say_so() -> None:
    other = report_of([], machine={"processor": "Q", "cores": 2})
    assert "processor differs: 'P' then, 'Q' now" in reports.against(report_of([]), other)[2]


def test_the_page_holds_all_and_trusts_nothing() -> None:
    report = report_of(
        [rate("page", "kleio", [200, 210]), rate("page", "fastapi", [10, 10])],
        skipped={"gorm": "<no> Go"},
    )
    page = reports.page(report, [("A picture", "cGljdHVyZQ==")], ["slower: nothing"])
    assert "<td class=met>met" in page
    assert "20.5 x" in page
    assert "&lt;no&gt; Go" in page
    assert "data:image/png;base64,cGljdHVyZQ==" in page
    lines = reports.budget_lines(report.verdicts())
    assert len(lines) == 1 + len(BUDGETS)
    assert lines[1].endswith("met")
    assert reports.comparison_rows(report.found())[1][-1] == "20.5 x (20 to 21)"


def test_answers_are_compared_in_all_that_they_hold() -> None:
    own = {"at": "2026-01-01T10:00:00Z", "items": [{"id": 1, "n": 2.0}], "next": "a"}
    other = {"at": "2026-01-01T11:00:00.000+01:00", "items": [{"id": 1, "n": 2}], "next": "b"}
    differences: list[str] = []
    _compare(own, other, "", differences)
    assert differences == []
    for wrong in (
        {**other, "next": None}, {**other, "items": []}, {**other, "items": [{"id": 2, "n": 2}]},
        {**other, "more": 1}, {**other, "at": "2026-01-01T10:00:01Z"}, {**other, "items": None},
    ):  # fmt: skip
        differences = []
        _compare(own, wrong, "", differences)
        assert len(differences) == 1


def test_a_typing_error_swaps_two_letters() -> None:
    assert misspelt("Too Many Neighbours") == "Many Neigbhours"


def test_what_is_served_has_no_tools_in_it() -> None:
    names = installing.needed("kleio")
    assert {"litestar", "psycopg-binary", "uvloop"} <= names
    assert not {"pytest", "pydantic", "pglast", "opentelemetry-sdk"} & names
    lock = (Path(__file__).parents[2] / "requirements.lock").read_text()
    served = installing.runtime_lock(lock, names)
    assert "\nlitestar==" in served
    assert "pytest" not in served
    assert served.count("--hash=") > len(names)
    assert set(served.splitlines()) <= set(lock.splitlines())
