"""The audio files below some folders, found without reading any of them.

This module owns what is looked at: which names are audio and which are hidden, where a symbolic
link leads, and what can't be read. It streams: memory is bounded by the number of folders that
lie beside one another, however many files there are. It opens no audio file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

EXTENSIONS = frozenset(
    b"aac ac3 aif aifc aiff ape dff dsf eac3 flac m4a m4b m4p mp+ mp2 mp3 mpc mpp oga ofr ofs "
    b"ogg opus spx tak tta wav wave wma wv".split()
)
"""What counts as audio, in any case. Not .mp4, .asf and .mka, which are films nearly always."""

# Folders of file servers, desktops and file systems that hold copies, thumbnails and what was
# thrown away.
_NOT_MUSIC = frozenset(
    (
        *(b"@eadir", b"#recycle", b"#snapshot", b"$recycle.bin", b"system volume information"),
        *(b"lost+found", b"__macosx"),
    )
)


class FolderError(Exception):
    """A folder to be scanned that is none, or can't be read."""

    def __init__(self, path: bytes, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


class Found(msgspec.Struct, frozen=True, gc=False):
    """An audio file: its path, of how many bytes the root folder's path is, its size and mtime."""

    path: bytes
    root_length: int
    size: int
    mtime_ns: int


class Unread(msgspec.Struct, frozen=True):
    """What could not be looked at; nothing is known of what lies there or below it."""

    path: bytes
    kind: Literal["folder", "file", "link"]
    reason: str


def is_audio(name: bytes) -> bool:
    """Tell by its extension whether a file is audio."""
    _, dot, extension = name.rpartition(b".")
    return bool(dot) and extension.lower() in EXTENSIONS


def is_hidden(name: bytes) -> bool:
    """Tell whether a file or folder is none of the music.

    A name that begins with a dot is hidden, but for those of music: ".38 Special" and "...And
    Justice for All".
    """
    if name.startswith(b"."):
        return not name[1:2].isdigit() and not name.startswith(b"..")
    return name.lower() in _NOT_MUSIC


def find_roots(folders: Sequence[bytes | str | os.PathLike[str]]) -> list[bytes]:
    """Return the real paths of folders, without those that lie inside another one.

    Raises:
        FolderError: one of them can't be read, or is no folder.
    """
    roots: list[bytes] = []
    for folder in folders:
        path = os.fsencode(folder)
        try:
            root = os.path.realpath(path, strict=True)
            with os.scandir(root):
                pass
        except OSError as error:
            raise FolderError(path, describe(error)) from error
        roots.append(root)
    unique = sorted(set(roots))
    return [root for root in unique if not any(is_below(root, other) for other in unique)]


def is_below(path: bytes, folder: bytes) -> bool:
    """Tell whether a path lies inside a folder."""
    return path != folder and path.startswith(folder.rstrip(b"/") + b"/")


def mtime_of(held: os.stat_result) -> int:
    """Return when a file was changed, in nanoseconds; beyond 64 bits (1677 to 2262) their end.

    File systems go further, and a clock that was wrong has files there.
    """
    return max(-(2**63), min(held.st_mtime_ns, 2**63 - 1))


def describe(error: OSError) -> str:
    """Return what the system says of an error, without the path."""
    return (error.strerror or type(error).__name__).lower()


class Walk:
    """Iterates once over the audio files below the roots, and what can't be read there.

    A symbolic link whose target the walk comes to anyway is passed over, so that no file is found
    twice and no loop is walked; one that leads elsewhere is followed, each target once. What
    vanishes while the walk goes on was never there.
    """

    def __init__(self, roots: Sequence[bytes], library: bytes | None = None) -> None:
        """Take the roots as `find_roots` returns them, and the folder that they all lie in.

        What lies in that folder counts as come to, also where it is no root of this walk: else a
        link would be followed or not, depending on how much is walked at once.
        """
        self._roots = list(roots)
        # Real folders whose insides the walk comes to: the roots, and targets of links.
        self._bases = [*roots] if library is None else [library, *roots]
        self._base_keys = {_key(os.stat(base)) for base in self._bases}
        self._base_numbers = {inode for _, inode in self._base_keys}

    def __iter__(self) -> Iterator[Found | Unread]:
        """Yield what is found, folder by folder, in the order of the folders' names."""
        for root in self._roots:
            pending = [root]
            while pending:
                inside: list[bytes] = []
                yield from self._folder(pending.pop(), len(root), inside)
                pending += inside

    def _folder(
        self, path: bytes, root_length: int, inside: list[bytes]
    ) -> Iterator[Found | Unread]:
        """Yield a folder's files; the folders inside are added, the first of them last."""
        folders: list[bytes] = []
        links: list[bytes] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    name = entry.name
                    if is_hidden(name):
                        continue
                    if entry.is_symlink():
                        links.append(name)
                    elif entry.is_dir(follow_symlinks=False):
                        if not self._is_base(entry):
                            folders.append(name)
                    elif is_audio(name) and entry.is_file(follow_symlinks=False):
                        try:
                            stat = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
                        except PermissionError:
                            # The folder's own: none of its files can be looked at.
                            raise
                        except OSError as error:
                            yield Unread(entry.path, "file", describe(error))
                            continue
                        yield Found(entry.path, root_length, stat.st_size, mtime_of(stat))
        except FileNotFoundError:
            if path in self._roots:
                yield Unread(path, "folder", "vanished while it was scanned")
        except OSError as error:
            yield Unread(path, "folder", describe(error))
        for name in sorted(links):
            yield from self._link(os.path.join(path, name), root_length, folders)
        folders.sort(reverse=True)
        inside += [os.path.join(path, name) for name in folders]

    def _link(
        self, path: bytes, root_length: int, folders: list[bytes]
    ) -> Iterator[Found | Unread]:
        name = os.path.basename(path)
        try:
            stat = os.stat(path)
            real = os.path.realpath(path)
        except FileNotFoundError:
            yield Unread(path, "link", "a symbolic link to nothing")
            return
        except OSError as error:
            yield Unread(path, "link", f"a symbolic link: {describe(error)}")
            return
        if os.path.isdir(real):
            key = _key(stat)
            if key in self._base_keys or self._comes_to(real):
                return
            if any(is_below(base, real) for base in self._bases):
                yield Unread(path, "link", "leads to a folder that holds one that is scanned")
                return
            self._bases.append(real)
            self._base_keys.add(key)
            self._base_numbers.add(stat.st_ino)
            folders.append(name)
        elif is_audio(name) and os.path.isfile(real) and not self._comes_to(real, file=True):
            yield Found(path, root_length, stat.st_size, mtime_of(stat))

    def _is_base(self, entry: os.DirEntry[bytes]) -> bool:
        """Tell whether a folder is one whose inside is walked in its own right."""
        if entry.inode() not in self._base_numbers:
            return False
        return _key(entry.stat(follow_symlinks=False)) in self._base_keys

    def _comes_to(self, real: bytes, *, file: bool = False) -> bool:
        """Tell whether the walk comes to a real path by itself."""
        if file and not is_audio(os.path.basename(real)):
            return False
        return any(
            real == base
            or (
                is_below(real, base)
                and not any(map(is_hidden, real[len(base) :].strip(b"/").split(b"/")))
            )
            for base in self._bases
        )


def _key(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
