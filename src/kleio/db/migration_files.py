"""The files in `migrations/`: which there are, and what their headers and statements say.

Nothing here connects to a database; `kleio.db.migrate` runs the files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kleio.db.queries import sql_folder

LOCK_MODES = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
"""A table's locks as PostgreSQL names them, each stronger than the one before."""

_MODE = "|".join(sorted(LOCK_MODES, key=len, reverse=True))
_NAMES = r"[a-z_][a-z0-9_]*(?:(?:, and |, | and )[a-z_][a-z0-9_]*)*"
_LOCK = re.compile(rf"({_MODE}) on ({_NAMES})|({_NAMES}) ({_MODE})(?! (?:on\b|[A-Z]))")
_HEADER_LINE = re.compile(r"-- +(?:(Why|Order|Locks|Undo): +)?(\S.*)")
_CONCURRENT_INDEX = re.compile(
    r"^\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)",
    re.IGNORECASE | re.MULTILINE,
)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the first block of a file says; `table_locks` is read out of `locks`."""

    sentence: str
    why: str
    order: str
    locks: str
    undo: str

    @property
    def table_locks(self) -> dict[str, str]:
        """The tables that are locked, each with the mode."""
        return parse_locks(self.locks)


def migration_files() -> dict[str, Path]:
    """Return the migration files by id, in the order in which they apply."""
    folder = sql_folder("migrations")
    return {
        path.stem: path
        for path in sorted(folder.glob("*.sql"))
        if not path.name.endswith(".rollback.sql")
    }


def rollback_file(name: str) -> Path:
    """Return where the rollback of a migration lies; it may be missing."""
    return sql_folder("migrations") / f"{name}.rollback.sql"


def checksum(path: Path) -> str:
    """Return the SHA-256 of a migration file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_header(path: Path) -> Header:
    """Return what a file's first block says; a part that it lacks is empty."""
    parts = {"Sentence": "", "Why": "", "Order": "", "Locks": "", "Undo": ""}
    key = "Sentence"
    for line in path.read_text("utf-8").splitlines():
        match = _HEADER_LINE.match(line)
        if match is None and line != "--":
            break
        if match is None or line.startswith(("-- depends:", "-- transactional:")):
            if parts["Undo"]:
                break
            continue
        key = match[1] or key
        parts[key] = f"{parts[key]} {match[2]}".strip()
    return Header(**{name.lower(): text for name, text in parts.items()})


def parse_locks(text: str) -> dict[str, str]:
    """Return the tables that a header's Locks line names, each with the strongest mode.

    `plays ACCESS EXCLUSIVE, milliseconds` and `SHARE ROW EXCLUSIVE on users and plays` both do.
    """
    found: dict[str, str] = {}
    for mode, names, names_before, mode_after in _LOCK.findall(text):
        for name in re.split(r", and |, | and ", names or names_before):
            known = found.get(name, LOCK_MODES[0])
            found[name] = max(mode or mode_after, known, key=LOCK_MODES.index)
    return found


def who_waits(mode: str) -> str:
    """Return who has to wait while a table is locked in this mode."""
    if mode == "ACCESS EXCLUSIVE":
        return "reads and writes wait"
    if LOCK_MODES.index(mode) >= LOCK_MODES.index("SHARE"):
        return "writes wait, reads go on"
    return "reads and writes go on"


def concurrent_indexes(path: Path) -> list[str]:
    """Return the names of the indexes that a file builds concurrently."""
    return _CONCURRENT_INDEX.findall(path.read_text("utf-8"))


def rollback_directives(name: str) -> Mapping[str, str] | None:
    """Return what a rollback says it is (`irreversible`, `loses`), None where there is no file."""
    path = rollback_file(name)
    if not path.exists():
        return None
    text = path.read_text("utf-8")
    return dict(re.findall(r"^-- (irreversible|loses): *(.+)$", text, re.MULTILINE))
