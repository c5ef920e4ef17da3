"""What PostgreSQL does for a query: its plan, by EXPLAIN ANALYZE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from kleio.db.queries import Query
from query_files import numbered


class Plan:
    """An executed plan: the indexes it used, the tables it read whole, the buffers it touched.

    The index of a partition goes by the name of its parent's.
    """

    def __init__(self, document: dict[str, Any], parents: dict[str, str]) -> None:
        self.nodes = list(_walk(document["Plan"]))
        top = document["Plan"]
        self.rows: int = top["Actual Rows"]
        self.buffers: int = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        names = [node["Index Name"] for node in self.nodes if "Index Name" in node]
        self.indexes = {parents.get(name, name) for name in names}
        self.ran = [node for node in self.nodes if node.get("Actual Loops")]
        """What was run: nodes of pruned partitions stand in a generic plan and never are."""
        self.scanned = {
            node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"
        }
        self.sorts = [node for node in self.nodes if "Sort" in node["Node Type"]]

    def __repr__(self) -> str:
        lines = [
            f"{node['Node Type']} {node.get('Relation Name', '')} {node.get('Index Name', '')}"
            for node in self.nodes
        ]
        return "\n".join([f"{self.buffers} buffers, {self.rows} rows", *lines])


def modes(query: Query) -> list[str]:
    """Return how PostgreSQL may come to plan the query: `custom`, and `generic` once prepared."""
    custom = query.header.get("Plan", "").startswith("custom")
    return ["custom"] if custom else ["custom", "generic"]


def explain(
    conn: psycopg.Connection[Any], query: Query, parameters: dict[str, Any], *, generic: bool
) -> Plan:
    """Run the query under a custom or a generic plan and return the plan."""
    mode = "force_generic_plan" if generic else "force_custom_plan"
    values = sql.SQL(", ").join(sql.Literal(parameters[name]) for name in query.parameters)
    execute = sql.SQL("EXECUTE planned ({})" if query.parameters else "EXECUTE planned").format(
        values
    )
    with conn.transaction(force_rollback=True):
        conn.execute(f"SET LOCAL plan_cache_mode = {mode}")
        conn.execute(f"PREPARE planned AS {numbered(query)}")
        options = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON) ")
        # The first run also reads the catalogues that planning needs.
        for _ in range(2):
            (document,) = conn.execute(options + execute).fetchone()
        conn.execute("DEALLOCATE planned")
        parents = conn.execute(
            "SELECT c.relname, p.relname"
            "  FROM pg_inherits AS i"
            "  JOIN pg_class AS c ON c.oid = i.inhrelid"
            "  JOIN pg_class AS p ON p.oid = i.inhparent"
            " WHERE c.relkind = 'i'"
        ).fetchall()
    return Plan(document[0], dict(parents))


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)
