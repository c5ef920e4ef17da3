"""Which songs make an album, and who they are by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mutagen import id3

from audio_files import mp3, tag
from factories import artist_document
from kleio.db.queries import Connection
from kleio.importers.catalogue_store import store
from kleio.importers.music_names import album_folder
from music_library import Music, make_music

pytestmark = pytest.mark.anyio


@pytest.fixture
async def music(conn: Connection, tmp_path: Path) -> Music:
    return await make_music(conn, tmp_path / "music")


def song(music: Music, path: str, **tags: Any) -> bytes:
    return mp3(music.root / f"{path}.mp3", **{"title": path.rpartition("/")[2], **tags})


async def scanned(music: Music) -> list[tuple[str, str | None, list[str]]]:
    await music.scan()
    await music.check()
    return await music.albums()


async def test_albums_of_one_name_by_two_artists_are_two(music: Music) -> None:
    song(music, "Queen/a", artist="Queen", album="Greatest Hits", track=1)
    song(music, "ABBA/b", artist="ABBA", album="Greatest Hits", track=1)
    assert await scanned(music) == [
        ("Greatest Hits", "ABBA", ["b"]),
        ("Greatest Hits", "Queen", ["a"]),
    ]


async def test_albums_of_one_name_in_one_folder_are_told_apart_by_their_numbers(
    music: Music,
) -> None:
    for artist in ("Queen", "ABBA"):
        for number in (1, 2):
            song(music, f"all/{artist} {number}", artist=artist, album="Hits", track=number)
    assert await scanned(music) == [
        ("Hits", "ABBA", ["ABBA 1", "ABBA 2"]),
        ("Hits", "Queen", ["Queen 1", "Queen 2"]),
    ]


async def test_one_album_in_two_folders_is_one(music: Music) -> None:
    song(music, "first/a", artist="Björk", album="Début", track=1)
    song(music, "second/b", artist="Bjork", album="Debut ", track=2)
    ((name, artist, songs),) = await scanned(music)
    assert (name in ("Début", "Debut"), artist in ("Björk", "Bjork"), songs) == (
        True,
        True,
        ["a", "b"],
    )
    assert await music.rows("SELECT count(*) FROM library_artists") == [(1,)]


async def test_one_album_with_an_album_artist_in_two_folders(music: Music) -> None:
    song(music, "x/a", artist="A", album="Duets", album_artist="A & B", track=1)
    song(music, "y/b", artist="B", album="Duets", album_artist="A & B", track=2)
    assert await scanned(music) == [("Duets", "A & B", ["a", "b"])]


async def test_discs_in_folders_and_in_tags(music: Music) -> None:
    song(music, "Wall/CD1/a", artist="PF", album="Wall", track=1)
    song(music, "Wall/CD2/b", artist="PF", album="Wall", track=1)
    song(music, "Wall/disc 3/c", artist="PF", album="Wall", track=1, disc="3/3")
    assert await scanned(music) == [("Wall", "PF", ["a", "b", "c"])]
    rows = await music.rows("SELECT disc_number, track_number FROM songs ORDER BY disc_number")
    assert rows == [(1, 1), (2, 1), (3, 1)]


async def test_a_compilation_of_several_discs_without_album_artist(music: Music) -> None:
    for disc in (1, 2):
        for number in (1, 2):
            song(
                music,
                f"Mix/CD{disc}/{disc}{number}",
                artist=f"Artist {disc}{number}",
                album="Mix",
                track=number,
            )
    assert await scanned(music) == [("Mix", "Various Artists", ["11", "12", "21", "22"])]
    assert await music.rows("SELECT is_compilation FROM albums") == [(True,)]


async def test_the_compilation_flag_gathers_what_lies_apart(music: Music) -> None:
    """As iTunes lays it out: a folder for each artist."""
    song(music, "A/Mix/a", artist="A", album="Mix", compilation="1", track=1)
    song(music, "B/Mix/b", artist="B", album="Mix", compilation="1", track=2)
    assert await scanned(music) == [("Mix", "Various Artists", ["a", "b"])]


async def test_a_guest_makes_no_album_of_their_own(music: Music) -> None:
    song(music, "x/a", artist="Queen", album="Hot Space", track=1)
    song(music, "x/b", artist="Queen feat. David Bowie", album="Hot Space", track=2)
    song(music, "x/c", artist="Queen (ft. David Bowie)", album="Hot Space", track=2)
    assert await scanned(music) == [("Hot Space", "Queen", ["a", "b", "c"])]


async def test_the_album_artist_that_some_songs_name_is_that_of_the_others(music: Music) -> None:
    song(music, "x/a", artist="A", album="One", album_artist="The As", track=1)
    song(music, "x/b", artist="B", album="One", track=1)
    assert await scanned(music) == [("One", "The As", ["a", "b"])]


async def test_albums_without_any_artist_stay_in_their_folders(music: Music) -> None:
    song(music, "x/a", album="Demo")
    song(music, "y/b", album="Demo")
    assert [(name, artist) for name, artist, _ in await scanned(music)] == [
        ("Demo", None),
        ("Demo", None),
    ]


async def test_singles_belong_to_no_album(music: Music) -> None:
    song(music, "Downloads/a", artist="A")
    assert await scanned(music) == []
    assert await music.rows("SELECT artist_name, album_id FROM songs") == [("A", None)]


async def test_a_song_by_several_artists_is_each_ones(music: Music) -> None:
    path = song(music, "x/a", artist="A feat. B & C", album="One")
    tag(path, id3.TXXX(3, "ARTISTS", ["A", "B", "C", "a"]))
    await scanned(music)
    credits = (
        "SELECT t.name, x.position FROM song_artists AS x"
        " JOIN library_artists AS t ON t.id = x.artist_id ORDER BY x.position"
    )
    assert await music.rows(credits) == [("B", 2), ("C", 3)]
    assert await music.rows(
        "SELECT s.artist_name, t.name FROM songs AS s"
        " JOIN library_artists AS t ON t.id = s.artist_id"
    ) == [("A feat. B & C", "A")]
    tag(path, id3.TXXX(3, "ARTISTS", ["A", "C", "D"]))
    await scanned(music)
    assert await music.rows(credits) == [("C", 2), ("D", 3)]


async def test_the_spelling_of_an_album_follows_the_tags(music: Music) -> None:
    paths = [song(music, f"x/{n}", artist="A", album="the album", track=n) for n in (1, 2)]
    await scanned(music)
    before = await music.rows("SELECT id FROM albums")
    for path in paths:
        tag(path, album="The Album")
    assert await scanned(music) == [("The Album", "A", ["1", "2"])]
    assert await music.rows("SELECT id FROM albums") == before
    assert await music.rows("SELECT DISTINCT album_name FROM songs") == [("The Album",)]


async def test_an_album_that_loses_its_last_song_to_another_is_gone(music: Music) -> None:
    path = song(music, "x/a", artist="A", album="Wrong")
    await scanned(music)
    tag(path, album="Right")
    assert await scanned(music) == [("Right", "A", ["a"])]


async def test_songs_beside_a_changed_one_are_looked_at_again(music: Music) -> None:
    """A second artist makes the album a compilation, and its leaving undoes it."""
    song(music, "x/a", artist="A", album="One", track=1)
    other = song(music, "x/b", artist="A", album="One", track=2)
    assert await scanned(music) == [("One", "A", ["a", "b"])]
    tag(other, artist="B")
    assert await scanned(music) == [("One", "Various Artists", ["a", "b"])]
    assert music.report.read == 1
    os.unlink(other)
    # The album of the missing song stays, without songs.
    assert await scanned(music) == [("One", "A", ["a"]), ("One", "Various Artists", [])]
    assert music.report.read == 0


async def test_the_years_of_an_album_are_those_of_most_songs(music: Music) -> None:
    for number, year in enumerate(("1999", "2001", "2001", "")):
        song(music, f"x/{number}", artist="A", album="One", track=number + 1, date=year)
    await scanned(music)
    assert await music.rows("SELECT year, song_count, duration_ms FROM albums") == [(2001, 4, 832)]


async def test_artists_are_linked_where_the_catalogue_has_one_of_the_name(
    music: Music, conn: Connection
) -> None:
    await store(
        conn,
        "artists",
        [
            artist_document(1, "Björk"),
            artist_document(2, "Prince"),
            artist_document(3, "Prince (2)"),
            artist_document(4, "Nobody Heard (7)"),
        ],
    )
    untouched = await music.rows("SELECT a FROM artists AS a ORDER BY discogs_id")
    for name in ("bjork", "Prince", "Nobody Heard", "Queen", "Left Alone", "By Hand"):
        song(music, f"{name}/a", artist=name, album="One")
    await scanned(music)
    links = (
        "SELECT t.name, a.discogs_id, t.link FROM library_artists AS t"
        " LEFT JOIN artists AS a ON a.id = t.artist_id"
        " WHERE t.artist_id IS NOT NULL OR t.link IS NOT NULL ORDER BY a.discogs_id"
    )
    assert await music.rows(links) == [("bjork", 1, "name"), ("Nobody Heard", 4, "name")]
    assert await music.rows("SELECT a FROM artists AS a ORDER BY discogs_id") == untouched

    # A person decides, a dump brings an artist and a namesake: the next scan follows the dump.
    await conn.execute("UPDATE library_artists SET link = 'none' WHERE name = 'Left Alone'")
    await conn.execute(
        "UPDATE library_artists SET link = 'hand', artist_id = (SELECT id FROM artists"
        "  WHERE discogs_id = 3) WHERE name = 'By Hand'"
    )
    names = ("Queen", "Nobody Heard (8)", "Left Alone", "By Hand")
    await store(conn, "artists", [artist_document(10 + n, name) for n, name in enumerate(names)])
    await scanned(music)
    assert await music.rows(links) == [
        ("bjork", 1, "name"),
        ("By Hand", 3, "hand"),
        ("Queen", 10, "name"),
        ("Left Alone", None, "none"),
    ]


@pytest.mark.parametrize(
    ("credit", "lead"),
    [
        ("A feat. B", "A"),
        ("A Featuring B", "A"),
        ("A (ft. B)", "A"),
        ("A [feat. B] (Live)", "A"),
        ("Defeater", "Defeater"),
        ("Little Feat", "Little Feat"),
        ("A & B", "A & B"),
        ("Feat. B", "Feat. B"),
    ],
)
async def test_the_lead_of_a_credit(music: Music, credit: str, lead: str) -> None:
    assert await music.rows("SELECT lead_artist(%(credit)s)", credit=credit) == [(lead,)]


@pytest.mark.parametrize(
    ("path", "other", "same"),
    [
        (b"A/B/1.mp3", b"A/B/2.mp3", True),
        (b"A/B/CD1/1.mp3", b"A/B/2.mp3", True),
        (b"A/B/CD1/1.mp3", b"A/B/Disc 02 - Live/2.mp3", True),
        (b"A/B/CD1/1.mp3", b"A/CD1/1.mp3", False),
        (b"A/B/CD 2000 Hits/1.mp3", b"A/B/1.mp3", False),
        (b"CD1/1.mp3", b"2.mp3", True),
        (b"1.mp3", b"A/1.mp3", False),
        (b"A\xff/cd1/1.mp3", b"A\xff/1.mp3", True),
        (b"A\xff/1.mp3", b"A\xfe/1.mp3", False),
        (b"A\n/cd1/1.mp3", b"A\n/1.mp3", True),
        (b"A\\377/1.mp3", b"A\xff/1.mp3", False),
    ],
)
async def test_the_folder_of_an_album(music: Music, path: bytes, other: bytes, same: bool) -> None:
    rows = await music.rows(
        "SELECT folder_key(%(path)s) = folder_key(%(other)s)", path=path, other=other
    )
    assert rows == [(same,)]
    # What names songs without tags sees the same folders.
    folders = [album_folder(item.rpartition(b"/")[0]) for item in (path, other)]
    assert (folders[0] == folders[1]) is same
