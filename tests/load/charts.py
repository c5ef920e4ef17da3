"""The pictures of a report; runs in the load environment: `python charts.py REPORT.json FOLDER`.

Prints a line of JSON: of each picture its file and its caption.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import msgspec
from figures import Figure, Figures, Spread, ratios
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

NAMES = {
    "kleio": "Kleio",
    "fastapi": "FastAPI + SQLAlchemy",
    "litestar": "Litestar + advanced-alchemy",
    "gorm": "Go + GORM Preload",
    "pgbench": "pgbench -M prepared",
}
COLOURS = {
    "kleio": "#0b57d0",
    "fastapi": "#d97706",
    "litestar": "#7c3aed",
    "gorm": "#0f766e",
    "pgbench": "#6b7280",
}
WORKS = {
    "song": "one song",
    "page": "collection page",
    "lookup": "100 songs",
    "release": "one release",
    "plays": "plays page",
    "by artist": "page by artist",
    "search": "search, typo",
    "stats": "shelf statistics",
    "song search": "song search, typo",
    "deep songs": "songs, half way down",
}


def _plain(value: float, _place: int) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _finish(axes: Axes) -> None:
    axes.grid(True, which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(FuncFormatter(_plain))
            axis.set_minor_formatter(NullFormatter())


def _line(axes: Axes, points: list[tuple[float, Spread]], server: str) -> None:
    across = [x for x, _ in points]
    axes.plot(across, [s.middle for _, s in points], "o-", label=NAMES[server],
              color=COLOURS[server], markersize=4)  # fmt: skip
    axes.fill_between(across, [s.lowest for _, s in points], [s.highest for _, s in points],
                      color=COLOURS[server], alpha=0.15, linewidth=0)  # fmt: skip


def throughput(figures: Figures) -> tuple[Any, str] | None:
    """Draw requests a second against connections, and the latency beside."""
    works = [w for w in ("song", "page") if figures.where(work=w, measure="rate", songs=None)]
    if not works:
        return None
    picture, grid = plt.subplots(2, len(works), figsize=(6 * len(works) + 2, 8), squeeze=False)
    for column, work in enumerate(works):
        for row, measure in enumerate(("rate", "p99")):
            axes = grid[row][column]
            for server in NAMES:
                points = sorted(
                    (float(f.connections), f.spread())
                    for f in figures.where(work=work, server=server, measure=measure, songs=None)
                    if f.connections is not None
                )
                if points:
                    _line(axes, points, server)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_title(f"{WORKS[work]}: {'requests/s' if row == 0 else 'p99 in ms'}")
            axes.set_xlabel("connections")
            _finish(axes)
    grid[0][-1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    return picture, "Throughput and tail latency against the number of connections (closed loop)"


def peers(figures: Figures) -> tuple[Any, str] | None:
    """Draw how many times a peer's requests a second Kleio answers."""
    bars: dict[str, list[tuple[str, Spread]]] = {}
    for server in ("fastapi", "litestar", "gorm"):
        for work in WORKS:
            own = figures.get(work, "kleio", "rate", connections=16)
            other = figures.get(work, server, "rate", connections=16)
            if own is not None and other is not None:
                found = Spread.of(ratios(own.values, other.values))
                bars.setdefault(server, []).append((work, found))
    if not bars:
        return None
    works = [work for work in WORKS if any(work == w for b in bars.values() for w, _ in b)]
    picture, axes = plt.subplots(figsize=(11, 5))
    height = 0.8 / len(bars)
    for place, (server, found) in enumerate(bars.items()):
        across = [works.index(work) + (place - (len(bars) - 1) / 2) * height for work, _ in found]
        middles = [s.middle for _, s in found]
        errors = [[s.middle - s.lowest for _, s in found], [s.highest - s.middle for _, s in found]]
        drawn = axes.barh(across, middles, height, xerr=errors, label=NAMES[server],
                          color=COLOURS[server], error_kw={"alpha": 0.5})  # fmt: skip
        axes.bar_label(drawn, [f"{m:.1f}" if m < 10 else f"{m:.0f}" for m in middles],
                       padding=6, fontsize=8)  # fmt: skip
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(works)), [WORKS[work] for work in works])
    axes.invert_yaxis()
    axes.set_xlabel("Kleio's requests/s over the peer's, 16 connections (right of 1: Kleio faster)")
    axes.legend(fontsize=8)
    _finish(axes)
    return picture, "Kleio against its peers: same database, same answers"


def percentiles(figures: Figures) -> tuple[Any, str] | None:
    """Draw the latencies of all work at 16 connections."""
    works = [w for w in WORKS if figures.get(w, "kleio", "p50", connections=16)]
    servers = [s for s in NAMES if figures.where(server=s, measure="p50", connections=16)]
    if not works:
        return None
    picture, axes = plt.subplots(figsize=(11, 5))
    for place, server in enumerate(servers):
        for index, work in enumerate(works):
            found = [
                figures.get(work, server, measure, connections=16)
                for measure in ("p50", "p95", "p99")
            ]
            if None in found:
                continue
            values = [one.spread().middle for one in found if one is not None]
            across = index + (place - (len(servers) - 1) / 2) * 0.18
            axes.plot([across] * 3, values, "-", color=COLOURS[server], linewidth=2, alpha=0.6)
            for value, mark in zip(values, "o_^", strict=True):
                axes.plot(across, value, mark, color=COLOURS[server], markersize=6)
    for server in servers:
        axes.plot([], [], "-", color=COLOURS[server], label=NAMES[server])
    axes.set_yscale("log")
    axes.set_xticks(range(len(works)), [WORKS[work] for work in works], rotation=20, ha="right")
    axes.set_ylabel("ms: p50 (dot), p95 (bar), p99 (triangle)")
    axes.legend(fontsize=8)
    _finish(axes)
    return picture, "Latency at 16 connections, closed loop"


def growth(figures: Figures) -> tuple[Any, str] | None:
    """Draw what a request costs as the data grows."""
    sizes = sorted({f.songs for f in figures.all() if f.songs is not None})
    if len(sizes) < 2:
        return None
    picture, grid = plt.subplots(1, 3, figsize=(16, 4.6))
    colours = plt.get_cmap("tab10")
    for axes, measure, title in zip(
        grid, ("p50", "p99", "database_cpu"),
        ("p50 in ms", "p99 in ms", "PostgreSQL's CPU, us a request"), strict=True,
    ):  # fmt: skip
        works = sorted(
            {f.work for f in figures.where(server="kleio", measure=measure, connections=4)}
        )
        for place, work in enumerate(w for w in WORKS if w in works):
            points = sorted(
                (f.songs or 0, f.spread())
                for f in figures.where(work=work, server="kleio", measure=measure, connections=4)
                if f.songs is not None
            )
            axes.plot([x for x, _ in points], [s.middle for _, s in points], "o-",
                      label=WORKS[work], color=colours(place), markersize=4)  # fmt: skip
            axes.fill_between([x for x, _ in points], [s.lowest for _, s in points],
                              [s.highest for _, s in points], color=colours(place), alpha=0.12,
                              linewidth=0)  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("songs in the database")
        axes.set_title(title)
        _finish(axes)
    grid[-1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    return picture, "What a request costs as the data grows (4 connections)"


def open_loop(figures: Figures) -> tuple[Any, str] | None:
    """Draw Kleio's latency against the rate of arrivals, for each kind of work."""
    found: dict[str, list[tuple[float, str]]] = {}
    for arrivals in figures.where(server="kleio", measure="arrivals"):
        work = arrivals.work.partition(",")[0]
        found.setdefault(work, []).append((arrivals.values[0], arrivals.work))
    if not found:
        return None
    picture, row = plt.subplots(1, len(found), figsize=(5 * len(found) + 1, 4.6), squeeze=False)
    for axes, (work, points) in zip(row[0], found.items(), strict=True):
        for measure, style in (("p50", "o-"), ("p95", "s-"), ("p99", "^-")):
            drawn = [
                (rate, figure.spread().middle)
                for rate, label in sorted(points)
                if (figure := figures.get(label, "kleio", measure)) is not None
            ]
            axes.plot([x for x, _ in drawn], [y for _, y in drawn], style, label=measure,
                      markersize=4)  # fmt: skip
        axes.set_yscale("log")
        axes.set_title(WORKS[work])
        axes.set_xlabel("arrivals a second (up to 120 % of the closed loop's)")
        _finish(axes)
    row[0][0].set_ylabel("ms from when the request was due")
    row[0][-1].legend(fontsize=8)
    return picture, "Latency at a fixed rate of arrivals (open loop, queueing included)"


CHARTS = {
    "peers": peers,
    "throughput": throughput,
    "latency": percentiles,
    "growth": growth,
    "open-loop": open_loop,
}


def main() -> None:
    report, folder = Path(sys.argv[1]), Path(sys.argv[2])
    raw = json.loads(report.read_text())["figures"]
    figures = Figures(msgspec.convert(raw, list[Figure]))
    drawn = []
    for name, draw in CHARTS.items():
        found = draw(figures)
        if found is None:
            continue
        picture, caption = found
        picture.tight_layout()
        picture.savefig(folder / f"{name}.png", dpi=110)
        plt.close(picture)
        drawn.append((f"{name}.png", caption))
    print(json.dumps(drawn))


if __name__ == "__main__":
    main()
