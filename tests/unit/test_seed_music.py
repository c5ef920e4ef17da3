"""The invented music library: the same from the same seed, whatever is made first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from kleio.seed.music import (
    ALBUMS_A_CHUNK,
    Library,
    MusicPlan,
    artist_id_range,
    artist_names,
    first_album_id,
    shelf,
    user_id,
)

PLAN = MusicPlan(
    seed=7,
    songs=46_000,
    albums=ALBUMS_A_CHUNK * 2 + 101,
    artists=900,
    months=3,
    until=datetime(2026, 3, 31, 23, 59, tzinfo=UTC),
)


def library(plan: MusicPlan) -> Library:
    return Library(plan, [(key.bytes, name.encode()) for key, name in artist_names(plan)])


@pytest.fixture(scope="module")
def made() -> Library:
    return library(PLAN)


def test_chunks_are_the_same_in_any_order_and_in_any_process(made: Library) -> None:
    backwards = [made.chunk(number) for number in reversed(range(PLAN.chunks))]
    again = library(PLAN)
    assert [again.chunk(number) for number in range(PLAN.chunks)] == backwards[::-1]


def test_another_seed_is_another_library(made: Library) -> None:
    other = library(replace(PLAN, seed=8))
    assert other.chunk(0) != made.chunk(0)
    assert user_id(PLAN, 1) != user_id(replace(PLAN, seed=8), 1)


def test_there_are_as_many_as_were_asked_for_and_albums_have_8_to_14(made: Library) -> None:
    chunks = [made.chunk(number) for number in range(PLAN.chunks)]
    assert PLAN.chunks == 3
    assert sum(len(chunk.songs) for chunk in chunks) == PLAN.songs
    assert sum(len(chunk.albums) for chunk in chunks) == PLAN.albums
    sizes = Counter(row[2] for chunk in chunks for row in chunk.songs)
    assert min(sizes.values()) >= 8
    assert max(sizes.values()) <= 15
    for chunk in chunks:
        for album in chunk.albums:
            assert album[5] == sizes[album[0]]


@pytest.mark.parametrize(
    ("songs", "albums"), [(1, 1), (5, 5), (7, 3), (3000, 2001), (2001, 2001), (50_000, 10)]
)
def test_odd_sizes_come_out_exactly(songs: int, albums: int) -> None:
    plan = replace(PLAN, songs=songs, albums=albums, artists=4)
    chunks = [library(plan).chunk(number) for number in range(plan.chunks)]
    assert sum(len(chunk.songs) for chunk in chunks) == songs
    assert sum(len(chunk.albums) for chunk in chunks) == albums
    assert all(album[5] >= 1 for chunk in chunks for album in chunk.albums)


def test_ids_are_uuids_of_version_7_in_the_order_and_the_months_of_the_songs(
    made: Library,
) -> None:
    ids = [UUID(bytes=row[0]) for n in range(PLAN.chunks) for row in made.chunk(n).songs]
    assert {key.version for key in ids} == {7}
    assert {key.variant for key in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    moments = [datetime.fromtimestamp((key.int >> 80) / 1000, UTC) for key in (ids[0], ids[-1])]
    assert moments[0] >= PLAN.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert moments[1] <= PLAN.until
    for chunk in range(PLAN.chunks):
        assert first_album_id(PLAN, chunk).bytes == made.chunk(chunk).albums[0][0]


@pytest.mark.parametrize(
    ("until", "months", "since"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 1, datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), 2, datetime(2025, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 12, datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 3, 31, tzinfo=UTC), 84, datetime(2019, 4, 1, tzinfo=UTC)),
    ],
)
def test_months_are_counted_from_the_first(until: datetime, months: int, since: datetime) -> None:
    assert replace(PLAN, until=until, months=months).since == since


def test_artists_follow_zipf_and_names_come_in_several_scripts(made: Library) -> None:
    names = [name for _, name in artist_names(PLAN)]
    assert len({name.casefold() for name in names}) == len(names) == PLAN.artists
    text = "".join(names)
    for first, last in (("Ѐ", "ӿ"), ("Ͱ", "Ͽ"), ("゠", "鿿"), ("À", "ž")):
        assert any(first <= letter <= last for letter in text)
    songs = Counter(row[3] for number in range(PLAN.chunks) for row in made.chunk(number).songs)
    ranked = [count for _, count in songs.most_common()]
    # A few have many, most have little.
    assert ranked[0] > 6 * ranked[len(ranked) // 2]
    first_id, last_id = artist_id_range(PLAN)
    assert all(first_id <= key <= last_id for key, _ in artist_names(PLAN))


def test_no_text_holds_what_postgresql_refuses(made: Library) -> None:
    for row in made.chunk(1).songs:
        for text in row[12:]:
            assert text is None or (b"\0" not in text and text.decode())


def test_shelves_are_the_user_s_own_and_hold_some_records_twice() -> None:
    releases = [UUID(int=number) for number in range(300)]
    one = shelf(PLAN, 1, releases, 200)
    assert one == shelf(PLAN, 1, releases, 200)
    assert one != shelf(PLAN, 2, releases, 200)
    assert max(Counter(one).values()) > 1
