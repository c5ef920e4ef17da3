"""`kleio maintain`: the steps that keep a database well, and their run on one server at a time.

A step is an entry of STEPS: a name, a sentence and a function that does it, or in a dry run says
what it would do. One that fails stops no other. What each did, and when, is remembered in
`maintenance_steps`. Nothing here prints.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kleio.cache import SONGS, forget
from kleio.db import upkeep
from kleio.db.connections import connect
from kleio.db.errors import DatabaseError
from kleio.db.queries import Connection
from kleio.partitions import MONTHS_AHEAD, archive_partitions, ensure_partitions
from kleio.repositories import (
    attempts,
    idempotency_keys,
    library_stats,
    maintenance,
    partitions,
    tokens,
)
from kleio.run_history import count_ended_runs, forget_ended_runs
from kleio.settings import Secret, Settings

logger = logging.getLogger("kleio.maintenance")

IDEMPOTENCY_KEY_HOURS = 24
"""How long a repeated request is given the answer of its first time."""

DEAD_IMPORT_DAYS = 7
"""How long a file that was read waits for being applied, or a run that was cut short for its next
try."""

STALE_CHANGES, STALE_SHARE = 1000, 0.1
"""Statistics are renewed after more changed rows than this number and this share of the table,
which is autovacuum's own measure, for servers where it is off or behind."""

BLOAT_ROWS, BLOAT_SHARE = 10_000, 0.3
"""More dead rows than this number and this share of the live ones are told of."""

WRAPAROUND_SHARE = 0.25
"""Autovacuum freezes at a tenth of the way (autovacuum_freeze_max_age is 200 million of two
thousand million); at a quarter something keeps it from that."""

RUN = "run"
"""The step that stands for all of them in `maintenance_steps`."""

FIRST_SECONDS = (15.0, 60.0)
"""How long after its start a server looks for the first time, so that many don't at once."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a step did: a number, lines that say what, and what somebody should look at."""

    changed: int = 0
    lines: list[str] = []
    warnings: list[str] = []


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a step is given: a connection in autocommit mode, the time, `Settings.keep_runs`."""

    conn: Connection
    now: datetime
    dry_run: bool
    keep_runs: float


class Step(msgspec.Struct, frozen=True):
    """One kind of care."""

    name: str
    sentence: str
    run: Callable[[Job], Awaitable[Outcome]]


class StepResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A step that ran: what it did, how long it took, and why it failed where it did."""

    step: str
    changed: int
    lines: list[str]
    warnings: list[str]
    seconds: float
    problem: str | None = None


async def _partitions(job: Job) -> Outcome:
    if job.dry_run:
        missing = MONTHS_AHEAD - await partitions.count_months_ahead(job.conn, now=job.now)
        lines = [f"partitions of {missing} months"] if missing > 0 else []
        return Outcome(changed=max(missing, 0), lines=lines)
    made = await ensure_partitions(job.conn, now=job.now)
    return Outcome(changed=len(made), lines=made)


def archiving(before: datetime, cache_url: Secret | None) -> Step:
    """Return the step that puts months of songs and albums away; only done when asked for.

    Args:
        before: months that ended before this one's.
        cache_url: of the cache that may have their songs.
    """

    async def run(job: Job) -> Outcome:
        if job.dry_run:
            found = await partitions.list_partitions(job.conn)
            lines = [partition.name for partition in found if partition.month < before]
            return Outcome(changed=len(lines), lines=lines)
        try:
            archived = await archive_partitions(job.conn, before=before)
        finally:
            # Also where it was cut short: months before that one are away.
            is_told = await forget(cache_url, SONGS)
        lines = [f"{month.name} with {month.references:,} references" for month in archived]
        warnings = [] if is_told else ["the cache could not be told; it has them for up to an hour"]
        return Outcome(changed=len(lines), lines=lines, warnings=warnings)

    return Step("archive", f"put away the months before {before:%Y-%m}", run)


def _refreshing(refresh: Callable[[Connection], Awaitable[int]]) -> Callable[[Job], Any]:
    async def run(job: Job) -> Outcome:
        if not job.dry_run:
            await refresh(job.conn)
        return Outcome(changed=1, lines=["refreshed" if not job.dry_run else "refresh it"])

    return run


async def _tokens(job: Job) -> Outcome:
    run = tokens.count_all_expired_tokens if job.dry_run else tokens.delete_all_expired_tokens
    return _counted(await run(job.conn, now=job.now), "expired token")


async def _attempts(job: Job) -> Outcome:
    run = attempts.count_old_attempts if job.dry_run else attempts.delete_old_attempts
    return _counted(await run(job.conn, now=job.now), "old count")


async def _idempotency_keys(job: Job) -> Outcome:
    run = (
        idempotency_keys.count_old_idempotency_keys
        if job.dry_run
        else idempotency_keys.delete_old_idempotency_keys
    )
    before = job.now - timedelta(hours=IDEMPOTENCY_KEY_HOURS)
    return _counted(await run(job.conn, before=before), "old answer")


async def _imports(job: Job) -> Outcome:
    before = job.now - timedelta(days=DEAD_IMPORT_DAYS)
    count = (
        await maintenance.count_dead_imports(job.conn, before=before)
        if job.dry_run
        else await maintenance.update_dead_imports(job.conn, before=before, now=job.now)
    )
    return _counted(count or 0, "dead import")


async def _runs(job: Job) -> Outcome:
    if not job.keep_runs:
        return Outcome()
    before = job.now - timedelta(seconds=job.keep_runs)
    work = count_ended_runs if job.dry_run else forget_ended_runs
    ended_imports, ended_syncs = await work(job.conn, before)
    found = (_counted(ended_imports, "old import"), _counted(ended_syncs, "old sync"))
    return Outcome(
        changed=sum(kind.changed for kind in found),
        lines=[line for kind in found for line in kind.lines],
    )


async def _statistics(job: Job) -> Outcome:
    tables = await maintenance.list_stale_tables(
        job.conn, min_changes=STALE_CHANGES, share=STALE_SHARE
    )
    lines, warnings = [], []
    for table in tables:
        if not table.may_analyze:
            warnings.append(
                f"{table.table_name}: this role may not ANALYZE it; GRANT MAINTAIN on it"
            )
            continue
        if not job.dry_run:
            await upkeep.analyze(
                job.conn, table.schema_name, table.table_name, only=table.is_partitioned
            )
        why = "its partitions are newer" if table.is_partitioned else f"{table.changes:,} changes"
        lines.append(f"{table.table_name} ({why})")
    return Outcome(changed=len(lines), lines=lines, warnings=warnings)


async def invalid_indexes(conn: Connection) -> list[str]:
    """Return a line for each invalid index, with the remedy."""
    return [
        f"index {index.index_name} on {index.table_name} is invalid: "
        + (
            f"DROP INDEX CONCURRENTLY {index.index_name}, or `kleio migrate` where a pending "
            "migration builds it"
            if index.may_be_dropped
            else f"REINDEX INDEX CONCURRENTLY {index.index_name}"
        )
        for index in await maintenance.list_invalid_indexes(conn)
    ]


async def _indexes(job: Job) -> Outcome:
    return Outcome(warnings=await invalid_indexes(job.conn))


async def _bloat(job: Job) -> Outcome:
    tables = await maintenance.list_bloated_tables(job.conn, min_dead=BLOAT_ROWS, share=BLOAT_SHARE)
    return Outcome(
        warnings=[
            f"{table.table_name} has {table.dead or 0:,} dead rows beside {table.live or 0:,} "
            f"live ones, last vacuumed {_when(table.vacuumed_at)}: VACUUM (ANALYZE) "
            f"{table.table_name}, and see that no transaction stays open for hours"
            for table in tables
        ]
    )


async def _wraparound(job: Job) -> Outcome:
    tables = await maintenance.list_wraparound_tables(job.conn, share=WRAPAROUND_SHARE)
    return Outcome(
        warnings=[
            f"{table.table_name} is {table.share:.0%} of the way to the transaction wrap-around: "
            f"VACUUM (FREEZE) {table.table_name}"
            for table in tables
        ]
    )


LOOKS = (
    Step("bloat", "look for tables with many dead rows", _bloat),
    Step("wraparound", "look for tables near the transaction wrap-around", _wraparound),
)
"""Steps that only look, and change nothing."""

STEPS: tuple[Step, ...] = (
    Step("partitions", f"make the partitions of the next {MONTHS_AHEAD} months", _partitions),
    # A step named like a view tells how old the view is (kleio.http.metrics).
    *(
        Step(
            f"mv_{name}", "refresh the view", _refreshing(getattr(library_stats, f"refresh_{name}"))
        )
        for name in (
            "library_stats",
            "artist_stats",
            "catalogue_totals",
            "release_popularity",
            "genre_counts",
        )
    ),
    Step("tokens", "forget tokens that have expired", _tokens),
    Step("attempts", "forget guesses at passwords and tokens that count no more", _attempts),
    Step(
        "answers",
        f"forget answers to requests with an Idempotency-Key after {IDEMPOTENCY_KEY_HOURS} hours",
        _idempotency_keys,
    ),
    Step(
        "imports", f"end imports that nobody goes on with after {DEAD_IMPORT_DAYS} days", _imports
    ),
    Step("runs", "forget imports and syncs that ended long before their user's last ones", _runs),
    Step("statistics", "ANALYZE tables whose statistics are old", _statistics),
    Step("indexes", "look for invalid indexes", _indexes),
    *LOOKS,
)


def _counted(count: int, noun: str) -> Outcome:
    lines = [f"{count:,} {noun}{'s' if count != 1 else ''}"] if count else []
    return Outcome(changed=count, lines=lines)


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%MZ}"


async def maintain(
    conn: Connection,
    *,
    dry_run: bool = False,
    keep_runs: float = 0.0,
    unless_since: datetime | None = None,
    steps: Sequence[Step] = STEPS,
    report: Callable[[StepResult], None] = lambda _: None,
) -> list[StepResult] | None:
    """Do all steps, unless another server is doing them.

    Args:
        conn: in autocommit mode, straight to the server.
        dry_run: only find out what there is to do, and remember nothing.
        keep_runs: seconds that imports and syncs are remembered after their end, 0 for ever.
        unless_since: do nothing either where somebody has finished them after this time.
        steps: what there is to do.
        report: called after each step.

    Returns:
        What was done, None where nothing was begun.
    """
    async with upkeep.maintaining(conn) as is_ours:
        if not is_ours or (unless_since is not None and await _is_done(conn, unless_since)):
            return None
        started = datetime.now(UTC)
        results = []
        for step in steps:
            results.append(await _do(conn, step, dry_run=dry_run, keep_runs=keep_runs))
            report(results[-1])
        if not dry_run:
            await _remember(
                conn,
                started,
                StepResult(
                    step=RUN,
                    changed=sum(result.changed for result in results),
                    lines=[],
                    warnings=[],
                    seconds=0.0,
                    problem=_problems(results),
                ),
            )
        return results


async def _is_done(conn: Connection, since: datetime) -> bool:
    known = await maintenance.list_maintenance_steps(conn)
    return any(step.step == RUN and step.finished_at > since for step in known)


async def _do(conn: Connection, step: Step, *, dry_run: bool, keep_runs: float) -> StepResult:
    now, clock = datetime.now(UTC), time.perf_counter()
    outcome, problem = Outcome(), None
    try:
        outcome = await step.run(Job(conn=conn, now=now, dry_run=dry_run, keep_runs=keep_runs))
    except DatabaseError as error:
        if conn.closed:
            raise
        cause = error.__cause__
        problem = " ".join(str(cause or error).split())
        logger.warning("maintenance, %s: %s", step.name, error)
    result = StepResult(
        step=step.name,
        changed=outcome.changed,
        lines=outcome.lines,
        warnings=outcome.warnings,
        seconds=round(time.perf_counter() - clock, 3),
        problem=problem,
    )
    if not dry_run:
        await _remember(conn, now, result)
    return result


async def _remember(conn: Connection, started: datetime, result: StepResult) -> None:
    await maintenance.upsert_maintenance_step(
        conn,
        step=result.step,
        started_at=started,
        finished_at=datetime.now(UTC),
        changed=result.changed,
        warnings=result.warnings,
        problem=result.problem,
        host=socket.gethostname(),
    )


def _problems(results: list[StepResult]) -> str | None:
    failed = [result.step for result in results if result.problem]
    return f"failed: {', '.join(failed)}" if failed else None


async def connect_to_maintain(settings: Settings, conninfo: str) -> Connection:
    """Return a connection that waits for no lock for long and has no limit on a statement."""
    return await connect(
        settings,
        conninfo,
        application_name="kleio maintain",
        options=f"-c lock_timeout={upkeep.LOCK_TIMEOUT}",
    )


async def maintain_on_schedule(settings: Settings, conninfo: str) -> None:
    """Maintain the database for ever, every `settings.maintain_interval` seconds.

    Every worker of every server runs this; the lock and the table let one of them do it when it
    is due. It never ends by an error: it is logged, and tried again.
    """
    if not settings.maintain_interval:
        return
    await asyncio.sleep(random.uniform(*FIRST_SECONDS))  # noqa: S311
    while True:
        try:
            await maintain_when_due(settings, conninfo)
        except DatabaseError as error:
            logger.warning("maintenance: %s", error)
        await asyncio.sleep(settings.maintain_interval * random.uniform(0.3, 0.5))  # noqa: S311


async def maintain_when_due(settings: Settings, conninfo: str) -> list[StepResult] | None:
    """Maintain the database unless that was done within the interval; log what was done."""
    conn = await connect_to_maintain(settings, conninfo)
    async with conn:
        since = datetime.now(UTC) - timedelta(seconds=settings.maintain_interval)
        results = await maintain(conn, keep_runs=settings.keep_runs, unless_since=since)
    for result in results or ():
        for line in result.lines:
            logger.info("maintenance, %s: %s", result.step, line)
        for warning in result.warnings:
            logger.warning("maintenance, %s: %s", result.step, warning)
    return results
