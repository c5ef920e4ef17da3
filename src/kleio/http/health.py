"""Health: whether the server lives, and whether it can do its work. Never cached, no token."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, get
from litestar.openapi.datastructures import ResponseSpec

from kleio import __version__
from kleio.cache import Cache
from kleio.db.errors import DatabaseError
from kleio.db.health import ping
from kleio.http.auth import NO_AUTH, database_of

Status = Literal["ok", "degraded", "unavailable", "disabled"]

SLOW_DATABASE_MS = 200
"""A slower answer of the database is told as degraded."""

FULL_POOL = 0.9
"""A larger part of the pool in use is told as degraded."""


class DatabaseHealth(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the database answers and how long it took, in milliseconds."""

    status: Status
    latency_ms: float | None


class CacheHealth(msgspec.Struct, frozen=True, rename="camel"):
    """Whether the cache answers; `degraded`: requests go without it, `disabled`: there is none."""

    status: Status


class PoolHealth(msgspec.Struct, frozen=True, rename="camel"):
    """The worker's connections: open, free, allowed, and requests that wait for one."""

    status: Status
    size: int
    available: int
    max: int
    waiting: int


class Health(msgspec.Struct, frozen=True, rename="camel"):
    """The state of one worker; `degraded` still answers 200."""

    status: Status
    version: str
    db: DatabaseHealth
    cache: CacheHealth
    pool: PoolHealth


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


_NO_STORE = {"Cache-Control": "no-store"}


@get(
    "/health",
    opt={NO_AUTH: True},
    security=[{}],
    responses={503: ResponseSpec(Health, generate_examples=False)},
    summary="Whether the server can do its work",
)
async def health(request: Request[Any, Any, Any]) -> Response[Health]:
    """Ask database and cache and look at the pool; 503 where the database does not answer."""
    database = database_of(request)
    started = time.perf_counter()
    try:
        await database.read(ping)
        latency = round((time.perf_counter() - started) * 1000, 3)
        db = DatabaseHealth("degraded" if latency > SLOW_DATABASE_MS else "ok", latency)
    except DatabaseError:
        db = DatabaseHealth("unavailable", None)
    stats = database.stats()
    size, available = stats.get("pool_size", 0), stats.get("pool_available", 0)
    waiting = stats.get("requests_waiting", 0)
    full = waiting > 0 or size - available > FULL_POOL * stats["pool_max"]
    pool = PoolHealth("degraded" if full else "ok", size, available, stats["pool_max"], waiting)
    found: Cache = request.app.state.cache
    cache = CacheHealth(await found.check())
    states = {db.status, cache.status, pool.status}
    status: Status = (
        "unavailable" if "unavailable" in states else "degraded" if "degraded" in states else "ok"
    )
    return Response(
        Health(status, __version__, db, cache, pool),
        status_code=(
            HTTPStatus.SERVICE_UNAVAILABLE if status == "unavailable" else HTTPStatus.OK
        ).value,
        headers=_NO_STORE,
    )


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
