"""What songs are called: as their tags say, or as their files and folders do where no tag does.

This module knows how people name music on disks: `Artist/Album/01 Title`, a folder for each disc,
years beside titles. It opens no file.
"""

from __future__ import annotations

import re
import unicodedata

from kleio.importers.music_tags import RawTags, clean

_DISC_FOLDER = re.compile(r"(?:cd|dis[ck]|disque|dvd)[ _.#-]*0*(\d{1,2})(?!\d)", re.IGNORECASE)
_TRACK_NAME = re.compile(r"(?:(\d{1,2})[-.])?(\d{1,3})(?:\s*[-._)]+\s*|\s+)(?=\S)(.*)", re.DOTALL)
_YEAR_BEFORE = re.compile(r"[(\[]?(?:19|20)\d\d[)\]]?\s*[-._]?\s+(?=\S)")
_YEAR_AFTER = re.compile(r"\s*[(\[](?:19|20)\d\d[^)\]]*[)\]]$")


def album_folder(folder: bytes) -> bytes:
    """Return the folder of an album: the one above, where a folder holds one of its discs."""
    above, _, name = folder.rpartition(b"/")
    return above if _DISC_FOLDER.match(_name(name)) else folder


class Names:
    """Title, artist, album and numbers; from the path where no tag has them.

    The folders are asked only where a file has neither artist nor album, because then they are
    all there is: `Artist/Album/01 Title`. What has an artist and no album is a single song that
    happens to lie somewhere.
    """

    def __init__(self, path: bytes, raw: RawTags) -> None:
        folder, _, file_name = path.rpartition(b"/")
        stem = _name(file_name.rpartition(b".")[0])
        self.from_path: list[str] = []
        self.track: str | None = None
        self.disc: str | None = None
        disc_folder = _DISC_FOLDER.match(_name(folder.rpartition(b"/")[2]))
        if disc_folder:
            self.disc = disc_folder[1]
        title = raw.first("title")
        numbered = _TRACK_NAME.fullmatch(stem)
        if title is None:
            self.from_path.append("name")
            title = stem
            if numbered:
                title = numbered[3]
                self.disc = numbered[1] or self.disc
                self.track = numbered[2]
        self.title = title or stem or "?"
        credited = raw.all("artist") or raw.all("artists")
        self.artist = ", ".join(credited)[:1000] or raw.first("albumArtist")
        self.artists = raw.all("artists") or credited
        self.album = raw.first("album")
        if self.artist is None and self.album is None:
            self._ask_folders(album_folder(folder))
        if not self.artists and self.artist is not None:
            self.artists = [self.artist]

    def _ask_folders(self, folder: bytes) -> None:
        if not folder:
            return
        names = [_name(part) for part in folder.split(b"/")]
        album = _YEAR_AFTER.sub("", _YEAR_BEFORE.sub("", names[-1])) or names[-1]
        artist: str | None = names[-2] if len(names) > 1 else None
        if artist is None and " - " in album:
            artist, _, album = (part.strip() for part in album.partition(" - "))
        self.artist = artist or None
        self.album = album or None
        self.from_path += [name for name in ("artist", "album") if getattr(self, name)]


def _name(part: bytes) -> str:
    """Return a file's or folder's name for people to read."""
    text = part.decode("utf-8", "replace")
    # Many programs write an underscore for the space, or for what a file system refuses.
    return unicodedata.normalize("NFC", clean(text.replace("_", " ")))
