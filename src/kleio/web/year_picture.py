"""A year as one picture to keep or to show: its days are the grooves of a record.

The picture needs nothing beside it: the fonts are in it, and the sleeves are the drawn ones. So it
looks the same in a browser, in a message and in ten years.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import math
from collections.abc import Iterator, Sequence

from markupsafe import escape

from kleio.discogs import ATTRIBUTION
from kleio.http.insight_schemas import Year
from kleio.repositories.stats import PlayBucket
from kleio.web import words
from kleio.web.assets import assets
from kleio.web.sleeves import sleeve
from kleio.words import show_text

WIDTH, HEIGHT = 1080, 1350
_X, _Y = 540, 516
_INNER, _OUTER = 172, 336
_PAPER, _SOFT, _LINE = "#f3eadd", "#b9ab9b", "#4a4038"
_ACCENT, _GOLD = "#f2855a", "#e8bf62"
_COVERS = 5
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@functools.cache
def _style() -> str:
    faces = (("Fraunces", "fraunces.woff2"), ("Figtree", "figtree.woff2"))
    return "".join(
        f'@font-face{{font-family:"{name}";font-weight:300 900;'
        f"src:url(data:font/woff2;base64,{base64.b64encode(assets()[file].body).decode()})}}"
        for name, file in faces
    )


@functools.cache
def policy() -> str:
    """Return the policy of the picture: its own fonts, by their hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:"


def says(year: Year) -> str:
    """Return what the picture shows, in words."""
    records, days = words.count(year.releases, "record"), words.count(year.days_with_plays, "day")
    plays, time = words.count(year.plays, "play"), words.minutes(year.minutes)
    return f"{year.year}: {plays} of {records}, {time} on {days}"


def draw(year: Year, days: Sequence[PlayBucket], username: str) -> str:
    """Return a year as an SVG document.

    Args:
        year: in review.
        days: every day of it.
        username: whose year it was.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        f'<title id="title">{_escaped(says(year))}</title><style>{_style()}</style>',
        f'<path fill="#16120f" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>',
        _text(64, 92, f"{username}’s year in records", 34, fill=_SOFT),
        *_record(year, days),
        *_figures(year),
        *_covers(year),
        _text(64, HEIGHT - 40, "Kleio", 30, weight=700, family="Fraunces"),
        _text(WIDTH - 64, HEIGHT - 40, ATTRIBUTION, 18, fill=_SOFT, anchor="end"),
        "</svg>",
    ]
    return "".join(parts)


def _text(
    x: float,
    y: float,
    text: str,
    size: int,
    *,
    fill: str = _PAPER,
    weight: int = 500,
    family: str = "Figtree",
    anchor: str = "start",
) -> str:
    fallback = "Georgia, serif" if family == "Fraunces" else "Helvetica, Arial, sans-serif"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{family}, {fallback}" font-weight="{weight}" '
        f'font-size="{size}" fill="{fill}" text-anchor="{anchor}">{_escaped(text)}</text>'
    )


def _at(turn: float, radius: float) -> tuple[float, float]:
    """Return a place on the record; `turn` is 0 at its top and 1 after a whole turn."""
    angle = turn * 2 * math.pi - math.pi / 2
    return _X + radius * math.cos(angle), _Y + radius * math.sin(angle)


def _record(year: Year, days: Sequence[PlayBucket]) -> Iterator[str]:
    yield f'<circle cx="{_X}" cy="{_Y}" r="{_OUTER + 28}" fill="#0b0908"/>'
    for radius in range(_INNER + 12, _OUTER + 28, 13):
        yield f'<circle cx="{_X}" cy="{_Y}" r="{radius}" fill="none" stroke="#231d18"/>'
    most = max((day.plays for day in days), default=0) or 1
    rays: dict[str, list[str]] = {_ACCENT: [], _GOLD: []}
    for number, day in enumerate(days):
        if day.plays:
            turn = (number + 0.5) / len(days)
            length = (_OUTER - _INNER) * math.sqrt(day.plays / most)
            (x, y), (to_x, to_y) = _at(turn, _INNER), _at(turn, _INNER + length)
            ink = _GOLD if day.plays == most and most > 1 else _ACCENT
            rays[ink].append(f"M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}")
    for ink, lines in rays.items():
        yield (
            f'<path stroke="{ink}" stroke-width="3.6" stroke-linecap="round" d="{"".join(lines)}"/>'
        )
    for number, month in enumerate(_MONTHS):
        x, y = _at((number + 0.5) / 12, _OUTER + 54)
        yield _text(x, y + 7, month, 19, fill=_SOFT, weight=600, anchor="middle")
    yield f'<circle cx="{_X}" cy="{_Y}" r="{_INNER - 16}" fill="{_ACCENT}"/>'
    yield f'<circle cx="{_X}" cy="{_Y}" r="{_INNER - 34}" fill="none" stroke="#c95f37"/>'
    yield _text(_X, _Y - 26, str(year.year), 104, fill="#27100a", weight=700, family="Fraunces",
                anchor="middle")  # fmt: skip
    yield f'<circle cx="{_X}" cy="{_Y + 12}" r="9" fill="#0b0908"/>'
    plays = words.count(year.plays, "play")
    yield _text(_X, _Y + 76, plays, 30, fill="#27100a", weight=650, anchor="middle")


def _figures(year: Year) -> Iterator[str]:
    streak = year.longest_streak.days if year.longest_streak else 0
    figures = (
        (f"{round(year.minutes / 60):,}", "hours"),
        (f"{year.releases:,}", "records"),
        (f"{year.new_releases:,}", "for the first time"),
        (f"{streak:,}", "days in a row"),
    )
    for number, (value, name) in enumerate(figures):
        x = 64 + (WIDTH - 128) * (number + 0.5) / len(figures)
        yield _text(x, 1000, value, 60, weight=600, family="Fraunces", anchor="middle")
        yield _text(x, 1034, name, 21, fill=_SOFT, anchor="middle")


def _covers(year: Year) -> Iterator[str]:
    top = year.top_releases[:_COVERS]
    if not top:
        return
    wide, gap = 144, 50
    left = (WIDTH - len(top) * wide - (len(top) - 1) * gap) / 2
    for number, entry in enumerate(top):
        x, release = left + number * (wide + gap), entry.release
        yield f'<svg x="{x:.1f}" y="1076" width="{wide}" height="{wide}" viewBox="0 0 96 96">'
        yield sleeve(release.id, release.title, release.genres)
        yield "</svg>"
        yield _text(x + wide / 2, 1248, _short(release.title, 18), 17, weight=600, anchor="middle")
    artists = [artist.name for artist in year.top_artists if artist.name != "Various"][:3]
    if artists:
        most = _short("Most by " + ", ".join(artists), 60)
        yield _text(_X, HEIGHT - 40, most, 18, fill=_SOFT, anchor="middle")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _escaped(text: str) -> str:
    # A file of XML can't hold controls, whatever stands in a title: no program would show it.
    return escape(show_text(text))
