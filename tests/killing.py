"""Commands that kill themselves at a point of their own choice, and what is there afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from embedded_processes import environment
from factories import Account, settings_for
from importing import content_of
from kleio.db.pool import connect
from kleio.db.queries import Connection

# `kleio ...`, imports in chunks of 20 records, which ends itself at the n-th statement, before it
# is sent or after its answer has come; where there are fewer statements it prints how many.
KILLED = """
import os, signal, sys
import psycopg
from kleio.importers import record_chunks
from kleio.cli import kleio
record_chunks.CHUNK_RECORDS = 20
record_chunks.BATCH_ROWS = 30
point, after, *arguments = sys.argv[1:]
sent, execute, execute_now = 0, psycopg.AsyncCursor.execute, psycopg.Cursor.execute
def counted_now(self, *args, **options):
    global sent
    sent += 1
    if sent == int(point) and after == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    result = execute_now(self, *args, **options)
    if sent == int(point):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
async def counted(self, *args, **options):
    global sent
    sent += 1
    if sent == int(point) and after == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    result = await execute(self, *args, **options)
    if sent == int(point):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
psycopg.AsyncCursor.execute = counted
psycopg.Cursor.execute = counted_now
try:
    kleio.main(arguments, prog_name="kleio")
finally:
    print("statements", sent)
"""


def run_process(conninfo: str, home: Path, point: int, after: bool, *arguments: str) -> int | None:
    """Run an import that kills itself; return the number of statements if it came to its end."""
    return run_command(conninfo, home, point, after, "import", *arguments)


def run_command(conninfo: str, home: Path, point: int, after: bool, *arguments: str) -> int | None:
    """Run any command that kills itself, as `run_process` does."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(point), str(int(after)), *arguments],
        env={**environment(), "DATABASE_URL": conninfo, "KLEIO_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.split()[-1])


@asynccontextmanager
async def opened(conninfo: str, home: Path) -> Any:
    conn = await connect(settings_for(conninfo, home), conninfo)
    async with conn:
        yield conn


async def all_of(conn: Connection, account: Account) -> tuple[bytes, int, int]:
    """Return what the account holds and how many releases there are, of whatever use."""
    cursor = await conn.execute(
        "SELECT count(*), count(*) FILTER (WHERE discogs_id IS NULL) FROM releases"
    )
    row = await cursor.fetchone()
    assert row is not None
    return await content_of(conn, account.user), *row
