"""The bytes of a Discogs dump file: unpacked, and rid of what XML forbids.

This module owns gzip (its detection, its damage and the byte where that is), the repair of
encoding errors, and `DumpError`. It knows nothing of elements. Memory is bounded by the size of
a chunk, whatever the compression ratio.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zlib_ng import zlib_ng

READ_BYTES = 64 * 1024
CHUNK_BYTES = 256 * 1024

GZIP_MAGIC = b"\x1f\x8b"

_UTF8_BOM = codecs.BOM_UTF8
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# XML 1.0, 2.2: everything below space but tab, line feed and carriage return is forbidden.
_FORBIDDEN_BYTES = bytes(set(range(32)) - {9, 10, 13})

# U+FFFE and U+FFFF; encoded surrogates are no UTF-8 and become U+FFFD before this.
_NONCHARACTERS = re.compile(rb"\xef\xbf[\xbe\xbf]")

# The same characters, surrogates and what lies beyond U+10FFFF, as character references.
_FORBIDDEN_REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01]"
    rb"|5529[6-9]|55[3-9][0-9]{2}|56[0-9]{3}|57[0-2][0-9]{2}|573[0-3][0-9]|5734[0-3]"
    rb"|6553[45]|111411[2-9]|11141[2-9][0-9]|1114[2-9][0-9]{2}|111[5-9][0-9]{3}"
    rb"|11[2-9][0-9]{4}|1[2-9][0-9]{5}|[2-9][0-9]{6}|[1-9][0-9]{7,})"
    rb"|x0*(?:[0-8bceBCEfF]|1[0-9a-fA-F]|[dD][89a-fA-F][0-9a-fA-F]{2}|[fF]{3}[efEF]"
    rb"|11[0-9a-fA-F]{4}|1[2-9a-fA-F][0-9a-fA-F]{4}|[2-9a-fA-F][0-9a-fA-F]{5}"
    rb"|[1-9a-fA-F][0-9a-fA-F]{6,}));"
)

# A reference or an end tag that begins in a chunk's last bytes waits for the next chunk.
_HELD_BACK = 64


class DumpError(Exception):
    """A dump file that cannot be read, or not to its end.

    `line` is the line of the (unpacked) XML from 1, `byte` the offset in the file as it lies on
    the disk from 0; each is None where it says nothing.
    """

    def __init__(
        self, path: Path, reason: str, *, line: int | None = None, byte: int | None = None
    ) -> None:
        """Describe the damage; `reason` completes the sentence that begins with the file."""
        self.path = path
        self.reason = reason
        self.line = line
        self.byte = byte
        places = []
        if line is not None:
            places.append(f"line {line}")
        if byte is not None:
            places.append(f"byte {byte}")
        super().__init__(f"{path}: {', '.join(places)}{': ' if places else ''}{reason}")


class DumpBytes:
    """Iterates once over a file's unpacked, cleaned bytes in chunks.

    `position` of `size` is how much of the file has been read, for progress. Cleaning never adds
    or removes a line break, so line numbers stay those of the file. When the file is damaged,
    everything before the damage is yielded first.

    Raises:
        DumpError: at once when the file cannot be opened or is empty; while iterating when it
            cannot be read or unpacked any further.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and look at its first bytes."""
        self.path = path
        self.position = 0
        self.line = 1
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise DumpError(path, f"cannot be opened: {error.strerror or error}") from error
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self._first = self._read()
            if not self._first:
                raise DumpError(path, "is empty")
        except BaseException:
            self.close()
            raise
        self.is_gzip = self._first.startswith(GZIP_MAGIC)

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the cleaned bytes in pieces that never cut a character, reference or end tag."""
        damage: DumpError | None = None
        rest = b""
        chunks = self._unpacked() if self.is_gzip else self._plain()
        start = True
        while True:
            try:
                chunk = next(chunks, b"")
            except DumpError as error:
                damage = error
                chunk = b""
            final = not chunk
            data = rest + chunk
            if start and data:
                data = self._without_bom(data)
                start = False
            data, rest = _whole(data, final=final)
            if data:
                self.line += data.count(b"\n")
                yield _clean(data)
            if final:
                break
        if damage is not None:
            damage_line = damage.line or self.line
            raise DumpError(self.path, damage.reason, line=damage_line, byte=damage.byte)

    def _without_bom(self, data: bytes) -> bytes:
        if data.startswith(_WIDE_BOMS):
            raise DumpError(self.path, "is UTF-16; Discogs dumps are UTF-8")
        return data.removeprefix(_UTF8_BOM)

    def _read(self) -> bytes:
        try:
            data = self._file.read(READ_BYTES)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            raise DumpError(self.path, reason, byte=self.position) from error
        self.position += len(data)
        return data

    def _plain(self) -> Iterator[bytes]:
        data = self._first
        while data:
            yield data
            data = self._read()

    def _unpacked(self) -> Iterator[bytes]:
        """Unpack all gzip members; not by `gzip`, which hides where the damage is."""
        inflate: Any = zlib_ng.decompressobj(wbits=31)  # its annotations lack `copy`
        data = self._first
        while True:
            before = inflate.copy()
            try:
                unpacked = inflate.decompress(data, CHUNK_BYTES)
            except zlib_ng.error as error:  # type: ignore[misc]
                yield from self._until_damage(before, data, str(error))
            if unpacked:
                yield unpacked
            if inflate.eof:
                data = inflate.unused_data.lstrip(b"\0") or self._read().lstrip(b"\0")
                if not data:
                    return
                if not data.startswith(GZIP_MAGIC[: len(data)]):
                    at = self.position - len(data)
                    raise DumpError(self.path, "other data follows the gzip data", byte=at)
                inflate = zlib_ng.decompressobj(wbits=31)
                continue
            data = inflate.unconsumed_tail
            if not data and len(unpacked) < CHUNK_BYTES:
                data = self._read()
                if not data:
                    last = inflate.flush()
                    if last:
                        yield last
                    reason = "the gzip data is cut off: the file ends before they do"
                    raise DumpError(self.path, reason, byte=self.position)

    def _until_damage(self, inflate: Any, data: bytes, why: str) -> Iterator[bytes]:
        """Unpack byte by byte what was dropped when it met the damage, then raise."""
        for index in range(len(data)):
            try:
                piece = inflate.decompress(data[index : index + 1])
            except zlib_ng.error:  # type: ignore[misc]
                at = self.position - len(data) + index
                reason = f"the gzip data is damaged ({why})"
                raise DumpError(self.path, reason, byte=at) from None
            if piece:
                yield piece
        raise DumpError(self.path, f"the gzip data is damaged ({why})", byte=self.position)


def _whole(data: bytes, *, final: bool) -> tuple[bytes, bytes]:
    """Split valid UTF-8 from a character, reference or end tag that its end cuts.

    What is not UTF-8 becomes U+FFFD: one wrong byte must not cost the rest of the file.
    """
    try:
        used = codecs.utf_8_decode(data, "strict", final)[1]
    except UnicodeDecodeError:
        text, used = codecs.utf_8_decode(data, "replace", final)
        data, rest = text.encode(), data[used:]
    else:
        data, rest = data[:used], data[used:]
    if not final:
        tail = max(0, len(data) - _HELD_BACK)
        for opening, closing in ((b"&", b";"), (b"<", b">")):
            start = data.rfind(opening, tail)
            if start >= 0 and data.find(closing, start) < 0:
                data, rest = data[:start], data[start:] + rest
    return data, rest


def _clean(data: bytes) -> bytes:
    data = data.translate(None, _FORBIDDEN_BYTES)
    if b"\xef\xbf" in data:
        data = _NONCHARACTERS.sub(b"", data)
    if b"&#" in data:
        data = _FORBIDDEN_REFERENCE.sub(b"", data)
    return data
