"""What is broken and who notices: a real `kleio serve`, traffic, and the table of what came of it.

The quick ones run with all tests, the others where `KLEIO_FAULTS=all` (`make chaos`), which also
prints the table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

# `import http_site`: at the end of the path, so that nothing there hides another module.
sys.path.append(str(Path(__file__).parents[1] / "http"))

from embedded_processes import end_postmaster
from invariants import broken_rules
from kleio.db.embedded import embedded_server
from place import Place
from traffic import Traffic

slow = pytest.mark.skipif(
    os.environ.get("KLEIO_FAULTS") != "all", reason="takes long; `make chaos` runs it"
)


class Outcome(msgspec.Struct, frozen=True):
    """A line of the table; times in seconds.

    `refused` are connections that nobody took: there was no server.
    """

    fault: str
    requests: int
    failures: int
    refused: int
    gap: float
    lost: int
    recovery: float


_OUTCOMES = pytest.StashKey[list[Outcome]]()

Report = Callable[[str, Traffic, str], Outcome]


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Check what a fault has done, and put it into the table.

    Called as `report("PostgreSQL killed", traffic, conninfo)`.
    """

    def check(fault: str, traffic: Traffic, conninfo: str) -> Outcome:
        damage = traffic.damage(conninfo)
        outcome = Outcome(
            fault,
            len(traffic.samples),
            len(traffic.failed_requests()),
            len(traffic.failures()) - len(traffic.failed_requests()),
            traffic.gap,
            damage.lost + damage.doubled + damage.half,
            traffic.recovery,
        )
        pytestconfig.stash.setdefault(_OUTCOMES, []).append(outcome)
        assert (damage.lost, damage.doubled, damage.half) == (0, 0, 0)
        assert broken_rules(conninfo) == []
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
        f"{'fault':<{width}}  requests  failures  refused  longest gap  lost  recovered after"
    )
    for o in outcomes:
        terminalreporter.write_line(
            f"{o.fault:<{width}}  {o.requests:>8,}  {o.failures:>8,}  {o.refused:>7,}"
            f"  {o.gap:>9.2f} s  {o.lost:>4}  {o.recovery:>13.2f} s"
        )


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
