"""Whether a worker can do its work: what is looked at, and when it is called well.

`kleio.http.health` answers with it, `kleio.http.metrics` shows it as numbers. Nothing here knows
HTTP. The words are `ok`, `degraded` (works, and somebody should look) and `unavailable`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import inf
from typing import Literal

import msgspec

from kleio import __version__
from kleio.cache import Cache
from kleio.db.errors import DatabaseError
from kleio.db.health import ping
from kleio.db.migration_files import migration_files
from kleio.db.pool import Database
from kleio.db.queries import Connection
from kleio.db.replica import MAX_LAG_SECONDS, Replica
from kleio.partitions import MIN_MONTHS_AHEAD
from kleio.repositories.health import DatabaseFacts, get_database_facts
from kleio.repositories.partitions import count_months_ahead

Status = Literal["ok", "degraded", "unavailable", "disabled"]

SLOW_DATABASE_MS = 200
"""A slower answer of the database is told as degraded."""

HANGING_SECONDS = 2.0
"""A database that has not answered after this time is told as unavailable."""

FULL_SHARE = 0.9
"""A larger part of the pool, or of the server's connections, in use is told as degraded."""

FACTS_SECONDS = 5.0
"""How long what the database told of itself is told again: health may be asked often."""


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


class ReplicaHealth(msgspec.Struct, frozen=True, rename="camel"):
    """How far the replica is behind, in seconds; `degraded`: left out, `disabled`: no replica."""

    status: Status
    lag_seconds: float | None


class ConnectionsHealth(msgspec.Struct, frozen=True, rename="camel"):
    """Connections to the whole database server, and how many it takes; null where not known."""

    status: Status
    used: int | None
    limit: int | None


class MigrationsHealth(msgspec.Struct, frozen=True, rename="camel"):
    """Migrations that the database lacks, and such that another version of Kleio has applied."""

    status: Status
    pending: int | None
    unknown: int | None


class PartitionsHealth(msgspec.Struct, frozen=True, rename="camel"):
    """How many months after this one have their partitions; null where that is not known."""

    status: Status
    months_ahead: int | None


class Health(msgspec.Struct, frozen=True, rename="camel"):
    """The state of one worker; `degraded` still answers 200."""

    status: Status
    version: str
    db: DatabaseHealth
    cache: CacheHealth
    pool: PoolHealth
    replica: ReplicaHealth
    connections: ConnectionsHealth
    migrations: MigrationsHealth
    partitions: PartitionsHealth


class HealthCheck:
    """A worker's look at itself.

    Args:
        database: its pool.
        cache: its cache.
    """

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._migrations = list(migration_files())
        self._facts: DatabaseFacts | None = None
        self._months_ahead: int | None = None
        self._read_at = float("-inf")

    async def look(self) -> Health:
        """Ask database and cache, look at the pool, and judge."""
        db = await self._look_at_database()
        if db.latency_ms is not None:
            await self._read_facts()
        else:
            self._forget()
        health = Health(
            status="ok",
            version=__version__,
            db=db,
            cache=CacheHealth(await self._cache.check()),
            pool=self._look_at_pool(),
            replica=_replica(self._database.replica),
            connections=_connections(self._facts),
            migrations=_migrations(self._facts),
            partitions=_partitions(self._months_ahead),
        )
        return msgspec.structs.replace(health, status=_worst(health))

    async def _look_at_database(self) -> DatabaseHealth:
        try:
            async with self._database.connection(seconds=HANGING_SECONDS, ahead=True) as conn:
                latency = round(await _timed_ping(conn) * 1000, 3)
        except DatabaseError:
            return DatabaseHealth("unavailable", None)
        return DatabaseHealth("degraded" if latency > SLOW_DATABASE_MS else "ok", latency)

    async def _read_facts(self) -> None:
        if time.monotonic() - self._read_at < FACTS_SECONDS:
            return
        try:
            self._facts = await self._database.read_ahead(
                get_database_facts, migrations=self._migrations
            )
            self._months_ahead = await self._database.read_ahead(
                count_months_ahead, now=datetime.now(UTC)
            )
        except DatabaseError:
            self._forget()
        else:
            self._read_at = time.monotonic()

    def _forget(self) -> None:
        self._facts = self._months_ahead = None
        self._read_at = float("-inf")

    def _look_at_pool(self) -> PoolHealth:
        stats = self._database.stats()
        size, available = stats.get("pool_size", 0), stats.get("pool_available", 0)
        waiting = stats.get("requests_waiting", 0)
        full = waiting > 0 or size - available > FULL_SHARE * stats["pool_max"]
        return PoolHealth("degraded" if full else "ok", size, available, stats["pool_max"], waiting)


async def _timed_ping(conn: Connection) -> float:
    # Of the statement alone: that the pool is short of connections is told by itself.
    started = time.perf_counter()
    await ping(conn)
    return time.perf_counter() - started


def _replica(replica: Replica | None) -> ReplicaHealth:
    if replica is None:
        return ReplicaHealth("disabled", None)
    lag = replica.lag
    if lag > MAX_LAG_SECONDS:
        return ReplicaHealth("degraded", None if lag == inf else round(lag, 3))
    return ReplicaHealth("ok", round(lag, 3))


def _connections(facts: DatabaseFacts | None) -> ConnectionsHealth:
    if facts is None:
        return ConnectionsHealth("degraded", None, None)
    full = facts.connections > FULL_SHARE * facts.connection_limit
    return ConnectionsHealth(
        "degraded" if full else "ok", facts.connections, facts.connection_limit
    )


def _migrations(facts: DatabaseFacts | None) -> MigrationsHealth:
    if facts is None:
        return MigrationsHealth("degraded", None, None)
    differ = facts.pending_migrations or facts.unknown_migrations
    return MigrationsHealth(
        "degraded" if differ else "ok", facts.pending_migrations, facts.unknown_migrations
    )


def _partitions(months_ahead: int | None) -> PartitionsHealth:
    few = months_ahead is None or months_ahead < MIN_MONTHS_AHEAD
    return PartitionsHealth("degraded" if few else "ok", months_ahead)


def parts_of(health: Health) -> dict[str, Status]:
    """Return the state of each part by its name."""
    parts = {name: getattr(health, name) for name in health.__struct_fields__}
    return {name: part.status for name, part in parts.items() if hasattr(part, "status")}


def _worst(health: Health) -> Status:
    states = set(parts_of(health).values())
    for status in ("unavailable", "degraded"):
        if status in states:
            return status
    return "ok"
