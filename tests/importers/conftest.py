"""Where the importers' tests find real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real samples; absent it skips, or fails where they are required."""
    folder = Path(os.environ.get("KLEIO_SAMPLES") or PROJECT.parent / "shared" / "samples")
    if not folder.is_dir():
        reason = f"no samples in {folder}; KLEIO_SAMPLES names another folder"
        if os.environ.get("KLEIO_REQUIRE_SAMPLES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def dump_samples(samples: Path) -> Path:
    """The folder of real dump files."""
    return samples / "discogs-dump"
