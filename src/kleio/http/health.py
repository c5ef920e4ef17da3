"""Health: whether the server lives, and whether it can do its work. Never cached, no token."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec

from kleio.health import Health, HealthCheck
from kleio.http.auth import NO_AUTH


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


_NO_STORE = {"Cache-Control": "no-store"}


def health_check_of(request: Request[Any, Any, Any]) -> HealthCheck:
    """Return the worker's health check."""
    check: HealthCheck = request.app.state.health_check
    return check


@get(
    "/health",
    opt={NO_AUTH: True},
    security=[{}],
    responses={503: ResponseSpec(Health, generate_examples=False)},
    summary="Whether the server can do its work",
)
async def health(request: Request[Any, Any, Any]) -> Response[Health]:
    """Ask database and cache and look at the pool.

    503 where the database does not answer, or the server was told to stop.
    """
    found = await health_check_of(request).look()
    if getattr(request.app, "is_draining", False):
        found = msgspec.structs.replace(found, status="unavailable")
    status = HTTPStatus.SERVICE_UNAVAILABLE if found.status == "unavailable" else HTTPStatus.OK
    return Response(found, status_code=status.value, headers=_NO_STORE)


@get(
    "/health/live",
    opt={NO_AUTH: True},
    security=[{}],
    summary="Whether the process answers",
)
async def live() -> Response[Alive]:
    """Answer without looking at anything."""
    return Response(Alive(), headers=_NO_STORE)


router = Router("/", route_handlers=[health, live], tags=["Operation"])
