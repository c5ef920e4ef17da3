"""What is read of one file: tags of every format, names from paths, numbers, audio, damage."""

from __future__ import annotations

import base64
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import mutagen
import pytest
from mutagen import id3
from mutagen.aiff import AIFF
from mutagen.asf import ASF
from mutagen.flac import FLAC, Picture
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

import audio_files
from audio_files import ENCODERS, encoded, mp3, tag, wav
from kleio.importers.music_names import album_folder
from kleio.importers.music_song import Broken, Gone, Song, read_song


def read(path: Path | bytes, root: Path | None = None) -> Song:
    song = read_song(os.fsencode(path), len(os.fsencode(root or os.path.dirname(path))))
    assert isinstance(song, Song), song
    return song


def tags(song: Song) -> dict[str, Any]:
    return msgspec.json.decode(song.tags)  # type: ignore[no-any-return]


def broken(path: Path | bytes) -> str:
    reading = read_song(os.fsencode(path), 0)
    assert isinstance(reading, Broken), reading
    return reading.reason


# --- formats -------------------------------------------------------------------------------------

COMMENTS = {
    "TITLE": "Song",
    "ARTIST": ["One", "Two"],
    "ALBUM": "Record",
    "ALBUMARTIST": "Band",
    "TRACKNUMBER": "3/12",
    "DISCNUMBER": "1",
    "DISCTOTAL": "2",
    "DATE": "1999-05-06",
    "GENRE": ["Rock", "Pop"],
    "MUSICBRAINZ_TRACKID": "3b0a1b5c-0000-4000-8000-000000000001",
    "MUSICBRAINZ_ALBUMID": "3b0a1b5c-0000-4000-8000-000000000002",
    "REPLAYGAIN_TRACK_GAIN": "-7.31 dB",
    "REPLAYGAIN_TRACK_PEAK": "0.987654",
    "DISCOGS_RELEASE_ID": "249504",
}
"""As Vorbis comments have them, and APEv2 and freeform atoms in their own spelling."""


def write_tags(path: Path) -> None:
    """Write COMMENTS in the way of the file's format."""
    file = mutagen.File(path)
    lists = {key: [v] if isinstance(v, str) else v for key, v in COMMENTS.items()}
    if isinstance(file, MP4):
        file["\xa9nam"], file["\xa9ART"], file["\xa9alb"] = "Song", ["One", "Two"], "Record"
        file["aART"], file["trkn"], file["disk"] = "Band", [(3, 12)], [(1, 2)]
        file["\xa9day"], file["\xa9gen"] = "1999-05-06", ["Rock", "Pop"]
        for key in ("MUSICBRAINZ_TRACKID", "MUSICBRAINZ_ALBUMID"):
            name = key.replace("_TRACKID", " Track Id").replace("_ALBUMID", " Album Id").title()
            file[f"----:com.apple.iTunes:{name}"] = [lists[key][0].encode()]
        for key in ("REPLAYGAIN_TRACK_GAIN", "REPLAYGAIN_TRACK_PEAK", "DISCOGS_RELEASE_ID"):
            file[f"----:com.apple.iTunes:{key.lower()}"] = [lists[key][0].encode()]
    elif isinstance(file, ASF):
        names = {
            "TITLE": "Title", "ARTIST": "Author", "ALBUM": "WM/AlbumTitle", "DATE": "WM/Year",
            "ALBUMARTIST": "WM/AlbumArtist", "GENRE": "WM/Genre", "TRACKNUMBER": "WM/TrackNumber",
            "MUSICBRAINZ_TRACKID": "MusicBrainz/Track Id",
            "MUSICBRAINZ_ALBUMID": "MusicBrainz/Album Id",
        }  # fmt: skip
        for key, values in lists.items():
            file[names.get(key, key)] = values
        del file["DISCNUMBER"], file["DISCTOTAL"]
        file["WM/PartOfSet"] = "1/2"
    elif (
        isinstance(file.tags, id3.ID3)
        or isinstance(file, AIFF | WAVE | TrueAudio)
        or "mp" in path.suffix
    ):
        write_id3(path, file)
        return
    elif isinstance(file, WavPack):
        names = {"ALBUMARTIST": "Album Artist", "TRACKNUMBER": "Track", "DATE": "Year"}
        names |= {"DISCNUMBER": "Disc"}
        for key, values in lists.items():
            file[names.get(key, key.title())] = values
    else:
        for key, values in lists.items():
            file[key] = values
    file.save()


def write_id3(path: Path, file: Any) -> None:
    if file.tags is None:
        file.add_tags()
    frames: list[id3.Frame] = [
        id3.TIT2(3, ["Song"]), id3.TPE1(3, ["One", "Two"]), id3.TALB(3, ["Record"]),
        id3.TPE2(3, ["Band"]), id3.TRCK(3, ["3/12"]), id3.TPOS(3, ["1/2"]),
        id3.TDRC(3, ["1999-05-06"]), id3.TCON(3, ["Rock", "Pop"]),
        id3.UFID("http://musicbrainz.org", COMMENTS["MUSICBRAINZ_TRACKID"].encode()),
        id3.TXXX(3, "MusicBrainz Album Id", [COMMENTS["MUSICBRAINZ_ALBUMID"]]),
        id3.TXXX(3, "replaygain_track_gain", ["-7.31 dB"]),
        id3.TXXX(3, "REPLAYGAIN_TRACK_PEAK", ["0.987654"]),
        id3.TXXX(3, "DISCOGS_RELEASE_ID", ["249504"]),
    ]  # fmt: skip
    for frame in frames:
        file.tags.add(frame)
    file.save()


TAGGED = sorted(set(ENCODERS) - {"aac", "ac3"})


@pytest.mark.parametrize("extension", TAGGED)
def test_tags_of_every_format(tmp_path: Path, extension: str) -> None:
    path = encoded(tmp_path / f"x.{extension}")
    write_tags(path)
    song = read(path)
    assert (song.title, song.artist, song.album, song.album_artist) == (
        *("Song", "One, Two"),
        *("Record", "Band"),
    )
    assert (song.track_number, song.disc_number, song.year) == (3, 1, 1999)
    assert song.genre == "Rock"
    assert song.artists == ["One", "Two"]
    assert song.codec == ENCODERS[extension][1]
    assert song.duration_ms is not None
    assert 1450 < song.duration_ms < 1650
    assert song.bit_rate is not None
    assert song.bit_rate > 8000
    if extension != "tta":
        assert song.sample_rate is not None
        assert song.channels in (1, 2)
    assert tags(song) | {"bitsPerSample": 0} == {
        "albumArtist": "Band",
        "bitsPerSample": 0,
        "date": "1999-05-06",
        "discTotal": 2,
        "discogsReleaseId": 249504,
        "genres": ["Rock", "Pop"],
        "musicbrainzAlbumId": COMMENTS["MUSICBRAINZ_ALBUMID"],
        "musicbrainzRecordingId": COMMENTS["MUSICBRAINZ_TRACKID"],
        "replayGain": {"trackGain": -7.31, "trackPeak": 0.987654},
        "trackTotal": 12,
    }


@pytest.mark.parametrize("extension", sorted(set(ENCODERS) - set(TAGGED)))
def test_formats_without_tags_are_named_by_their_path(tmp_path: Path, extension: str) -> None:
    song = read(encoded(tmp_path / "Artist" / "Record" / f"07 - Song.{extension}"), tmp_path)
    assert (song.artist, song.album, song.title) == ("Artist", "Record", "Song")
    assert song.track_number == 7
    assert song.codec == ENCODERS[extension][1]


@pytest.mark.parametrize("extension", sorted(ENCODERS))
def test_a_file_that_is_tagged_anew_is_known_by_its_audio(tmp_path: Path, extension: str) -> None:
    path = encoded(tmp_path / f"x.{extension}", seconds=4)
    other = encoded(tmp_path / f"y.{extension}", seconds=4, frequency=441)
    before = read(path).content_hash
    assert read(other).content_hash != before
    if extension in TAGGED:
        write_tags(path)
        assert read(path).content_hash == before
        mutagen.File(path).delete()
        assert read(path).content_hash == before


def test_a_long_comment_moves_all_pages_of_an_ogg(tmp_path: Path) -> None:
    path = encoded(tmp_path / "x.opus", seconds=30)
    before = read(path)
    file = OggOpus(path)
    file["COMMENT"] = "x" * 300_000
    file.save()
    after = read(path)
    assert after.size > before.size + 300_000
    assert after.content_hash == before.content_hash


def test_a_flac_that_is_packed_again_is_the_same(tmp_path: Path) -> None:
    path = encoded(tmp_path / "x.flac")
    again = tmp_path / "again.flac"
    audio_files.run_ffmpeg("-i", path, "-compression_level", "12", again)
    assert path.stat().st_size != again.stat().st_size
    assert read(path).content_hash == read(again).content_hash
    # A programme that streams leaves it out.
    for name in (path, again):
        file = FLAC(name)
        file.info.md5_signature = 0
        file.save()
    assert read(path).content_hash != read(again).content_hash


def test_a_film_is_no_song(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    if audio_files.ffmpeg() is None:
        pytest.skip("ffmpeg is not installed; on Debian: apt-get install ffmpeg")
    try:
        audio_files.run_ffmpeg("-f", "lavfi", "-i", "testsrc=d=0.2", "-c:v", "libtheora", path)
    except audio_files.FfmpegError:
        pytest.skip("this ffmpeg has no libtheora")
    assert broken(path) == "is a film"


def test_gains_of_opus_are_those_of_replaygain(tmp_path: Path) -> None:
    path = encoded(tmp_path / "x.opus")
    file = OggOpus(path)
    file["R128_TRACK_GAIN"] = "-1280"
    file.save()
    assert tags(read(path))["replayGain"] == {"trackGain": 0.0}


def test_covers_are_noted_and_not_kept(tmp_path: Path) -> None:
    image = os.urandom(10_000_000)
    path = mp3(tmp_path / "x.mp3", title="Song")
    tag(path, id3.APIC(3, "image/jpeg", id3.PictureType.COVER_FRONT, "", image))
    song = read(path)
    assert tags(song) == {"hasCover": True}
    assert len(song.tags) < 100
    for extension in ("flac", "opus"):
        picture = Picture()
        picture.data = image[:100_000]
        file = mutagen.File(encoded(tmp_path / f"y.{extension}"))
        if extension == "flac":
            file.add_picture(picture)
        else:
            file["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture.write()).decode()
        file.save()
        assert tags(read(tmp_path / f"y.{extension}"))["hasCover"] is True


# --- tags ----------------------------------------------------------------------------------------


def test_a_tag_of_ten_megabytes_is_cut(tmp_path: Path) -> None:
    song = read(mp3(tmp_path / "x.mp3", title="t" * 10_000_000, artist="A"))
    assert song.title == "t" * 1000
    assert tags(song) == {"cut": ["title"]}


def test_hundreds_of_values_are_cut(tmp_path: Path) -> None:
    song = read(mp3(tmp_path / "x.mp3", artist=[f"Artist {n}" for n in range(500)]))
    assert len(song.artists) == 100
    assert tags(song)["cut"] == ["artist"]
    assert song.artist is not None
    assert len(song.artist) <= 1000


def test_control_characters_and_nul_are_removed(tmp_path: Path) -> None:
    path = mp3(tmp_path / "x.mp3", title="\ufeffA\x00B\x07\x1b[0m \n C\u0085 ", artist="X\x00Y")
    song = read(path)
    assert song.title == "A"
    assert song.artist == "X, Y"
    song = read(mp3(tmp_path / "y.mp3", title="\x01 a\x07b\x1b \t\n c\x7f ", artist=" \x00 "))
    assert (song.title, song.artist) == ("ab c", None)


def test_half_characters_do_not_reach_the_database(tmp_path: Path) -> None:
    path = mp3(tmp_path / "x.mp3")
    tag(path, id3.TIT2(encoding=1, text=["a"]))
    data = Path(os.fsdecode(path)).read_bytes()
    assert b"\xff\xfea\x00" in data
    Path(os.fsdecode(path)).write_bytes(data.replace(b"\xff\xfea\x00", b"\xff\xfe\x00\xd8"))
    reading = read_song(path, 0)
    assert isinstance(reading, Broken | Song)
    if isinstance(reading, Song):
        reading.title.encode()


def test_accents_written_apart_are_written_together(tmp_path: Path) -> None:
    assert read(mp3(tmp_path / "x.mp3", title="Jo\u0301ga")).title == "Jóga"
    assert read(mp3(tmp_path / "Jo\u0301ga.mp3")).title == "Jóga"


@pytest.mark.parametrize(
    ("track", "disc", "numbers", "rest"),
    [
        ("3/12", "1/2", (3, 1), {"trackTotal": 12, "discTotal": 2}),
        ("03", "", (3, None), {}),
        ("0/0", "0", (None, None), {}),
        ("3 of 12", None, (3, None), {"trackTotal": 12, "trackText": "3 of 12"}),
        ("A1", None, (None, None), {"trackText": "A1"}),
        ("99999", None, (None, None), {}),
        ("9" * 400, None, (None, None), {}),
        ("-1", None, (None, None), {"trackText": "-1"}),
    ],
)
def test_numbers(
    tmp_path: Path, track: str, disc: str | None, numbers: tuple[Any, Any], rest: dict[str, Any]
) -> None:
    song = read(mp3(tmp_path / "x.mp3", title="T", artist="A", track=track, disc=disc or ""))
    assert (song.track_number, song.disc_number) == numbers
    assert tags(song) == rest


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("1999", 1999),
        ("1999-05-06", 1999),
        ("06/05/1999", 1999),
        ("19990506", 1999),
        ("0000", None),
        ("unknown", None),
        ("3001", None),
        ("99", None),
    ],
)
def test_years(tmp_path: Path, date: str, year: int | None) -> None:
    path = encoded(tmp_path / "x.flac")
    file = FLAC(path)
    file["DATE"] = date
    file.save()
    assert read(path).year == year


@pytest.mark.parametrize(
    ("given", "album_artist", "compilation"),
    [
        ({}, None, False),
        ({"album_artist": "Band"}, "Band", False),
        ({"compilation": "1"}, "Various Artists", True),
        ({"compilation": "0"}, None, False),
        ({"compilation": "1", "album_artist": "DJ Kicks"}, "DJ Kicks", True),
        ({"album_artist": "Various"}, "Various Artists", True),
        ({"album_artist": "VA"}, "Various Artists", True),
    ],
)
def test_album_artists(
    tmp_path: Path, given: dict[str, str], album_artist: str | None, compilation: bool
) -> None:
    song = read(mp3(tmp_path / "x.mp3", artist="One", album="Record", **given))
    assert (song.album_artist, song.is_compilation) == (album_artist, compilation)


def test_genres_of_numbers_and_of_one_value(tmp_path: Path) -> None:
    song = read(mp3(tmp_path / "x.mp3", genre="(17)"))
    assert song.genre == "Rock"
    song = read(mp3(tmp_path / "y.mp3", genre="Jazz; Funk;;Jazz"))
    assert tags(song)["genres"] == ["Jazz", "Funk"]


# --- names from paths ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Artist/Record/01 Song.mp3", ("Artist", "Record", "Song", 1, None)),
        ("Artist/Record/01 - Song.mp3", ("Artist", "Record", "Song", 1, None)),
        ("Artist/Record/1-03. Song.mp3", ("Artist", "Record", "Song", 3, 1)),
        ("Artist/Record (1999)/Song_Two.mp3", ("Artist", "Record", "Song Two", None, None)),
        ("Artist/1999 - Record/Song.mp3", ("Artist", "Record", "Song", None, None)),
        ("Artist/1999/Song.mp3", ("Artist", "1999", "Song", None, None)),
        ("Artist/Record/CD2/05 Song.mp3", ("Artist", "Record", "Song", 5, 2)),
        ("Artist/Record/Disc 1 - Live/Song.mp3", ("Artist", "Record", "Song", None, 1)),
        ("Artist - Record/Song.mp3", ("Artist", "Record", "Song", None, None)),
        ("Record/Song.mp3", (None, "Record", "Song", None, None)),
        ("Song.mp3", (None, None, "Song", None, None)),
        ("Rock/Artist/Record/99 Luftballons.mp3", ("Artist", "Record", "Luftballons", 99, None)),
        ("Artist/Record/07.mp3", ("Artist", "Record", "07", None, None)),
        ("Artist/Record/.mp3", ("Artist", "Record", "?", None, None)),
    ],
)
def test_names_of_files_without_tags(tmp_path: Path, path: str, expected: tuple[Any, ...]) -> None:
    song = read(mp3(tmp_path / path), tmp_path)
    assert (
        song.artist, song.album, song.title, song.track_number, song.disc_number
    ) == expected  # fmt: skip


def test_what_comes_from_the_path_is_marked(tmp_path: Path) -> None:
    song = read(mp3(tmp_path / "A" / "B" / "1 C.mp3"), tmp_path)
    assert tags(song) == {"fromPath": ["name", "artist", "album"]}


def test_a_song_with_an_artist_and_no_album_is_a_single(tmp_path: Path) -> None:
    song = read(mp3(tmp_path / "Downloads" / "song.mp3", artist="A", title="T"), tmp_path)
    assert (song.artist, song.artists, song.album) == ("A", ["A"], None)


def test_the_credit_and_the_artists_in_it(tmp_path: Path) -> None:
    path = mp3(tmp_path / "x.mp3", artist="A feat. B")
    assert read(path).artists == ["A feat. B"]
    tag(path, id3.TXXX(3, "ARTISTS", ["A", "B"]))
    song = read(path)
    assert (song.artist, song.artists) == ("A feat. B", ["A", "B"])


def test_odd_bytes_in_names_are_shown_as_such(tmp_path: Path) -> None:
    song = read(mp3(os.path.join(os.fsencode(tmp_path), b"caf\xe9.mp3")))
    assert song.title == "caf\ufffd"


@pytest.mark.parametrize(
    ("folder", "album"),
    [
        (b"A/B", b"A/B"),
        (b"A/B/CD1", b"A/B"),
        (b"A/B/cd 02", b"A/B"),
        (b"A/B/Disc 1: Live", b"A/B"),
        (b"A/B/Discovery", b"A/B/Discovery"),
        (b"A/B/CD 2000 Hits", b"A/B/CD 2000 Hits"),
        (b"CD1", b""),
        (b"", b""),
    ],
)
def test_the_folder_of_an_album_of_several_discs(folder: bytes, album: bytes) -> None:
    assert album_folder(folder) == album


# --- damage --------------------------------------------------------------------------------------


def test_broken_files_have_a_reason(tmp_path: Path) -> None:
    empty = tmp_path / "a.mp3"
    empty.touch()
    assert broken(empty) == "is empty"
    text = tmp_path / "b.mp3"
    text.write_text("no audio at all " * 100)
    assert broken(text) == "is broken: can't sync to MPEG frame"
    zeros = tmp_path / "c.flac"
    zeros.write_bytes(bytes(5000))
    assert broken(zeros).startswith("is broken: ")
    unknown = tmp_path / "d.xyz"
    unknown.write_text("what")
    assert broken(unknown) == "is of no audio format that is known"


def test_what_is_no_file_is_broken_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    assert broken(tmp_path / "pipe.mp3") == "is no file any more"
    (tmp_path / "folder.mp3").mkdir()
    assert broken(tmp_path / "folder.mp3") == "is a directory"


def test_a_file_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert read_song(bytes(tmp_path / "a.mp3"), 0) == Gone()
    assert read_song(bytes(tmp_path / "a" / "b.mp3"), 0) == Gone()
    path = mp3(tmp_path / "c.mp3")
    assert read_song(path + b"/d.mp3", 0) == Gone()


def test_every_truncation_is_a_song_or_broken(tmp_path: Path) -> None:
    for extension in ("mp3", "flac", "ogg", "m4a", "wav", "wma", "wv", "aiff"):
        path = encoded(tmp_path / f"x.{extension}")
        write_tags(path)
        data = path.read_bytes()
        for size in range(1, len(data), len(data) // 60):
            path.write_bytes(data[:size])
            assert isinstance(read_song(bytes(path), 0), Song | Broken)


def test_random_damage_is_a_song_or_broken(tmp_path: Path, rng) -> None:
    for extension in ("mp3", "flac", "ogg", "m4a", "wav", "wma", "wv", "aiff"):
        path = encoded(tmp_path / f"x.{extension}")
        write_tags(path)
        whole = path.read_bytes()
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(20):
                data[rng.randrange(min(len(data), 4000))] = rng.randrange(256)
            path.write_bytes(data)
            reading = read_song(bytes(path), 0)
            assert isinstance(reading, Song | Broken)
            msgspec.msgpack.encode(reading)


def test_the_format_is_the_contents_not_the_names(tmp_path: Path) -> None:
    path = tmp_path / "really.mp3"
    shutil.copy(encoded(tmp_path / "x.flac"), path)
    assert read(path).codec == "flac"


def test_a_wav_without_ffmpeg(tmp_path: Path) -> None:
    song = read(wav(tmp_path / "x.wav", seconds=0.5))
    assert (song.codec, song.duration_ms, song.sample_rate) == ("pcm", 500, 8000)
    assert (song.channels, song.bit_rate) == (1, 128000)
    longer = read(wav(tmp_path / "y.wav", "other", seconds=0.5))
    assert longer.content_hash != song.content_hash
