"""The seeded database on which plans are looked at, and its copy for what writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from kleio.db.session import SESSION_OPTIONS
from kleio.sql.inventory import Entry
from kleio.sql.schema import Schema, read_schema
from plan_rows import Facts, fill, keep_statistics, read_facts
from servers import RUN, Server, is_as_app

# As the embedded server and any server with an SSD is set; what depends on the machine is off.
SETTINGS = (
    "-c random_page_cost=1.1 -c jit=off -c max_parallel_workers_per_gather=0"
    " -c work_mem=16MB -c effective_cache_size=4GB"
)


@dataclass(frozen=True, eq=False)
class Seeded:
    """Connections to the two databases, their schema, and keys of their rows.

    A write that is undone leaves dead rows and pages that are no longer known to be visible to
    all, so that it would change what the reads cost.
    """

    reads: psycopg.Connection[Any]
    writes: psycopg.Connection[Any]
    schema: Schema
    facts: Facts
    conninfo: str
    written: str

    def conn(self, entry: Entry) -> psycopg.Connection[Any]:
        return self.writes if entry.writes else self.reads


@pytest.fixture(scope="session")
def seeded(server: Server, template_database: str) -> Iterator[Seeded]:
    names = [f"kleio_test_{RUN}_{word}" for word in ("filled", "seeded", "written")]
    # Nobody connects to the first, which a copy can't be made of otherwise.
    server.ensure_database(names[0], fill, template=template_database)
    with ExitStack() as stack:
        conns = []
        for name, is_read_only in zip(names[1:], ("on", "off"), strict=True):
            server.ensure_database(name, keep_statistics, template=names[0])
            options = f"{SESSION_OPTIONS} {SETTINGS}"
            options += f" -c default_transaction_read_only={is_read_only}"
            conn = psycopg.connect(
                server.conninfo(name, as_app=is_as_app()),
                autocommit=True,
                options=options,
                prepare_threshold=None,
            )
            conns.append(stack.enter_context(conn))
        reads, writes = conns
        infos = [server.conninfo(name) for name in names[1:]]
        yield Seeded(reads, writes, read_schema(reads), read_facts(reads), *infos)
