"""What administrators look at: the server's health and care, its users, runs and slow queries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response, get, post

from kleio.db.errors import DatabaseError
from kleio.health import Health, parts_of
from kleio.http.auth import database_of, require_admin
from kleio.http.health import health_check_of
from kleio.http.paging import CursorText, page_request
from kleio.http.users import NewUser, register
from kleio.maintenance import RUN
from kleio.repositories import doctor, maintenance, users
from kleio.web.cards import decoded
from kleio.web.errors import Refused, refusals
from kleio.web.forms import fill, read_form
from kleio.web.paging import one_page
from kleio.web.rendering import render, see_other
from kleio.web.sessions import PageRequest
from kleio.web.tabs import Tab
from kleio.web.words import count

PATH = "/admin"
TABS = (
    Tab(PATH, "Health"),
    Tab(f"{PATH}/users", "Users"),
    Tab(f"{PATH}/runs", "Imports and syncs"),
    Tab(f"{PATH}/queries", "Slow queries"),
)
PAGE = 50
RUNS = 50
LATE = timedelta(days=1)
"""How long ago the last maintenance may be."""


class Part(msgspec.Struct, frozen=True):
    """A part of the server: how it is, and what was measured."""

    name: str
    status: str
    says: str


def parts(health: Health) -> list[Part]:
    """Return the parts of a server's health with what was measured of each."""
    pool, used = health.pool, health.connections
    waiting = f", {count(pool.waiting, 'request')} waiting" if pool.waiting else ""
    ahead, pending = health.partitions.months_ahead, health.migrations.pending
    says = {
        "db": "no answer" if health.db.latency_ms is None else f"{health.db.latency_ms:.1f} ms",
        "cache": "none is configured" if health.cache.status == "disabled" else "",
        "pool": f"{pool.size - pool.available} of {pool.max} connections busy{waiting}",
        "connections": "not known" if used.used is None else f"{used.used} of {used.limit}",
        "migrations": "not known"
        if pending is None
        else f"{pending} pending, {health.migrations.unknown} unknown",
        "partitions": "not known" if ahead is None else f"{count(ahead, 'month')} ahead",
    }
    names = {"db": "Database", "pool": "Pool of this worker", "connections": "Connections in all"}
    return [
        Part(names.get(name, name.capitalize()), status, says.get(name, ""))
        for name, status in parts_of(health).items()
    ]


class Step(msgspec.Struct, frozen=True):
    """A step of the last maintenance with its warnings."""

    row: maintenance.MaintenanceStep
    warnings: list[str]


@get(PATH, guards=[require_admin], include_in_schema=False)
async def show_health(request: PageRequest) -> Response[str]:
    """Show whether the server can do its work, and when it was cared for last."""
    health = await health_check_of(request).look()
    rows = await database_of(request).read(maintenance.list_maintenance_steps)
    last = next((row for row in rows if row.step == RUN), None)
    return render(
        request,
        "admin.html",
        health=health,
        is_late=last is None or last.finished_at < datetime.now(UTC) - LATE,
        last=last,
        parts=parts(health),
        steps=[Step(row, decoded(row.warnings, list[str])) for row in rows if row.step != RUN],
        tabs=TABS,
    )


@get(f"{PATH}/users", guards=[require_admin], include_in_schema=False)
async def show_users(request: PageRequest, cursor: CursorText = None) -> Response[str]:
    """Show users by name, and how many there are."""
    return await _users(request, cursor, {})


async def _users(
    request: PageRequest,
    cursor: str | None,
    values: dict[str, str],
    refused: Refused | None = None,
) -> Response[str]:
    """Return a page of users, with the form for one more as far as it is filled."""
    read = database_of(request).read
    place = page_request("name", PAGE, cursor, 0)
    rows = await read(
        users.list_users,
        after_name=place.key,
        after_id=place.id,
        page_size=PAGE + 1,
        page_offset=0,
    )
    found, following = one_page(place, rows, request.url.path, {})
    return render(
        request,
        "admin_users.html",
        status=HTTPStatus.OK if refused is None else refused.status,
        following=following,
        problem=refused.says if refused else None,
        tabs=TABS,
        total=await read(users.count_users),
        users=found,
        values=values,
    )


@post(f"{PATH}/users", guards=[require_admin], status_code=200, include_in_schema=False)
async def add_user(request: PageRequest) -> Response[str]:
    """Add a user; without a password they sign in with a token that is made for them."""
    form = await read_form(request)
    try:
        with refusals(request):
            await register(request, fill(NewUser, form))
    except Refused as refused:
        return await _users(request, None, form, refused)
    return see_other(request, f"{PATH}/users")


@get(f"{PATH}/runs", guards=[require_admin], include_in_schema=False)
async def show_runs(request: PageRequest) -> Response[str]:
    """Show the latest imports and syncs of all users, and how many are in which state."""
    read = database_of(request).read
    return render(
        request,
        "admin_runs.html",
        counts=await read(maintenance.list_run_counts),
        runs=await read(maintenance.list_latest_runs, max_rows=RUNS),
        tabs=TABS,
    )


@get(f"{PATH}/queries", guards=[require_admin], include_in_schema=False)
async def show_queries(request: PageRequest) -> Response[str]:
    """Show the queries that take most of the server's time, or how to have them counted."""
    queries: list[Any] | None
    try:
        queries = await database_of(request).read(doctor.list_slowest_queries)
    except DatabaseError:
        queries = None
    return render(request, "admin_queries.html", queries=queries, tabs=TABS)


HANDLERS = [show_health, show_users, add_user, show_runs, show_queries]
