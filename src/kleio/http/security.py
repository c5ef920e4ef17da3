"""Headers that tell browsers how little they may do with an answer, on every answer there is.

A handler that needs another one sets it itself: what is there already stays.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

DEFAULTS = (
    # What an answer says it is, it is: JSON with a script in a note is never run.
    (b"x-content-type-options", b"nosniff"),
    # An answer of the API opened in a window of its own loads nothing and stands in no frame.
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    # Addresses hold ids and searches; no other site learns them.
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # What is a user's own is kept by no cache and by no browser's disk.
    (b"cache-control", b"no-store"),
)

HSTS = (b"strict-transport-security", b"max-age=31536000")
"""A year of https alone; only sent over https, as RFC 6797 wants it."""

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


def add_security_headers(message: Any, *, is_https: bool) -> None:
    """Complete the headers of an answer that begins (`http.response.start`)."""
    headers = list(message["headers"])
    known = {name.lower() for name, _ in headers}
    headers.extend(header for header in DEFAULTS if header[0] not in known)
    if is_https and HSTS[0] not in known:
        headers.append(HSTS)
    message["headers"] = headers


def page_policy(page: bytes) -> str:
    """Return the Content-Security-Policy of a page of ours: its own parts, its own inline scripts.

    Args:
        page: the page's bytes; each `<script>` without a source in it is allowed by its hash.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
    )
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
