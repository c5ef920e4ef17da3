"""The statements that judge, write and check an import: what they do grows as the file does.

The rows that they compare were written a moment before, so the planner knows nothing of them. They
run as in `kleio.db.connections.bulk_transaction`, on a file and on one ten times as long, and the
rows that their plans' nodes handle are counted: a join of each with each makes a hundredfold.
"""

from __future__ import annotations

import json
import random
from typing import Any

import psycopg
import pytest

from factories import make_user
from importing import account_file, import_account
from kleio.db.queries import Connection
from query_files import INVENTORY
from servers import owner_only

pytestmark = pytest.mark.anyio

SIZES = (300, 3000)
MOST = 25
"""How many times the work may be done for ten times the file: sorting takes n log n."""

JUDGED = {
    "import_releases.insert_release_verdicts": "release",
    "import_verdicts.insert_folder_verdicts": "folder",
    "import_verdicts.insert_copy_verdicts": "copy",
    "listening_verdicts.insert_play_verdicts": "play",
    "listening_verdicts.insert_cleaning_verdicts": "cleaning",
}
WRITTEN = [
    *("import_releases.update_release_targets", "import_writes.insert_folders"),
    *("import_writes.insert_copies", "import_writes.insert_plays"),
    *("import_writes.insert_cleanings", "import_writes.upsert_ids"),
]
UPDATED = ["import_writes.update_copies", "import_writes.update_plays"]
UPDATED += ["import_writes.update_cleanings"]
CHECKED = ["import_checks.list_found_counts", "import_checks.get_found_parts"]
BY_NAME = INVENTORY.entries


def account_of(size: int, rng: random.Random, notes: str = "n") -> dict[str, Any]:
    """Return an account with as many of everything; times repeat, and so do releases."""
    names = [f"r{n}" for n in range(size)]
    moments = [f"2024-01-{1 + n % 28:02}T00:{n % 60:02}:00Z" for n in range(size)]
    return account_file(
        releases=[
            {"id": name, "document": {"title": name, "discogsId": n + 1}}
            for n, name in enumerate(names)
        ],
        folders=[{"id": f"f{n}", "name": f"Folder {n}"} for n in range(size // 30)],
        copies=[
            {"releaseId": rng.choice(names), "folderId": f"f{n % (size // 30)}", "notes": notes,
             "addedAt": moments[n]}
            for n in range(size)
        ],
        plays=[{"releaseId": rng.choice(names), "playedAt": moments[n], "notes": notes}
               for n in range(size)],
        cleanings=[{"releaseId": rng.choice(names), "cleanedAt": moments[n], "notes": notes}
                   for n in range(size)],
    )  # fmt: skip


async def work_of(
    conn: Connection, name: str, parameters: dict[str, Any], before: str = "SELECT 1"
) -> int:
    """Run a statement, undo it, and return how many rows its plan's nodes handled."""
    entry = BY_NAME[name]
    values = psycopg.sql.SQL(", ").join(
        psycopg.sql.Literal(parameters[parameter]) for parameter in entry.query.parameters
    )
    async with conn.transaction(force_rollback=True):
        await conn.execute("SET LOCAL enable_nestloop = off")
        await conn.execute(before)  # type: ignore[arg-type]
        await conn.execute(f"PREPARE planned AS {entry.statement.text}")  # type: ignore[arg-type]
        explain = psycopg.sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE planned ({})")
        row = await (await conn.execute(explain.format(values))).fetchone()
        await conn.execute("DEALLOCATE planned")
    assert row is not None
    return work(json.loads(bytes(row[0]))[0]["Plan"])


def work(node: dict[str, Any]) -> int:
    removed = sum(count for key, count in node.items() if key.startswith("Rows Removed"))
    own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return int(own) + sum(work(child) for child in node.get("Plans", ()))


@pytest.fixture
async def measured(conn: Connection, rng: random.Random) -> dict[str, dict[str, int]]:
    """The work of each statement on both sizes: for a new account, the same file, a changed one."""
    found: dict[str, dict[str, int]] = {str(size): {} for size in SIZES}
    for size in SIZES:
        file = account_of(size, random.Random(size))
        known, new = await make_user(conn), await make_user(conn)
        await import_account(conn, known.id, file)
        await conn.execute("DELETE FROM import_runs")
        changed = json.loads(json.dumps(file).replace('"notes": "n"', '"notes": "m"'))
        for label, user, content in (
            ("new", new, file), ("known", known, file), ("changed", known, changed),
        ):  # fmt: skip
            run = await import_account(conn, user.id, content, dry_run=True)
            parameters = {"user_id": str(user.id), "run_id": str(run.id), "now": "2026-01-01Z"}
            for name, kind in JUDGED.items():
                gone = f"DELETE FROM import_rows WHERE run_id = '{run.id}' AND kind = '{kind}'"
                found[str(size)][f"{name} {label}"] = await work_of(conn, name, parameters, gone)
            for name in CHECKED if label == "known" else ():
                found[str(size)][name] = await work_of(conn, name, parameters)
            for name in UPDATED if label == "changed" else WRITTEN:
                needed = (
                    "ALTER TABLE user_releases DROP CONSTRAINT user_releases_folder_id_fkey"
                    if name.endswith("copies")
                    else "SELECT 1"
                )
                found[str(size)][f"{name} {label}"] = await work_of(conn, name, parameters, needed)
    return found


@owner_only
async def test_the_work_grows_as_the_file_does(measured: dict[str, dict[str, int]]) -> None:
    small, large = (measured[str(size)] for size in SIZES)
    assert small.keys() == large.keys()
    ratios = {name: round(large[name] / small[name], 1) for name in small if small[name] > 100}
    assert len(ratios) > 20
    assert {name: ratio for name, ratio in ratios.items() if ratio > MOST} == {}, ratios
