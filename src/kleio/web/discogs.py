"""Discogs: the account's token, which is never shown again, and its syncs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from kleio.discogs.progress import SyncCounts, SyncReport
from kleio.http.auth import database_of
from kleio.http.session import (
    DiscogsToken,
    forget_discogs_token,
    keep_discogs_token,
    settings_of,
)
from kleio.http.sync import SyncWish, call_worker, cancel, insert_sync
from kleio.repositories import discogs_credentials, sync_runs
from kleio.repositories.sync_runs import SyncRun
from kleio.web import data
from kleio.web.cards import decoded
from kleio.web.forms import fill, once, read_form
from kleio.web.rendering import render, see_other, wants_fragment
from kleio.web.sessions import PageRequest
from kleio.web.words import count

PATH = f"{data.PATH}/discogs"
RUNS = 5

PHASES = {
    "identity": "asking who you are",
    "pages": "reading your collection",
    "checking": "comparing",
    "shelf": "writing your shelf",
    "releases": "fetching releases",
    "done": "done",
}

_COUNTED = (
    ("added", "added", "to add"),
    ("adopted", "linked to Discogs", "to link"),
    ("returned", "back from the archive", "to bring back"),
    ("changed", "changed", "to change"),
    ("archived", "archived, gone at Discogs", "to archive"),
    ("conflicts", "changed on both sides, yours kept", "changed on both sides"),
    ("unchanged", "as they were", "as they are"),
)


class ShownSync(msgspec.Struct, frozen=True):
    """A sync with what is shown of it."""

    run: SyncRun
    phase: str
    part: float | None
    counted: list[str]
    report: SyncReport
    is_active: bool


def _shown(run: SyncRun) -> ShownSync:
    counts = decoded(run.counts, SyncCounts)
    counted = [
        f"{getattr(counts, name):,} {before if run.dry_run else after}"
        for name, after, before in _COUNTED
        if getattr(counts, name)
    ]
    if counts.fetched:
        counted.append(f"{count(counts.fetched, 'release')} fetched")
    done, total = run.pages_done, run.pages_total
    if run.phase == "releases":
        done, total = run.releases_done, run.releases_total
    return ShownSync(
        run=run,
        phase=PHASES[run.phase],
        part=None if not total else done / total,
        counted=counted,
        report=decoded(run.report, SyncReport),
        is_active=run.status in ("pending", "running"),
    )


async def _syncs(request: PageRequest) -> dict[str, Any]:
    rows = await database_of(request).read(
        sync_runs.list_runs,
        user_id=request.user.user_id,
        calls_a_minute=settings_of(request).discogs_rate,
        before_id=None,
        page_size=RUNS,
        page_offset=0,
    )
    syncs = [_shown(row.row) for row in rows]
    return {"syncs": syncs, "is_active": bool(syncs) and syncs[0].is_active}


@get(PATH, include_in_schema=False)
async def show_discogs(request: PageRequest) -> Response[str]:
    """Show whether there is a token, and the syncs; to scripts that ask meanwhile, only those."""
    if wants_fragment(request):
        shown = await _syncs(request)
        # Once all are over, there is more of the page that has changed.
        return (
            render(request, "parts/syncs.html", **shown)
            if shown["is_active"]
            else see_other(request, PATH)
        )
    stored = await database_of(request).read(
        discogs_credentials.get_credential, user_id=request.user.user_id
    )
    return render(
        request,
        "discogs.html",
        is_connected=stored is not None,
        tabs=data.TABS,
        **await _syncs(request),
    )


@post(f"{PATH}/token", status_code=200, include_in_schema=False)
async def set_token(request: PageRequest) -> Response[str]:
    """Keep the token, encrypted."""
    await keep_discogs_token(request, fill(DiscogsToken, await read_form(request)))
    return see_other(request, PATH)


@post(f"{PATH}/token/forget", status_code=200, include_in_schema=False)
async def forget_token(request: PageRequest) -> Response[str]:
    """Remove the token from the server."""
    await forget_discogs_token(request)
    return see_other(request, PATH)


@post(f"{PATH}/syncs", status_code=200, include_in_schema=False)
async def add_sync(request: PageRequest) -> Response[str]:
    """Begin a sync."""
    typed = await read_form(request)
    wish = fill(SyncWish, {"withDetails": "false", **typed})
    await once(request, typed, lambda conn: insert_sync(request, conn, wish))
    call_worker(request)
    return see_other(request, PATH)


@post(f"{PATH}/syncs/{{run_id:str}}/cancel", status_code=200, include_in_schema=False)
async def cancel_sync(request: PageRequest, run_id: FromPath[UUID]) -> Response[str]:
    """Stop a sync; what it has written stays."""
    await cancel(request, run_id)
    return see_other(request, PATH)


HANDLERS = [show_discogs, set_token, forget_token, add_sync, cancel_sync]
