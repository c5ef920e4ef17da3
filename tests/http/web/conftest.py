"""Browsers without a screen, on the applications of the HTTP tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from http_site import Site
from page_client import Browser, as_browser


@pytest.fixture
async def alice(site: Site) -> Browser:
    """Alice, signed in, on a database of this test's own."""
    return await as_browser(site, "alice")


@pytest.fixture
async def reader(reading: Site) -> Browser:
    """Alice, signed in, on the database that all tests share: she changes nothing."""
    return await as_browser(reading, "alice")
