"""The care of the database: `queries/maintenance.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from kleio.db.queries import Connection, Row, query


class MaintenanceStep(Row, frozen=True):
    """A step's last run; `warnings` is a JSON array of lines, `changed` counts what it did."""

    step: str
    started_at: datetime
    finished_at: datetime
    succeeded_at: datetime | None
    changed: int
    warnings: msgspec.Raw
    problem: str | None
    host: str


class StaleTable(Row, frozen=True):
    """A table with old statistics, and whether this role may renew them.

    `changes` counts rows since the last ANALYZE, and is 0 for a partitioned table.
    """

    schema_name: str
    table_name: str
    is_partitioned: bool
    may_analyze: bool
    changes: int
    analyzed_at: datetime | None


class InvalidIndex(Row, frozen=True):
    """An index that can't be used; `may_be_dropped` unless a constraint stands on it."""

    index_name: str
    table_name: str
    bytes: int
    may_be_dropped: bool


class BloatedTable(Row, frozen=True):
    """A table with many dead rows."""

    table_name: str
    dead: int | None
    live: int | None
    vacuumed_at: datetime | None


class WraparoundTable(Row, frozen=True):
    """A table with old rows; `share` of the way to the wrap-around, 0 to 1."""

    table_name: str
    share: float


class RunCount(Row, frozen=True):
    """How many runs of a kind (`import`, `sync`) are in a state."""

    kind: str
    state: str
    runs: int


class LatestRun(Row, frozen=True):
    """An import or sync of a user; `done` are its records, or its calls of Discogs."""

    kind: str
    id: UUID
    username: str
    state: str
    is_dry_run: bool
    done: int
    error: str | None
    created_at: datetime
    updated_at: datetime


@query
async def upsert_maintenance_step(
    conn: Connection,
    *,
    step: str,
    started_at: datetime,
    finished_at: datetime,
    changed: int,
    warnings: list[str],
    problem: str | None,
    host: str,
) -> int:
    """Remember a step's run."""


@query
async def list_maintenance_steps(conn: Connection) -> list[MaintenanceStep]:
    """Return when each step ran last."""


@query
async def list_stale_tables(
    conn: Connection, *, min_changes: int, share: float
) -> list[StaleTable]:
    """Return the tables whose statistics are old or missing."""


@query
async def list_invalid_indexes(conn: Connection) -> list[InvalidIndex]:
    """Return the indexes that failed builds left behind."""


@query
async def list_bloated_tables(
    conn: Connection, *, min_dead: int, share: float
) -> list[BloatedTable]:
    """Return the tables with many dead rows."""


@query
async def list_wraparound_tables(conn: Connection, *, share: float) -> list[WraparoundTable]:
    """Return the tables that are near the wrap-around."""


@query
async def update_dead_imports(conn: Connection, *, before: datetime, now: datetime) -> int | None:
    """End the imports that nobody has gone on with; return how many."""


@query
async def count_dead_imports(conn: Connection, *, before: datetime) -> int:
    """Return how many imports nobody has gone on with."""


@query
async def list_run_counts(conn: Connection) -> list[RunCount]:
    """Return how many imports and syncs are in which state."""


@query
async def list_latest_runs(conn: Connection, *, max_rows: int) -> list[LatestRun]:
    """Return the latest imports and syncs of all users."""
