"""Who may know whom: the rooms of CONTRIBUTING.md, held to by what their modules import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kleio

SOURCE = Path(kleio.__file__).parent

# What a room leaves to others; the server is what `kleio serve` runs.
CALLERS = {"kleio.cli", "kleio.demo", "kleio.seeding"}
SERVER = {"kleio.http", "kleio.web"}
TOOLS = {"kleio.sql", "kleio.doctor", "kleio.grants"}
SOURCES = {"kleio.importers", "kleio.discogs"}
LEFT_TO_OTHERS = {
    "db": {"kleio.repositories", *CALLERS, *SERVER, *TOOLS, *SOURCES},
    "repositories": {*CALLERS, *SERVER, *TOOLS, *SOURCES},
    "importers": {"kleio.discogs", *CALLERS, *SERVER, *TOOLS},
    "discogs": {*CALLERS, *SERVER, *TOOLS},
    "sql": {*CALLERS, *SERVER, *SOURCES},
    "http": {"psycopg", "kleio.web", *CALLERS, *TOOLS},
    "web": {"psycopg", *CALLERS, *TOOLS},
}

ASSEMBLED = {("http/app.py", "kleio.web")}
"""The application is put together of both."""


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, at its head or later."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", LEFT_TO_OTHERS)
def test_a_room_knows_none_of_what_it_leaves_to_others(room: str) -> None:
    files = sorted((SOURCE / room).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(SOURCE)} imports {name}"
        for path in files
        for name in imported(path)
        for other in LEFT_TO_OTHERS[room]
        if f"{name}.".startswith(f"{other}.")
        and (path.relative_to(SOURCE).as_posix(), other) not in ASSEMBLED
    ]
    assert wrong == []
