r"""Names of files as text: lossless, whatever bytes they are made of.

A name on the disk is bytes, and not always UTF-8: PostgreSQL's text can't hold the rest of them,
nor Python's surrogates. So a backslash is written twice and a byte that is no UTF-8 as `\xNN`,
which leaves all other names as they are, keeps what is a prefix a prefix, and can be turned back.
This module opens no file.
"""

from __future__ import annotations

import re

from kleio.words import show_text

_ESCAPED = re.compile(r"[\\\udc80-\udcff]")
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2}))")


def path_text(path: bytes) -> str:
    r"""Return a path as text for the database: `b"a\xffb"` becomes `a\xffb` with a backslash."""
    text = path.decode("utf-8", "surrogateescape")
    return _ESCAPED.sub(_escape, text)


def path_bytes(text: str) -> bytes:
    """Return the path that `path_text` made the text of."""
    return _ESCAPE.sub(_unescape, text).encode("utf-8", "surrogateescape")


def path_shown(path: bytes) -> str:
    """Return a path for one line on a terminal."""
    return show_text(path_text(path))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return "\\\\" if character == "\\" else f"\\x{ord(character) - 0xDC00:02x}"


def _unescape(match: re.Match[str]) -> str:
    return chr(0xDC00 + int(match[1], 16)) if match[1] else "\\"
