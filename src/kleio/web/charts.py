"""Charts as SVG, drawn here: crisp at any size, in the page's colours, for all to read.

A chart is a `<figure>` whose picture is hidden from those who can't see it, beside the table that
it is drawn from. Colours are classes of the style sheet, so that light and dark both have theirs;
sizes are attributes, because the page's policy allows no inline styles.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape

TICKS = 12
"""How many words stand below columns at most, where there are more columns two less; on a phone
every other one."""

_HEAD = 18
"""Pixels above a chart, for what its height means."""


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


def _tick_step(number: int) -> int:
    return 1 if number <= TICKS else -(-number // (TICKS - 2))


def columns(values: Sequence[Bar], *, height: int = 170, label: str, most: str = "") -> Markup:
    """Return columns that fill the page's width, with words of the same size on any screen.

    Args:
        values: from left to right; of their ticks so many are written as there is room for.
        height: of the columns in pixels.
        label: what the chart shows.
        most: what the height of the tallest means, in words.
    """
    step = _tick_step(len(values))
    wide = 100 / max(len(values), 1)
    top = max((bar.value for bar in values), default=0) or 1
    gap = wide * (0.14 if len(values) < 60 else 0.08)
    parts = [_frame("columns", height, label, most)]
    for number, bar in enumerate(values):
        tall = max(bar.value / top * height, 2) if bar.value else 1
        parts.append(
            f'<rect class="{"bar" if bar.value else "bar none"}" x="{number * wide + gap:.3f}%" '
            f'y="{_HEAD + height - tall:.1f}" width="{wide - 2 * gap:.3f}%" height="{tall:.1f}" '
            f'rx="2"><title>{escape(bar.says)}</title></rect>'
        )
    placed = [((number + 0.5) * wide, bar.tick) for number, bar in enumerate(values)]
    parts += _ticks(placed[::step], height)
    return Markup("".join(parts) + "</svg>")  # noqa: S704 -- every text in it is escaped


class Point(msgspec.Struct, frozen=True):
    """A height from some place on; `at` is between 0 and 1."""

    at: float
    value: float


def steps(
    points: Sequence[Point], ticks: Sequence[tuple[float, str]], *, label: str, most: str = ""
) -> Markup:
    """Return a line that rises in steps, such as the size of a shelf, over a filled ground.

    Args:
        points: from left to right, the first at 0.
        ticks: words below, each at a place between 0 and 1.
        label: what the chart shows.
        most: what the height of the highest point means, in words.
    """
    height = 170
    top = max((point.value for point in points), default=0) or 1
    path, level = f"M0 {height}", float(height)
    for point in points:
        level = height - point.value / top * height
        path += f"H{point.at * 1000:.1f}V{level:.1f}"
    path += "H1000"
    every = _tick_step(len(ticks))
    parts = [
        _frame("steps", height, label, most),
        f'<svg y="{_HEAD}" width="100%" height="{height}" viewBox="0 0 1000 {height}" '
        f'preserveAspectRatio="none"><path class="ground" d="{path}V{height}z"/>'
        f'<path class="edge" vector-effect="non-scaling-stroke" d="{path}"/></svg>',
        *_ticks([(at * 100, word) for at, word in ticks[::every]], height),
    ]
    return Markup("".join(parts) + "</svg>")  # noqa: S704 -- every text in it is escaped


def _frame(kind: str, height: int, label: str, most: str) -> str:
    return (
        f'<svg class="chart {kind}" height="{_HEAD + height + 22}" role="img" '
        f'aria-label="{escape(label)}"><path class="rule" d="M0 {_HEAD}.5h4000"/>'
        f'<path class="rule" d="M0 {_HEAD + height // 2}.5h4000"/>'
        f'<path class="rule base" d="M0 {_HEAD + height}.5h4000"/>'
        f'<text class="word" y="12">{escape(most)}</text>'
    )


def _ticks(placed: list[tuple[float, str]], height: int) -> list[str]:
    return [
        f'<text class="word{" odd" if number % 2 else ""}" x="{at:.2f}%" '
        f'y="{_HEAD + height + 17}" text-anchor="{_anchor(at)}">{escape(word)}</text>'
        for number, (at, word) in enumerate(placed)
        if word
    ]


def _anchor(at: float) -> str:
    return "start" if at < 3 else "end" if at > 97 else "middle"


def share(part: float) -> Markup:
    """Return a bar beside a number that says the same, for eyes alone; `part` is from 0 to 1."""
    return Markup(  # noqa: S704 -- a number
        '<svg class="share" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><rect width="{max(0.0, min(part, 1.0)) * 100:.1f}" height="4"/></svg>'
    )
