"""Songs and albums of a seeded library: pages to the end, filters, look-ups, derived columns."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec import structs

from factories import NOW, make_user, words_of
from kleio.db.errors import MissingReference, translate
from kleio.db.queries import Connection
from kleio.repositories import albums, library_artists, library_stats, songs, user_songs
from kleio.repositories.words import NO_WORDS
from kleio.seed.music import MusicPlan
from kleio.seeding import copy_chunk, prepare_library, read_library
from servers import owner_only

pytestmark = pytest.mark.anyio

PLAN = MusicPlan(
    seed=3,
    songs=700,
    albums=64,
    artists=25,
    months=5,
    until=datetime(2026, 3, 29, 10, tzinfo=UTC),
)
NO_FILTERS = dict.fromkeys(
    (
        *("library_id", "artist", "album", "genre", "codec", "year_from", "year_to"),
        *("min_duration_ms", "max_duration_ms", "since", "until"),
    )
)
NO_ALBUM_FILTERS = dict.fromkeys(("library_id", "year_from", "year_to"))
EXACT = [("flac", {"codec": "flac"}), ("rock", {"genre": "Rock"}), ("years", {"year_from": 2000,
         "year_to": 2015}), ("long", {"min_duration_ms": 300_000}), ("short",
         {"max_duration_ms": 200_000}), ("a month", {"since": datetime(2026, 1, 1, tzinfo=UTC),
         "until": datetime(2026, 2, 1, tzinfo=UTC)}), ("nowhere", {"library_id": UUID(int=9)}),
         ("all of it", {"library_id": PLAN.library_id})]  # fmt: skip


@pytest.fixture
async def library(tx: Connection) -> Connection:
    plan, _ = await prepare_library(tx, PLAN)
    made = await read_library(tx, plan)
    for chunk in range(plan.chunks):
        await copy_chunk(tx, made, chunk)
    await tx.execute(
        "UPDATE songs SET missing_since = %s WHERE id IN"
        " (SELECT id FROM songs ORDER BY id OFFSET 50 LIMIT 30)",
        [NOW],
    )
    return tx


async def rows(conn: Connection, statement: str, *parameters: Any) -> list[Any]:
    return await (await conn.execute(statement, parameters)).fetchall()


async def walk(function: Any, conn: Connection, place: str, **parameters: Any) -> list[Any]:
    """Read a list page by page, to its end."""
    found: list[Any] = []
    last = None
    while True:
        key = {place: last.key} if last and place not in ("before_id", "after_id") else {}
        if not key and place not in ("before_id", "after_id"):
            key = {place: None}
        id_name = "after_id" if place.startswith("after") else "before_id"
        page = await function(
            conn, **parameters, **key, **{id_name: last and last.id}, page_size=37, page_offset=0
        )
        found += page
        if len(page) < 37:
            return found
        last = page[-1]


async def test_pages_hold_every_song_once_in_both_directions(library: Connection) -> None:
    expected = [
        song_id
        for (song_id,) in await rows(
            library, "SELECT id FROM songs WHERE missing_since IS NULL ORDER BY id"
        )
    ]
    assert len(expected) == 670
    up = await walk(songs.list_songs_oldest, library, "after_id")
    down = await walk(songs.list_songs_newest, library, "before_id")
    assert [row.id for row in up] == expected
    assert [row.id for row in down] == expected[::-1]
    skipped = await songs.list_songs_newest(library, before_id=None, page_size=5, page_offset=10)
    assert [row.id for row in skipped] == expected[::-1][10:15]


@pytest.mark.parametrize(("name", "given"), EXACT, ids=[name for name, _ in EXACT])
async def test_a_filter_finds_what_it_says_and_the_count_agrees(
    name: str, given: dict[str, Any], library: Connection
) -> None:
    conditions = {
        "codec": "codec = %s",
        "genre": "genre = %s",
        "year_from": "year >= %s",
        "year_to": "year <= %s",
        "min_duration_ms": "duration_ms >= %s",
        "max_duration_ms": "duration_ms <= %s",
        "since": "created_at >= %s",
        "until": "created_at < %s",
        "library_id": "library_id = %s",
    }
    where = " AND ".join(["missing_since IS NULL", *(conditions[name] for name in given)])
    expected = [
        song_id
        for (song_id,) in await rows(
            library, f"SELECT id FROM songs WHERE {where} ORDER BY id", *given.values()
        )
    ]
    assert (name == "nowhere") == (not expected)
    filters = {**NO_FILTERS, **given}
    down = await walk(songs.list_filtered_songs_newest, library, "before_id", **filters)
    up = await walk(songs.list_filtered_songs_oldest, library, "after_id", **filters)
    assert [row.id for row in down] == expected[::-1]
    assert [row.id for row in up] == expected
    assert await songs.count_songs(
        library, **filters, search=None, **structs.asdict(NO_WORDS)
    ) == len(expected)


async def test_artist_and_album_are_found_by_their_whole_names(library: Connection) -> None:
    ((artist, album, artist_id, album_id),) = await rows(
        library,
        "SELECT a.name, b.name, a.id, b.id FROM albums AS b"
        "  JOIN library_artists AS a ON a.id = b.artist_id ORDER BY b.id OFFSET 20 LIMIT 1",
    )
    for given, column, value in (
        ({"artist": f"  {artist.upper()}"}, "artist_id", artist_id),
        ({"album": album.upper()}, "album_id", album_id),
    ):
        filters = {**NO_FILTERS, **given}
        found = await walk(songs.list_filtered_songs_newest, library, "before_id", **filters)
        assert found
        assert value in {getattr(row.row, column) for row in found}
        if column == "artist_id":
            assert {getattr(row.row, column) for row in found} == {value}
    nobody = {**NO_FILTERS, "artist": artist[:-1]}
    assert await walk(songs.list_filtered_songs_newest, library, "before_id", **nobody) == []


async def test_a_lookup_keeps_the_order_and_doubles_and_leaves_out_what_is_not_there(
    library: Connection, rng: random.Random
) -> None:
    known = [row[0] for row in await rows(library, "SELECT id FROM songs ORDER BY id LIMIT 400")]
    given = [*rng.sample(known, 150), UUID(int=5), known[3], known[3], known[60]]
    rng.shuffle(given)
    found = await songs.list_songs_by_id(library, song_ids=given)
    assert [song.id for song in found] == [song_id for song_id in given if song_id != UUID(int=5)]
    # What is missing is found by its id, and says so.
    (missing,) = await songs.list_songs_by_id(library, song_ids=[known[60]])
    assert missing == await songs.get_song(library, song_id=known[60])
    assert missing.missing_since == NOW
    assert await songs.list_songs_by_id(library, song_ids=[]) == []


async def test_songs_carry_the_names_of_their_album_and_artist(library: Connection) -> None:
    wrong = await rows(
        library,
        "SELECT s.id FROM songs AS s JOIN albums AS b ON b.id = s.album_id"
        "  JOIN library_artists AS a ON a.id = s.artist_id"
        " WHERE s.album_name <> b.name OR NOT starts_with(s.artist_name, a.name)",
    )
    assert wrong == []
    every = [row[0] for row in await rows(library, "SELECT id FROM songs")]
    assert await songs.refresh_songs(library, song_ids=every) == 0
    await library.execute(
        "UPDATE albums SET name = 'Renamed' WHERE id IN (SELECT album_id FROM songs LIMIT 1)"
    )
    changed = await songs.refresh_songs(library, song_ids=every)
    ((count,),) = await rows(library, "SELECT count(*) FROM songs WHERE album_name = 'Renamed'")
    assert changed == count > 0
    await library.execute("UPDATE songs SET album_id = NULL WHERE album_name = 'Renamed'")
    assert await songs.refresh_songs(library, song_ids=every) == count


async def test_albums_count_the_songs_that_are_there(library: Connection) -> None:
    every = [row[0] for row in await rows(library, "SELECT id FROM albums")]
    wrong = await albums.refresh_albums(library, album_ids=every)
    # Those of the 30 missing songs alone.
    assert 2 <= wrong <= 5
    assert await albums.refresh_albums(library, album_ids=every) == 0
    mismatched = await rows(
        library,
        "SELECT b.id FROM albums AS b LEFT JOIN songs AS s"
        "    ON s.album_id = b.id AND s.missing_since IS NULL"
        " GROUP BY b.id, b.song_count, b.duration_ms"
        " HAVING (b.song_count, b.duration_ms) <> (count(s.id), coalesce(sum(s.duration_ms), 0))",
    )
    assert mismatched == []


async def test_an_album_s_songs_come_in_the_order_of_the_record(library: Connection) -> None:
    ((album_id, song_count),) = await rows(
        library, "SELECT id, song_count FROM albums ORDER BY id DESC LIMIT 1"
    )
    found = await songs.list_album_songs(library, album_id=album_id, max_rows=1000)
    assert len(found) == song_count
    assert [(song.disc_number, song.track_number) for song in found] == sorted(
        (song.disc_number, song.track_number) for song in found
    )
    assert len(await songs.list_album_songs(library, album_id=album_id, max_rows=3)) == 3


async def test_an_artist_s_songs_are_those_of_a_guest_too(library: Connection) -> None:
    for (artist_id,) in await rows(library, "SELECT DISTINCT artist_id FROM song_artists LIMIT 5"):
        expected = await rows(
            library,
            "SELECT id FROM songs WHERE missing_since IS NULL AND"
            " (artist_id = %s OR id IN (SELECT song_id FROM song_artists WHERE artist_id = %s))"
            " ORDER BY id DESC",
            *(artist_id, artist_id),
        )
        found = await walk(songs.list_artist_songs, library, "before_id", artist_id=artist_id)
        assert [(row.id,) for row in found] == expected


async def test_albums_by_each_order_hold_each_once(library: Connection) -> None:
    await library.execute(
        "UPDATE albums SET song_count = 0 WHERE id IN (SELECT id FROM albums ORDER BY id LIMIT 1)"
    )
    ((count,),) = await rows(library, "SELECT count(*) FROM albums WHERE song_count > 0")
    for function, place in (
        (albums.list_albums_newest, "before_id"),
        (albums.list_albums_oldest, "after_id"),
        (albums.list_albums_by_name, "after_name"),
    ):
        found = await walk(function, library, place, **NO_ALBUM_FILTERS)
        assert len({row.id for row in found}) == len(found) == count == 63
        keys = [(row.key, row.id) for row in found]
        assert keys == sorted(keys, reverse=place == "before_id")
    filters = {**NO_ALBUM_FILTERS, "year_from": 2005}
    found = await walk(albums.list_albums_newest, library, "before_id", **filters)
    assert found
    assert all(row.row.year >= 2005 for row in found)


async def test_an_artist_s_albums_come_latest_year_first(library: Connection) -> None:
    ((artist_id, count),) = await rows(
        library,
        "SELECT artist_id, count(*) FROM albums WHERE artist_id IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
    )
    found: list[Any] = []
    last = None
    while page := await albums.list_artist_albums(
        library,
        artist_id=artist_id,
        before_year=last and last.key,
        before_id=last and last.id,
        page_size=2,
        page_offset=0,
    ):
        found += page
        last = page[-1]
    assert len(found) == count
    keys = [(row.row.year or 0, row.id) for row in found]
    assert keys == sorted(keys, reverse=True)


async def test_a_search_forgives_a_typo(library: Connection) -> None:
    ((song_id, name),) = await rows(
        library,
        "SELECT id, name FROM songs WHERE missing_since IS NULL AND name ~ '^[A-Za-z]{9,}$'"
        " ORDER BY id LIMIT 1",
    )
    typo = name[:4] + name[5] + name[4] + name[6:]
    words = await words_of(library, typo)
    found = await songs.search_songs(
        library, search=typo, **words, **NO_FILTERS, before_score=None, before_id=None,
        page_size=20, page_offset=0,
    )  # fmt: skip
    assert song_id in {row.id for row in found}
    assert [row.key for row in found] == sorted((row.key for row in found), reverse=True)
    assert await songs.count_songs(library, **NO_FILTERS, search=typo, **words) >= 1


async def test_the_views_count_what_is_there(library: Connection) -> None:
    for refresh in (
        library_stats.refresh_library_stats,
        library_stats.refresh_artist_stats,
        library_stats.refresh_release_popularity,
        library_stats.refresh_genre_counts,
    ):
        await refresh(library)
    totals = await library_stats.get_library_totals(library)
    assert (totals.songs, totals.missing_songs) == (670, 30)
    assert (totals.albums, totals.bytes) == (64, 0)
    (one,) = await library_stats.list_library_stats(library)
    assert (one.name, one.songs, one.artists) == ("Seed 3", totals.songs, totals.artists)
    ((duration_ms,),) = await rows(
        library, "SELECT sum(duration_ms) FROM songs WHERE missing_since IS NULL"
    )
    assert totals.duration_ms == one.duration_ms == duration_ms
    assert totals.refreshed_at is not None
    artists = await library_stats.get_artist_totals(library)
    assert artists.artists >= totals.artists
    genres = await library_stats.list_genre_counts(library)
    assert sum(genre.songs for genre in genres) <= totals.songs
    assert "Rock" in {genre.name for genre in genres}
    page = await walk(library_artists.list_library_artists, library, "after_name")
    assert len(page) == 25
    ((expected,),) = await rows(
        library, "SELECT count(*) FROM songs WHERE missing_since IS NULL AND artist_id = %s",
        page[0].id,
    )  # fmt: skip
    assert page[0].row.songs >= expected


async def test_an_empty_library_has_totals(tx: Connection) -> None:
    await library_stats.refresh_library_stats(tx)
    totals = await library_stats.get_library_totals(tx)
    assert (totals.songs, totals.albums, totals.artists, totals.duration_ms) == (0, 0, 0, 0)
    assert totals.refreshed_at is not None


async def test_a_genre_is_one_in_the_catalogue_and_in_files(library: Connection) -> None:
    await library.execute(
        "INSERT INTO genres (name, created_at) VALUES ('Róck', %s), ('Unheard', %s)", [NOW, NOW]
    )
    await library_stats.refresh_genre_counts(library)
    genres = {genre.name: genre for genre in await library_stats.list_genre_counts(library)}
    assert genres["Róck"].songs > 0
    assert "Rock" not in genres
    assert (genres["Unheard"].songs, genres["Unheard"].releases) == (0, 0)


async def test_states_of_songs_are_each_user_s_own(library: Connection) -> None:
    ada, bob = await make_user(library), await make_user(library)
    ids = [row[0] for row in await rows(library, "SELECT id FROM songs ORDER BY id LIMIT 3")]
    later = NOW + timedelta(hours=1)
    for moment in (later, NOW):
        await user_songs.upsert_song_play(
            library, user_id=ada.id, song_id=ids[0], played_at=moment, now=later
        )
    await user_songs.upsert_song_rating(library, user_id=ada.id, song_id=ids[0], rating=5, now=NOW)
    for moment, song_id in ((NOW, ids[0]), (later, ids[0]), (later, ids[1])):
        await user_songs.upsert_song_star(
            library, user_id=ada.id, song_id=song_id, is_starred=True, now=moment
        )
    await user_songs.upsert_song_rating(library, user_id=bob.id, song_id=ids[0], rating=1, now=NOW)
    states = await user_songs.list_song_states(library, user_id=ada.id, song_ids=ids)
    first = next(state for state in states if state.song_id == ids[0])
    assert (first.play_count, first.rating) == (2, 5)
    # An earlier play is counted and leaves the time of the last; a star keeps its first time.
    assert (first.last_played_at, first.starred_at) == (later, NOW)
    page = {"before_id": None, "page_size": 10, "page_offset": 0}
    starred = await user_songs.list_starred_songs(
        library, user_id=ada.id, before_starred_at=None, **page
    )
    assert [(row.key, row.id) for row in starred] == [(later, ids[1]), (NOW, ids[0])]
    played = await user_songs.list_played_songs(
        library, user_id=ada.id, before_played_at=None, **page
    )
    assert [(row.key, row.id) for row in played] == [(later, ids[0])]
    nothing = await user_songs.upsert_song_star(
        library, user_id=ada.id, song_id=ids[1], is_starred=False, now=later
    )
    assert nothing.starred_at is None
    assert len(await user_songs.list_song_states(library, user_id=bob.id, song_ids=ids)) == 1


@owner_only
async def test_a_state_needs_a_song_and_keeps_it(library: Connection) -> None:
    account = await make_user(library)
    nowhere = {"user_id": account.id, "song_id": UUID(int=8), "now": NOW}
    assert await user_songs.upsert_song_rating(library, **nowhere, rating=1) is None
    ((song_id,),) = await rows(library, "SELECT id FROM songs LIMIT 1")
    await user_songs.upsert_song_rating(
        library, user_id=account.id, song_id=song_id, rating=1, now=NOW
    )
    for statement, parameters in (
        ("DELETE FROM songs WHERE id = %s", [song_id]),
        (
            "INSERT INTO user_songs (user_id, song_id, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s)",
            [account.id, UUID(int=8), NOW, NOW],
        ),
        (
            "INSERT INTO songs (library_id, name, codec, updated_at) VALUES (%s, 'N', 'mp3', %s)",
            [UUID(int=8), NOW],
        ),
    ):
        with pytest.raises(MissingReference) as caught:
            await fail(library, statement, parameters)
        assert caught.value.constraint


async def fail(conn: Connection, statement: str, parameters: list[Any]) -> None:
    try:
        async with conn.transaction():
            await conn.execute(statement, parameters)
    except psycopg.Error as error:
        raise translate(error) from error


async def test_a_link_to_the_catalogue_is_made_and_undone_in_one_row(library: Connection) -> None:
    ((artist_id,),) = await rows(
        library,
        "INSERT INTO artists (name, created_at, updated_at) VALUES ('X', %s, %s) RETURNING id",
        *(NOW, NOW),
    )
    ((own,),) = await rows(library, "SELECT id FROM library_artists LIMIT 1")
    for given, link in ((artist_id, "hand"), (None, "none")):
        assert (
            await library_artists.update_library_artist_link(
                library, library_artist_id=own, artist_id=given, now=NOW
            )
            == 1
        )
        found = await library_artists.get_library_artist(library, library_artist_id=own)
        assert (found.artist_id, found.link) == (given, link)
