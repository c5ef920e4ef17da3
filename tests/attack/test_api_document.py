"""schemathesis: whatever the OpenAPI document allows, and what it doesn't, no answer breaks it.

The short run is part of `make test`; `make attack` sends some ten thousand requests with states
between them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from http_site import TOKENS

from kleio_process import Process

from .conftest import Serve

LONG = pytest.mark.skipif(not os.environ.get("KLEIO_ATTACK"), reason="`make attack` runs it")

LEFT_OUT = (
    # They would end the account or the token that all other requests come with.
    *("eraseAccount", "deleteToken", "deleteUser", "updateUser"),
)

CHECKS_LEFT_OUT = (
    # A pattern and a length are not all that a value needs: an id may be nobody's, a range the
    # wrong way round. And JSON's numbers have no other 1 than 1.0.
    *("positive_data_acceptance", "negative_data_rejection"),
    # An Idempotency-Key that comes again gets the answer of its first time, whose resource may be
    # deleted since.
    "ensure_resource_availability",
)


def attack(
    process: Process, folder: Path, token: str, *options: str, seconds: float
) -> dict[str, Any]:
    """Run schemathesis, and return its report.

    Args:
        process: the server.
        folder: for the report.
        token: whose requests they are.
        options: of `schemathesis run`.
        seconds: after which it is ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schemathesis.toml").write_text("")
    report = folder / "report.json"
    done = subprocess.run(
        [
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "run", f"{process.url}/openapi.json",
            *("--header", f"Authorization: Bearer {token}"),
            *("--exclude-checks", ",".join(CHECKS_LEFT_OUT)),
            *(part for name in LEFT_OUT for part in ("--exclude-operation-id", name)),
            *("--request-timeout", "60", "--continue-on-failure", "--warnings", "off"),
            *("--report", "json", "--report-json-path", str(report)),
            *("--suppress-health-check", "all", "--seed", os.environ["KLEIO_TEST_SEED"]),
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )  # fmt: skip
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert process.get("/api/v1/me", token).status_code == 200, "it cut its own branch off"
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


def sent(report: dict[str, Any]) -> int:
    """Return how many requests of its own invention it has made."""
    count: int = report["test_cases"]["generated"]
    return count


UNLIMITED = {"KLEIO_ADDRESS_ATTEMPTS": "0", "KLEIO_ACCOUNT_ATTEMPTS": "0"}
"""A check without the token is a guess at one; limits have tests of their own."""


def test_a_short_run(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLEIO_TEST_SEED", "1")  # the same requests each time
    process = serve(**UNLIMITED)
    report = attack(
        process, tmp_path, TOKENS["alice"],
        *("--phases", "fuzzing", "--max-examples", "1", "--workers", "1"),
        *("--exclude-path-regex", "/(stats|library|artists|labels|genres|styles|albums)"),
        seconds=150,
    )  # fmt: skip
    assert sent(report) > 50
    assert process.stderr == ""


@LONG
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("who", ["alice", "root"])
def test_a_long_run(serve: Serve, tmp_path: Path, who: str) -> None:
    process = serve(KLEIO_REGISTRATION="open", **UNLIMITED)
    report = attack(
        process, tmp_path, TOKENS[who],
        *("--phases", "coverage,fuzzing", "--workers", "1"),
        *("--max-examples", os.environ.get("KLEIO_ATTACK_EXAMPLES", "15")),
        seconds=1400,
    )  # fmt: skip
    assert sent(report) > 5000
    report = attack(
        process, tmp_path, TOKENS[who],
        # What one answer gives goes into the next request; valid ones get furthest.
        *("--phases", "stateful", "--mode", "positive", "--workers", "1"),
        *("--max-examples", "1000", "--max-time", "240"),
        seconds=1400,
    )  # fmt: skip
    assert sent(report) > 1000
    # Nothing was told to the log but what a request was refused for.
    assert re.findall(r"Traceback|unhandled", process.stderr) == []
    assert process.get("/health").status_code == 200
