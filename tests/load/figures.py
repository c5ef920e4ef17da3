"""What a load run measures, and what may be said of it: medians, spreads, ratios, what got slower.

Nothing here measures or draws; `tests/unit/test_load_report.py` holds it to numbers known by hand.
A figure keeps one value for each round. Rounds of what is compared are interleaved, so the k-th
values of two figures met the same machine, and a ratio is taken round by round.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

LEAST_CHANGE = 0.05
"""A change below a twentieth is never called one, however narrow the spread of some rounds."""


class Spread(NamedTuple):
    """The median of the rounds, the lowest and the highest."""

    middle: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Return the spread of at least one value."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    def text(self, unit: str = "") -> str:
        """Return it for people: as many digits as mean something."""
        middle = f"{number(self.middle)} {unit}".rstrip()
        if self.lowest == self.highest:
            return middle
        return f"{middle} ({number(self.lowest)} to {number(self.highest)})"


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing measured, a value for each round.

    Attributes:
        work: what was done, such as `song` or `page`.
        server: who did it, such as `kleio` or `fastapi`.
        measure: `rate`, `p50`, `p95`, `p99`, `cpu` ...
        unit: of the values; a rate is `/s`.
        values: one for each round, in their order.
        connections: how many clients asked at once, where that was chosen.
        songs: how many songs the database held, where that was chosen.
        more_is_better: whether a larger value is the better one.
    """

    work: str
    server: str
    measure: str
    unit: str
    values: list[float]
    connections: int | None = None
    songs: int | None = None
    more_is_better: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from all others of a report."""
        return self.work, self.server, self.measure, self.connections, self.songs

    @property
    def name(self) -> str:
        """The key for people."""
        parts = [f"{self.work}, {self.server}, {self.measure}"]
        if self.connections is not None:
            parts.append(f"{self.connections} connections")
        if self.songs is not None:
            parts.append(f"{self.songs:,} songs")
        return ", ".join(parts)

    def spread(self) -> Spread:
        """Return median, lowest and highest of the rounds."""
        return Spread.of(self.values)


class Change(NamedTuple):
    """How a figure stands to the same one of an earlier report: below 1 is slower."""

    name: str
    then: Spread
    now: Spread
    speed: float


def number(value: float) -> str:
    """Return a number with three digits that count, and all of a large one."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratios of two figures' rounds, one by one; a round that failed has no value."""
    return [a / b for a, b in zip(above, below, strict=True) if b]


class Figures:
    """All figures of a run, found by what they are."""

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        self._found: dict[tuple[object, ...], Figure] = {}
        for figure in figures:
            self.add(figure)

    def add(self, figure: Figure) -> None:
        """Keep a figure; one without a value is not there."""
        if figure.values:
            self._found[figure.key] = figure

    def all(self) -> list[Figure]:
        """Return them in the order in which they came."""
        return list(self._found.values())

    def get(
        self,
        work: str,
        server: str,
        measure: str,
        *,
        connections: int | None = None,
        songs: int | None = None,
    ) -> Figure | None:
        """Return a figure, None where it was not measured."""
        return self._found.get((work, server, measure, connections, songs))

    def where(self, **wanted: object) -> list[Figure]:
        """Return the figures whose attributes have these values."""
        return [
            figure
            for figure in self._found.values()
            if all(getattr(figure, name) == value for name, value in wanted.items())
        ]


def drift(then: Figures, now: Figures, own: str = "kleio") -> float:
    """Return how much faster the machine is now, by those servers that did not change.

    1.0 where no peer is in both reports.
    """
    changes = [
        _speed(before, figure)
        for figure in now.all()
        if figure.server != own and (before := _same(then, figure)) is not None
    ]
    return statistics.median(changes) if changes else 1.0


def changed(then: Figures, now: Figures, own: str = "kleio") -> tuple[list[Change], list[Change]]:
    """Return what got slower and what got faster than in an earlier report, beyond the noise.

    The noise is what the rounds themselves show: no round of one report may reach into those of
    the other, after the machine's own drift is taken off, and the medians differ by a twentieth.
    """
    machine = drift(then, now, own)
    slower, faster = [], []
    for figure in now.all():
        before = _same(then, figure)
        if figure.server != own or before is None:
            continue
        factor = machine if figure.more_is_better else 1 / machine
        expected = [value * factor for value in before.values]
        speed = _speed(before, figure) / machine
        change = Change(figure.name, Spread.of(expected), figure.spread(), speed)
        if max(figure.values) < min(expected) or min(figure.values) > max(expected):
            if speed < 1 - LEAST_CHANGE:
                slower.append(change)
            elif speed > 1 + LEAST_CHANGE:
                faster.append(change)
    return sorted(slower, key=lambda c: c.speed), sorted(faster, key=lambda c: -c.speed)


def _same(figures: Figures, figure: Figure) -> Figure | None:
    return figures.get(
        figure.work,
        figure.server,
        figure.measure,
        connections=figure.connections,
        songs=figure.songs,
    )


def _speed(then: Figure, now: Figure) -> float:
    before, after = then.spread().middle, now.spread().middle
    if not before or not after:
        return 1.0
    return after / before if now.more_is_better else before / after
