"""Rules about the contract above each query."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pglast import ast

from kleio.db.queries import HEADER_KEYS, Query
from kleio.sql.findings import Finding
from kleio.sql.inventory import Entry
from kleio.sql.schema import Schema
from kleio.sql.trees import cte_names, is_plannable, walk

RULES = {
    "header-order": "The header's lines stand in the order of queries/README.md.",
    "header-missing": "A sentence, Returns, Index, Cost and Locks are there and end in a dot.",
    "header-order-by": "A sorted list says its Order; that of a page or an export is total.",
    "header-page": "A page gives Keyed rows and is sorted.",
    "header-measure": "Cost says `at most N buffers`; a partitioned table is read with Partitions.",
    "header-index": "An index that a header names exists.",
}

INDEX_NAME = re.compile(r"\b[a-z][a-z0-9_]*_(?:idx|key|pkey)\b")
_COST = re.compile(r"at most ([\d,]+) buffers")
_PARTITIONS = re.compile(r"at most (\d+)|the one of the ")


def named_indexes(query: Query) -> set[str]:
    """Return the indexes that a header's `Index` names."""
    return set(INDEX_NAME.findall(query.header.get("Index", "")))


def steady_indexes(query: Query) -> set[str]:
    """Return the indexes that every call uses: those that stand in `Index` without more words.

    `plays_pkey (user_id, id), plays_release_idx with a release; for the names artists_pkey.` has
    one of them: what stands behind `for`, up to a semicolon, is not for every call.
    """
    text = re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "", query.header.get("Index", ""))
    found = set()
    for group in re.split(r";|\. ", text):
        if not group.strip().startswith("for "):
            parts = [part.strip(" .").removesuffix(" alone") for part in group.split(",")]
            found |= {part for part in parts if INDEX_NAME.fullmatch(part)}
    return found


def cost_of(query: Query) -> int | None:
    """Return the buffers that a header's `Cost` allows, None where it says none."""
    match = _COST.match(query.header.get("Cost", ""))
    return int(match[1].replace(",", "")) if match else None


def partitions_of(query: Query) -> int | None:
    """Return how many partitions of a table a header's `Partitions` allows, None for any number.

    `at most 3` are three, `the one of the id` is one; `the one of each id`, `all` and `from the one
    of before_id down` are as many as it takes.
    """
    match = _PARTITIONS.match(query.header.get("Partitions", ""))
    if match is None:
        return None
    return int(match[1]) if match[1] else 1


def order_of_keys(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find a key that stands before its turn."""
    keys = [key for key in entry.query.header if key not in ("Summary", "Notes")]
    wanted = [key for key in HEADER_KEYS if key in keys]
    for key, expected in zip(keys, wanted, strict=True):
        if key != expected:
            place = entry.source.header_place(key)
            yield entry.finding("header-order", f"{key} stands where {expected} belongs", place)
            return


def mandatory_keys(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find what a header does not say."""
    header = entry.query.header
    if not header.get("Summary", "").endswith("."):
        yield entry.finding("header-missing", "say what it is for, in a sentence below the name")
    for key in ("Returns", "Locks", "Cost", "Index"):
        if key == "Index" and is_plain_insert(entry):
            continue
        if key == "Cost" and not is_plannable(entry.tree):
            continue  # no plan tells it
        if key not in header:
            yield entry.finding("header-missing", f"{_ADVICE[key]}")
        elif not header[key].endswith("."):
            place = entry.source.header_place(key)
            yield entry.finding("header-missing", f"{key} ends in a dot", place)


_ADVICE = {
    "Returns": "no `-- Returns:` line: say how many rows of what it gives",
    "Locks": "no `-- Locks:` line: say which rows it locks, or `none.`",
    "Index": "no `-- Index:` line: name the indexes its plan uses, or say why there is none",
    "Cost": "no `-- Cost:` line: say `at most N buffers.`; the plan tests tell N, "
    "and KLEIO_RENEW_PLANS=1 writes it",
}


def is_plain_insert(entry: Entry) -> bool:
    """Whether the statement only writes given values, so that it looks nothing up."""
    node = entry.tree
    return (
        isinstance(node, ast.InsertStmt)
        and node.selectStmt is not None
        and node.selectStmt.valuesLists is not None
        and node.onConflictClause is None
    )


def order_of_rows(entry: Entry, schema: Schema) -> Iterator[Finding]:  # noqa: ARG001
    """Find an Order that differs from ORDER BY."""
    query = entry.query
    is_sorted = isinstance(entry.tree, ast.SelectStmt) and entry.tree.sortClause is not None
    place = entry.source.header_place("Order")
    is_list = query.operation == "SELECT" and query.name.partition(".")[2].startswith("list_")
    if is_list and is_sorted and "Order" not in query.header:
        yield entry.finding("header-order-by", "it is sorted: say by what, and whether it is total")
    if is_list and not is_sorted and "Order" in query.header:
        yield entry.finding("header-order-by", "Order promises what no ORDER BY keeps", place)
    is_page = "page_size" in query.parameters
    if is_page or query.copies:
        if not is_sorted:
            yield entry.finding("header-page", "sort it by a total order that ends in the key")
        elif "total" not in query.header.get("Order", ""):
            yield entry.finding("header-order-by", "Order has to be total, and to say so", place)
    if is_page and entry.function is not None and not query.is_keyed:
        yield entry.finding("header-page", "a page gives Keyed[...]: sort key, id, then the row")
    if query.copies and not query.header.get("Plan", "").startswith("custom"):
        yield entry.finding("header-page", "COPY takes no parameters: write `-- Plan:    custom.`")


def measures(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find a Cost without a number, and a partitioned table that is read without a word."""
    cost = entry.query.header.get("Cost")
    if cost is not None and not _COST.match(cost):
        place = entry.source.header_place("Cost")
        yield entry.finding("header-measure", "Cost begins with `at most N buffers`", place)
    if "Partitions" not in entry.query.header and is_plannable(entry.tree):
        written = {
            id(node.relation) for node in walk(entry.tree) if isinstance(node, ast.InsertStmt)
        }
        own = cte_names(entry.tree)
        for node in walk(entry.tree):
            if not isinstance(node, ast.RangeVar) or id(node) in written or node.relname in own:
                continue
            table = schema.tables.get(node.relname)
            if table is not None and table.kind == "p":
                message = f"{table.name} is partitioned: say in `-- Partitions:` which are read"
                place = entry.statement.place(node.location)
                yield entry.finding("header-measure", message, place)
                return


def indexes(entry: Entry, schema: Schema) -> Iterator[Finding]:
    """Find indexes that Index and Locks name and that are not there."""
    for key in ("Index", "Locks"):
        for name in INDEX_NAME.findall(entry.query.header.get(key, "")):
            if name not in schema.indexes:
                place = entry.source.header_place(key)
                message = f"there is no index {name}: name the one that is used, or make it"
                yield entry.finding("header-index", message, place)
