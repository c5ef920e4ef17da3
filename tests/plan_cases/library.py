"""Songs, albums, artists of the library, and what users did with songs: twelve months of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from plan_cases.case import FIRST, PAGE, Case, searched

NO_SONG_FILTERS: dict[str, Any] = dict.fromkeys(
    (
        *("library_id", "artist", "album", "genre", "codec", "year_from", "year_to"),
        *("min_duration_ms", "max_duration_ms", "since", "until"),
    )
)
NO_ALBUM_FILTERS: dict[str, Any] = dict.fromkeys(("library_id", "year_from", "year_to"))
SEARCH = {
    "search": "@song_name",
    **{f"{place}_words": f"@{place}_words" for place in ("first", "second", "third")},
}
APRIL, MAY = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)


def songs(verb: str, name: str, indexes: set[str], buffers: int, **given: Any) -> Case:
    parameters = {**NO_SONG_FILTERS, "before_id": None, "after_id": None, **PAGE, **given}
    return Case(f"songs.list_filtered_songs_{verb}", parameters, indexes, buffers, name=name)


CASES = [
    Case("songs.get_song", {"song_id": "@song_id"}, {"songs_pkey"}, 4, rows=1),
    Case("songs.list_songs_by_id", {"song_ids": "@song_ids"}, {"songs_pkey"}, 400, rows=100),
    *(
        Case(f"songs.list_songs_{verb}", {**FIRST, **PAGE, **place}, {"songs_pkey"}, 24, rows=50,
             name=name)
        for name, verb, place in (
            ("first page", "newest", {}),
            ("deep page", "newest", {"before_id": "@middle_song_id"}),
            ("first page", "oldest", {}),
            ("deep page", "oldest", {"after_id": "@middle_song_id"}),
        )
    ),
    *(
        case
        for verb in ("newest", "oldest")
        for case in (
            songs(verb, "of a codec", {"songs_codec_idx"}, 30, codec="flac"),
            songs(verb, "of an artist", {"songs_artist_idx", "library_artists_name_key"}, 90,
                  artist="@library_artist"),
            # Of so few songs it is cheaper to read them all than to look into each month.
            songs(verb, "of an album", {"albums_name_idx"}, 900, album="@album"),
            songs(verb, "of a month", {"songs_pkey"}, 12, since=APRIL,
                  until=MAY),
            songs(verb, "of a length", {"songs_pkey"}, 80, min_duration_ms=240_000,
                  max_duration_ms=300_000),
        )
    ),
    Case("songs.list_album_songs", {"album_id": "@album_id", "max_rows": 1000},
         {"songs_album_idx"}, 45),
    Case("songs.list_artist_songs", {**FIRST, **PAGE, "artist_id": "@library_artist_id"},
         {"songs_artist_idx", "song_artists_pkey", "songs_pkey"}, 400),
    Case("songs.search_songs", {**NO_SONG_FILTERS, **FIRST, **PAGE, **SEARCH},
         {"songs_words_idx"}, 4000),
    Case("songs.count_songs", {**NO_SONG_FILTERS, **SEARCH}, {"songs_words_idx"}, 4000),
    Case("albums.get_album", {"album_id": "@album_id"}, {"albums_pkey"}, 4, rows=1),
    *(
        Case(f"albums.list_albums_{verb}", {**NO_ALBUM_FILTERS, **FIRST, **PAGE}, {index}, buffers,
             rows=50)
        for verb, index, buffers in (
            ("newest", "albums_pkey", 24),
            ("oldest", "albums_pkey", 24),
            ("by_name", "albums_name_idx", 120),
        )
    ),
    Case("albums.list_artist_albums",
         {**FIRST, **PAGE, "artist_id": "@library_artist_id", "before_year": None},
         {"albums_artist_idx"}, 60),
    Case("albums.search_albums", {**NO_ALBUM_FILTERS, **FIRST, **PAGE, **searched("album")},
         {"albums_name_idx"}, 1500),
    Case("library_artists.list_library_artists", {**FIRST, **PAGE},
         {"library_artists_name_idx"}, 260, rows=50),
    Case("library_artists.search_library_artists",
         {**FIRST, **PAGE, **searched("library_artist")},
         {"library_artists_name_idx", "library_artists_words_idx"}, 600),
    Case("library_artists.get_library_artist", {"library_artist_id": "@library_artist_id"},
         {"library_artists_pkey", "mv_artist_stats_key"}, 8, rows=1),
    # Some rows, read whole or by their key.
    Case("library_stats.get_library_totals", {}, set(), 2, rows=1),
    Case("library_stats.list_popular_releases", {**FIRST, **PAGE, "before_owners": None},
         {"mv_release_popularity_owners_idx", "releases_pkey"}, 260, rows=50),
    # Either index with both columns.
    Case("user_songs.list_song_states", {"user_id": "@user_id", "song_ids": "@song_ids"},
         set(), 320),
    Case("user_songs.list_starred_songs",
         {"user_id": "@user_id", "before_starred_at": None, **FIRST, **PAGE},
         {"user_songs_user_starred_idx", "songs_pkey"}, 260, rows=50),
    Case("user_songs.list_played_songs", {"user_id": "@user_id", **FIRST, **PAGE},
         {"user_songs_user_played_idx", "songs_pkey"}, 260, rows=50),
    Case("seeds.list_seed_albums", {"album_ids": "@album_ids"}, {"albums_pkey"}, 300),
]  # fmt: skip
