"""Every parameter of every operation, as the OpenAPI document has it: left out, and malformed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from http_site import API, NOWHERE, Site, field_problem

from kleio.http import query_names

pytestmark = pytest.mark.anyio

VALID = {"q": "abba", "year": "2025", "before": "2025-01-01T00:00:00Z"}
"""Values of parameters that have to be given."""


def malformed(schema: dict[str, Any]) -> list[str]:
    """Return values that a parameter of this schema can't have, encoded for a query or a path."""
    kinds = [kind for kind in schema.get("oneOf", [schema]) if kind.get("type") != "null"]
    assert len(kinds) == 1, schema
    kind = kinds[0]
    if "enum" in kind or "const" in kind or "format" in kind:
        return ["x"]
    if kind["type"] in ("integer", "number", "boolean"):
        below, above = kind.get("minimum"), kind.get("maximum")
        return ["x", "1.5.1"] + [str(n) for n in (below and below - 1, above and above + 1) if n]
    assert kind["type"] == "string", kind
    return ["a%00b"]


def parameters(site: Site, place: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and parameter for each parameter of a kind."""
    return [
        (method, path, parameter)
        for path, item in site.app.openapi_schema.to_schema()["paths"].items()
        for method, operation in item.items()
        for parameter in operation.get("parameters", [])
        # A body that is wrong as well is told first.
        if parameter["in"] == place and "requestBody" not in operation
    ]


def address(path: str, **given: str) -> str:
    """Return a path with its own parameters filled in."""
    values = {**VALID, **given}
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], str(NOWHERE)), path)


async def refused(site: Site, method: str, url: str, name: str, place: str) -> None:
    answer = await site.root.request(method, url, json={} if method != "get" else None)
    field_problem(answer, name, place)


async def test_a_required_parameter_that_is_left_out_is_named(reading: Site) -> None:
    required = [found for found in parameters(reading, "query") if found[2].get("required")]
    assert ("get", f"{API}/stats/calendar") in [found[:2] for found in required]
    for method, path, parameter in required:
        await refused(reading, method, address(path), parameter["name"], "query")


async def test_a_malformed_query_parameter_is_named(reading: Site) -> None:
    found = parameters(reading, "query")
    assert len(found) > 100
    needed = {(m, p, one["name"]) for m, p, one in found if one.get("required")}
    for method, path, parameter in found:
        name = parameter["name"]
        others = [n for m, p, n in needed if (m, p) == (method, path) and n != name]
        for value in malformed(parameter["schema"]):
            given = {name: value, **{other: VALID[other] for other in others}}
            url = f"{address(path)}?" + "&".join(f"{n}={v}" for n, v in given.items())
            await refused(reading, method, url, name, "query")


async def test_a_malformed_path_parameter_is_named(reading: Site) -> None:
    found = parameters(reading, "path")
    assert len(found) > 15
    for method, path, parameter in found:
        name = parameter["name"]
        for value in malformed(parameter["schema"]):
            if parameter["schema"].get("type") == "integer" and not value.isdigit():
                continue  # there is no such address
            await refused(reading, method, address(path, **{name: value}), name, "path")


async def test_what_a_route_takes_is_found_out_once(reading: Site) -> None:
    for path in ("/collection?limit=1", "/collection?limit=2", "/releases?limit=1"):
        assert (await reading.alice.get(f"{API}{path}")).status_code == 200
    known = len(query_names._names)
    for _ in range(3):
        assert (await reading.alice.get(f"{API}/collection?limit=1")).status_code == 200
    assert len(query_names._names) == known
