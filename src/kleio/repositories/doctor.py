"""What `kleio doctor` asks of a server: `queries/doctor.sql`."""

from __future__ import annotations

from datetime import datetime

from kleio.db.queries import Connection, Row, query


class ServerFacts(Row, frozen=True):
    """The server, the database and the role; times in seconds.

    `clock_ahead` is how much the server's clock is ahead of this machine's, `hit_share` the part
    of blocks found in memory, and `oldest_transaction` the age of the one that is open longest.
    """

    started_at: datetime | None
    clock_ahead: float | None
    bytes: int | None
    role_name: str
    is_superuser: bool | None
    may_create: bool | None
    may_read_statistics: bool | None
    is_replica: bool | None
    blocks_read: int | None
    hit_share: float | None
    deadlocks: int | None
    temp_bytes: int | None
    checksum_failures: int | None
    stats_reset: datetime | None
    idle_in_transaction: int | None
    oldest_transaction: float | None
    prepared_transactions: int | None


class ServerSetting(Row, frozen=True):
    """A setting in its base unit."""

    name: str | None
    setting: str | None
    unit: str | None


class RelationSize(Row, frozen=True):
    """A table with its indexes and partitions; `rows` is the planner's estimate."""

    table_name: str | None
    bytes: int | None
    index_bytes: int | None
    rows: int


class UnusedIndex(Row, frozen=True):
    """An index that nothing has used."""

    index_name: str | None
    table_name: str | None
    bytes: int | None


class ScannedTable(Row, frozen=True):
    """A table that is often read whole."""

    table_name: str | None
    scans: int | None
    rows_read: int | None


class DuplicateIndex(Row, frozen=True):
    """An index that another one can do the work of."""

    index_name: str
    other_name: str
    bytes: int | None


class Replica(Row, frozen=True):
    """A connected replica."""

    name: str | None
    state: str | None
    bytes_behind: int | None
    seconds_behind: float | None


class ReplicationSlot(Row, frozen=True):
    """A replication slot, and how much of the log is kept for it."""

    name: str | None
    is_active: bool | None
    bytes_kept: int | None


class SlowQuery(Row, frozen=True):
    """A query of Kleio's; `share` is its part of the time of all of them."""

    name: str | None
    calls: int | None
    total_ms: float | None
    mean_ms: float | None
    share: float | None


@query
async def get_server_facts(conn: Connection, *, now: datetime) -> ServerFacts | None:
    """Return the server, the database and the role."""


@query
async def list_server_settings(conn: Connection, *, names: list[str]) -> list[ServerSetting]:
    """Return settings of the server."""


@query
async def list_relation_sizes(conn: Connection) -> list[RelationSize]:
    """Return the largest tables."""


@query
async def list_unused_indexes(conn: Connection, *, min_bytes: int) -> list[UnusedIndex]:
    """Return the indexes that nothing uses."""


@query
async def list_scanned_tables(conn: Connection, *, min_rows: int) -> list[ScannedTable]:
    """Return the tables that are often read whole."""


@query
async def list_duplicate_indexes(conn: Connection) -> list[DuplicateIndex]:
    """Return the indexes that others can do the work of."""


@query
async def list_replicas(conn: Connection) -> list[Replica]:
    """Return the connected replicas."""


@query
async def list_replication_slots(conn: Connection) -> list[ReplicationSlot]:
    """Return the replication slots."""


@query
async def list_slowest_queries(conn: Connection) -> list[SlowQuery]:
    """Return the queries that take most time."""
