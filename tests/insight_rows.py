"""Rows for the tests of statistics: a small shelf with names that tie, and plays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from factories import NOW, make_user, release_document, store_releases
from insight import ZONES, Played
from kleio.catalogue import ArtistCredit, LabelCredit
from kleio.db.queries import Connection

thoroughly = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
zones = st.sampled_from(ZONES)
days = st.none() | st.dates(date(2023, 11, 1), date(2025, 3, 1))

SHELF: list[dict[str, Any]] = [
    {"artists": ["Ann"], "genres": ["Rock"], "styles": ["Beat"], "labels": ["X"], "year": 1969},
    {"artists": ["Ann", "Bo"], "genres": ["Rock", "Jazz"], "labels": ["X", "Y"], "year": 1970},
    {"artists": ["Bo"], "genres": ["Jazz"], "styles": ["Bop", "Beat"], "year": 1979},
    {"artists": ["Cy"], "genres": [], "labels": ["Y"], "year": None},
    {"artists": ["Zoë"], "genres": ["Rock"], "labels": ["Z"], "year": 2000},
    {"artists": ["ann"], "genres": ["Pop"], "labels": ["X"], "year": 1969},
]
NUMBERS = {name: n for n, name in enumerate(["Ann", "Bo", "Cy", "Zoë", "ann", "X", "Y", "Z"], 901)}


async def store_shelf(conn: Connection) -> list[UUID]:
    """Store SHELF's releases and return their ids."""
    return await store_releases(
        conn,
        [
            release_document(
                number,
                title=f"Title {number % 2}",
                year=entry["year"],
                genres=entry["genres"],
                styles=entry.get("styles", []),
                artists=[ArtistCredit(name=n, discogs_id=NUMBERS[n]) for n in entry["artists"]]
                + [ArtistCredit(name="Guest", discogs_id=999, role="Drums")],
                labels=[
                    LabelCredit(name=n, discogs_id=NUMBERS[n], catno=catno)
                    for n in entry.get("labels", [])
                    for catno in ("1", "2")
                ],
            )
            for number, entry in enumerate(SHELF, 1)
        ],
    )


async def log(conn: Connection, user_id: UUID, releases: list[UUID], plays: list[Played]) -> None:
    await conn.execute(
        "INSERT INTO play_history (user_id, release_id, played_at, duration_seconds,"
        " duration_estimated, created_at, updated_at)"
        " SELECT %s, p.release_id, p.at, p.seconds, false, %s, %s"
        "   FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[]) AS p (release_id, at, seconds)",
        [
            *(user_id, NOW, NOW),
            [releases[play.release] for play in plays],
            [play.at for play in plays],
            [play.seconds for play in plays],
        ],
    )


async def listener(conn: Connection, releases: list[UUID], plays: list[Played]) -> UUID:
    """Make a user with plays, and another whose plays must not count."""
    account, other = await make_user(conn), await make_user(conn)
    await log(conn, account.id, releases, plays)
    await log(conn, other.id, releases, [Played(0, NOW - timedelta(days=9), 9999)])
    return account.id


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def once(*texts: str, seconds: int = 600) -> list[Played]:
    return [Played(0, at(text), seconds) for text in texts]


async def names_of(conn: Connection, kind: str) -> dict[str, Any]:
    table = "genres" if kind == "genre" else f"{kind}s"
    cursor = await conn.execute(f"SELECT name, id FROM {table}")
    return dict(await cursor.fetchall())
