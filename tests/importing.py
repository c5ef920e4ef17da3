"""What tests do with imports: files of the sources, runs, and all that an account then has."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from exporting import export
from kleio.db.queries import Connection
from kleio.importers.account_import import Counts, counts_of, import_source
from kleio.importers.account_json import AccountJson
from kleio.importers.collection_csv import CollectionCsv
from kleio.repositories.imports import ImportRow, Run, list_rows
from kleio.repositories.users import User

HEADER = [
    *("Catalog#", "Artist", "Title", "Label", "Format", "Rating", "Released", "release_id"),
    *("CollectionFolder", "Date Added", "Collection Media Condition"),
    *("Collection Sleeve Condition", "Collection Notes"),
]
LINE: dict[str, Any] = {
    "Catalog#": "SK 032",
    "Artist": "The Persuader",
    "Title": "Stockholm",
    "Label": "Svek",
    "Format": '2x12"',
    "Rating": "",
    "Released": "1999",
    "release_id": "1",
    "CollectionFolder": "Uncategorized",
    "Date Added": "2015-01-01 10:00:00",
}

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def line(release_id: int | str = 1, **changes: Any) -> dict[str, Any]:
    """Return a line of a CSV; other columns by their names, with `_` for what is no letter."""
    by_word = {re.sub(r"\W", "_", name): name for name in HEADER}
    return {
        **LINE,
        "release_id": str(release_id),
        **{by_word.get(name, name): value for name, value in changes.items()},
    }


def csv_of(*lines: dict[str, Any], header: list[str] | None = None, **options: Any) -> bytes:
    """Return a CSV file of lines."""
    file = io.StringIO(newline="")
    names = header or [*HEADER, *dict.fromkeys(k for one in lines for k in one if k not in HEADER)]
    writer = csv.DictWriter(file, names, extrasaction="ignore", restval="", **options)
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue().encode()


def shelf_of(count: int, rng: random.Random, first: int = 1) -> list[dict[str, Any]]:
    """Return lines as collectors have them (domain.md, 1.1 and 4).

    Some releases stand twice, ratings and conditions are mostly empty or not, artists have numbers
    behind their names, labels repeat, titles are in all scripts, a year may be 0.
    """
    formats = ["LP, Album", '2xLP, Album, RE, Gat', 'LP, Album + CD, Album', '7", Single', "CD",
               '12"', "Cass, Album", 'Box, Ltd + 3xLP, Comp, RM', "File, FLAC, Album"]  # fmt: skip
    titles = ["Abbey Road", "Ágætis byrjun", "Группа крови", "椎名林檎 無罪", 'The "Best" Of',
              " Leading", "Two\nlines", "=SUM(A1)", "-1", "@home", "a;b\tc, d"]  # fmt: skip
    grades = ["", "", "Mint (M)", "Near Mint (NM or M-)", "Very Good Plus (VG+)", "Good (G)"]
    lines = []
    day = datetime(2012, 3, 4, 5, 6, 7)
    step = 400_000_000 // count
    for number in range(count):
        day += timedelta(seconds=rng.randrange(step))
        release = first + (rng.randrange(number) if number and rng.random() < 0.01 else number)
        lines.append(
            line(
                release,
                Catalog_=rng.choice(["none", "PCS 7088", "SK 032, SK032", "4-1, EPC 1, EPC 1"]),
                Artist=rng.choice(["The Beatles", "Prince (3)", "A, B & C", "Земфира", "L'Âme"]),
                Title=f"{rng.choice(titles)} {release}",
                Label=rng.choice(["Apple Records", "Epic, Epic", "Warner Bros., Inc."]),
                Format=rng.choice(formats),
                Rating=rng.choice(["", "", "", "", "3", "5"]),
                Released=rng.choice(["0", "1969", "1999", "2020"]),
                CollectionFolder=rng.choice(["Uncategorized", "Jazz", "Söul"]),
                Date_Added=f"{day:%Y-%m-%d %H:%M:%S}",
                Collection_Media_Condition=rng.choice(grades),
                Collection_Sleeve_Condition=rng.choice([*grades, "Generic", "No Cover"]),
                Collection_Notes=rng.choice(["", "", 'said "wow"', "two\nlines", "日本盤"]),
            )
        )
    return lines


async def import_csv(
    conn: Connection,
    user_id: UUID,
    content: bytes | dict[str, Any] | list[dict[str, Any]],
    *,
    dry_run: bool = False,
    with_updates: bool = False,
    **options: Any,
) -> Run:
    """Import the CSV of a collection: its bytes, its lines or its one line."""
    if not isinstance(content, bytes):
        content = csv_of(*(content if isinstance(content, list) else [content]))
    source = CollectionCsv(io.BytesIO(content), "shelf.csv", **options)
    return await import_source(conn, user_id, source, dry_run=dry_run, with_updates=with_updates)


async def import_account(
    conn: Connection, user_id: UUID, content: bytes | dict[str, Any], **choices: Any
) -> Run:
    """Import a whole account."""
    if isinstance(content, dict):
        content = json.dumps(content).encode()
    return await import_source(
        conn, user_id, AccountJson(io.BytesIO(content), "account.json"), **choices
    )


def account_file(**lists: Any) -> dict[str, Any]:
    """Return an account's JSON with some lists."""
    return {"format": "kleio-account", "version": 1, "exportedAt": "2026-01-01T00:00:00Z",
            "username": "x", "preferences": {}} | lists  # fmt: skip


def counts(run: Run) -> Counts:
    assert sum(sum(of.values()) for of in counts_of(run).values()) == run.records or (
        run.state in ("failed", "reading")
    )
    return counts_of(run)


async def rows_of(
    conn: Connection, user_id: UUID, run: Run, *, kind: str | None = None
) -> list[ImportRow]:
    """Return what became of every record, in the order of the file."""
    found = await list_rows(
        conn, user_id=user_id, run_id=run.id, verdict=None, kind=kind, after_seq=None,
        after_id=None, page_size=100_000, page_offset=0,
    )  # fmt: skip
    return [keyed.row for keyed in found]


async def content_of(conn: Connection, user: User) -> bytes:
    """Return all that an account holds, without ids and times of import."""
    return without_ids(await export(conn, user, "all"))


def without_ids(account: bytes) -> bytes:
    """Return a whole account's export without its head, each id as the number of its place."""
    numbers: dict[bytes, bytes] = {}
    return _UUID.sub(
        lambda found: numbers.setdefault(found[0], b"id%d" % (len(numbers) + 1)),
        account.partition(b"\n")[2],
    )


async def table_rows(conn: Connection, user_id: UUID) -> dict[str, list[Any]]:
    """Return all rows of a user in all tables but those of imports themselves."""
    tables = await (
        await conn.execute(
            "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema"
            " = 'public' AND column_name = 'user_id' AND table_name !~ '^import_' ORDER BY 1"
        )
    ).fetchall()
    found = {}
    for (table,) in tables:
        cursor = await conn.execute(
            f"SELECT to_jsonb(t)::text FROM {table} AS t WHERE user_id = %s ORDER BY 1", (user_id,)
        )  # type: ignore[arg-type]
        found[table] = await cursor.fetchall()
    return found


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
