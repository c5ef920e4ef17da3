"""The rows on which plans are looked at; made once a run, and only read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from plan_rows import Facts, fill, read_facts
from servers import RUN, Server


@pytest.fixture(scope="module")
def seeded(server: Server, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the seeded database."""
    name = server.ensure_database(f"kleio_test_{RUN}_seeded", fill, template=template_database)
    with psycopg.connect(server.conninfo(name), autocommit=True) as conn:
        # As the embedded server and any server with an SSD is set; PostgreSQL's default is 4.
        conn.execute("SET random_page_cost = 1.1")
        yield conn


@pytest.fixture(scope="module")
def facts(seeded: psycopg.Connection[Any]) -> Facts:
    """The keys of its rows."""
    return read_facts(seeded)
