"""What is broken and who notices: a real `kleio serve`, traffic, and the table of what came of it.

The quick ones run with all tests, the others where `KLEIO_FAULTS=all` (`make chaos`), which also
prints the table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest

# `import http_site`: at the end of the path, so that nothing there hides another module.
sys.path.append(str(Path(__file__).parents[1] / "http"))

from embedded_processes import end_postmaster
from invariants import broken_rules
from kleio.db.embedded import embedded_server
from place import Place
from traffic import Traffic

IS_CHAOS = os.environ.get("KLEIO_FAULTS") == "all"
slow = pytest.mark.skipif(not IS_CHAOS, reason="takes long; `make chaos` runs it")

RECOVERY_SECONDS = 10.0
"""How long clients may go on to fail after a fault is over, without anybody doing anything."""


class Outcome(msgspec.Struct, frozen=True):
    """A line of the table; times in seconds.

    `refused` are connections that nobody took: there was no server. `overloaded` were answered 503,
    all but one in a hundred of them within `told`, and all within `told_last`. `looks` is how often
    somebody looked into the database meanwhile for what is half done, which counts as lost.
    """

    fault: str
    requests: int
    failures: int
    refused: int
    overloaded: int
    told: float
    told_last: float
    gap: float
    looks: int
    lost: int
    recovery: float


_OUTCOMES = pytest.StashKey[list[Outcome]]()


class Report(Protocol):
    """Checks what a fault has done, and puts it into the table.

    `recovers_within`: seconds, where the fault itself explains that it takes longer. Only `make
    chaos` holds it to that: other tests have to work on a machine that is busy.
    """

    def __call__(
        self, fault: str, traffic: Traffic, conninfo: str, *, recovers_within: float = ...
    ) -> Outcome: ...


def _told(traffic: Traffic) -> list[float]:
    """Return how long the answers took that said 503, shortest first."""
    return sorted(s.ended - s.began for s in traffic.samples if s.status == 503)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Called as `report("PostgreSQL killed", traffic, conninfo)` when the traffic has ended."""

    def check(
        fault: str, traffic: Traffic, conninfo: str, *, recovers_within: float = RECOVERY_SECONDS
    ) -> Outcome:
        damage, told = traffic.damage(conninfo), _told(traffic)
        outcome = Outcome(
            fault,
            len(traffic.samples),
            len(traffic.failed_requests()),
            len(traffic.failures()) - len(traffic.failed_requests()),
            len(told),
            told[len(told) * 99 // 100] if told else 0.0,
            told[-1] if told else 0.0,
            traffic.gap,
            traffic.looks,
            damage.lost + damage.doubled + damage.half,
            traffic.recovery,
        )
        pytestconfig.stash.setdefault(_OUTCOMES, []).append(outcome)
        assert (damage.lost, damage.doubled, damage.half) == (0, 0, 0)
        assert broken_rules(conninfo) == []
        if IS_CHAOS:
            assert outcome.recovery <= recovers_within, "it recovers, but takes too long"
        return outcome

    return check


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of the faults that were tried in this process."""
    outcomes = config.stash.get(_OUTCOMES, [])
    if not outcomes:
        return
    width = max(len(outcome.fault) for outcome in outcomes)
    terminalreporter.section("faults")
    terminalreporter.write_line(
        f"{'fault':<{width}}  requests  failures  refused  503s   within, last of them"
        "  longest gap  looks  lost  recovered after"
    )
    for o in outcomes:
        told = f"{o.told * 1000:,.0f} ms, {o.told_last * 1000:,.0f} ms" if o.overloaded else "-"
        terminalreporter.write_line(
            f"{o.fault:<{width}}  {o.requests:>8,}  {o.failures:>8,}  {o.refused:>7,}"
            f"  {o.overloaded:>4,}  {told:>21}  {o.gap:>9.2f} s  {o.looks:>5,}  {o.lost:>4}"
            f"  {o.recovery:>13.2f} s"
        )
    for line in (
        "503s: all but one in a hundred within the first time, all within the second.",
        "looks: into the database meanwhile, for what is half done, which counts as lost.",
    ):
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place on an embedded server of its own, with `process`, which has started it.

    One for many faults: after each of them it must be as good as new.
    """
    home = tmp_path_factory.mktemp("embedded") / "home"
    made = Place(home)
    try:
        made.process = made.serve("--workers", "2")
        with embedded_server(home) as server:
            made.fill(server.conninfo)
        yield made
    finally:
        made.end()
        end_postmaster(home)


@pytest.fixture
def place(conninfo: str, tmp_path: Path) -> Iterator[Place]:
    """A place in a database of the run's server."""
    made = Place(tmp_path)
    made.fill(conninfo)
    try:
        yield made
    finally:
        made.end()
