"""Numbers as people read them."""

from __future__ import annotations


def show_bytes(count: float | None) -> str:
    """Return a size: `812 B`, `5.3 MiB`; nothing is 0 B."""
    value, unit = float(count or 0), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
