"""What `kleio seed` writes: `queries/seeds.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.copy_binary import BinaryRows, copy_binary
from kleio.db.queries import Connection, Row, query


class SeedLibrary(Row, frozen=True):
    """The library of a seed; `created_at` is the moment up to which its songs reach."""

    id: UUID
    created_at: datetime


class SeedArtist(Row, frozen=True):
    """An artist of the library, as songs name it."""

    id: UUID
    name: str


@query
async def count_others(conn: Connection) -> int:
    """Return how many users and libraries there are that are not a seed's."""


@query
async def upsert_seed_library(
    conn: Connection, *, library_id: UUID, name: str, root: str, until: datetime
) -> SeedLibrary | None:
    """Return the library of a seed, made when it is missing."""


@query
async def insert_seed_artists(
    conn: Connection, *, artist_ids: list[UUID], names: list[str], now: datetime
) -> int:
    """Write artists of the library; return how many are new."""


@query
async def list_seed_artists(conn: Connection, *, first_id: UUID, last_id: UUID) -> list[SeedArtist]:
    """Return the artists of the library between two ids."""


@query
async def list_seed_albums(conn: Connection, *, album_ids: list[UUID]) -> list[UUID]:
    """Return which of these albums are there."""


@copy_binary("bytea", "bytea", "bytea", "bytea", "int8", "int4", "int4", "bool", "timestamptz",
             "bytea", "bytea")  # fmt: skip
async def copy_seed_albums(conn: Connection, rows: BinaryRows) -> int:
    """Write albums."""


@copy_binary("bytea", "bytea", "bytea", "bytea", "int4", "int4", "int4", "int4", "int2", "int2",
             "int2", "timestamptz", "bytea", "bytea", "bytea", "bytea", "bytea")  # fmt: skip
async def copy_seed_songs(conn: Connection, rows: BinaryRows) -> int:
    """Write songs."""


@query
async def insert_seed_words(
    conn: Connection, *, first_id: UUID, last_id: UUID, album_ids: list[UUID]
) -> int:
    """Write the words of the names of songs between two ids; return how many are new."""


@copy_binary("bytea", "bytea", "int2")
async def copy_seed_song_artists(conn: Connection, rows: BinaryRows) -> int:
    """Write further artists of songs."""


@query
async def list_release_ids(conn: Connection, *, max_rows: int) -> list[UUID]:
    """Return the ids of the invented releases."""


@query
async def insert_seed_user(
    conn: Connection,
    *,
    user_id: UUID,
    username: str,
    chance: int,
    release_ids: list[UUID],
    play_count: int,
    until: datetime,
) -> int | None:
    """Write a user with copies and plays; return how many plays, None where the name is taken."""


@query
async def refresh_seed_statistics(conn: Connection) -> int:
    """Tell the planner of the new rows."""
