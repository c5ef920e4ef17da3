"""How long the imports and syncs of all users are remembered after they have ended.

People look at their last imports and syncs, and at those of the last weeks; a million users that
sync daily would fill the disk with the rest. Nothing is decided by a run that has ended: what came
from where stands in `id_map`, what Discogs said last in `discogs_copies`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from kleio.db.queries import Connection
from kleio.repositories import imports, sync_runs

KEPT = 5
"""How many of the last runs of each user, kind (an import's source, a sync or a dry run of one) and
outcome (well or not) stay for ever."""

IMPORTS_AT_ONCE, SYNCS_AT_ONCE = 100, 2000
"""How many old runs are looked at in one transaction."""

RECORDS_AT_ONCE = 100_000
"""With how many records the imports of one transaction end: each has a row in its report."""


async def count_ended_runs(conn: Connection, before: datetime) -> tuple[int, int]:
    """Return how many imports and how many syncs `forget_ended_runs` would delete."""
    return (
        await imports.count_ended_runs(conn, before=before, kept=KEPT),
        await sync_runs.count_ended_runs(conn, before=before, kept=KEPT),
    )


async def forget_ended_runs(conn: Connection, before: datetime) -> tuple[int, int]:
    """Delete the runs of all users that ended before a time, but the last ones of each user.

    Page by page, each in a transaction of its own: what was cut short goes on where it was, and
    nobody waits for longer than a page takes.

    Args:
        conn: in autocommit mode.
        before: what ended since then stays.

    Returns:
        How many imports and how many syncs were deleted.
    """
    forget_imports = partial(
        imports.delete_ended_runs, max_records=RECORDS_AT_ONCE, max_runs=IMPORTS_AT_ONCE
    )
    forget_syncs = partial(sync_runs.delete_ended_runs, max_runs=SYNCS_AT_ONCE)
    return await _forget(conn, before, forget_imports), await _forget(conn, before, forget_syncs)


async def _forget(
    conn: Connection,
    before: datetime,
    forget: Callable[..., Awaitable[imports.ForgottenRuns | sync_runs.ForgottenRuns | None]],
) -> int:
    deleted = 0
    page = await forget(conn, before=before, kept=KEPT, after_created_at=None, after_id=None)
    while page is not None and page.last_id is not None:
        deleted += page.deleted
        page = await forget(
            conn,
            before=before,
            kept=KEPT,
            after_created_at=page.last_created_at,
            after_id=page.last_id,
        )
    return deleted
