"""Songs of the music library: `queries/songs.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query


class Song(Row, frozen=True):
    """A song with the names of its artist and album.

    `duration_ms` is in milliseconds, `bit_rate` in bits a second, `sample_rate` in hertz;
    `artist_name` is the whole credit as tagged, `artist_id` its first artist; `missing_since` is
    when a scan first found the file gone.
    """

    id: UUID
    library_id: UUID
    name: str
    artist_id: UUID | None
    artist_name: str | None
    album_id: UUID | None
    album_name: str | None
    disc_number: int | None
    track_number: int | None
    duration_ms: int | None
    year: int | None
    genre: str | None
    codec: str
    bit_rate: int | None
    sample_rate: int | None
    channels: int | None
    missing_since: datetime | None
    created_at: datetime
    updated_at: datetime


@query
async def get_song(conn: Connection, *, song_id: UUID) -> Song | None:
    """Return one song, also one whose file is missing."""


@query
async def list_songs_by_id(conn: Connection, *, song_ids: list[UUID]) -> list[Song]:
    """Return songs in the order of their ids; an id that is no song's has no row."""


@query
async def list_songs_among(conn: Connection, *, song_ids: list[UUID]) -> list[Song]:
    """Return many songs in no order; for a database on Citus."""


@query
async def list_songs_newest(
    conn: Connection, *, before_id: UUID | None, page_size: int, page_offset: int
) -> list[Keyed[Song]]:
    """Return one page of all songs, latest added first."""


@query
async def list_songs_oldest(
    conn: Connection, *, after_id: UUID | None, page_size: int, page_offset: int
) -> list[Keyed[Song]]:
    """Return one page of all songs, earliest added first."""


@query
async def list_filtered_songs_newest(
    conn: Connection,
    *,
    library_id: UUID | None,
    artist: str | None,
    album: str | None,
    genre: str | None,
    codec: str | None,
    year_from: int | None,
    year_to: int | None,
    min_duration_ms: int | None,
    max_duration_ms: int | None,
    since: datetime | None,
    until: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of songs that pass the filters, latest added first."""


@query
async def list_filtered_songs_oldest(
    conn: Connection,
    *,
    library_id: UUID | None,
    artist: str | None,
    album: str | None,
    genre: str | None,
    codec: str | None,
    year_from: int | None,
    year_to: int | None,
    min_duration_ms: int | None,
    max_duration_ms: int | None,
    since: datetime | None,
    until: datetime | None,
    after_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of songs that pass the filters, earliest added first."""


@query
async def count_songs(
    conn: Connection,
    *,
    library_id: UUID | None,
    artist: str | None,
    album: str | None,
    genre: str | None,
    codec: str | None,
    year_from: int | None,
    year_to: int | None,
    min_duration_ms: int | None,
    max_duration_ms: int | None,
    since: datetime | None,
    until: datetime | None,
    search: str | None,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
) -> int:
    """Return how many songs pass the filters, counted one by one."""


@query
async def search_songs(
    conn: Connection,
    *,
    search: str,
    first_words: list[str] | None,
    second_words: list[str] | None,
    third_words: list[str] | None,
    library_id: UUID | None,
    artist: str | None,
    album: str | None,
    genre: str | None,
    codec: str | None,
    year_from: int | None,
    year_to: int | None,
    min_duration_ms: int | None,
    max_duration_ms: int | None,
    since: datetime | None,
    until: datetime | None,
    before_score: float | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of songs whose name is like a text, best first."""


@query
async def list_album_songs(conn: Connection, *, album_id: UUID, max_rows: int) -> list[Song]:
    """Return the songs of an album in the order of the record."""


@query
async def list_artist_songs(
    conn: Connection,
    *,
    artist_id: UUID,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of the songs of an artist of the library, latest added first."""


@query
async def refresh_songs(conn: Connection, *, song_ids: list[UUID]) -> int:
    """Compute the derived names of songs again; return how many were wrong."""
