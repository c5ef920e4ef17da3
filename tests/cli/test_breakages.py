"""Each breakage of `tests/breakages.py` is caught by its command, which says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from breakages import BREAKAGES, Breakage, apply, copy_checkout, run


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.what)
def test_a_breakage_is_caught(breakage: Breakage, conninfo: str, tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    apply(breakage, checkout, conninfo)
    done = run(breakage, checkout, conninfo)
    assert done.returncode == 1, done.stderr
    assert re.search(breakage.said, done.stdout + done.stderr), done.stdout + done.stderr
    assert re.fullmatch(r"kleio: .+\n", done.stderr)
