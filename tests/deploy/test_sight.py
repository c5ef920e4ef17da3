"""The alert rules and the dashboard: valid, and every metric and label they name exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from kleio import health
from kleio.http.metrics import health_readings, maintenance_readings, run_readings
from kleio.maintenance import STEPS
from kleio.repositories.maintenance import MaintenanceStep, RunCount
from kleio.sight.exposition import exposition, reading
from kleio.sight.meters import Meters

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What Prometheus and Grafana add themselves.
ADDED_LABELS = {"instance", "job", "le"}
ADDED_METRICS = {"up"}


def dashboard_expressions() -> Iterator[str]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


EXPRESSIONS = [*(rule["expr"] for rule in RULES), *dashboard_expressions()]


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """Every series that /metrics can have: its name, and its labels' names."""
    meters = Meters([("GET", "/x")], ["x.y"], shared=False)
    meters.request_began()
    meters.request_ended("GET", "/x", 200, 0.1)
    meters.query_ended("x.y", 0.1, failed=True)
    looked = health.Health(
        "ok",
        "1",
        health.DatabaseHealth("ok", 1.0),
        health.CacheHealth("ok"),
        health.PoolHealth("ok", 1, 1, 1, 0),
        health.ReplicaHealth("disabled", None),
        health.ConnectionsHealth("ok", 1, 2),
        health.MigrationsHealth("ok", 0, 0),
        health.PartitionsHealth("ok", 6),
    )
    now = datetime.now(UTC)
    steps = [
        MaintenanceStep(name, now, now, now, 0, b"[]", None, "here")  # type: ignore[arg-type]
        for name in ("run", *(step.name for step in STEPS))
    ]
    readings = [
        reading("kleio_build_info", "", 1, version="1", python="3"),
        *health_readings(looked),
        *maintenance_readings(steps, now),
        run_readings([RunCount("import", "done", 1)]),
    ]
    text = exposition(meters, readings, None)[0].decode()
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def selectors(node: Any) -> Iterator[Any]:
    """Yield the selectors of a metric in an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(node, promql_parser.MatrixSelector):
            yield from selectors(child)
    for child in getattr(node, "args", None) or ():
        yield from selectors(child)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_names_what_there_is(expression: str, exposed: dict[str, set[str]]) -> None:
    found = list(selectors(promql_parser.parse(expression)))
    assert found
    for selector in found:
        name = selector.name
        assert name in exposed.keys() | ADDED_METRICS
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= exposed.get(name, set()) | ADDED_LABELS
    grouped = re.findall(r"\b(?:by|without) \(([^)]*)\)", expression)
    known = set().union(*(exposed.get(selector.name, set()) for selector in found))
    assert {label.strip() for each in grouped for label in each.split(",")} <= known | ADDED_LABELS


def test_every_metric_is_on_the_dashboard_or_in_an_alert(exposed: dict[str, set[str]]) -> None:
    named = " ".join([*EXPRESSIONS, str(DASHBOARD["templating"])])
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed}
    missing = {name for name in families if not re.search(rf"\b{name}(_\w+)?\b", named)}
    # Rates of these are for a closer look, not for a page that is looked at every day.
    assert missing == {
        "kleio_cache_stored_total",
        *(f"kleio_pool_{what}_total" for what in ("checkouts", "connect_errors", "connects")),
        *(f"kleio_pool_{what}_seconds_total" for what in ("usage", "wait")),
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_and_what_to_do(rule: dict[str, Any], exposed: Any) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["alert"].startswith("Kleio")
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert set(rule["annotations"]) == {"summary", "description"}
    named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
    (selector, *_) = selectors(promql_parser.parse(rule["expr"]))
    assert named <= exposed.get(selector.name, set()) | ADDED_LABELS


def test_the_dashboard_s_panels_stand_beside_each_other() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
