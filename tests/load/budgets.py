"""Kleio's budgets: each a figure or a ratio of two, with the goal that it is held against.

All but four are ratios to something measured in the same run on the same machine and data. What a
run did not measure is said to be skipped, with the reason, and never counted as met.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from figures import Figure, Figures, Spread, number, ratios

PAGE_CONNECTIONS, SONG_CONNECTIONS = 16, 64
WHOLE = 10_000_000


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table; `met` is None where it was not measured."""

    work: str
    peer: str
    goal: str
    measured: str
    spread: str
    met: bool | None


class Budget(NamedTuple):
    """What is measured, against whom, and how much of it is enough.

    Attributes:
        part: of the run that measures it.
        measured: the values of the rounds, None where one of the figures is missing.
        songs: of a database that is smaller it says nothing, whatever was measured there.
    """

    part: str
    work: str
    peer: str
    goal: float
    is_least: bool
    unit: str
    measured: Callable[[Figures], list[float] | None]
    songs: int = 0

    def goal_text(self) -> str:
        """Return the goal for people."""
        amount = f"{self.goal:.0%}" if self.unit == "%" else f"{number(self.goal)} {self.unit}"
        return f"at {'least' if self.is_least else 'most'} {amount}"

    def verdict(self, figures: Figures, note: str, songs: int) -> Verdict:
        """Hold the figures against the goal.

        Args:
            figures: of the run.
            note: why it is missing, where it is.
            songs: of the run's largest database.
        """
        values = self.measured(figures)
        if not values:
            return Verdict(work=self.work, peer=self.peer, goal=self.goal_text(),
                           measured=f"skipped: {note}", spread="", met=None)  # fmt: skip
        spread = Spread.of(values)
        met: bool | None
        met = spread.middle >= self.goal if self.is_least else spread.middle <= self.goal
        where = ""
        if songs < self.songs:
            met, where = None, f" with {songs:,} songs"
        return Verdict(
            work=self.work,
            peer=self.peer,
            goal=self.goal_text(),
            measured=self._text(spread.middle) + where,
            spread=f"{self._text(spread.lowest)} to {self._text(spread.highest)}",
            met=met,
        )

    def _text(self, value: float) -> str:
        return f"{value:.0%}" if self.unit == "%" else f"{number(value)} {self.unit}"


def rate_against(work: str, peer: str, connections: int) -> Callable[[Figures], list[float] | None]:
    """Return how many times a peer's rate Kleio's is, round by round."""

    def measured(figures: Figures) -> list[float] | None:
        own = figures.get(work, "kleio", "rate", connections=connections)
        other = figures.get(work, peer, "rate", connections=connections)
        return None if own is None or other is None else ratios(own.values, other.values)

    return measured


def ratio_of(
    above: tuple[str, str, str], below: tuple[str, str, str]
) -> Callable[[Figures], list[float] | None]:
    """Return the ratio of two figures that have neither connections nor songs in their key."""

    def measured(figures: Figures) -> list[float] | None:
        over, under = figures.get(*above), figures.get(*below)
        return None if over is None or under is None else ratios(over.values, under.values)

    return measured


def value_of(work: str, server: str, measure: str) -> Callable[[Figures], list[float] | None]:
    """Return a figure's own values."""

    def measured(figures: Figures) -> list[float] | None:
        found: Figure | None = figures.get(work, server, measure)
        return None if found is None else found.values

    return measured


BUDGETS = (
    Budget("peers", "collection page, 50 items, nested", "FastAPI + SQLAlchemy", 20, True, "x",
           rate_against("page", "fastapi", PAGE_CONNECTIONS)),
    Budget("peers", "collection page, 50 items, nested", "Go + GORM Preload", 6, True, "x",
           rate_against("page", "gorm", PAGE_CONNECTIONS)),
    Budget("peers", "song by id, 64 connections", "FastAPI + SQLAlchemy", 5, True, "x",
           rate_against("song", "fastapi", SONG_CONNECTIONS)),
    Budget("peers", "song by id, 64 connections", "Go + GORM", 0.5, True, "x",
           rate_against("song", "gorm", SONG_CONNECTIONS)),
    Budget("peers", "song by id, 64 connections", "pgbench -M prepared", 0.3, True, "%",
           rate_against("song", "pgbench", SONG_CONNECTIONS)),
    Budget("sql", "page half way down against page 1, p99", "itself", 1.2, False, "x",
           ratio_of(("deep page", "sql", "p99"), ("first page", "sql", "p99")), songs=WHOLE),
    Budget("sql", "song by id, most songs against fewest, p50", "itself", 1.3, False, "x",
           ratio_of(("song of many", "sql", "p50"), ("song of few", "sql", "p50")), songs=WHOLE),
    Budget("sql", "search with a typo, speed", "ILIKE without the index", 100, True, "x",
           ratio_of(("ILIKE", "sql", "p50"), ("search", "sql", "p50")), songs=WHOLE),
    Budget("sql", "search with a typo, p95", "itself", 150, False, "ms",
           value_of("search", "sql", "p95"), songs=WHOLE),
    Budget("dump", "Discogs dump, releases/s", "discogskit, same file", 2, True, "x",
           ratio_of(("dump", "kleio", "rate"), ("dump", "discogskit", "rate"))),
    Budget("dump", "Discogs dump, rows lost", "discogskit, same file", 0, False, "rows",
           value_of("dump", "kleio", "lost")),
    Budget("copy", "seeded songs/s", "psql \\copy, same rows", 0.8, True, "%",
           ratio_of(("load", "kleio", "rate"), ("load", "copy", "rate"))),
    Budget("start", "start of kleio serve, first answer", "itself", 2, False, "s",
           value_of("start", "kleio", "seconds")),
    Budget("peers", "memory of a worker under load", "itself", 100, False, "MB",
           value_of("start", "kleio", "memory")),
)  # fmt: skip


def verdicts(figures: Figures, skipped: dict[str, str], songs: int) -> list[Verdict]:
    """Hold a run's figures against all budgets.

    Args:
        figures: of the run.
        skipped: why a peer or a part of the run was not measured, by its name.
        songs: of the run's largest database.
    """
    return [
        budget.verdict(figures, _reason(budget, skipped) or "not part of this run", songs)
        for budget in BUDGETS
    ]


def _reason(budget: Budget, skipped: dict[str, str]) -> str | None:
    if budget.part in skipped:
        return skipped[budget.part]
    parts = {one.part for one in BUDGETS}
    names = [name for name in skipped if name not in parts and name in budget.peer.lower()]
    return skipped[names[0]] if names else None
