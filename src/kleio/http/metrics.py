"""Metrics: all workers' meters and what the database tells, as Prometheus reads them."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from platform import python_version
from typing import Any

from litestar import Request, Response, Router, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from kleio import __version__
from kleio.accounts import hash_token
from kleio.db.errors import DatabaseError
from kleio.health import Health, parts_of
from kleio.http.auth import NO_AUTH, bearer_token, database_of, find_session
from kleio.http.health import health_check_of
from kleio.http.problems import forbidden, not_found, unauthorized
from kleio.maintenance import RUN
from kleio.repositories.maintenance import (
    MaintenanceStep,
    RunCount,
    list_maintenance_steps,
    list_run_counts,
)
from kleio.settings import Settings
from kleio.sight.exposition import Reading, exposition, reading
from kleio.sight.meters import Meters

_STATES = {"ok": 1, "degraded": 2, "unavailable": 0}
"""The numbers of `kleio_health`; a part that is disabled has none."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


async def may_read_metrics(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let those pass whom KLEIO_METRICS lets.

    Raises:
        ProblemError: 404 where metrics are off, 401 without a token, 403 with another's.
    """
    settings: Settings = connection.app.state.settings
    if settings.metrics == "off":
        raise not_found("address")
    if settings.metrics == "open":
        return
    header = connection.headers.get("authorization")
    if header is None:
        if _is_this_machine(connection):
            return
        raise unauthorized("A token is needed: KLEIO_METRICS_TOKEN or an administrator's.")
    token = bearer_token(header)
    known = settings.metrics_token
    if known is not None and hmac.compare_digest(token.encode(), known.reveal().encode()):
        return
    session = await find_session(connection, hash_token(token))
    if session.role != "admin":
        raise forbidden("Only an administrator may read the metrics.")


def _is_this_machine(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the request comes from here, and not through a proxy that runs here."""
    if any(name in connection.headers for name in _FORWARDED) or connection.client is None:
        return False
    try:
        return ipaddress.ip_address(connection.client.host).is_loopback
    except ValueError:
        return False


@get(
    "/metrics",
    opt={NO_AUTH: True},
    guards=[may_read_metrics],
    include_in_schema=False,  # it is for Prometheus and no part of the API
)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer with all workers' numbers; those of the database are missing while it is away."""
    app: Any = request.app
    meters: Meters = app.meters
    meters.publish(database_of(request).stats(), app.state.cache.counters)
    readings = [one async for one in _readings(request)]
    body, content_type = exposition(meters, readings, request.headers.get("accept"))
    return Response(body, media_type=content_type, headers={"Cache-Control": "no-store"})


async def _readings(request: Request[Any, Any, Any]) -> AsyncIterator[Reading]:
    yield reading(
        "kleio_build_info", "Kleio's version.", 1, version=__version__, python=python_version()
    )
    for one in health_readings(await health_check_of(request).look()):
        yield one
    try:
        steps = await database_of(request).read_ahead(list_maintenance_steps)
        runs = await database_of(request).read_ahead(list_run_counts)
    except DatabaseError:
        steps, runs = [], []
    yield run_readings(runs)
    for one in maintenance_readings(steps, datetime.now(UTC)):
        yield one


def run_readings(runs: list[RunCount]) -> Reading:
    """Return how many imports and syncs are in which state."""
    return Reading(
        "kleio_runs",
        "Imports and syncs with Discogs, by state.",
        {
            (("kind", run.kind or ""), ("state", run.state or "")): float(run.runs or 0)
            for run in runs
        },
    )


def health_readings(health: Health) -> list[Reading]:
    """Return the states of health as numbers."""
    states: dict[tuple[tuple[str, str], ...], float] = {
        (("part", name),): float(_STATES[status])
        for name, status in {"all": health.status, **parts_of(health)}.items()
        if status in _STATES
    }
    latency = health.db.latency_ms
    return [
        Reading("kleio_health", "1 ok, 2 degraded, 0 unavailable, by part.", states),
        reading(
            "kleio_database_latency_seconds",
            "Time of the shortest statement.",
            None if latency is None else latency / 1000,
        ),
        reading(
            "kleio_database_connections",
            "Connections to the whole database server.",
            health.connections.used,
        ),
        reading(
            "kleio_database_max_connections",
            "Connections that the database server takes.",
            health.connections.limit,
        ),
        reading("kleio_migrations_pending", "Migrations to be applied.", health.migrations.pending),
        reading(
            "kleio_partitions_months_ahead",
            "Months after this one that have their partitions.",
            health.partitions.months_ahead,
        ),
    ]


def maintenance_readings(steps: list[MaintenanceStep], now: datetime) -> list[Reading]:
    """Return when each step of the maintenance succeeded and how old each view is."""
    succeeded = {step.step: step.succeeded_at for step in steps if step.succeeded_at is not None}
    return [
        Reading(
            "kleio_maintenance_success_timestamp_seconds",
            f"When a step of `kleio maintain` last succeeded; `{RUN}` is all of them.",
            {(("step", name),): moment.timestamp() for name, moment in succeeded.items()},
        ),
        Reading(
            "kleio_maintenance_failed",
            "1 where the last run of a step failed.",
            {(("step", step.step),): float(step.problem is not None) for step in steps},
        ),
        Reading(
            "kleio_view_age_seconds",
            "Time since a materialised view was refreshed.",
            {
                (("view", name),): (now - moment).total_seconds()
                for name, moment in succeeded.items()
                if name.startswith("mv_")
            },
        ),
    ]


router = Router("/", route_handlers=[metrics])
