"""Scans of real files: again, moved, removed, changed, broken, and what keeps a scan from harm."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest
from mutagen import id3

from audio_files import encoded, mp3, tag, wav
from factories import NOW, make_user, settings_for
from kleio.db.connections import connect
from kleio.db.queries import Connection
from kleio.importers import music_reader
from kleio.importers.music_reader import Reader
from kleio.importers.music_report import ScanError
from kleio.importers.music_song import Reading
from music_library import Music, make_music

pytestmark = pytest.mark.anyio


@pytest.fixture
async def music(conn: Connection, tmp_path: Path) -> Music:
    return await make_music(conn, tmp_path / "music")


def make_album(
    root: Path, artist: str, album: str, songs: int = 3, folder: str | None = None
) -> list[Path]:
    """Write an album of real MP3 files, well tagged, and return their paths."""
    paths = []
    for number in range(1, songs + 1):
        path = root / (folder or f"{artist}/{album}") / f"{number:02} Song {number}.mp3"
        mp3(
            path,
            (artist, album, number),
            title=f"Song {number}",
            artist=artist,
            album=album,
            track=f"{number}/{songs}",
            date="1999",
        )
        paths.append(path)
    return paths


def make_tree(root: Path, artists: int = 4, albums: int = 3, songs: int = 5) -> list[Path]:
    return [
        path
        for a in range(artists)
        for b in range(albums)
        for path in make_album(root, f"Artist {a}", f"Album {b}", songs)
    ]


# --- again, moved, removed, changed, broken ------------------------------------------------------


async def test_a_tree_and_again(music: Music) -> None:
    make_tree(music.root)
    wav(music.root / "Loose" / "noise.wav")
    assert await music.scan() == {"files": 61, "read": 61, "inserted": 61}
    await music.check()
    ids = await music.ids()
    assert len(ids) == 61
    assert len(await music.albums()) == 13
    assert await music.scan() == {"files": 61, "unchanged": 61}
    assert await music.ids() == ids
    await music.check()


async def test_moved_removed_changed_broken_and_new(music: Music) -> None:
    paths = make_tree(music.root)
    await music.scan()
    before = await music.ids()
    names = [str(path.relative_to(music.root)) for path in paths]

    (music.root / "New Home").mkdir()
    paths[0].rename(music.root / "New Home" / "moved.mp3")
    shutil.move(music.root / "Artist 1", music.root / "Elsewhere")
    paths[40].unlink()
    tag(paths[41], title="Another title")
    paths[42].write_bytes(b"no audio any more")
    mp3(music.root / "fresh.mp3", title="Fresh")
    assert await music.scan() == {
        "files": 60, "read": 1 + 15 + 1 + 1 + 1, "inserted": 1, "updated": 1, "moved": 16,
        "unchanged": 41, "missing": 1, "refused": 1,
    }  # fmt: skip
    await music.check()
    after = await music.ids()
    assert after["New Home/moved.mp3"] == before[names[0]]
    for name in names[15:30]:
        assert after[name.replace("Artist 1", "Elsewhere")] == before[name]
    assert await music.missing() == {before[names[40]]}
    assert after[names[41]] == before[names[41]]
    # What can't be read any more keeps what was known of it.
    assert after[names[42]] == before[names[42]]
    assert await music.problems() == {names[42]: "is broken: can't sync to MPEG frame"}
    assert (await music.scan()) == {"files": 60, "unchanged": 59, "refused": 1}


async def test_a_song_that_is_renamed_and_tagged_at_once_keeps_its_users(music: Music) -> None:
    """As taggers do: the new name follows from the new tags."""
    (path,) = make_album(music.root, "Artst", "Albm", 1)
    await music.scan()
    (song_id,) = (await music.ids()).values()
    account = await make_user(music.conn)
    await music.conn.execute(
        "INSERT INTO user_songs (user_id, song_id, play_count, created_at, updated_at)"
        " VALUES (%s, %s, 7, %s, %s)",
        (account.id, song_id, NOW, NOW),
    )
    tag(path, artist="Artist", album="Album")
    (music.root / "Artist" / "Album").mkdir(parents=True)
    path.rename(music.root / "Artist" / "Album" / path.name)
    assert await music.scan() == {"files": 1, "read": 1, "moved": 1}
    assert await music.ids() == {f"Artist/Album/{path.name}": song_id}
    assert await music.albums() == [("Album", "Artist", ["Song 1"])]
    await music.check()
    assert await music.rows("SELECT song_id, play_count FROM user_songs") == [(song_id, 7)]


async def test_files_that_exchange_their_names_stay_the_songs_they_were(music: Music) -> None:
    first, second, third = make_album(music.root, "A", "B")
    await music.scan()
    before = await music.ids()
    third.rename(music.root / "tmp")
    second.rename(third)
    first.rename(second)
    (music.root / "tmp").rename(first)
    assert await music.scan() == {"files": 3, "read": 3, "moved": 3}
    after = await music.ids()
    names = [str(path.relative_to(music.root)) for path in (first, second, third)]
    assert [after[name] for name in names] == [before[names[2]], before[names[0]], before[names[1]]]
    await music.check()
    assert await music.scan() == {"files": 3, "unchanged": 3}


async def test_copies_of_a_file_are_songs_of_their_own(music: Music) -> None:
    """Of two with the same audio one is moved: one stays, one moves, none is lost."""
    (path,) = make_album(music.root, "A", "B", 1)
    shutil.copy(path, music.root / "copy.mp3")
    os.link(path, music.root / "link.mp3")
    assert await music.scan() == {"files": 3, "read": 3, "inserted": 3}
    before = await music.ids()
    (music.root / "copy.mp3").rename(music.root / "other.mp3")
    mp3(music.root / "x.mp3", ("A", "B", 1), title="The same audio once more")
    assert await music.scan() == {"files": 4, "read": 2, "inserted": 1, "moved": 1, "unchanged": 2}
    after = await music.ids()
    assert after["other.mp3"] == before["copy.mp3"]
    assert len(set(after.values())) == 4
    await music.check()


async def test_what_vanished_is_back(music: Music, tmp_path: Path) -> None:
    paths = make_album(music.root, "A", "B")
    await music.scan()
    before = await music.ids()
    for path in paths[:2]:
        path.rename(tmp_path / path.name)
    assert await music.scan() == {"files": 1, "unchanged": 1, "missing": 2}
    assert len(await music.missing()) == 2
    assert await music.albums() == [("B", "A", ["Song 3"])]
    await music.check()
    assert await music.scan() == {"files": 1, "unchanged": 1}, "missing is what this scan missed"

    (tmp_path / paths[0].name).rename(paths[0])
    (tmp_path / paths[1].name).rename(music.root / "elsewhere.mp3")
    assert await music.scan() == {"files": 3, "read": 1, "moved": 1, "unchanged": 2}
    assert music.report.returned == 1
    assert await music.missing() == set()
    assert set((await music.ids()).values()) == set(before.values())
    await music.check()


async def test_a_better_copy_at_the_same_place_is_the_same_song(music: Music) -> None:
    (path,) = make_album(music.root, "A", "B", 1)
    await music.scan()
    before = await music.ids()
    mp3(path, "ripped again", frames=20, title="Song 1", artist="A", album="B")
    assert await music.scan() == {"files": 1, "read": 1, "updated": 1}
    assert await music.ids() == before


async def test_a_song_whose_place_is_taken_is_found_again_by_its_audio(
    music: Music, tmp_path: Path
) -> None:
    first, second = make_album(music.root, "A", "B", 2)
    shutil.copy(second, tmp_path / "kept.mp3")
    await music.scan()
    before = await music.ids()
    first.rename(second)
    assert await music.scan() == {"files": 1, "read": 1, "moved": 1, "missing": 1}
    name = str(second.relative_to(music.root))
    assert await music.ids() == {name: before["A/B/01 Song 1.mp3"]}
    assert await music.missing() == {before[name]}
    await music.check()
    assert await music.scan() == {"files": 1, "unchanged": 1}

    shutil.copy(tmp_path / "kept.mp3", music.root / "back.mp3")
    assert await music.scan() == {"files": 2, "read": 1, "moved": 1, "unchanged": 1}
    assert (await music.ids())["back.mp3"] == before[name]
    await music.check()


async def test_a_song_whose_place_is_taken_names_no_album_s_artist_any_more(music: Music) -> None:
    taken, beside, gone = (music.root / name for name in ("x/1.mp3", "x/2.mp3", "y/3.mp3"))
    for folder in (taken.parent, gone.parent):
        folder.mkdir()
    mp3(taken, "first", title="One", artist="Ada", album="Two", album_artist="Ben")
    mp3(beside, "second", title="Two", artist="Cleo", album="Two")
    mp3(gone, "third", title="Three", artist="Ada", album="Three")
    await music.scan()
    assert ("Two", "Ben", ["One", "Two"]) in await music.albums()
    gone.unlink()
    await music.scan()
    mp3(taken, "third", title="Three", artist="Ada", album="Three")
    assert await music.scan() == {"files": 2, "read": 1, "moved": 1, "unchanged": 1, "missing": 1}
    await music.check()
    found = [album for album in await music.albums() if album[2]]
    assert found == [("Three", "Ada", ["Three"]), ("Two", "Cleo", ["Two"])]


async def test_a_file_that_was_only_touched_is_unchanged(music: Music) -> None:
    paths = make_album(music.root, "A", "B")
    await music.scan()
    stamps = await music.rows("SELECT id, updated_at FROM songs ORDER BY id")
    os.utime(paths[0], (1, 1))
    assert await music.scan() == {"files": 3, "read": 1, "unchanged": 3}
    assert await music.rows("SELECT id, updated_at FROM songs ORDER BY id") == stamps
    assert await music.scan() == {"files": 3, "unchanged": 3}


async def test_a_full_scan_reads_everything(music: Music) -> None:
    make_album(music.root, "A", "B")
    await music.scan()
    assert await music.scan(is_full=True) == {"files": 3, "read": 3, "unchanged": 3}


# --- broken files --------------------------------------------------------------------------------


async def test_a_broken_file_is_read_once_and_again_when_it_changes(music: Music) -> None:
    make_album(music.root, "A", "B", 1)
    bad = music.root / "bad.mp3"
    bad.write_bytes(b"x" * 5000)
    (music.root / "empty.mp3").touch()
    assert await music.scan() == {"files": 3, "read": 3, "inserted": 1, "refused": 2}
    assert (await music.problems())["empty.mp3"] == "is empty"
    assert await music.scan() == {"files": 3, "unchanged": 1, "refused": 2}
    mp3(bad, title="Now it is")
    (music.root / "empty.mp3").unlink()
    assert await music.scan() == {"files": 2, "read": 1, "inserted": 1, "unchanged": 1}
    assert await music.problems() == {}
    await music.check()
    # A problem that is gone leaves nothing behind.
    assert len(await music.rows("SELECT path FROM library_files")) == 2


async def test_a_song_that_breaks_and_is_repaired_and_vanishes(music: Music) -> None:
    (path,) = make_album(music.root, "A", "B", 1)
    whole = path.read_bytes()
    await music.scan()
    before = await music.ids()
    path.write_bytes(b"")
    assert await music.scan() == {"files": 1, "read": 1, "refused": 1}
    assert await music.ids() == before
    path.write_bytes(whole)
    os.utime(path, (5, 5))
    assert await music.scan() == {"files": 1, "read": 1, "unchanged": 1}
    assert await music.ids() == before
    path.write_bytes(b"")
    await music.scan()
    path.unlink()
    make_album(music.root, "C", "D", 1)
    assert await music.scan() == {"files": 1, "read": 1, "inserted": 1, "missing": 1}
    assert await music.missing() == set(before.values())
    await music.check()


async def test_a_file_without_rights_is_tried_again(music: Music) -> None:
    mp3(music.root / "a.mp3", title="T")
    music.reader = Reader(1, read=read_without_rights)
    assert await music.scan() == {"files": 1, "read": 1, "refused": 1}
    assert await music.problems() == {"a.mp3": "permission denied"}
    music.reader = None
    assert await music.scan() == {"files": 1, "read": 1, "inserted": 1}


def read_without_rights(path: bytes, root_length: int) -> Reading:
    """Stands for rights that root, who may run the tests, always has; runs in the processes."""
    real = os.open

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    os.open = refuse  # type: ignore[assignment]
    try:
        return music_reader.read_song(path, root_length)
    finally:
        os.open = real


async def test_a_file_that_vanishes_before_it_is_read(music: Music) -> None:
    paths = make_album(music.root, "A", "B")
    await music.scan()
    tag(paths[0], title="Changed")
    (music.root / "A" / "B" / "gone too.mp3").write_bytes(paths[1].read_bytes())
    music.reader = Reader(1, read=read_too_late)
    assert await music.scan() == {"files": 2, "read": 2, "unchanged": 2, "missing": 1}
    assert len(await music.missing()) == 1
    await music.check()


def read_too_late(path: bytes, root_length: int) -> Reading:
    os.unlink(path)
    return music_reader.read_song(path, root_length)


async def test_tags_that_no_text_column_holds(music: Music) -> None:
    path = mp3(music.root / "a.mp3", title="A\x00B", artist="\x00", album="x" * 10_000_000)
    tag(path, id3.APIC(3, "image/jpeg", 3, "", os.urandom(3_000_000)), genre="\x07")
    odd = os.path.join(os.fsencode(music.root), b"odd \xff\n\\name \xe9.mp3")
    mp3(odd)
    assert await music.scan() == {"files": 2, "read": 2, "inserted": 2}
    rows = await music.rows("SELECT name, length(album_name), genre FROM songs ORDER BY name")
    assert rows == [("A", 1000, None), ("odd \ufffd \\name \ufffd", None, None)]
    assert "odd \\xff\n\\\\name \\xe9.mp3" in await music.ids()
    assert await music.scan() == {"files": 2, "unchanged": 2}


# --- what is not there ---------------------------------------------------------------------------


async def test_a_codec_that_no_text_column_holds(music: Music) -> None:
    """An MP4 names its codec by any four bytes."""
    mp3(music.root / "a.mp3", title="A")
    odd = encoded(music.root / "odd.m4a")
    content = odd.read_bytes()
    assert content.count(b"mp4a") == 1
    odd.write_bytes(content.replace(b"mp4a", b"ms\0U"))
    assert await music.scan() == {"files": 2, "read": 2, "inserted": 2}
    assert await music.rows("SELECT codec FROM songs ORDER BY codec") == [("mp3",), ("msu",)]
    await music.check()


@pytest.mark.parametrize("when", [2**63, -(2**63) - 1])
async def test_a_time_that_no_column_holds(music: Music, tmp_path: Path, when: int) -> None:
    """A clock that was far wrong; also behind a link, and where the file is none."""
    paths = [mp3_at(music.root / "a.mp3", when), mp3_at(tmp_path / "elsewhere" / "b.mp3", when)]
    (music.root / "b.mp3").symlink_to(paths[1])
    for name, content in (("broken.mp3", b"no audio"), ("empty.mp3", b"")):
        (music.root / name).write_bytes(content)
        os.utime(music.root / name, ns=(when, when))
    if -(2**63) <= paths[0].stat().st_mtime_ns < 2**63:
        pytest.skip("this file system has no such times")
    mp3(music.root / "c.mp3", title="C")
    assert await music.scan() == {"files": 5, "read": 5, "inserted": 3, "refused": 2}
    assert await music.scan() == {"files": 5, "unchanged": 3, "refused": 2}
    await music.check()


def mp3_at(path: Path, when: int) -> Path:
    mp3(path, path.name, title=path.stem)
    os.utime(path, ns=(when, when))
    return path


async def test_a_folder_that_is_not_mounted_marks_nothing(music: Music, tmp_path: Path) -> None:
    make_album(music.root, "A", "B")
    await music.scan()
    before = await music.ids()
    music.root.rename(tmp_path / "unplugged")
    music.root.mkdir()
    (music.root / "README.txt").touch()
    with pytest.raises(ScanError, match=r"where 3 files were.*--allow-empty"):
        await music.scan()
    with pytest.raises(ScanError):
        await music.scan(dry_run=True)
    assert await music.ids() == before
    (error,) = await music.rows("SELECT error FROM library_scans WHERE error IS NOT NULL")
    assert "no music is found" in error[0]

    assert await music.scan(allow_empty=True) == {"missing": 3}
    assert await music.missing() == set(before.values())
    # Nothing is known there now, so nothing is doubted.
    assert await music.scan() == {}


async def test_one_of_several_folders_is_not_mounted(music: Music) -> None:
    make_album(music.root, "A", "B")
    make_album(music.root, "C", "D")
    await music.scan()
    shutil.rmtree(music.root / "C")
    (music.root / "C").mkdir()
    with pytest.raises(ScanError, match="/C: no music"):
        await music.scan("A", "C")
    assert await music.missing() == set()


async def test_a_folder_that_cannot_be_read_keeps_its_songs(music: Music) -> None:
    make_album(music.root, "A", "B")
    make_album(music.root, "C", "D")
    await music.scan()
    # A disk that a link led to.
    shutil.rmtree(music.root / "C")
    (music.root / "C").symlink_to("/nowhere")
    assert await music.scan() == {"files": 3, "unchanged": 3}
    assert await music.missing() == set()
    (unread,) = await music.rows(
        "SELECT unread->0->>'path', unread->0->>'reason' FROM library_scans"
        " ORDER BY id DESC LIMIT 1"
    )
    assert unread == (str(music.root / "C"), "a symbolic link to nothing")


async def test_only_the_folders_that_are_scanned_are_judged(music: Music) -> None:
    make_album(music.root, "A", "B")
    make_album(music.root, "AA", "D")
    await music.scan()
    shutil.rmtree(music.root / "AA")
    make_album(music.root, "A", "E", 1)
    assert await music.scan("A") == {"files": 4, "read": 1, "inserted": 1, "unchanged": 3}
    assert await music.missing() == set()
    assert await music.scan() == {"files": 4, "unchanged": 4, "missing": 3}


async def test_a_dry_run_writes_nothing(music: Music) -> None:
    paths = make_album(music.root, "A", "B")
    assert await music.scan(dry_run=True) == {"files": 3, "inserted": 3}
    assert await music.rows("SELECT FROM library_scans") == []
    await music.scan()
    paths[0].unlink()
    tag(paths[1], title="Changed")
    make_album(music.root, "C", "D", 1)
    expected = {"files": 3, "inserted": 1, "updated": 1, "unchanged": 1, "missing": 1}
    assert await music.scan(dry_run=True) == expected
    assert len(await music.ids()) == 3
    await music.check()


async def test_one_scan_of_a_library_at_a_time(
    music: Music, conn: Connection, conninfo: str, tmp_path: Path
) -> None:
    make_album(music.root, "A", "B")
    other = await connect(settings_for(conninfo, tmp_path), conninfo)
    async with other:
        await other.execute(
            "SELECT pg_advisory_lock(hashtextextended('kleio:scan:' || %s::text, 0))",
            (music.library_id,),
        )
        with pytest.raises(ScanError, match="another scan of the library music is running"):
            await music.scan()
    second = await make_music(conn, tmp_path / "second", "second")
    assert await second.scan() == {}
    # The lock ended with its connection, and a scan gives it back.
    locks = (
        "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    while await music.rows(locks) != [(0,)]:
        await asyncio.to_thread(os.sched_yield)
    assert await music.scan() == {"files": 3, "read": 3, "inserted": 3}
    assert await music.rows(locks) == [(0,)]


async def test_a_scan_is_recorded(music: Music) -> None:
    make_album(music.root, "A", "B")
    (music.root / "bad.mp3").write_bytes(b"x")
    await music.scan()
    rows = await music.rows(
        "SELECT files, read, inserted, refused, error, finished_at >= started_at FROM library_scans"
    )
    assert rows == [(4, 4, 3, 1, None, True)]


async def test_many_batches_and_a_folder_larger_than_one(
    music: Music, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kleio.importers.music_files.BATCH_FILES", 4)
    monkeypatch.setattr("kleio.importers.music_readings.CHUNK_FILES", 3)
    make_tree(music.root, 3, 3, 3)
    make_album(music.root, "Big", "Album", 11)
    assert await music.scan() == {"files": 38, "read": 38, "inserted": 38}
    assert len(await music.albums()) == 10
    await music.check()
    for path in sorted(music.root.rglob("*.mp3"))[::2]:
        path.rename(path.with_name(f"renamed {path.name}"))
    counts = await music.scan()
    assert counts == {"files": 38, "read": 19, "moved": 19, "unchanged": 19}
    await music.check()


async def test_a_scan_that_is_cut_short_is_begun_anew(
    music: Music, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kleio.importers.music_files.BATCH_FILES", 5)
    make_tree(music.root, 3, 2, 5)
    music.reader = Reader(1, read=read_half)
    mp3(music.root / "Artist 1" / "Album 1" / "stop.mp3")
    with pytest.raises(ZeroDivisionError):
        await music.scan()
    some = await music.ids()
    assert 0 < len(some) < 31
    (error,) = await music.rows("SELECT error FROM library_scans")
    assert error == ("division by zero",)
    music.reader = None
    counts = await music.scan()
    assert counts == {
        "files": 31, "read": 31 - len(some), "inserted": 31 - len(some), "unchanged": len(some)
    }  # fmt: skip
    assert (await music.ids()).items() > some.items()
    await music.check()


def read_half(path: bytes, root_length: int) -> Reading:
    if b"stop" in path:
        raise ZeroDivisionError("division by zero")
    return music_reader.read_song(path, root_length)


async def test_a_month_without_partitions_is_made(music: Music, conn: Connection) -> None:
    """As when nobody has cared for the months, or the server's clock was set back."""
    make_album(music.root, "A", "B")
    months = await music.rows("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')")
    for table in ("songs", "albums"):
        name = f"{table}_{months[0][0]}"
        await conn.execute(f"ALTER TABLE {table} DETACH PARTITION {name}")  # type: ignore[arg-type]
        await conn.execute(f"DROP TABLE {name}")  # type: ignore[arg-type]
    assert await music.scan() == {"files": 3, "read": 3, "inserted": 3}
    await music.check()
    make_album(music.root, "C", "D")
    assert await music.scan() == {"files": 6, "read": 3, "inserted": 3, "unchanged": 3}
    assert len(set((await music.ids()).values())) == 6


async def test_songs_whose_month_was_put_away_are_not_brought_back(
    music: Music, conn: Connection
) -> None:
    path, other, _ = make_album(music.root, "A", "B")
    await music.scan()
    await conn.execute("DELETE FROM songs")
    tag(path, id3.TXXX(3, "ARTISTS", ["A", "C"]), title="Changed")
    other.rename(music.root / "moved.mp3")
    assert await music.scan() == {"files": 3, "read": 2, "moved": 1, "unchanged": 2}
    assert await music.rows("SELECT count(*) FROM songs") == [(0,)]
    assert await music.scan() == {"files": 3, "unchanged": 3}


# --- any order -----------------------------------------------------------------------------------


async def test_whatever_happens_between_scans_the_library_is_as_if_scanned_once(
    music: Music, conn: Connection, rng: random.Random, tmp_path: Path
) -> None:
    """Files come, go, move and change at random; another library is scanned once, at the end."""
    artists = ["Ada", "Ben", "Ben feat. Ada", "Cleo"]
    folders = ["x", "x/CD1", "x/CD2", "y", "z"]

    def random_tags() -> dict[str, str]:
        tags = {"title": f"T{rng.randrange(9)}", "artist": rng.choice(artists)}
        if rng.random() < 0.9:
            tags["album"] = rng.choice(["One", "Two"])
        if rng.random() < 0.8:
            tags["track"] = str(rng.randrange(1, 9))
        if rng.random() < 0.1:
            tags["album_artist"] = rng.choice(artists)
        if rng.random() < 0.1:
            tags["compilation"] = "1"
        return tags

    for folder in folders:
        os.makedirs(music.root / folder)
    for step in range(8):
        files = sorted(music.root.rglob("*.mp3"))
        for number in range(6):
            path = music.root / rng.choice(folders) / f"{step}-{number}.mp3"
            mp3(path, rng.randrange(40), **random_tags())
        for path in rng.sample(files, min(len(files), 6)):
            match rng.randrange(3):
                case 0:
                    path.unlink()
                case 1:
                    mp3(path, rng.randrange(40), **random_tags())
                case 2:
                    path.rename(music.root / rng.choice(folders) / f"{rng.random()}.mp3")
        await music.scan()
        await music.check()
        await music.missing()

    once = await make_music(conn, music.root, "once")
    await once.scan()
    assert await music.content() == await once.content()
    assert await music.scan() == {"files": music.report.files, "unchanged": music.report.files}
