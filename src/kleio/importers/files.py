"""Opening a file that is to be imported, and telling what it is when it is something else.

A file is never unpacked here, so no archive can grow. Readers of formats check the rest.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from kleio.importers.sources import HEAD_BYTES, SourceError

_HTML = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body|\?xml|div|script)", re.I | re.S
)

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (XLSX)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (XLS)"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"BZh", "packed with bzip2"),
    (b"\xfd7zXZ", "packed with xz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "a text in UTF-16"),
    (b"\xfe\xff", "a text in UTF-16"),
)


def open_file(path: Path) -> BinaryIO:
    """Open a file for reading bytes.

    Raises:
        SourceError: it doesn't exist, is a folder or may not be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error


def read_head(file: BinaryIO) -> bytes:
    """Return the beginning of a file, and stand at its start again.

    Raises:
        SourceError: it is empty.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise SourceError("the file is empty")
    return head


def describe_head(head: bytes) -> str | None:
    """Return what a file is by its beginning, None for a text that may be CSV or JSON."""
    for magic, words in _MAGIC:
        if head.startswith(magic):
            return words
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "a web page (HTML or XML)"
    return None
