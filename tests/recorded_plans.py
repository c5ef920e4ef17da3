"""The plans on record: a text a noun in `tests/queries/plans`, and the `Cost` lines of headers.

`KLEIO_RENEW_PLANS=1` writes both; read what changed before you commit it.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from kleio.db.queries import HEADER_KEYS, sql_folder

FOLDER = Path(__file__).parent / "queries" / "plans"
RENEW = "KLEIO_RENEW_PLANS=1 make test ARGS=tests/queries/test_plans.py"

_HEADING = re.compile(r"^([a-z_0-9]+) (custom|generic)$")


def read_plans() -> dict[tuple[str, str], list[str]]:
    """Return the tree of each query (`plays.get_play`) and mode."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        lines: list[str] = []
        for line in path.read_text("utf-8").splitlines():
            if match := _HEADING.match(line):
                lines = found.setdefault((f"{path.stem}.{match[1]}", match[2]), [])
            elif line:
                lines.append(line.removeprefix("  "))
    return found


def write_plans(plans: dict[tuple[str, str], list[str]]) -> None:
    """Write the trees, in the order given, and remove files of nouns that are gone."""
    texts: dict[str, list[str]] = {}
    for (query, mode), lines in plans.items():
        stem, _, name = query.partition(".")
        texts.setdefault(stem, []).append(
            "\n".join([f"{name} {mode}", *(f"  {line}" for line in lines)]) + "\n"
        )
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        if path.stem not in texts:
            path.unlink()
    for stem, parts in texts.items():
        (FOLDER / f"{stem}.txt").write_text("\n".join(parts), "utf-8")


def bound_for(buffers: int) -> int:
    """Return a bound above what was measured: half as much again and some, in two digits."""
    wanted = buffers * 1.5 + 8
    unit = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return math.ceil(wanted / unit) * unit


def write_cost(query: str, words: str) -> None:
    """Add the line `Cost` to a header that has none."""
    stem, _, name = query.partition(".")
    path = sql_folder("queries") / f"{stem}.sql"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if re.match(rf"-- name: {name}\(", line))
    later = HEADER_KEYS[HEADER_KEYS.index("Cost") + 1 :]
    while lines[at].startswith("--") and not lines[at].startswith(
        tuple(f"-- {key}:" for key in later)
    ):
        at += 1
    lines.insert(at, f"-- Cost:    {words}\n")
    path.write_text("".join(lines), "utf-8")
