"""A run's report: what it was, its figures and verdicts, as JSON, as lines and as one page."""

from __future__ import annotations

import html
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from budgets import Verdict, verdicts
from endpoints import TEXTS
from figures import Change, Figure, Figures, Spread, changed, drift, number, ratios

NAMES = {
    "kleio": "Kleio",
    "fastapi": "FastAPI + SQLAlchemy",
    "litestar": "Litestar + advanced-alchemy",
    "gorm": "Go + GORM Preload",
    "pgbench": "pgbench -M prepared",
    "discogskit": "discogskit",
}


class Report(msgspec.Struct, kw_only=True, rename="camel"):
    """All that a run found, and what it was run on."""

    started: str
    seconds: float
    commit: str
    machine: dict[str, Any]
    versions: dict[str, str]
    options: dict[str, Any]
    figures: list[Figure]
    skipped: dict[str, str]
    notes: list[str] = []

    def found(self) -> Figures:
        """Return the figures, to look them up."""
        return Figures(self.figures)

    def verdicts(self) -> list[Verdict]:
        """Hold the figures against the budgets."""
        return verdicts(self.found(), self.skipped, max(self.options.get("sizes") or [0]))


def read(path: Path) -> Report:
    """Read a report; raises msgspec.ValidationError where it is none."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def machine() -> dict[str, Any]:
    """Return what the run was on, and how busy it was when it began."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memoryGiB": round(memory, 1),
        "system": platform.platform(),
        "loadBefore": round(os.getloadavg()[0], 2),
    }


def commit(folder: Path) -> str:
    """Return the commit of the checkout, marked where files are changed."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"


def budget_lines(found: Sequence[Verdict]) -> list[str]:
    """Return the table of budgets as lines of text."""
    rows = [("work", "against", "goal", "measured", "spread", "met")] + [
        (v.work, v.peer, v.goal, v.measured, v.spread, _met(v)) for v in found
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _met(verdict: Verdict) -> str:
    return {True: "met", False: "NOT MET", None: "-"}[verdict.met]


def comparison_rows(figures: Figures) -> list[list[str]]:
    """Return for each work and server: rate, latency, CPU, and Kleio's ratio to it."""
    rows = []
    for work, text in TEXTS.items():
        for connections in sorted(
            {f.connections for f in figures.where(work=work, measure="rate", songs=None)
             if f.connections is not None}
        ):  # fmt: skip
            own = figures.get(work, "kleio", "rate", connections=connections)
            for server, name in NAMES.items():
                rate = figures.get(work, server, "rate", connections=connections)
                if rate is None:
                    continue
                cells = [text, str(connections), name, rate.spread().text()]
                for measure in ("p50", "p95", "p99"):
                    one = figures.get(work, server, measure, connections=connections)
                    cells.append("" if one is None else number(one.spread().middle))
                for measure in ("server_cpu", "database_cpu"):
                    one = figures.get(work, server, measure, connections=connections)
                    cells.append("" if one is None else number(one.spread().middle))
                ratio = ""
                if own is not None and server != "kleio":
                    ratio = Spread.of(ratios(own.values, rate.values)).text("x")
                rows.append([*cells, ratio])
    return rows


def against(earlier: Report, now: Report) -> tuple[list[Change], list[Change], list[str]]:
    """Return what got slower and faster since an earlier report, and what to know beside it."""
    slower, faster = changed(earlier.found(), now.found())
    notes = [
        f"{what} differs: {then!r} then, {today!r} now"
        for what, then, today in (
            ("processor", earlier.machine.get("processor"), now.machine.get("processor")),
            ("cores", earlier.machine.get("cores"), now.machine.get("cores")),
            ("workers", earlier.options.get("workers"), now.options.get("workers")),
            ("sizes", earlier.options.get("sizes"), now.options.get("sizes")),
        )
        if then != today
    ]
    machine_now = drift(earlier.found(), now.found())
    notes.append(f"the peers are {machine_now:.2f} x as fast as then, which is taken off")
    return slower, faster, notes


def change_lines(slower: Sequence[Change], faster: Sequence[Change]) -> list[str]:
    """Return a line for each change beyond the noise."""
    if not slower and not faster:
        return ["nothing changed beyond the noise"]
    return [
        f"{'slower' if change.speed < 1 else 'faster'}: {change.name}: {change.speed:.2f} x the "
        f"speed; {change.then.text()} then, {change.now.text()} now"
        for change in (*slower, *faster)
    ]


_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1, h2 { font-weight: 600 } table { border-collapse: collapse; margin: 1rem 0; font-size: 14px }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid #8884;
         vertical-align: top; font-variant-numeric: tabular-nums }
.met { color: #1a7f37 } .missed { color: #cf222e; font-weight: 600 } .none { color: #888 }
figure { margin: 1.5rem 0 } img { max-width: 100%; background: #fff } .note { color: #777 }
.wide { overflow-x: auto }
"""


def page(report: Report, charts: Sequence[tuple[str, str]], changes: Sequence[str]) -> str:
    """Return the report as one HTML page.

    Args:
        report: what was found.
        charts: of each its caption and its PNG as base64.
        changes: lines on an earlier report, where there was one.
    """
    machine = report.machine
    parts = [
        f"<h1>Kleio under load</h1><p class=note>{html.escape(report.started)}, commit "
        f"{html.escape(report.commit)}, {report.seconds / 60:.0f} minutes on "
        f"{html.escape(str(machine.get('processor')))}, {machine.get('cores')} cores, "
        f"{machine.get('memoryGiB')} GiB; client, servers and PostgreSQL share it. Load before: "
        f"{machine.get('loadBefore')}.</p>",
        "<h2>Budgets</h2>",
        _table(
            ["work", "against", "goal", "measured", "spread", ""],
            [[v.work, v.peer, v.goal, v.measured, v.spread, _met(v)] for v in report.verdicts()],
            [{True: "met", False: "missed", None: "none"}[v.met] for v in report.verdicts()],
        ),
    ]
    if changes:
        parts.append("<h2>Against the earlier report</h2><ul>")
        parts += [f"<li>{html.escape(line)}</li>" for line in changes]
        parts.append("</ul>")
    for caption, png in charts:
        parts.append(
            f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{png}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    parts += [
        "<h2>Servers side by side</h2><p class=note>Requests a second (median, lowest and highest "
        "of the rounds), latency in ms, CPU in microseconds a request.</p>",
        _table(
            [
                "work",
                "connections",
                "server",
                "requests/s",
                "p50",
                "p95",
                "p99",
                "server CPU",
                "PostgreSQL CPU",
                "Kleio is",
            ],
            comparison_rows(report.found()),
        ),
        "<h2>All other figures</h2>",
        _table(
            ["figure", "median (lowest to highest)"],
            [
                [figure.name, figure.spread().text(figure.unit)]
                for figure in report.figures
                if not (figure.work in TEXTS and figure.songs is None and figure.connections)
            ],
        ),
        "<h2>What this was</h2>",
        _table(["", ""], [[k, str(v)] for k, v in (report.versions | report.options).items()]),
    ]
    if report.skipped or report.notes:
        parts.append("<h2>Left out, and to know</h2><ul>")
        parts += [
            f"<li>{html.escape(name)}: {html.escape(why)}</li>"
            for name, why in report.skipped.items()
        ]
        parts += [f"<li>{html.escape(note)}</li>" for note in report.notes]
        parts.append("</ul>")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>Kleio under load</title><style>{_STYLE}</style>{''.join(parts)}</html>"
    )


def _table(heads: list[str], rows: list[list[str]], classes: Sequence[str] | None = None) -> str:
    lines = ["<div class=wide><table><tr>", *(f"<th>{html.escape(head)}" for head in heads)]
    for place, row in enumerate(rows):
        lines.append("<tr>")
        for column, cell in enumerate(row):
            mark = ""
            if classes is not None and column == len(row) - 1:
                mark = f" class={classes[place]}"
            lines.append(f"<td{mark}>{html.escape(cell)}")
    return "".join(lines) + "</table></div>"
