"""One music file as a song: what its tags say, what its path says where they don't, its audio.

This module owns the judgement (numbers, years, compilations, names from folders) and the errors of
one file. It runs in worker processes, reads files and nothing else, and knows no database.
"""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from typing import Any, BinaryIO

import msgspec
import mutagen
from mutagen.aac import AAC
from mutagen.ac3 import AC3
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2File
from mutagen.asf import ASF
from mutagen.dsdiff import DSDIFF
from mutagen.dsf import DSF
from mutagen.flac import FLAC
from mutagen.id3 import ID3FileType
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggtheora import OggTheora
from mutagen.oggvorbis import OggVorbis
from mutagen.optimfrog import OptimFROG
from mutagen.tak import TAK
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE
from mutagen.wavpack import WavPack

from kleio.importers.music_audio import find_audio, hash_audio
from kleio.importers.music_names import Names
from kleio.importers.music_tags import RawTags, clean, collect_tags
from kleio.importers.music_walk import describe, mtime_of

VARIOUS_ARTISTS = "Various Artists"

# All that mutagen reads but MIDI, which is notes and no audio.
_FORMATS = (
    AAC, AC3, AIFF, APEv2File, ASF, DSDIFF, DSF, FLAC, ID3FileType, MonkeysAudio, MP3, MP4,
    Musepack, OggFLAC, OggOpus, OggSpeex, OggTheora, OggVorbis, OptimFROG, TAK, TrueAudio, WAVE,
    WavPack,
)  # fmt: skip

_CODECS: dict[type[Any], str] = {
    AAC: "aac",
    AIFF: "pcm",
    APEv2File: "unknown",
    ASF: "wma",
    DSDIFF: "dsd",
    DSF: "dsd",
    FLAC: "flac",
    ID3FileType: "unknown",
    MonkeysAudio: "ape",
    Musepack: "musepack",
    OggFLAC: "flac",
    OggOpus: "opus",
    OggSpeex: "speex",
    OggVorbis: "vorbis",
    OptimFROG: "optimfrog",
    TAK: "tak",
    TrueAudio: "tta",
    WAVE: "pcm",
    WavPack: "wavpack",
}

# Errors of the moment or of rights: the file may be whole, so it is tried again by the next scan.
_TRANSIENT = frozenset((errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ETIMEDOUT))


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """A file that is no song, and why; `again` says that the next scan should look again."""

    reason: str
    size: int | None = None
    mtime_ns: int | None = None
    again: bool = False


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """A file that was there when its folder was read and no longer is."""


class Song(msgspec.Struct, frozen=True, kw_only=True, tag="song"):
    """A song as its file has it.

    `artist` is the whole credit, `artists` those in it that the tags tell apart. `duration_ms` is
    in milliseconds, `bit_rate` in bits a second, `sample_rate` in Hz. `album_artist` is what a tag
    says, also through the compilation flag; None leaves it to the other songs of the album. `tags`
    is a JSON object of all that has no column.
    """

    size: int
    mtime_ns: int
    content_hash: bytes
    codec: str
    duration_ms: int | None
    bit_rate: int | None
    sample_rate: int | None
    channels: int | None
    title: str
    artist: str | None
    artists: list[str]
    album: str | None
    album_artist: str | None
    is_compilation: bool
    track_number: int | None
    disc_number: int | None
    year: int | None
    genre: str | None
    tags: str


Reading = Song | Broken | Gone


def read_song(path: bytes, root_length: int) -> Reading:
    """Read one file; whatever is wrong with it is the answer and never an error.

    Args:
        path: the file.
        root_length: how many bytes of the path are the root folder, whose own name says nothing.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            held = os.fstat(file.fileno())
            if not stat.S_ISREG(held.st_mode):
                return Broken("is no file any more")
            try:
                if held.st_size == 0:
                    return Broken("is empty", held.st_size, mtime_of(held))
                return _read(file, path[root_length:].lstrip(b"/"), held)
            except Exception as error:
                return _broken(error, held)
    except (FileNotFoundError, NotADirectoryError):
        return Gone()
    except OSError as error:
        return Broken(describe(error), again=error.errno in _TRANSIENT)


def _open(path: str, flags: int) -> int:
    # A pipe that has taken the file's place would wait for a writer.
    return os.open(path, flags | os.O_NONBLOCK)


def _broken(error: BaseException, held: os.stat_result) -> Broken:
    size, mtime_ns = held.st_size, mtime_of(held)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _TRANSIENT:
            return Broken(describe(cause), size, mtime_ns, again=True)
        if isinstance(cause, MemoryError):
            return Broken("takes more memory than a file may", size, mtime_ns)
        cause = cause.__cause__ or cause.__context__
    words = clean(str(error))[:200] or type(error).__name__
    if not isinstance(error, mutagen.MutagenError | EOFError):
        words = f"{type(error).__name__}: {words}"
    return Broken(f"is broken: {words}", size, mtime_ns)


def _read(file: BinaryIO, path: bytes, held: os.stat_result) -> Reading:
    opened = _open_tags(file)
    size, mtime_ns = held.st_size, mtime_of(held)
    if opened is None:
        return Broken("is of no audio format that is known", size, mtime_ns)
    if isinstance(opened, OggTheora):
        return Broken("is a film", size, mtime_ns)
    raw = collect_tags(opened)
    audio = find_audio(file, size)
    info = opened.info
    duration_ms = _whole(getattr(info, "length", 0) * 1000)
    bit_rate = _whole(getattr(info, "bitrate", 0))
    if bit_rate is None and duration_ms:
        bit_rate = _whole(audio.size * 8000 / duration_ms)
    sample_rate = 48000 if isinstance(opened, OggOpus) else _whole(getattr(info, "sample_rate", 0))
    md5 = getattr(info, "md5_signature", 0) if isinstance(opened, FLAC) else 0
    names = Names(path, raw)
    track_number, track_total = _number(raw.first("track") or names.track)
    disc_number, disc_total = _number(raw.first("disc") or names.disc)
    bits = _whole(getattr(info, "bits_per_sample", 0))
    album_artist, is_compilation = _album_artist(raw)
    return Song(
        size=size,
        mtime_ns=mtime_ns,
        content_hash=hash_audio(file, audio, md5.to_bytes(16, "big") if md5 else None),
        codec=_codec(opened),
        duration_ms=duration_ms,
        bit_rate=bit_rate,
        sample_rate=sample_rate,
        channels=_whole(getattr(info, "channels", 0), 32767),
        title=names.title,
        artist=names.artist,
        artists=names.artists,
        album=names.album,
        album_artist=album_artist,
        is_compilation=is_compilation,
        track_number=track_number,
        disc_number=disc_number,
        year=_year(raw),
        genre=_genres(raw)[0] if _genres(raw) else None,
        tags=msgspec.json.encode(
            _tags(raw, names, opened, track_total, disc_total, bits, album_artist), order="sorted"
        ).decode(),
    )


class _Nameless:
    """A file without its name, so that its content alone says what it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def _open_tags(file: BinaryIO) -> Any:
    """Return what mutagen makes of a file, whose extension may be another format's."""
    try:
        return mutagen.File(file, options=_FORMATS)
    except mutagen.MutagenError:
        file.seek(0)
        try:
            opened = mutagen.File(_Nameless(file), options=_FORMATS)
        except mutagen.MutagenError:
            opened = None
        if opened is None:
            raise
        return opened


def _whole(value: Any, most: int = 2**31 - 1) -> int | None:
    """Return a positive number that a column holds, None for what is no such."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    number = round(value)
    return number if 0 < number <= most else None


def _codec(opened: Any) -> str:
    info = opened.info
    if isinstance(opened, MP3):
        return f"mp{info.layer}"
    if isinstance(opened, MP4):
        # Four bytes of the file, whatever they are.
        name = clean(str(info.codec)).partition(".")[0].lower()
        return {"mp4a": "aac", "": "unknown"}.get(name, name)
    if isinstance(opened, AC3):
        return str(info.codec).replace("-", "")
    return _CODECS.get(type(opened), "unknown")


# --- what tags say -------------------------------------------------------------------------------


def _number(text: str | None) -> tuple[int | None, int | None]:
    """Return the two numbers of "3/12"; None for what is no number from 1 to 32,767."""
    match = re.match(r"\s*(\d{0,9})\s*(?:(?:/|of)\s*(\d{1,9}))?", text or "", re.IGNORECASE)
    if match is None:
        return None, None
    first, second = match.groups()
    return _whole(int(first or 0), 32767), _whole(int(second or 0), 32767)


def _year(raw: RawTags) -> int | None:
    for name in ("date", "releaseDate", "originalDate"):
        match = re.search(r"(?<!\d)([12]\d{3})(?!\d{1,3}(?!\d))", raw.first(name) or "")
        if match:
            return int(match[1])
    return None


def _genres(raw: RawTags) -> list[str]:
    """Return the genres; programs that know one value only write several with semicolons."""
    parts = [part.strip() for value in raw.all("genre") for part in value.split(";")]
    return list(dict.fromkeys(part for part in parts if part))


def _is_set(raw: RawTags, name: str) -> bool:
    return (raw.first(name) or "").lower() in ("1", "true", "yes")


def _album_artist(raw: RawTags) -> tuple[str | None, bool]:
    """Return the artist of the whole album and whether it is a compilation."""
    name = ", ".join(raw.all("albumArtist") or raw.all("albumArtists"))[:1000] or None
    compilation = _is_set(raw, "compilation")
    if name is None and compilation:
        name = VARIOUS_ARTISTS
    various = (name or "").casefold() in ("various artists", "various", "va", "v.a.", "v/a")
    return (VARIOUS_ARTISTS if various else name), compilation or various


_LISTS = (
    *("composer", "lyricist", "remixer", "conductor", "label", "catalogNumber", "isrc", "language"),
    *("musicbrainzArtistId", "musicbrainzAlbumArtistId"),
)
_TEXTS = (
    *("date", "originalDate", "discSubtitle", "barcode", "media", "subtitle"),
    *("grouping", "comment", "bpm", "mood", "titleSort", "artistSort", "albumSort"),
    *("albumArtistSort", "releaseType", "releaseStatus", "releaseCountry", "acoustidId"),
    *("musicbrainzRecordingId", "musicbrainzTrackId", "musicbrainzAlbumId"),
    *("musicbrainzReleaseGroupId", "musicbrainzWorkId", "musicbrainzDiscId"),
)


def _tags(
    raw: RawTags,
    names: Names,
    opened: Any,
    track_total: int | None,
    disc_total: int | None,
    bits: int | None,
    album_artist: str | None,
) -> dict[str, Any]:
    """Return all that has no column, without what is empty."""
    genres = _genres(raw)
    discogs = raw.first("discogsReleaseId") or ""
    kept: dict[str, Any] = {
        "albumArtist": album_artist,
        "genres": genres if len(genres) > 1 else None,
        "trackTotal": _number(raw.first("trackTotal"))[0] or track_total,
        "discTotal": _number(raw.first("discTotal"))[0] or disc_total,
        "bitsPerSample": bits,
        "compilation": _is_set(raw, "compilation"),
        "discogsReleaseId": int(discogs) if re.fullmatch(r"[1-9]\d{0,9}", discogs) else None,
        "replayGain": _replay_gain(raw, opened.info),
        "hasCover": raw.has_cover,
        "hasLyrics": raw.has_lyrics,
        "fromPath": names.from_path,
        "cut": sorted(raw.cut),
    }
    # A vinyl rip's track is "A1": no number, but what the sleeve says.
    for name in ("track", "disc"):
        text = raw.first(name)
        if text and not re.fullmatch(r"\d+(?:\s*/\s*\d*)?", text):
            kept[f"{name}Text"] = text
    for name in _LISTS:
        kept[name] = raw.all(name)
    for name in _TEXTS:
        kept[name] = raw.first(name)
    return {name: value for name, value in kept.items() if value}


def _replay_gain(raw: RawTags, info: Any) -> dict[str, float]:
    """Return gains in dB and peaks (1 is full scale), from tags or from what the encoder wrote."""
    found: dict[str, float] = {}
    for scope in ("track", "album"):
        title = scope.title()
        for what in ("Gain", "Peak"):
            text = raw.first(f"replayGain{title}{what}") or ""
            match = re.match(r"\s*([+-]?\d{1,3}(?:[.,]\d{1,9})?)", text)
            written = getattr(info, f"{scope}_{what.lower()}", None)
            if match:
                found[f"{scope}{what}"] = float(match[1].replace(",", "."))
            elif isinstance(written, int | float) and math.isfinite(written):
                found[f"{scope}{what}"] = round(float(written), 6)
        # Opus: 1/256 dB to -23 LUFS, where ReplayGain aims at -18.
        steps = raw.first(f"r128{title}Gain") or ""
        if f"{scope}Gain" not in found and re.fullmatch(r"[+-]?\d{1,6}", steps):
            found[f"{scope}Gain"] = round(int(steps) / 256 + 5, 2)
    return found
