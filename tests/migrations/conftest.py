"""Migrations of a test's own in the place of Kleio's, and what they left in the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from kleio.db import migrate as runner
from kleio.db import migration_files
from kleio.db.migration_states import list_states


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Replace Kleio's migrations by given ones: `folder(a="SQL", b="SQL", b_rollback="SQL")`."""
    path = tmp_path / "migrations"
    path.mkdir()
    for module in (runner, migration_files):
        monkeypatch.setattr(module, "sql_folder", lambda _: path)

    def write(**files: str) -> Path:
        names = sorted(name for name in files if not name.endswith("_rollback"))
        for before, name in zip([None, *names], names, strict=False):
            depends = f"-- depends: {before}\n" if before else ""
            (path / f"{name}.sql").write_text(depends + files[name])
            undo = files.get(f"{name}_rollback", "SELECT 1;")
            (path / f"{name}.rollback.sql").write_text(undo)
        return path

    return write


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between tries, which are not waited for."""
    waited: list[float] = []
    monkeypatch.setattr(runner.time, "sleep", waited.append)
    return waited


def tables(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo) as conn:
        rows = conn.execute("SELECT relname FROM pg_class WHERE relname ~ '^t_'").fetchall()
    return {name for (name,) in rows}


def states(conninfo: str) -> dict[str, str]:
    with psycopg.connect(conninfo) as conn:
        return {state.id: state.state for state in list_states(conn)}
