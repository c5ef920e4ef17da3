"""What a long statement is doing, from PostgreSQL's own views, told while another thread waits.

It asks the server about the server's processes and knows no table.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg.rows import args_row

FIRST_SECONDS = 1.0
"""How long a statement may take before its progress is told."""

EVERY_SECONDS = 2.0

# A process may wait for a lock, or as an index build for transactions that are older than it:
# then it holds no lock that pg_blocking_pids() would know, and its own view names the process.
_ACTIVITY = """
SELECT extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS seconds,
       coalesce(p.command, split_part(btrim(a.query), ' ', 1) || ' '
                           || split_part(btrim(a.query), ' ', 2)) AS doing,
       p.index_relid::regclass::text AS subject,
       p.phase,
       coalesce(nullif(p.blocks_total, 0), nullif(p.tuples_total, 0)) AS total,
       CASE WHEN p.blocks_total > 0 THEN p.blocks_done ELSE p.tuples_done END AS done,
       CASE WHEN p.blocks_total > 0 THEN 'blocks' ELSE 'rows' END AS unit,
       b.pid AS blocker,
       concat_ws(', ', nullif(b.application_name, ''), b.usename, b.state) AS blocker_is,
       extract(epoch FROM clock_timestamp() - b.xact_start)::float8 AS blocker_seconds
  FROM pg_stat_activity AS a
  LEFT JOIN pg_stat_progress_create_index AS p
    ON p.pid = a.pid
  LEFT JOIN pg_stat_activity AS b
    ON b.pid = coalesce(nullif(p.current_locker_pid, 0), (pg_blocking_pids(a.pid))[1])
 WHERE a.pid = %s
   AND a.state = 'active'
"""


class Activity(msgspec.Struct, frozen=True):
    """One look at a working process; `total` and `done` count what `unit` says."""

    seconds: float
    doing: str
    subject: str | None
    phase: str | None
    total: int | None
    done: int | None
    unit: str
    blocker: int | None
    blocker_is: str
    blocker_seconds: float | None

    def __str__(self) -> str:
        line = f"{self.doing} {self.subject}" if self.subject else self.doing
        if self.phase:
            line += f", {self.phase}"
        if self.total and self.done is not None:
            share = 100 * self.done // self.total
            line += f", {share} % ({self.done:,} of {self.total:,} {self.unit})"
        if self.blocker is not None:
            line += f", waits for process {self.blocker} ({self.blocker_is}"
            if self.blocker_seconds is not None:
                line += f", in a transaction for {self.blocker_seconds:.0f} s"
            line += ")"
        return f"{line}, {self.seconds:.0f} s"


def look(conn: psycopg.Connection[Any], pid: int) -> Activity | None:
    """Return what the process of a session is doing, None where it does nothing."""
    with conn.cursor(row_factory=args_row(Activity)) as cursor:
        return cursor.execute(_ACTIVITY, (pid,)).fetchone()


@contextmanager
def told(
    connect: Callable[[], psycopg.Connection[Any]], pid: int, report: Callable[[str], None]
) -> Iterator[None]:
    """Report what a process does, from the first second on, until the block ends.

    Args:
        connect: makes the connection that the watcher uses; it is only made when it is needed.
        pid: of the session that works inside the block.
        report: called from another thread with one line.
    """
    ended = threading.Event()

    def watch() -> None:
        if ended.wait(FIRST_SECONDS):
            return
        # Whatever goes wrong with looking on must not disturb the work.
        try:
            with connect() as conn:
                while True:
                    if activity := look(conn, pid):
                        report(str(activity))
                    if ended.wait(EVERY_SECONDS):
                        return
        except psycopg.Error as error:
            report(f"no progress to show: {error.sqlstate or type(error).__name__}")

    thread = threading.Thread(target=watch, name="kleio progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
