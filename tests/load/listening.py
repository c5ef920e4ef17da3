"""Times every list and statistic of a listener's own data, on shelves big enough to hurt.

    .venv/bin/python tests/load/listening.py seed --url ... --users 2000 --copies 5000 --plays 20000
    .venv/bin/python tests/load/listening.py seed-months --url ...
    .venv/bin/python tests/load/listening.py measure --url ... [--months] [--rounds 40]

`seed` fills a migrated database without users; it needs a superuser, because it leaves out what an
application may not (triggers of foreign keys, indexes until the rows are there). Shelves lie whole,
as imports leave them; plays of all users lie in the order of their times, as they would after
years, so a user's are on as many pages as there are. `seed-months` adds the same plays as month
partitions in the schema `months`, to compare.

`measure` calls the repositories' own functions for users taken in turn, one client, cases
interleaved, and prints milliseconds: as served (automatic plans), with custom plans alone, and
with generic plans alone where a statement is prepared. No threshold is asserted here.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from kleio.db.connections import connect
from kleio.db.queries import Connection, all_queries
from kleio.importers.catalogue_store import store
from kleio.repositories import (
    cleanings,
    collection,
    collection_pages,
    plays,
    recommendations,
    stats,
    stats_reviews,
    styluses,
)
from kleio.seed import demo_catalogue
from kleio.settings import load_settings

DOCUMENTS = 20_000
"""Releases that are stored as documents; the others are copies of them under new numbers."""

YEARS = 10
NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)

_OWN = ("play_history", "cleaning_history", "user_releases")
_PARTS = ("release_artists", "release_labels", "release_genres", "release_styles",
          "release_formats")  # fmt: skip

_USERS = """
INSERT INTO users (username, email, created_at, updated_at)
SELECT 'listener' || n, 'listener' || n || '@example.org', '2016-01-01Z', '2016-01-01Z'
  FROM generate_series(1, %(users)s) AS n;

INSERT INTO folders (user_id, number, name, created_at, updated_at)
SELECT u.id, n, 'Folder ' || n, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 3) AS n;

INSERT INTO user_preferences (user_id, preferences, updated_at)
SELECT u.id, '{"timeZone": "Europe/Berlin"}', u.created_at FROM users AS u;

INSERT INTO styluses (
    user_id, name, expected_lifespan_hours, active, is_primary, owned, created_at, updated_at
)
SELECT u.id, 'Stylus ' || n, 500, true, n = 1, true, u.created_at, u.created_at
  FROM users AS u, generate_series(1, 4) AS n;

CREATE TABLE seed_user AS
SELECT u.id, row_number() OVER (ORDER BY u.id)::int AS n,
       (SELECT array_agg(f.id ORDER BY f.number) FROM folders AS f WHERE f.user_id = u.id)
           AS folders,
       (SELECT array_agg(s.id ORDER BY s.name) FROM styluses AS s WHERE s.user_id = u.id)
           AS styluses
  FROM users AS u;

CREATE TABLE seed_release AS
SELECT r.id, r.play_duration, (row_number() OVER (ORDER BY r.id) - 1)::int AS n
  FROM releases AS r;

ANALYZE seed_user, seed_release;
"""

# A copy's id is made of its place and its user, so that plays name it without a join.
_COPY_ID = ("('0190' || lpad(to_hex({k}), 8, '0') || '70008000' || lpad(to_hex({u}), 12, '0'))"
            "::uuid")  # fmt: skip

_ROWS = f"""
INSERT INTO user_releases (
    user_id, id, release_id, folder_id, rating, added_at, created_at, updated_at
)
SELECT u.id, {_COPY_ID.format(k="k", u="u.n")}, r.id, u.folders[1 + k %% 3], k %% 6,
       '2016-01-01Z'::timestamptz + k * interval '10 years' / %(copies)s, NOW(), NOW()
  FROM generate_series(1, %(copies)s) AS k
 CROSS JOIN seed_user AS u
  JOIN seed_release AS r
    ON r.n = (u.n::bigint * 7919 + k::bigint * 104729) %% %(releases)s
 ORDER BY u.n, k;

INSERT INTO play_history (
    user_id, release_id, user_release_id, stylus_id, played_at, duration_seconds,
    duration_estimated, created_at, updated_at
)
SELECT p.user_id, r.id, {_COPY_ID.format(k="p.k", u="p.n")}, p.stylus_id, p.played_at,
       coalesce(r.play_duration, 2400), true, p.played_at, p.played_at
  FROM (SELECT u.id AS user_id, u.n, 1 + (%(copies)s * 0.8 * power(random(), 1.7))::int AS k,
               u.styluses[1 + i / 100 %% 2] AS stylus_id,
               '2016-01-02Z'::timestamptz + i * interval '3979 days' / %(plays)s
                   + random() * interval '3 hours' AS played_at
          FROM generate_series(1, %(plays)s) AS i
         CROSS JOIN seed_user AS u) AS p
  JOIN seed_release AS r
    ON r.n = (p.n::bigint * 7919 + p.k::bigint * 104729) %% %(releases)s;

INSERT INTO cleaning_history (
    user_id, release_id, cleaned_at, deep, created_at, updated_at
)
SELECT u.id, r.id, '2016-02-01Z'::timestamptz + i * interval '10 years' / (%(plays)s / 10),
       i %% 9 = 0, NOW(), NOW()
  FROM generate_series(1, %(plays)s / 10) AS i
 CROSS JOIN seed_user AS u
  JOIN seed_release AS r
    ON r.n = (u.n::bigint * 7919 + (1 + i %% (%(copies)s / 2))::bigint * 104729) %% %(releases)s;
"""

_MORE_RELEASES = """
CREATE TABLE seed_copy AS
SELECT r.id AS old_id, uuidv7() AS new_id, r.discogs_id + k * 10000000 AS discogs_id
  FROM releases AS r, generate_series(1, %(times)s) AS k;

INSERT INTO releases (
    id, discogs_id, master_discogs_id, year, play_duration, play_duration_estimated, created_at,
    updated_at, title, artist_normalized, card, released, country, facets, search_text, metadata
)
SELECT s.new_id, s.discogs_id, r.master_discogs_id, r.year, r.play_duration,
       r.play_duration_estimated, r.created_at, r.updated_at, r.title, r.artist_normalized,
       r.card, r.released, r.country, r.facets, r.search_text, r.metadata
  FROM seed_copy AS s
  JOIN releases AS r
    ON r.id = s.old_id;
"""

_MONTHS = """
CREATE SCHEMA months;

CREATE TABLE months.play_history (LIKE public.play_history INCLUDING DEFAULTS)
    PARTITION BY RANGE (played_at);

DO $$
BEGIN
    FOR n IN 0..143 LOOP
        EXECUTE format(
            'CREATE TABLE months.play_history_%%s PARTITION OF months.play_history'
            ' FOR VALUES FROM (%%L) TO (%%L)',
            n, '2016-01-01Z'::timestamptz + make_interval(months => n),
            '2016-01-01Z'::timestamptz + make_interval(months => n + 1));
    END LOOP;
END
$$;

INSERT INTO months.play_history SELECT * FROM public.play_history;

ALTER TABLE months.play_history ADD PRIMARY KEY (user_id, id, played_at);
"""


def timed(what: str) -> Callable[[], None]:
    started = time.monotonic()
    return lambda: print(f"{what}: {time.monotonic() - started:.0f} s", flush=True)


def catalogue(url: str, releases: int) -> None:
    async def store_documents() -> None:
        async with await connect(load_settings({}), url) as conn:
            documents = list(demo_catalogue(min(DOCUMENTS, releases)))
            for start in range(0, len(documents), 1000):
                await store(conn, "releases", documents[start : start + 1000])

    asyncio.run(store_documents())
    with psycopg.ClientCursor(psycopg.connect(url)) as cursor, cursor.connection:
        cursor.execute(_MORE_RELEASES, {"times": releases // DOCUMENTS - 1})
        for table in _PARTS:
            cursor.execute(
                "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 1",
                [table],
            )
            (columns,) = cursor.fetchone()
            cursor.execute(
                f"INSERT INTO {table} (release_id, {columns})"
                f" SELECT s.new_id, {columns} FROM seed_copy AS s"
                f" JOIN {table} AS t ON t.release_id = s.old_id"
            )


def seed(url: str, *, users: int, copies: int, plays: int, releases: int) -> None:
    """Fill a migrated and empty database."""
    done = timed("catalogue")
    catalogue(url, releases)
    done()
    counts = {"users": users, "copies": copies, "plays": plays, "releases": releases}
    with psycopg.ClientCursor(psycopg.connect(url)) as cursor, cursor.connection:
        cursor.execute(
            "SET session_replication_role = replica; SET work_mem = '1GB';"
            " SET maintenance_work_mem = '2GB'; SET synchronous_commit = off; SELECT setseed(0.5)"
        )
        cursor.execute(_USERS, counts)
        restore = [drop_index(cursor, table) for table in _OWN]
        done = timed("rows")
        cursor.execute(_ROWS, counts)
        done()
        # All keys before the first reference.
        for statement in sorted(
            (s for statements in restore for s in statements), key=lambda s: "FOREIGN KEY" in s
        ):
            done = timed(statement.partition(" ON ")[0][:70])
            cursor.execute(statement)
            done()
    vacuum(url)


def drop_index(cursor: psycopg.ClientCursor[Any], table: str) -> list[str]:
    """Drop a table's keys and indexes and return what makes them again; references unchecked."""
    cursor.execute(
        "SELECT conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u', 'f')"
        " ORDER BY contype = 'f', contype",
        {"table": table},
    )
    constraints = cursor.fetchall()
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [table],
    )
    indexes = cursor.fetchall()
    for name, kind, _ in reversed(constraints):
        # A key that others refer to takes their references along; they are made again with theirs.
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
                       + (" CASCADE" if kind == "p" else ""))  # fmt: skip
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in indexes] + [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        + (" NOT VALID" if kind == "f" and "NOT VALID" not in definition else "")
        for name, kind, definition in constraints
    ]


def seed_months(url: str) -> None:
    """Add the same plays as month partitions, with the same indexes, in the schema `months`."""
    with psycopg.ClientCursor(psycopg.connect(url)) as cursor, cursor.connection:
        cursor.execute("SET maintenance_work_mem = '2GB'; SET synchronous_commit = off")
        done = timed("month partitions")
        cursor.execute(_MONTHS, {})
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'play_history'"
            " AND schemaname = 'public' AND indexname <> 'play_history_pkey'"
        )
        for (definition,) in cursor.fetchall():
            cursor.execute(definition.replace("public.play_history", "months.play_history"))
        done()
    vacuum(url)


def vacuum(url: str) -> None:
    done = timed("vacuum")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET maintenance_work_mem = '2GB'")
        conn.execute("VACUUM (ANALYZE, PARALLEL 2)")
    done()


Call = Callable[[Connection, UUID], Awaitable[Any]]

_RANGE: dict[str, Any] = {"tz": None, "first_day": None, "last_day": None}
_MONTH = {"tz": None, "first_day": date(2026, 3, 1), "last_day": date(2026, 3, 31)}
_NO_FILTERS: dict[str, Any] = dict.fromkeys(
    ("artist", "label", "genre", "style", "format", "country", "year_from", "year_to",
     "folder_id", "min_rating", "played_since", "not_played_since", "never_played",
     "needs_cleaning", "search")
)  # fmt: skip
_PAGE = {"page_size": 51, "page_offset": 0}


def shelf(sort: str, **filters: Any) -> Call:
    return lambda conn, user_id: collection_pages.list_collection_descending(
        conn, user_id=user_id, sort=sort, archived=False, before_key=None, before_id=None,
        marks_at=None, **{**_NO_FILTERS, **filters}, **_PAGE,
    )  # fmt: skip


def play_page(days: int) -> Call:
    before = NOW - timedelta(days=days)
    return lambda conn, user_id: plays.list_plays(
        conn, user_id=user_id, before_played_at=before, before_id=None, **_PAGE
    )


def top(kind: str, span: dict[str, Any]) -> Call:
    wanted = {**span, "by_minutes": True, "max_rows": 10}
    if kind == "release":
        return lambda conn, user_id: stats.list_top_releases(conn, user_id=user_id, **wanted)
    return lambda conn, user_id: stats.list_top_names(conn, user_id=user_id, kind=kind, **wanted)


def bound(function: Callable[..., Awaitable[Any]], **parameters: Any) -> Call:
    return lambda conn, user_id: function(conn, user_id=user_id, **parameters)


_PLAY_FILTERS = dict.fromkeys(
    ("release_id", "copy_id", "stylus_id", "artist", "genre", "since", "until",
     "before_played_at", "before_id")
)  # fmt: skip
CASES: dict[str, Call] = {
    "plays: first page": play_page(0),
    "plays: page 5 years back": play_page(5 * 365),
    "plays: page 9 years back": play_page(9 * 365),
    "plays: a genre": bound(
        plays.list_filtered_plays, **{**_PLAY_FILTERS, "genre": "Jazz"}, **_PAGE
    ),
    "plays: count": bound(plays.count_plays, **{
        k: v for k, v in _PLAY_FILTERS.items() if not k.startswith("before")}),
    "cleanings: first page": bound(
        cleanings.list_cleanings, release_id=None, copy_id=None, since=None, until=None,
        before_cleaned_at=None, before_id=None, **_PAGE),
    "styluses with hours": bound(styluses.list_styluses),
    "buckets by day": bound(stats.list_play_buckets, bucket="day", **_RANGE),
    "buckets by month": bound(stats.list_play_buckets, bucket="month", **_RANGE),
    "buckets of a month": bound(stats.list_play_buckets, bucket="day", **_MONTH),
    "streaks": bound(stats.get_streaks, tz=None, now=NOW),
    "heatmap": bound(stats.list_heatmap, **_RANGE),
    "heatmap of a month": bound(stats.list_heatmap, **_MONTH),
    **{f"top {kind}": top(kind, _RANGE)
       for kind in ("release", "artist", "label", "genre", "style", "decade")},
    "top artist of a month": top("artist", _MONTH),
    "on this day": bound(stats_reviews.list_on_this_day, tz=None, day=None, now=NOW, max_rows=50),
    "year in review": bound(stats_reviews.get_year, year=2025, tz=None),
    "collection statistics": bound(stats_reviews.get_collection_stats, tz=None),
    "recommendations": bound(recommendations.list_recommendations, tz=None, now=NOW, max_rows=10),
    "neglected": bound(recommendations.list_neglected, tz=None, now=NOW, max_rows=50),
    "due cleanings": bound(recommendations.list_due_cleanings, max_rows=50),
    "shelf: newest": bound(
        collection.list_collection_newest, before_added_at=None, before_id=None, marks_at=None,
        **_PAGE),
    "shelf: by artist": shelf("artist"),
    "shelf: last played": shelf("played"),
    "shelf: plays": shelf("plays"),
    "shelf: cleaning": shelf("cleaning"),
    "shelf: never played, by title": shelf("title", never_played=True),
    "shelf: needs cleaning, by added": shelf("added", needs_cleaning=True),
    "shelf: a genre, by year": shelf("year", genre="Jazz"),
}  # fmt: skip


async def measure(url: str, *, rounds: int, months: bool, only: str, seed_number: int) -> None:
    """Print a table of milliseconds: median and 95th percentile of each case in each mode."""
    settings = load_settings({})
    modes = ("auto", "force_custom_plan", "force_generic_plan")
    connections = {}
    for mode in modes:
        conn = await connect(settings, url)
        await conn.execute(f"SET plan_cache_mode = {mode}")
        if months:
            await conn.execute("SET search_path = months, public")
        conn.prepare_threshold = 0
        connections[mode] = conn
    cursor = await connections["auto"].execute("SELECT id FROM users ORDER BY id")
    users = [row[0] for row in await cursor.fetchall()]
    rng = random.Random(seed_number)
    cases = {name: call for name, call in CASES.items() if only in name}
    taken: dict[tuple[str, str], list[float]] = {(n, m): [] for n in cases for m in modes}
    for number in range(rounds + 3):
        user_id = rng.choice(users)
        for name, call in rng.sample(sorted(cases.items()), len(cases)):
            # The first mode of a user finds the pages cold: each is first in turn.
            for mode in modes[number % 3 :] + modes[: number % 3]:
                started = time.perf_counter()
                await call(connections[mode], user_id)
                if number >= 3:
                    taken[name, mode].append((time.perf_counter() - started) * 1000)
    print(f"{'milliseconds':34}" + "".join(f"{mode:>24}" for mode in modes))
    print(f"{'':34}" + f"{'median':>14}{'p95':>10}" * len(modes))
    for name in cases:
        cells = (
            f"{statistics.median(values):14.2f}{sorted(values)[int(len(values) * 0.95)]:10.2f}"
            for values in (taken[name, mode] for mode in modes)
        )
        print(f"{name:34}" + "".join(cells))
    for conn in connections.values():
        await conn.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("seed", "seed-months", "measure"))
    parser.add_argument("--url", required=True, help="of a migrated database")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--copies", type=int, default=5000)
    parser.add_argument("--plays", type=int, default=20_000)
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--months", action="store_true", help="of plays in month partitions")
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    all_queries()
    if given.what == "seed":
        seed(given.url, users=given.users, copies=given.copies, plays=given.plays,
             releases=given.releases)  # fmt: skip
    elif given.what == "seed-months":
        seed_months(given.url)
    else:
        run = functools.partial(measure, given.url, rounds=given.rounds, months=given.months)
        asyncio.run(run(only=given.only, seed_number=given.seed))


if __name__ == "__main__":
    main()
