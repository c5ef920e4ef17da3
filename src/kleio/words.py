"""Numbers and texts as people read them."""

from __future__ import annotations

import re

# Beside those that move a terminal's cursor, those that turn the direction of what is written.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff]")


def show_bytes(count: float | None) -> str:
    """Return a size: `812 B`, `5.3 MiB`; nothing is 0 B."""
    value, unit = float(count or 0), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def show_text(text: str) -> str:
    """Return a text for one line on a terminal or in a log: controls become question marks.

    Of whoever wrote it, none moves the cursor, begins a line of its own or turns the writing.
    """
    return _CONTROL.sub("?", text)
