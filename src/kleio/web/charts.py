"""Charts as SVG, drawn here: crisp at any size, in the page's colours, for all to read.

A chart is a `<figure>` whose picture is hidden from those who can't see it, beside the table that
it is drawn from. Colours are classes of the style sheet, so that light and dark both have theirs;
sizes are attributes, because the page's policy allows no inline styles.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape


class Bar(msgspec.Struct, frozen=True):
    """A bar with its label and what it says in words.

    `tick` is written below it, if anything; `mark` puts a dot there.
    """

    label: str
    value: float
    says: str
    tick: str = ""
    mark: bool = False


def bars(values: Sequence[Bar], *, height: int = 120, label: str) -> Markup:
    """Return columns side by side, as wide as the page gives them.

    Args:
        values: from left to right.
        height: of the picture in its own units, of which a column with its gap has 12.
        label: what the chart shows.
    """
    width = 12 * max(len(values), 1)
    most = max((bar.value for bar in values), default=0) or 1
    parts = [
        f'<svg class="chart bars" viewBox="0 0 {width} {height + 20}" role="img" '
        f'aria-label="{escape(label)}">'
    ]
    for number, bar in enumerate(values):
        x, tall = number * 12 + 1.5, bar.value / most * height
        shown = max(tall, 1.5) if bar.value else 0.75
        parts.append(
            f'<rect class="{"bar" if bar.value else "bar none"}" x="{x:g}" '
            f'y="{height - shown:.1f}" width="9" height="{shown:.1f}" rx="1.5">'
            f"<title>{escape(bar.says)}</title></rect>"
        )
        if bar.mark:
            parts.append(f'<circle class="mark" cx="{x + 4.5:g}" cy="{height + 4}" r="2.5"/>')
        if bar.tick:
            parts.append(
                f'<text class="tick" x="{x + 4.5:g}" y="{height + 17}" text-anchor="middle">'
                f"{escape(bar.tick)}</text>"
            )
    return Markup("".join(parts) + "</svg>")  # noqa: S704 -- every text in it is escaped


def gauge(share: float, *, label: str, level: str = "ok") -> Markup:
    """Return a bar that is filled to a share of 0 to 1; more than all of it is full.

    Args:
        share: of the whole.
        label: what it says in words.
        level: `ok`, `soon` or `due`, which colours it.
    """
    filled = max(0.0, min(share, 1.0)) * 100
    return Markup(  # noqa: S704 -- every text in it is escaped
        f'<svg class="gauge {escape(level)}" viewBox="0 0 100 4" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(label)}"><rect class="track" width="100" height="4"/>'
        f'<rect class="fill" width="{filled:.1f}" height="4"/></svg>'
    )
