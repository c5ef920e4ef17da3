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
from kleio.db.connections import connect
from kleio.db.queries import Connection

COMMAND = Path(__file__).with_name("killed_command.py")


WORKER_DIED = "a process of the import ended by itself"


def run_process(conninfo: str, home: Path, point: int, after: bool, *arguments: str) -> int | None:
    """Run an import that kills itself; return the number of points if it came to its end."""
    return run_command(conninfo, home, point, after, "import", *arguments)


def run_command(
    conninfo: str, home: Path, point: int, after: bool, *arguments: str, **variables: str
) -> int | None:
    """Run any command that kills itself or one of its processes (`killed_command`).

    Args:
        conninfo: of the database.
        home: KLEIO_HOME.
        point: at which it dies, 0 for never.
        after: whether it dies after the point and not before.
        arguments: the command.
        variables: further ones of the environment.

    Returns:
        How many points there were if it came to its end, None if something was killed.
    """
    ended = subprocess.run(
        [sys.executable, str(COMMAND), str(point), str(int(after)), *arguments],
        env={**environment(), "DATABASE_URL": conninfo, "KLEIO_HOME": str(home), **variables},
        capture_output=True,  # processes that are left hold the pipes: their end is waited for
        text=True,
        check=False,
        timeout=120,
    )
    if ended.returncode == -signal.SIGKILL or WORKER_DIED in ended.stderr:
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
