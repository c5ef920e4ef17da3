"""New releases by the thousand: `queries/release_loads.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.copy_binary import BinaryRows, copy_binary
from kleio.db.queries import Connection, Row, query


class Reference(Row, frozen=True):
    """What releases refer to: an artist or label by its Discogs number, the others by name."""

    kind: str
    discogs_id: int | None
    name: str | None
    id: UUID


class Normalized(Row, frozen=True):
    """One text of each list as filters and searches compare them."""

    name: str | None
    credit: str | None
    code: str | None


@query
async def lock_new_entries(conn: Connection, *, kind: str) -> bool | None:
    """Keep away who replaces entries of a kind, but not who adds new ones."""


@query
async def list_references(
    conn: Connection,
    *,
    artist_numbers: list[int],
    label_numbers: list[int],
    genres: list[str],
    styles: list[str],
) -> list[Reference]:
    """Return the keys of what releases name, of what there is."""


@query
async def insert_references(
    conn: Connection,
    *,
    artist_numbers: list[int],
    artist_names: list[str],
    label_numbers: list[int],
    label_names: list[str],
    genres: list[str],
    styles: list[str],
    now: datetime,
) -> int:
    """Write what releases name and the catalogue lacks."""


@query
async def lock_references(
    conn: Connection,
    *,
    artist_ids: list[UUID],
    label_ids: list[UUID],
    genre_ids: list[UUID],
    style_ids: list[UUID],
) -> int | None:
    """Keep what releases refer to from being deleted; return how much of it there is."""


@query
async def list_normalized(
    conn: Connection, *, names: list[str], credits: list[str], codes: list[str]
) -> list[Normalized]:
    """Return texts as filters and searches compare them, in the order given."""


@copy_binary("bytea", "int4", "int4", "int4", "int4", "bool", "timestamptz", "timestamptz",
             "timestamptz", "text", "bytea", "bytea", "text", "text", "text", "text", "text",
             "text", "text", "bytea", "bytea", "text", "bytea", "bool")  # fmt: skip
async def copy_releases(conn: Connection, rows: BinaryRows) -> int:
    """Write releases."""


@copy_binary("bytea", "int4", "bytea", "text", "text", "text", "text", "text")
async def copy_release_artists(conn: Connection, rows: BinaryRows) -> int:
    """Write credits of releases."""


@copy_binary("bytea", "int4", "bytea", "text", "text")
async def copy_release_labels(conn: Connection, rows: BinaryRows) -> int:
    """Write labels of releases."""


@copy_binary("bytea", "int4", "text", "text", "text", "bytea")
async def copy_release_formats(conn: Connection, rows: BinaryRows) -> int:
    """Write carriers of releases."""


@copy_binary("bytea", "int4", "bytea")
async def copy_release_genres(conn: Connection, rows: BinaryRows) -> int:
    """Write genres of releases."""


@copy_binary("bytea", "int4", "bytea")
async def copy_release_styles(conn: Connection, rows: BinaryRows) -> int:
    """Write styles of releases."""


@copy_binary("bytea", "int4", "int4", "int4", "text", "text", "text", "text", "bytea")
async def copy_tracks(conn: Connection, rows: BinaryRows) -> int:
    """Write track lists of releases."""
