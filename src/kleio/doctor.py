"""What `kleio doctor` finds in a database: facts with how bad each is and what to do about it.

Each check asks one thing and returns findings; nothing here changes the database or prints. The
levels are `ok`, `note` (worth knowing), `warn` (will hurt) and `wrong` (hurts).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from kleio import maintenance as care
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.doctor_settings import RULES, hurting
from kleio.partitions import MIN_MONTHS_AHEAD
from kleio.repositories import doctor, maintenance, partitions
from kleio.words import show_bytes

Level = Literal["ok", "note", "warn", "wrong"]

CLOCK_SECONDS = 2.0
"""A larger difference between this machine's clock and the server's is told: tokens expire by one
and rows are dated by the other."""

MAINTAINED_WITHIN = timedelta(days=1)
UNUSED_BYTES = 1024 * 1024
SCANNED_ROWS = 10_000
REPLICA_SECONDS = 60.0
SLOT_BYTES = 1024**3
OLD_TRANSACTION_SECONDS = 3600.0
HIT_SHARE = 0.95


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fact: how bad it is, which part of the page it belongs to, and a line that says it."""

    level: Level
    part: str
    line: str


Check = Callable[[Connection], Awaitable[list[Finding]]]


async def _server(conn: Connection) -> list[Finding]:
    now = datetime.now(UTC)
    facts = await doctor.get_server_facts(conn, now=now)
    if facts is None:
        return []
    found = []

    def say(level: Level, part: str, line: str) -> None:
        found.append(Finding(level=level, part=part, line=line))

    up = now - (facts.started_at or now)
    say("ok", "server", f"up for {_span(up)}, the database holds {show_bytes(facts.bytes)}")
    if facts.is_replica:
        say("wrong", "server", "this is a replica: it takes no writes; connect to the primary")
    ahead = facts.clock_ahead or 0.0
    if abs(ahead) > CLOCK_SECONDS:
        say("warn", "server", f"its clock differs by {ahead:+.1f} s from this machine's: run NTP")
    else:
        say("ok", "server", "its clock agrees with this machine's")
    if facts.hit_share is not None and (facts.blocks_read or 0) > 100_000:
        low = facts.hit_share < HIT_SHARE
        say(
            "warn" if low else "ok",
            "server",
            f"{facts.hit_share:.1%} of blocks were in memory"
            + (": raise shared_buffers, or give it more memory" if low else ""),
        )
    if facts.checksum_failures:
        say("wrong", "server", f"{facts.checksum_failures} checksum failures: the disk is broken")
    if facts.deadlocks:
        say("note", "server", f"{facts.deadlocks:,} deadlocks since {_day(facts.stats_reset)}")
    if (facts.oldest_transaction or 0) > OLD_TRANSACTION_SECONDS:
        age = _span(timedelta(seconds=facts.oldest_transaction or 0))
        say("warn", "server", f"a transaction is open for {age}: no dead row goes meanwhile")
    if facts.prepared_transactions:
        say(
            "warn",
            "server",
            f"{facts.prepared_transactions} prepared transactions keep locks and dead rows: "
            "ROLLBACK PREPARED those that nobody finishes",
        )
    say(*_role(facts))
    if not facts.may_read_statistics:
        say(
            "note",
            "roles",
            "it sees its own statements alone: GRANT pg_read_all_stats, to see all of this page",
        )
    settings = await doctor.list_server_settings(conn, names=[rule.name for rule in RULES])
    for rule, value in hurting(settings, facts.bytes or 0):
        say(
            rule.level,  # type: ignore[arg-type]
            "settings",
            f"{rule.name} is {value}: {rule.why}; set it to {rule.remedy}",
        )
    if not any(one.part == "settings" for one in found):
        say("ok", "settings", "none that hurts")
    return found


def _role(facts: doctor.ServerFacts) -> tuple[Level, str, str]:
    who = f"this is {facts.role_name}"
    if facts.is_superuser:
        return "warn", "roles", f"{who}, a superuser: serve as a role of deploy/grants.sql"
    if facts.may_create:
        return (
            "ok",
            "roles",
            f"{who}, which may change the schema (deploy/grants.sql: a role that can't)",
        )
    return "ok", "roles", f"{who}, which can't change the schema: migrate and maintain as the owner"


async def _sizes(conn: Connection) -> list[Finding]:
    return [
        Finding(
            level="ok",
            part="sizes",
            line=f"{table.table_name}: {show_bytes(table.bytes)}, of that "
            f"{show_bytes(table.index_bytes)} indexes; about {table.rows or 0:,} rows",
        )
        for table in await doctor.list_relation_sizes(conn)
    ]


async def _queries(conn: Connection) -> list[Finding]:
    try:
        slowest = await doctor.list_slowest_queries(conn)
    except DatabaseError:
        line = "pg_stat_statements is not there or not loaded: no query's time is known"
        return [Finding(level="note", part="queries", line=line)]
    return [
        Finding(
            level="ok",
            part="queries",
            line=f"{one.name}: {one.share or 0:.0%} of the time, {one.calls:,} calls, "
            f"{one.mean_ms or 0:.2f} ms each",
        )
        for one in slowest
    ]


async def _indexes(conn: Connection) -> list[Finding]:
    found = [
        Finding(level="warn", part="indexes", line=warning)
        for warning in (await care.invalid_indexes(conn))
    ]
    found += [
        Finding(
            level="note",
            part="indexes",
            line=f"{one.index_name} on {one.table_name} ({show_bytes(one.bytes)}) was never used "
            "since the statistics began",
        )
        for one in await doctor.list_unused_indexes(conn, min_bytes=UNUSED_BYTES)
    ]
    found += [
        Finding(
            level="note",
            part="indexes",
            line=f"{one.index_name} ({show_bytes(one.bytes)}) can go: "
            f"{one.other_name} does its work",
        )
        for one in await doctor.list_duplicate_indexes(conn)
    ]
    found += [
        Finding(
            level="warn",
            part="indexes",
            line=f"{one.table_name} was read whole {one.scans:,} times, {one.rows_read:,} rows: "
            "an index is missing, or its statistics are old; `kleio sql explain` shows the plans",
        )
        for one in await doctor.list_scanned_tables(conn, min_rows=SCANNED_ROWS)
    ]
    return found or [Finding(level="ok", part="indexes", line="valid, and used")]


async def _care(conn: Connection) -> list[Finding]:
    now = datetime.now(UTC)
    steps = await maintenance.list_maintenance_steps(conn)
    found = []
    run = next((step for step in steps if step.step == care.RUN), None)
    if run is None:
        line = "never maintained yet: `kleio serve` does it after a minute, or `kleio maintain`"
        found.append(Finding(level="note", part="care", line=line))
    else:
        age = now - run.finished_at
        old = age > MAINTAINED_WITHIN
        found.append(
            Finding(
                level="warn" if old else "ok",
                part="care",
                line=f"maintained {_span(age)} ago on {run.host}"
                + (": run `kleio maintain`, or let `kleio serve` do it" if old else ""),
            )
        )
    found += [
        Finding(level="warn", part="care", line=f"the step {step.step} failed: {step.problem}")
        for step in steps
        if step.problem and step.step != care.RUN
    ]
    ahead = await partitions.count_months_ahead(conn, now=now)
    few = ahead < MIN_MONTHS_AHEAD
    found.append(
        Finding(
            level="wrong" if few else "ok",
            part="care",
            line=f"partitions for {max(ahead, 0)} months ahead"
            + (": run `kleio maintain`" if few else ""),
        )
    )
    job = care.Job(conn=conn, now=now, dry_run=True, keep_runs=0.0)
    for step in care.LOOKS:
        found += [
            Finding(level="warn", part="care", line=warning)
            for warning in (await step.run(job)).warnings
        ]
    return found


async def _replication(conn: Connection) -> list[Finding]:
    found = [
        Finding(
            level="warn" if (one.seconds_behind or 0) > REPLICA_SECONDS else "ok",
            part="replication",
            line=f"{one.name}: {one.state}, {show_bytes(one.bytes_behind)} and "
            f"{one.seconds_behind or 0:.1f} s behind",
        )
        for one in await doctor.list_replicas(conn)
    ]
    for slot in await doctor.list_replication_slots(conn):
        if slot.is_active:
            continue
        kept = slot.bytes_kept or 0
        found.append(
            Finding(
                level="wrong" if kept > SLOT_BYTES else "warn",
                part="replication",
                line=f"nobody reads the slot {slot.name}, for which {show_bytes(kept)} of the log "
                f"are kept: SELECT pg_drop_replication_slot('{slot.name}'), unless a replica "
                "comes back",
            )
        )
    return found or [Finding(level="ok", part="replication", line="no replica, no slot")]


CHECKS: tuple[Check, ...] = (_server, _sizes, _queries, _indexes, _care, _replication)


async def examine(conn: Connection) -> list[Finding]:
    """Return all that is found, in the order of the page; a check that fails is a finding."""
    found = []
    for check in CHECKS:
        try:
            found += await check(conn)
        except DatabaseError as error:
            if conn.closed:
                raise
            line = f"it could not be looked at: {error}"
            found.append(Finding(level="warn", part=check.__name__.strip("_"), line=line))
    return found


def _span(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} seconds"


def _day(moment: datetime | None) -> str:
    return "the beginning" if moment is None else f"{moment:%Y-%m-%d}"
