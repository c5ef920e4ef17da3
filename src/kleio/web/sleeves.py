"""Sleeves drawn from a release itself, for the catalogue holds no pictures.

The same release has the same sleeve everywhere and for ever: its id chooses shapes and its first
genre the colours. A sleeve is an SVG of a few shapes, without styles, some hundred bytes long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from uuid import UUID

from markupsafe import Markup, escape

_PALETTES: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    # Ground, then three inks.
    "warm": (
        ("#f2e3c6", "#c8452b", "#e39a2d", "#2b3a42"),
        ("#e2552f", "#f6dfb6", "#7d1f1a", "#f2a93b"),
        ("#7a2320", "#f0c27b", "#e2683c", "#f7ecd9"),
        ("#f4c95d", "#b23a24", "#3a2a25", "#f8f1e3"),
    ),
    "blue": (
        ("#1f4e79", "#f0e6d2", "#e8b04a", "#8fb6d3"),
        ("#dfe8e6", "#17496b", "#e07a45", "#7fa8b8"),
        ("#12324a", "#5fb0b7", "#f2e8d5", "#ee9b4a"),
        ("#9cc5cf", "#153b50", "#f3ead8", "#cf4f3a"),
    ),
    "green": (
        ("#2f5d50", "#f1e4c3", "#e3a73f", "#9fbf9a"),
        ("#e8e4cf", "#3c6e5a", "#d9653b", "#20342e"),
        ("#8ba888", "#24403a", "#f4ead2", "#c9502f"),
        ("#1d3b37", "#c7d3a9", "#e8b452", "#f5efe0"),
    ),
    "night": (
        ("#201d2b", "#f26b4e", "#f3dfc1", "#6d6aa8"),
        ("#2a1f3d", "#e4c04d", "#b94d7e", "#f5ead7"),
        ("#ded6e8", "#473a6b", "#e0694f", "#1d1929"),
        ("#191b26", "#4fa3a5", "#f0e2c8", "#e2574c"),
    ),
    "pink": (
        ("#f0c9bd", "#8e2f4f", "#2f3b52", "#fbf1e4"),
        ("#b63e5d", "#f8dcc4", "#33233f", "#f0a45c"),
        ("#f7e3d8", "#d2476a", "#f0a63f", "#38405f"),
        ("#5c2340", "#f3b49a", "#f6e9d8", "#d9583f"),
    ),
}

_BY_GENRE = {
    "Blues": "blue",
    "Jazz": "blue",
    "Classical": "green",
    "Folk, World, & Country": "green",
    "Reggae": "green",
    "Electronic": "night",
    "Hip Hop": "night",
    "Pop": "pink",
    "Funk / Soul": "pink",
    "Latin": "warm",
    "Rock": "warm",
}

Inks = tuple[str, str, str, str]


def sleeve(release_id: UUID | int | str, title: str, genres: list[str]) -> Markup:
    """Return a release's sleeve as SVG; it says nothing to those who can't see it."""
    seed = hashlib.blake2b(str(release_id).encode(), digest_size=12).digest()
    family = _BY_GENRE.get(genres[0]) if genres else None
    palettes = _PALETTES[family or sorted(_PALETTES)[seed[0] % len(_PALETTES)]]
    inks = palettes[seed[1] % len(palettes)]
    drawing = _PATTERNS[seed[2] % len(_PATTERNS)]
    shapes = "".join(drawing(inks, seed[3:], title))
    return Markup(  # noqa: S704 -- numbers and colours of this file; the letter is escaped
        f'<svg class="sleeve" viewBox="0 0 96 96" aria-hidden="true" focusable="false">'
        f'<path fill="{inks[0]}" d="M0 0h96v96H0z"/>{shapes}</svg>'
    )


def _circle(x: float, y: float, r: float, ink: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{ink}"/>'


def _rings(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    x, y = 24 + seed[0] % 49, 24 + seed[1] % 49
    step = 7 + seed[2] % 5
    for number in range(6, 0, -1):
        yield _circle(x, y, number * step, inks[1 + number % 3] if number % 2 else inks[0])
    yield _circle(x, y, 2.5, inks[0])


def _sun(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    horizon = 52 + seed[0] % 20
    yield _circle(30 + seed[1] % 36, horizon, 24 + seed[2] % 8, inks[1])
    yield f'<path fill="{inks[3]}" d="M0 {horizon}h96v{96 - horizon}H0z"/>'
    for number in range(4):
        y = horizon + 3 + number * (4 + number)
        yield f'<path fill="{inks[2]}" d="M0 {y}h96v{2 + number}H0z"/>'


def _quarters(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    for number in range(9):
        x, y = number % 3 * 32, number // 3 * 32
        byte = seed[number % len(seed)] + number * 37
        corner = ("M0 0v32A32 32 0 0 0 32 0z", "M32 0H0A32 32 0 0 0 32 32z")
        turned = ("M32 32V0A32 32 0 0 0 0 32z", "M0 32h32A32 32 0 0 0 0 0z")
        shape = (*corner, *turned)[byte % 4]
        yield f'<path transform="translate({x} {y})" fill="{inks[1 + byte // 4 % 3]}" d="{shape}"/>'


def _stripes(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    lean = -40 + seed[0] % 80
    for number in range(5):
        x = 6 + number * 18
        yield f'<path fill="{inks[1 + number % 2]}" d="M{x} 0h9l{lean} 96h-9z"/>'
    yield _circle(22 + seed[1] % 52, 22 + seed[2] % 52, 15, inks[3])


def _bars(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    for number in range(9):
        height = 14 + (seed[number % len(seed)] * (number + 3)) % 66
        yield (
            f'<rect x="{8 + number * 9}" y="{(96 - height) / 2:g}" width="6" height="{height}" '
            f'rx="3" fill="{inks[1 + (number + seed[0]) % 3]}"/>'
        )


def _dots(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    for number in range(25):
        x, y = number % 5, number // 5
        r = 2.5 + (seed[x] ^ seed[y + 3]) % 13 / 2
        yield _circle(12 + x * 18, 12 + y * 18, r, inks[1 + (x * y + seed[1]) % 3])


def _waves(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    swing, shift = 9 + seed[0] % 14, seed[1] % 24
    for number in range(4):
        y = 26 + number * 19 + seed[2] % 6
        x = -48 + (shift + number * 13) % 48
        yield (
            f'<path fill="{inks[(1, 2, 3, 1)[number]]}" '
            f'd="M{x} {y}q12-{swing} 24 0t24 0t24 0t24 0t24 0t24 0V96H{x}z"/>'
        )


def _arches(inks: Inks, seed: bytes, _title: str) -> Iterator[str]:
    x, base = 30 + seed[0] % 37, 96
    for number, r in enumerate((44, 34, 24, 14)):
        top = 40 + seed[1] % 16
        ink = (inks[1], inks[2], inks[0], inks[3])[number]
        yield f'<path fill="{ink}" d="M{x - r} {base}V{top}a{r} {r} 0 0 1 {2 * r} 0V{base}z"/>'


def _letter(inks: Inks, seed: bytes, title: str) -> Iterator[str]:
    letter = next((letter for letter in title if letter.isalnum()), "K").upper()[0]
    yield _circle(70 - seed[0] % 44, 30 + seed[1] % 40, 30, inks[2])
    yield (
        f'<text x="{4 + seed[2] % 24}" y="86" font-family="Fraunces, serif" font-weight="700" '
        f'font-size="104" fill="{inks[1]}">{escape(letter)}</text>'
    )
    yield f'<path fill="{inks[3]}" d="M0 0h96v7H0z"/>'


_PATTERNS: tuple[Callable[[Inks, bytes, str], Iterator[str]], ...] = (
    _rings, _sun, _quarters, _stripes, _bars, _dots, _waves, _arches, _letter,
)  # fmt: skip
