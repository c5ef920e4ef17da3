"""What an import left behind, read back: `queries/import_checks.sql`."""

from __future__ import annotations

from uuid import UUID

from msgspec import Raw

from kleio.db.copy_out import Blocks, copy_query
from kleio.db.queries import Connection, Row, query


class FoundCount(Row, frozen=True):
    """The rows of one kind that are there; `mapped` of them are known by their old ids."""

    kind: str
    rows: int
    seconds: int | None
    mapped: int


class FoundParts(Row, frozen=True):
    """What belongs to the releases; `known_releases` of them the catalogue had before."""

    known_releases: int
    credits: int
    artists: int
    label_credits: int
    labels: int
    formats: int
    descriptions: int
    genre_links: int
    genres: int
    style_links: int
    styles: int
    tracks: int


class FoundRow(Row, frozen=True):
    """A row that a record became, as such a record; None where there is none."""

    seq: int
    kind: str
    verdict: str
    record: Raw | None


@query
async def list_found_counts(conn: Connection, *, user_id: UUID, run_id: UUID) -> list[FoundCount]:
    """Return how many rows there are of each kind that the records of a run became."""


@query
async def get_found_parts(conn: Connection, *, user_id: UUID, run_id: UUID) -> FoundParts | None:
    """Return what belongs to the releases that the records of a run became."""


@query
async def list_found_rows(
    conn: Connection, *, user_id: UUID, run_id: UUID, seqs: list[int]
) -> list[FoundRow]:
    """Return the rows that some records of a run became."""


@copy_query("lines")
def export_reasons(conn: Connection, *, user_id: UUID, run_id: UUID) -> Blocks:
    """Yield the records of a run of which something is to be said."""
