"""Where the audio lies in a music file, and the hash that a moved file is recognised by.

This module knows of each container where its tags end and its audio begins, and nothing of what
the tags say. The hash is of audio alone, because the programs that rename files are those that
write tags into them, mostly in the same moment. It is of the audio's length and of three pieces
of it, its beginning, middle and end, because a library of terabytes can't be read whole; two
files that agree in these and differ elsewhere are not known to exist. FLAC files carry the MD5 of
their decoded audio, which is taken instead: it outlives being packed again, too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

PIECE_BYTES = 32 * 1024
HASH_BYTES = 16

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_NO_GRANULE = (0, 2**64 - 1)

# Behind the fields of an Ogg page's header that writing tags changes: its number and its checksum.
_OGG_PAGE = re.compile(rb"(OggS\x00.{13}).{8}", re.DOTALL)
_OGG_HEADER_BYTES = 27


class Audio(msgspec.Struct, frozen=True):
    """The bytes of a file that are audio, from `start` to before `end`."""

    start: int
    end: int
    is_ogg: bool = False

    @property
    def size(self) -> int:
        """How many bytes the audio takes."""
        return self.end - self.start


def find_audio(file: BinaryIO, size: int) -> Audio:
    """Return where a file's audio lies; all of the file, where its container is not understood."""
    start = _after_id3(file)
    head = _read(file, start, 16)
    for magic, find in _CONTAINERS:
        if head[: len(magic)] == magic:
            found = find(file, start, size)
            if found is not None and 0 <= found.start < found.end:
                return msgspec.structs.replace(found, end=min(found.end, size))
    if head[4:8] == b"ftyp":
        found = _mp4(file, start, size)
        if found is not None:
            return found
    return Audio(start, max(start, _before_tags(file, start, size)))


def hash_audio(file: BinaryIO, audio: Audio, flac_md5: bytes | None = None) -> bytes:
    """Return the 16 bytes that a file is recognised by wherever it is moved.

    Args:
        file: open for reading.
        audio: what `find_audio` returned for it.
        flac_md5: the MD5 in the header of a FLAC file, where it has one.
    """
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    if flac_md5 is not None:
        digest.update(b"flac" + flac_md5)
        return digest.digest()
    digest.update(b"%d " % audio.size)
    for start, end in _pieces(audio):
        piece = _ogg_piece if audio.is_ogg else _piece
        digest.update(piece(file, start, end))
    return digest.digest()


def _pieces(audio: Audio) -> Iterator[tuple[int, int]]:
    if audio.size <= 3 * PIECE_BYTES:
        yield audio.start, audio.end
        return
    middle = audio.start + (audio.size - PIECE_BYTES) // 2
    for start in (audio.start, middle, audio.end - PIECE_BYTES):
        yield start, start + PIECE_BYTES


def _piece(file: BinaryIO, start: int, end: int) -> bytes:
    return _read(file, start, end - start)


def _ogg_piece(file: BinaryIO, start: int, end: int) -> bytes:
    """Return a piece without page numbers and checksums, of pages that its edges cut, too."""
    before = min(start, _OGG_HEADER_BYTES)
    data = _read(file, start - before, before + end - start + _OGG_HEADER_BYTES)
    data = _OGG_PAGE.sub(lambda page: page[1] + bytes(8), data)
    return data[before : before + end - start]


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _after_id3(file: BinaryIO) -> int:
    """Return where the ID3v2 tags at the beginning end; some files have several."""
    start = 0
    while True:
        head = _read(file, start, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            return start
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        start += 10 + size + (10 if head[5] & 0x10 else 0)


def _before_tags(file: BinaryIO, start: int, end: int) -> int:
    """Return where the tags at the end begin: ID3v1, Lyrics3 and APEv2, in any number."""
    while end - start >= 32:
        tail = _read(file, max(start, end - 128), min(128, end - start))
        if len(tail) == 128 and tail.startswith(b"TAG"):
            size = 128
            if _read(file, max(start, end - 355), 4) == b"TAG+":
                size = 355
        elif tail[-32:-24] == b"APETAGEX":
            size = int.from_bytes(tail[-20:-16], "little")
            if tail[-9] & 0x80:
                size += 32
            size = max(size, 32)
        elif tail.endswith(b"LYRICS200") and tail[-15:-9].isdigit():
            size = int(tail[-15:-9]) + 15
        else:
            return end
        if size > end - start:
            return end
        end -= size
    return end


def _flac(file: BinaryIO, start: int, size: int) -> Audio | None:
    at = start + 4
    while True:
        head = _read(file, at, 4)
        if len(head) < 4:
            return None
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            return Audio(at, _before_tags(file, at, size))


def _ogg(file: BinaryIO, start: int, size: int) -> Audio | None:
    """Begin with the first page that ends a packet at a moment after the start."""
    at = start
    while True:
        head = _read(file, at, _OGG_HEADER_BYTES + 255)
        if len(head) < _OGG_HEADER_BYTES or head[:4] != b"OggS":
            return None
        if int.from_bytes(head[6:14], "little") not in _NO_GRANULE:
            return Audio(at, size, is_ogg=True)
        segments = head[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + head[26]]
        at += _OGG_HEADER_BYTES + head[26] + sum(segments)


def _mp4(file: BinaryIO, start: int, size: int) -> Audio | None:
    """Return the largest `mdat` atom."""
    best: Audio | None = None
    at = start
    while at + 8 <= size:
        head = _read(file, at, 16)
        length = int.from_bytes(head[:4], "big")
        skip = 8
        if length == 1:
            length, skip = int.from_bytes(head[8:16], "big"), 16
        elif length == 0:
            length = size - at
        if length < skip:
            break
        if head[4:8] == b"mdat" and (best is None or length - skip > best.size):
            best = Audio(at + skip, min(at + length, size))
        at += length
    return best


def _asf(file: BinaryIO, start: int, size: int) -> Audio | None:
    at = start
    while at + 24 <= size:
        head = _read(file, at, 24)
        length = int.from_bytes(head[16:24], "little")
        if head[:16] == _ASF_DATA:
            return Audio(at + 24, at + length if length > 24 else size)
        if length < 24:
            return None
        at += length
    return None


def _dsf(file: BinaryIO, start: int, size: int) -> Audio | None:
    at = start
    while at + 12 <= size:
        head = _read(file, at, 12)
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            return Audio(at + 12, at + length)
        if length < 12:
            return None
        at += length
    return None


def _chunks(
    wanted: tuple[bytes, ...], order: str, *, first: int = 12, length_bytes: int = 4, pad: int = 2
) -> Callable[[BinaryIO, int, int], Audio | None]:
    """Return a search for a chunk by its name in the formats that are made of them."""

    def find(file: BinaryIO, start: int, size: int) -> Audio | None:
        at = start + first
        skip = 4 + length_bytes
        while at + skip <= size:
            head = _read(file, at, skip)
            length = int.from_bytes(head[4:], order)  # type: ignore[arg-type]
            if head[:4] in wanted:
                # Recorders that were cut short, and files of over 4 GB, have no true length.
                end = at + skip + length
                return Audio(at + skip, size if length in (0, 2**32 - 1) else end)
            at += skip + length + -length % pad
        return None

    return find


_CONTAINERS: tuple[tuple[bytes, Callable[[BinaryIO, int, int], Audio | None]], ...] = (
    (b"fLaC", _flac),
    (b"OggS", _ogg),
    (_ASF_HEADER, _asf),
    (b"RIFF", _chunks((b"data",), "little")),
    (b"RF64", _chunks((b"data",), "little")),
    (b"BW64", _chunks((b"data",), "little")),
    (b"FORM", _chunks((b"SSND",), "big")),
    (b"DSD ", _dsf),
    (b"FRM8", _chunks((b"DSD ", b"DST "), "big", first=16, length_bytes=8)),
)
