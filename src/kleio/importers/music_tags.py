"""The tags of a music file by one set of names, whatever its format calls them.

This module knows the five ways of tagging (ID3, Vorbis comments, APEv2, MP4 atoms, ASF) as mutagen
presents them, and what is kept of them. It doesn't judge what they say; `music_song` does. Of
covers and lyrics it keeps that they are there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from mutagen.apev2 import APEBinaryValue, APEv2
from mutagen.asf import ASFTags
from mutagen.id3 import ID3
from mutagen.mp4 import MP4Tags

VALUE_CHARACTERS = 1000
"""What is kept of a single value; longer ones are cut and named in `RawTags.cut`."""

VALUES = 100
"""How many values of one name are kept."""


_SPLIT_CHARACTERS = 64 * VALUE_CHARACTERS


class RawTags(msgspec.Struct):
    """Values by name, in the order of the file, without control characters and never empty."""

    values: dict[str, list[str]] = {}
    has_cover: bool = False
    has_lyrics: bool = False
    cut: set[str] = set()

    def first(self, name: str) -> str | None:
        """Return the first value of a name."""
        values = self.values.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return the values of a name."""
        return self.values.get(name, [])

    def add(self, name: str, values: Iterable[str]) -> None:
        """Add values; several may stand in one, with NUL between them."""
        kept = self.values.get(name, [])
        for value in values:
            if len(value) > _SPLIT_CHARACTERS:
                self.cut.add(name)
            for part in value[:_SPLIT_CHARACTERS].split("\0"):
                text = clean(part)
                if len(text) > VALUE_CHARACTERS or (text and len(kept) == VALUES):
                    self.cut.add(name)
                    text = text[:VALUE_CHARACTERS].rstrip()
                if text and len(kept) < VALUES and text not in kept:
                    kept.append(text)
        if kept:
            self.values[name] = kept


_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Return a text without control characters and half characters, its spaces single, in NFC."""
    text = _SPACE.sub(" ", _UNWANTED.sub("", text)).strip()
    return unicodedata.normalize("NFC", text)


# The names that this module gives, by what formats with names in words call them, squeezed to
# letters and digits: "MusicBrainz Album Id", "MUSICBRAINZ_ALBUMID" and "MusicBrainz/Album Id".
_WORDS: dict[str, str] = {
    "title": "title",
    "artist": "artist",
    "author": "artist",
    "artists": "artists",
    "wmartists": "artists",
    "album": "album",
    "wmalbumtitle": "album",
    "albumartist": "albumArtist",
    "wmalbumartist": "albumArtist",
    "ensemble": "albumArtist",
    "albumartists": "albumArtists",
    "track": "track",
    "tracknumber": "track",
    "wmtracknumber": "track",
    "tracktotal": "trackTotal",
    "totaltracks": "trackTotal",
    "disc": "disc",
    "disk": "disc",
    "discnumber": "disc",
    "wmpartofset": "disc",
    "disctotal": "discTotal",
    "totaldiscs": "discTotal",
    "discsubtitle": "discSubtitle",
    "setsubtitle": "discSubtitle",
    "wmsetsubtitle": "discSubtitle",
    "date": "date",
    "year": "date",
    "wmyear": "date",
    "originaldate": "originalDate",
    "originalyear": "originalDate",
    "wmoriginalreleasetime": "originalDate",
    "wmoriginalreleaseyear": "originalDate",
    "genre": "genre",
    "wmgenre": "genre",
    "compilation": "compilation",
    "itunescompilation": "compilation",
    "wmiscompilation": "compilation",
    "composer": "composer",
    "wmcomposer": "composer",
    "conductor": "conductor",
    "wmconductor": "conductor",
    "remixer": "remixer",
    "mixartist": "remixer",
    "wmmodifiedby": "remixer",
    "lyricist": "lyricist",
    "wmwriter": "lyricist",
    "label": "label",
    "organization": "label",
    "publisher": "label",
    "wmpublisher": "label",
    "catalognumber": "catalogNumber",
    "catalog": "catalogNumber",
    "wmcatalogno": "catalogNumber",
    "barcode": "barcode",
    "upc": "barcode",
    "wmbarcode": "barcode",
    "isrc": "isrc",
    "wmisrc": "isrc",
    "media": "media",
    "wmmedia": "media",
    "subtitle": "subtitle",
    "wmsubtitle": "subtitle",
    "grouping": "grouping",
    "wmcontentgroupdescription": "grouping",
    "comment": "comment",
    "description": "comment",
    "bpm": "bpm",
    "wmbeatsperminute": "bpm",
    "mood": "mood",
    "wmmood": "mood",
    "language": "language",
    "wmlanguage": "language",
    "titlesort": "titleSort",
    "wmtitlesortorder": "titleSort",
    "artistsort": "artistSort",
    "wmartistsortorder": "artistSort",
    "albumsort": "albumSort",
    "wmalbumsortorder": "albumSort",
    "albumartistsort": "albumArtistSort",
    "wmalbumartistsortorder": "albumArtistSort",
    "releasetype": "releaseType",
    "musicbrainzalbumtype": "releaseType",
    "releasestatus": "releaseStatus",
    "musicbrainzalbumstatus": "releaseStatus",
    "releasecountry": "releaseCountry",
    "musicbrainzalbumreleasecountry": "releaseCountry",
    "acoustidid": "acoustidId",
    "discogsreleaseid": "discogsReleaseId",
    "discogsalbumid": "discogsReleaseId",
    "musicbrainzrecordingid": "musicbrainzRecordingId",
    # By what has always been called so: of a recording; of a track is what was added later.
    "musicbrainztrackid": "musicbrainzRecordingId",
    "musicbrainzreleasetrackid": "musicbrainzTrackId",
    "musicbrainzalbumid": "musicbrainzAlbumId",
    "musicbrainzartistid": "musicbrainzArtistId",
    "musicbrainzalbumartistid": "musicbrainzAlbumArtistId",
    "musicbrainzreleasegroupid": "musicbrainzReleaseGroupId",
    "musicbrainzworkid": "musicbrainzWorkId",
    "musicbrainzdiscid": "musicbrainzDiscId",
    "replaygaintrackgain": "replayGainTrackGain",
    "replaygaintrackpeak": "replayGainTrackPeak",
    "replaygainalbumgain": "replayGainAlbumGain",
    "replaygainalbumpeak": "replayGainAlbumPeak",
    "r128trackgain": "r128TrackGain",
    "r128albumgain": "r128AlbumGain",
}

_COVERS = frozenset(("metadatablockpicture", "coverart", "wmpicture"))
_LYRICS = frozenset(
    ("lyrics", "unsyncedlyrics", "syncedlyrics", "wmlyrics", "wmlyricssynchronised")
)

_FRAMES: dict[str, str] = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TPE2": "albumArtist",
    "TRCK": "track",
    "TPOS": "disc",
    "TSST": "discSubtitle",
    "TDRC": "date",
    "TDRL": "releaseDate",
    "TDOR": "originalDate",
    "TCMP": "compilation",
    "TCOM": "composer",
    "TPE3": "conductor",
    "TPE4": "remixer",
    "TEXT": "lyricist",
    "TPUB": "label",
    "TSRC": "isrc",
    "TMED": "media",
    "TIT3": "subtitle",
    "TIT1": "grouping",
    "TBPM": "bpm",
    "TMOO": "mood",
    "TLAN": "language",
    "TSOT": "titleSort",
    "TSOP": "artistSort",
    "TSOA": "albumSort",
    "TSO2": "albumArtistSort",
}

_ATOMS: dict[str, str] = {
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "\xa9alb": "album",
    "aART": "albumArtist",
    "\xa9day": "date",
    "\xa9gen": "genre",
    "\xa9wrt": "composer",
    "\xa9grp": "grouping",
    "\xa9cmt": "comment",
    "tmpo": "bpm",
    "sonm": "titleSort",
    "soar": "artistSort",
    "soal": "albumSort",
    "soaa": "albumArtistSort",
}

_MUSICBRAINZ = "http://musicbrainz.org"


def collect_tags(file: Any) -> RawTags:
    """Return the tags of a file that mutagen has opened; none are an empty RawTags."""
    raw = RawTags()
    tags = file.tags
    raw.has_cover = bool(getattr(file, "pictures", None))
    if tags is None:
        return raw
    collect: Callable[[Any, RawTags], None]
    if isinstance(tags, ID3):
        collect = _id3
    elif isinstance(tags, MP4Tags):
        collect = _mp4
    elif isinstance(tags, APEv2):
        collect = _ape
    elif isinstance(tags, ASFTags):
        collect = _asf
    else:
        collect = _vorbis
    collect(tags, raw)
    return raw


def _word(raw: RawTags, key: str, values: Iterable[str]) -> None:
    """Add what a format with names in words holds under a name."""
    squeezed = re.sub(r"[^a-z0-9]", "", key[:100].lower())
    if squeezed in _COVERS or squeezed.startswith("coverart"):
        raw.has_cover = True
    elif squeezed in _LYRICS:
        raw.has_lyrics = True
    elif name := _WORDS.get(squeezed):
        raw.add(name, values)


def _id3(tags: Any, raw: RawTags) -> None:
    for frame in tags.values():
        kind = frame.FrameID
        if kind in _FRAMES:
            raw.add(_FRAMES[kind], map(str, frame.text))
        elif kind == "TCON":
            # Numbers stand for the genres of a fixed list; this property has their names.
            raw.add("genre", frame.genres)
        elif kind == "TXXX":
            _word(raw, frame.desc, map(str, frame.text))
        elif kind == "COMM":
            # With a description it is a program's, not a person's.
            if not frame.desc:
                raw.add("comment", map(str, frame.text))
        elif kind == "UFID":
            if frame.owner == _MUSICBRAINZ:
                raw.add("musicbrainzRecordingId", [frame.data.decode("ascii", "replace")])
        elif kind == "RVA2":
            scope = "Album" if "album" in frame.desc.lower() else "Track"
            raw.add(f"replayGain{scope}Gain", [f"{frame.gain:.2f} dB"])
            raw.add(f"replayGain{scope}Peak", [f"{frame.peak:.6f}"])
        elif kind == "APIC":
            raw.has_cover = True
        elif kind in ("USLT", "SYLT"):
            raw.has_lyrics = True


def _vorbis(tags: Any, raw: RawTags) -> None:
    for key, value in tags:
        _word(raw, key, [value])


def _ape(tags: Any, raw: RawTags) -> None:
    for key, value in tags.items():
        if not isinstance(value, APEBinaryValue):
            _word(raw, key, [str(value)])
        elif key.lower().startswith("cover art"):
            raw.has_cover = True


def _asf(tags: Any, raw: RawTags) -> None:
    for key, value in tags:
        held = value.value
        _word(raw, key, () if isinstance(held, bytes) else [str(held)])


def _mp4(tags: Any, raw: RawTags) -> None:
    for key, values in tags.items():
        if key in _ATOMS:
            raw.add(_ATOMS[key], map(str, values))
        elif key == "trkn":
            _pair(raw, "track", values)
        elif key == "disk":
            _pair(raw, "disc", values)
        elif key == "cpil":
            raw.add("compilation", ["1"] if values else [])
        elif key == "covr":
            raw.has_cover = bool(values) or raw.has_cover
        elif key == "\xa9lyr":
            raw.has_lyrics = True
        elif key.startswith("----:"):
            _word(raw, key.rpartition(":")[2], _decoded(values))


def _decoded(values: Iterable[bytes]) -> Iterator[str]:
    for value in values:
        yield bytes(value[: VALUE_CHARACTERS * 8]).decode("utf-8", "replace")


def _pair(raw: RawTags, name: str, values: Iterable[tuple[int, int]]) -> None:
    for number, total in values:
        raw.add(name, [f"{number}/{total}" if total else str(number)])
