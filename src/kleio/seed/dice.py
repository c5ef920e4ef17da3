"""The demo's source of chance, and the templates that it fills.

Only `random()` is drawn from: it is the one method that gives the same numbers in every version
of Python, and a demo catalogue has to be the same everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

# Literal text and word lists in turn.
Template = tuple[str | tuple[str, ...], ...]


class Dice(random.Random):
    """A seeded generator with the few draws the seed needs."""

    def below(self, limit: int) -> int:
        """Return an int from 0 to `limit` - 1."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an int from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """Return True in `share` of all cases."""
        return self.random() < share

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.random() * len(items))]

    def some(self, items: Sequence[T], number: int) -> list[T]:
        """Return up to `number` different items, in the order drawn."""
        drawn: list[T] = []
        for _ in range(number * 3):
            if len(drawn) == number:
                break
            item = self.pick(items)
            if item not in drawn:
                drawn.append(item)
        return drawn

    def fill(self, templates: Sequence[Template]) -> str:
        """Return one of the templates with a word in each of its gaps."""
        return "".join(
            part if isinstance(part, str) else self.pick(part) for part in self.pick(templates)
        )


def table(weights: Mapping[T, int]) -> tuple[T, ...]:
    """Return each key as often as its weight says, so that `pick` follows the weights."""
    return tuple(key for key, weight in weights.items() for _ in range(weight))


def words(text: str) -> tuple[str, ...]:
    """Return the entries of a comma-separated list."""
    return tuple(" ".join(entry.split()) for entry in text.split(","))


def templates(lines: Iterable[str], lists: Mapping[str, tuple[str, ...]]) -> tuple[Template, ...]:
    """Compile lines such as `3* The {noun} Of {place}`; the number repeats a line."""
    compiled: list[Template] = []
    for line in lines:
        times, star, text = line.partition("* ")
        if not star:
            times, text = "1", line
        parts: list[str | tuple[str, ...]] = []
        for piece in text.split("{"):
            name, brace, rest = piece.partition("}")
            if brace:
                parts.append(lists[name])
            else:
                rest = name
            if rest:
                parts.append(rest)
        compiled += [tuple(parts)] * int(times)
    return tuple(compiled)
