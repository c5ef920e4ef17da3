"""What PostgreSQL does for a query: its plan, what is wrong with it, and how it looks.

`kleio sql explain` and the tests of plans ask the same questions here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from kleio.db.queries import Query
from kleio.db.reading import SyncConnection
from kleio.sql.inventory import Entry
from kleio.sql.rules_header import cost_of, partitions_of, steady_indexes
from kleio.sql.samples import Value
from kleio.sql.schema import Schema

BIG_TABLE = 10_000
"""Rows from which on a table that is read whole is worth a warning."""

FAR_OFF = 10
"""A warning says by how many times an estimate is wrong, from this many times and rows on."""

FAR_OFF_ROWS = 1000


class Plan:
    """A plan as EXPLAIN gives it in JSON; `is_run` where it has been executed.

    With a schema the indexes of partitions go by the name of their table's.
    """

    def __init__(
        self, document: dict[str, Any], *, mode: str = "custom", schema: Schema | None = None
    ) -> None:
        self.document = document
        self.mode = mode
        self.top: dict[str, Any] = document["Plan"]
        self.nodes = list(_walk(self.top))
        self.is_run = "Actual Loops" in self.top
        self.rows = round(self.top.get("Actual Rows", self.top["Plan Rows"]))
        self.buffers = sum(map(_buffers, [self.top, *_remote(self.nodes)]))
        self.milliseconds: float | None = document.get("Execution Time")
        self.indexes = {node["Index Name"] for node in self.nodes if "Index Name" in node}
        for node in self.nodes:
            self.indexes |= set(node.get("Conflict Arbiter Indexes", ()))
        if schema is not None:
            self.indexes = {schema.whole(name) for name in self.indexes}
        self.scanned = {
            node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"
        }
        self.sorts = [node for node in self.nodes if "Sort" in node["Node Type"]]

    def __repr__(self) -> str:
        return "\n".join([f"{self.mode}: {self.buffers} buffers, {self.rows} rows", *self.shape()])

    def ran(self) -> list[dict[str, Any]]:
        """Return the nodes that were executed; all of them where none was."""
        return [node for node in self.nodes if not self.is_run or node["Actual Loops"]]

    def partitions(self, schema: Schema) -> dict[str, int]:
        """Return how many partitions of each partitioned table were read."""
        if not self.is_run:
            return {}  # which ones a generic plan leaves out shows when it runs
        leaves = {node["Relation Name"] for node in self.ran() if "Relation Name" in node}
        found: dict[str, int] = {}
        for leaf in leaves:
            if leaf in schema.parents:
                whole = schema.whole(leaf)
                found[whole] = found.get(whole, 0) + 1
        return found

    def shape(self, schema: Schema | None = None) -> list[str]:
        """Return the tree without numbers: what has to stay the same for the plan to be the same.

        Partitions are called by their table, and those that are alike stand once.
        """
        return list(_shape(self.top, 0, schema))

    def lines(self) -> list[str]:
        """Return the tree with rows, buffers and time, for a person."""
        return list(_draw(self.top, "", "", self.is_run))


def modes(query: Query, *, is_distributed: bool = False) -> list[str]:
    """Return how PostgreSQL may come to plan the query: `custom`, and `generic` once prepared.

    On Citus a generic plan is refused or tells of no shard, so only the custom one is asked for.
    """
    custom = is_distributed or query.header.get("Plan", "").startswith("custom")
    return ["custom"] if custom else ["custom", "generic"]


def explain(
    conn: SyncConnection,
    entry: Entry,
    parameters: Mapping[str, Any],
    *,
    mode: str = "custom",
    analyze: bool = True,
    timing: bool = False,
    schema: Schema | None = None,
) -> Plan:
    """Return the plan of a query under a `custom` or a `generic` plan.

    Args:
        conn: inside a transaction or not; what the query writes is undone either way.
        entry: the query.
        parameters: a value for each parameter, a `Value` or one that psycopg can write.
        mode: how PostgreSQL plans it.
        analyze: whether to run it.
        timing: whether to take the time of each step.
        schema: the database's, where partitions' indexes are to be called by their table's.
    """
    values = [parameters[name] for name in entry.query.parameters]
    document = explain_text(
        conn, entry.statement.text, values, mode=mode, analyze=analyze, timing=timing
    )
    return Plan(document, mode=mode, schema=schema)


def explain_text(
    conn: SyncConnection,
    text: str,
    values: Sequence[Any],
    *,
    mode: str = "custom",
    analyze: bool = True,
    timing: bool = False,
) -> dict[str, Any]:
    """Return EXPLAIN's document for a statement with `$n` parameters, as `explain` does."""
    literals = [sql.Literal(value.text if isinstance(value, Value) else value) for value in values]
    execute = sql.SQL("EXECUTE kleio_explained ({})" if literals else "EXECUTE kleio_explained")
    run = execute.format(sql.SQL(", ").join(literals))
    options = "VERBOSE, BUFFERS, FORMAT JSON"
    if analyze:
        options = f"ANALYZE, TIMING {'ON' if timing else 'OFF'}, SUMMARY ON, {options}"
    setting = sql.SQL(f"SET LOCAL plan_cache_mode = force_{mode}_plan")
    document: Any = None
    try:
        # The first run also reads the catalogues that planning needs.
        for _ in range(2 if analyze else 1):
            with conn.transaction(force_rollback=True):
                conn.execute(setting)
                conn.execute(f"PREPARE kleio_explained AS {text}".encode())
                row = conn.execute(sql.SQL("EXPLAIN ({}) {}").format(sql.SQL(options), run))
                (document,) = row.fetchone() or ([],)
                conn.execute("DEALLOCATE kleio_explained")
    except psycopg.Error:
        # No rollback forgets what was prepared, but psycopg may have had all of it forgotten.
        left = "SELECT FROM pg_prepared_statements WHERE name = 'kleio_explained'"
        if not conn.closed and conn.execute(left).fetchone() is not None:
            conn.execute("DEALLOCATE kleio_explained")
        raise
    plan: dict[str, Any] = document[0]
    return plan


class Problem(msgspec.Struct, frozen=True):
    """What speaks against a plan: a word for it, and a sentence."""

    kind: str
    message: str


def problems(plan: Plan, query: Query, schema: Schema, *, big: float = BIG_TABLE) -> list[Problem]:
    """Return what speaks against a plan: against its header, or against any plan."""
    found = []
    # A header that names no index has said why.
    scanned = [] if query.header.get("Index", "").startswith("none") else sorted(plan.scanned)
    for name in scanned:
        rows = schema.rows(name)
        if rows > big:
            found.append(Problem("scan", f"{name} is read whole, all {rows:,.0f} rows of it"))
    used = {schema.whole(name) for name in plan.indexes}
    for name in sorted(steady_indexes(query) - used):
        index = schema.indexes.get(name)
        if index is None:
            found.append(Problem("index", f"the header names {name}, which does not exist"))
        elif schema.rows(index.table) > big:
            found.append(Problem("index", f"the header names {name}, which the plan does not use"))
    limit = partitions_of(query)
    for table, count in sorted(plan.partitions(schema).items()):
        if limit is not None and count > limit:
            message = f"{count} partitions of {table} are read, the header says at most {limit}"
            found.append(Problem("partitions", message))
    return found + list(_estimates(plan.top, is_cut=False))


def cost_problem(plan: Plan, query: Query) -> Problem | None:
    """Return a problem where a plan touches more buffers than the header's `Cost`."""
    bound = cost_of(query)
    if bound is None or plan.buffers <= bound:
        return None
    return Problem("cost", f"{plan.buffers} buffers, the header's Cost is at most {bound}")


def side_by_side(old: list[str], new: list[str]) -> str:
    """Return two trees beside each other, with a bar where they differ."""
    width = max([len(line) for line in old] + [len("before")])
    rows = [("before", " ", "now")]
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        left, right = old[a:b], new[c:d]
        for number in range(max(len(left), len(right))):
            one = left[number] if number < len(left) else ""
            two = right[number] if number < len(right) else ""
            rows.append((one, " " if tag == "equal" else "|", two))
    return "\n".join(f"{one:<{width}} {mark} {two}".rstrip() for one, mark, two in rows)


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in _children(node):
        yield from _walk(child)


def _children(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a node's children; of Citus' node those of the task that it shows, of many alike."""
    return [*node.get("Plans", ()), *_remote([node])]


def _remote(nodes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the plans that ran on other servers."""
    return [
        document["Plan"]
        for node in nodes
        for task in node.get("Distributed Query", {}).get("Job", {}).get("Tasks", ())
        for documents in task.get("Remote Plan", ())
        for document in documents
    ]


def _buffers(node: dict[str, Any]) -> int:
    return int(node.get("Shared Hit Blocks", 0)) + int(node.get("Shared Read Blocks", 0))


def _estimates(node: dict[str, Any], *, is_cut: bool) -> Iterator[Problem]:
    """Yield where rows and estimate are far apart; below a LIMIT fewer rows are no mistake."""
    if node.get("Actual Loops"):
        actual = node["Actual Rows"] * node["Actual Loops"]
        planned = node["Plan Rows"] * node["Actual Loops"]
        less, more = sorted((actual, planned))
        is_off = more >= FAR_OFF_ROWS and more >= FAR_OFF * max(less, 1)
        if is_off and not (is_cut and actual < planned):
            message = f"{_title(node)}: {planned:,.0f} rows were expected, {actual:,.0f} came"
            yield Problem("estimate", message)
    cut = is_cut or node["Node Type"] in ("Limit", "Merge Join", "Result")
    for child in _children(node):
        yield from _estimates(child, is_cut=cut)


def _title(node: dict[str, Any], schema: Schema | None = None) -> str:
    def named(name: str) -> str:
        return schema.whole(name) if schema else name

    words = [node["Node Type"]]
    if node.get("Join Type", "Inner") != "Inner":
        words.append(f"({node['Join Type']})")
    if node["Node Type"] == "Aggregate" and node.get("Strategy", "Plain") != "Plain":
        words = [f"{node['Strategy']} Aggregate"]
    if node["Node Type"] == "ModifyTable":
        words = [node["Operation"]]
    if index := node.get("Index Name"):
        words.append(f"by {named(index)}")
    if relation := node.get("Relation Name"):
        alias = node.get("Alias", relation)
        alias = "" if schema and relation in schema.parents else alias
        words.append(f"on {named(relation)}" + (f" {alias}" if alias not in (relation, "") else ""))
    elif node.get("CTE Name"):
        words.append(f"of {node['CTE Name']}")
    elif node.get("Function Name"):
        words.append(f"of {node['Function Name']}()")
    if arbiters := node.get("Conflict Arbiter Indexes"):
        words.append(f"by {', '.join(arbiters)}")
    if node.get("Scan Direction") == "Backward":
        words.append("backward")
    return " ".join(words)


def _label(node: dict[str, Any]) -> str:
    return f"{node['Subplan Name']}: " if "Subplan Name" in node else ""


def _shape(node: dict[str, Any], depth: int, schema: Schema | None) -> Iterator[str]:
    if (relation := node.get("Relation Name", "")).startswith("pg_"):
        # How a catalog is read depends on how many databases and tables there happen to be.
        yield f"{'  ' * depth}Scan of {relation} {node['Alias']}"
        return
    yield "  " * depth + _label(node) + _title(node, schema)
    last: list[str] = []
    for child in _children(node):
        lines = list(_shape(child, depth + 1, schema))
        if lines != last or not node["Node Type"].endswith("Append"):
            yield from lines
        last = lines


_CONDITIONS = (
    *("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter"),
    *("Sort Key", "Group Key", "One-Time Filter", "Order By"),
)


def _draw(node: dict[str, Any], first: str, rest: str, is_run: bool) -> Iterator[str]:
    yield first + _label(node) + _title(node) + "  " + _numbers(node, is_run)
    children = _children(node)
    bar = "│  " if children else "   "
    for key in _CONDITIONS:
        if key in node:
            value = node[key]
            text = ", ".join(value) if isinstance(value, list) else str(value)
            yield f"{rest}{bar}  {key}: {text}"
    if node.get("Rows Removed by Filter"):
        yield f"{rest}{bar}  removed by it: {node['Rows Removed by Filter']:,.0f} rows a loop"
    if node.get("Heap Fetches"):
        yield f"{rest}{bar}  heap fetches: {node['Heap Fetches']:,}"
    for number, child in enumerate(children, 1):
        is_last = number == len(children)
        yield from _draw(
            child,
            rest + ("└─ " if is_last else "├─ "),
            rest + ("   " if is_last else "│  "),
            is_run,
        )


def _numbers(node: dict[str, Any], is_run: bool) -> str:
    if not is_run:
        return f"({node['Plan Rows']:,} rows expected, cost {node['Total Cost']:,.0f})"
    if not node["Actual Loops"]:
        return "(never run)"
    loops = node["Actual Loops"]
    words = [f"{node['Actual Rows']:,.6g} rows of {node['Plan Rows']:,} expected"]
    if loops > 1:
        words.append(f"{loops:,} times")
    words.append(f"{_buffers(node):,} buffers")
    if "Actual Total Time" in node:
        words.append(f"{node['Actual Total Time'] * loops:,.3f} ms")
    return f"({', '.join(words)})"
