"""What each user has done with songs: `queries/user_songs.sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kleio.db.queries import Connection, Keyed, Row, query
from kleio.repositories.songs import Song


class SongState(Row, frozen=True):
    """A user's plays, star and rating (0 is not rated) of a song."""

    song_id: UUID
    play_count: int
    last_played_at: datetime | None
    starred_at: datetime | None
    rating: int


@query
async def list_song_states(
    conn: Connection, *, user_id: UUID, song_ids: list[UUID]
) -> list[SongState]:
    """Return a user's states of songs; a song that the user never touched has none."""


@query
async def upsert_song_play(
    conn: Connection, *, user_id: UUID, song_id: UUID, played_at: datetime, now: datetime
) -> SongState | None:
    """Count a play of a song."""


@query
async def upsert_song_rating(
    conn: Connection, *, user_id: UUID, song_id: UUID, rating: int, now: datetime
) -> SongState | None:
    """Rate a song, or with 0 take the rating back."""


@query
async def upsert_song_star(
    conn: Connection, *, user_id: UUID, song_id: UUID, is_starred: bool, now: datetime
) -> SongState | None:
    """Star a song, or take the star back."""


@query
async def list_starred_songs(
    conn: Connection,
    *,
    user_id: UUID,
    before_starred_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of a user's starred songs, latest star first."""


@query
async def list_played_songs(
    conn: Connection,
    *,
    user_id: UUID,
    before_played_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[Song]]:
    """Return one page of the songs that a user played, last played first."""


@query
async def list_starred_states(
    conn: Connection,
    *,
    user_id: UUID,
    before_starred_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[SongState]]:
    """Return the states of list_starred_songs; for a database on Citus."""


@query
async def list_played_states(
    conn: Connection,
    *,
    user_id: UUID,
    before_played_at: datetime | None,
    before_id: UUID | None,
    page_size: int,
    page_offset: int,
) -> list[Keyed[SongState]]:
    """Return the states of list_played_songs; for a database on Citus."""
