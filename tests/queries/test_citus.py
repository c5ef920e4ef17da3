"""What Citus refuses of statements, told from PostgreSQL's own parse trees.

Its planner looks at the same trees: every function, operator and cast that a statement calls, with
how far PostgreSQL says that its result is fixed. Casts of texts to times and enums are STABLE as
now() is, and so are json_build_object(), concat() and `text || uuid`. Looked at is the layout of
deploy/citus.sql that leaves the music library on the coordinator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from citus import LAYOUT
from kleio.sql.inventory import Entry
from parse_trees import Node, parse_tree
from query_files import BY_NAME, ENTRIES

UPDATE, INSERT, DELETE = "2", "3", "4"
RELATION, SUBQUERY = "0", "1"

_, _, _LISTED = LAYOUT.read_text("utf-8").partition("INSERT INTO layout")
_LISTED, _, _ = _LISTED.partition(r"\if :with_songs")
PLACES = {
    name: key or None for name, key in re.findall(r"\('(\w+)'(?:, '(\w+)', '\w+')?\)", _LISTED)
}
"""The tables of Citus, with the column that each is distributed by; of reference tables None."""

# Refers to the users, so that Citus manages it too, on the coordinator.
PLACES["sync_jobs"] = None

FANS_OUT = {
    # Of all users, for the upkeep and the administrators.
    *("maintenance.update_dead_imports", "maintenance.count_dead_imports"),
    *("maintenance.list_run_counts", "maintenance.list_latest_runs"),
    *("idempotency_keys.delete_old_idempotency_keys",),
    *("idempotency_keys.count_old_idempotency_keys",),
    *("tokens.delete_all_expired_tokens", "tokens.count_all_expired_tokens"),
    *("imports.delete_ended_runs", "imports.count_ended_runs"),
    *("sync_runs.delete_ended_runs", "sync_runs.count_ended_runs"),
    # Tokens lie by their hashes: one statement for some of them, and few for a user's.
    *("tokens.list_sessions_among", "tokens.update_tokens_used", "tokens.list_tokens"),
    *("tokens.delete_token", "tokens.delete_tokens_by_name", "tokens.delete_expired_tokens"),
    *("tokens.delete_spent_tokens", "users.get_holdings"),
}
"""What asks several shards. Each was looked at: no join but on the distribution column or with
reference tables, no LIMIT in a LATERAL or two queries below the row that it names, no row that is
locked ahead."""

TAKEN_INSTEAD = {
    "tokens.get_page_session": "get_named_session",
    "tokens.list_sessions": "list_sessions_among",
    "tokens.update_tokens_last_used": "update_tokens_used",
}
"""What Citus would refuse and never gets (`Database.is_distributed`), and what it gets instead."""


class Functions:
    """How far the results of what a node of a parse tree calls are fixed, and names by number."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        def numbered(statement: str) -> dict[int, Any]:
            return {int(oid): value for oid, value in conn.execute(statement.encode())}

        self._volatility = numbered("SELECT oid, provolatile::text FROM pg_proc")
        self._codes = numbered("SELECT oid, oprcode::oid FROM pg_operator")
        self._inputs = numbered("SELECT oid, typinput::oid FROM pg_type")
        self._outputs = numbered("SELECT oid, typoutput::oid FROM pg_type")
        self._names = numbered("SELECT oid, oid::regproc::text FROM pg_proc")
        self.relations = numbered(
            "SELECT oid, relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        self.columns = {
            (int(oid), number): name
            for oid, number, name in conn.execute(
                "SELECT attrelid, attnum, attname::text FROM pg_attribute WHERE attnum > 0"
            )
        }

    def worst(self, node: Node) -> str:
        """Return the least fixed of what a node itself calls: v, s or i."""
        flags = {self._volatility.get(oid, "i") for oid in self._called(node)}
        if node.kind == "SQLVALUEFUNCTION":
            flags.add("s")
        return next((flag for flag in "vs" if flag in flags), "i")

    def name(self, node: Node) -> str:
        """Return the name of what a node itself calls and is not fixed."""
        names = [
            str(self._names[oid])
            for oid in self._called(node)
            if self._volatility.get(oid, "i") != "i"
        ]
        return names[0] if names else node.kind

    def _called(self, node: Node) -> Iterator[int]:
        match node.kind:
            case "FUNCEXPR":
                yield node.number("funcid")
            case "AGGREF":
                yield node.number("aggfnoid")
            case "WINDOWFUNC":
                yield node.number("winfnoid")
            case "OPEXPR" | "DISTINCTEXPR" | "NULLIFEXPR" | "SCALARARRAYOPEXPR":
                yield int(self._codes[node.number("opno")])
            case "ROWCOMPAREEXPR":
                yield from (int(self._codes[int(oid)]) for oid in node["opnos"][1:])
            case "COERCEVIAIO":
                yield int(self._inputs[node.number("resulttype")])
                source = _type(node["arg"])
                if source is not None:
                    yield int(self._outputs[source])


_TYPE_FIELDS = (
    *("vartype", "consttype", "paramtype", "funcresulttype", "opresulttype", "resulttype"),
    *("casetype", "coalescetype", "aggtype", "wintype", "minmaxtype", "refrestype"),
)


def _type(node: Node) -> int | None:
    return next((node.number(name) for name in _TYPE_FIELDS if name in node.fields), None)


def _list(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    return [node for item in value for node in _list(item)] if isinstance(value, list) else []


def _tables(tree: Node, functions: Functions) -> Iterator[tuple[Node, str]]:
    """Give the entries of tables of Citus with their names."""
    for node in tree.walk():
        if node.kind == "RANGETBLENTRY" and node["rtekind"] == RELATION:
            name = str(functions.relations.get(node.number("relid")))
            if name in PLACES:
                yield node, name


def _parts(query: Node) -> Iterator[Node]:
    """Give a statement and those in its WITH, which Citus plans one by one where it has to."""
    yield query
    for cte in _list(query["cteList"]):
        yield from _parts(cte["ctequery"])


def _own(query: Node) -> Iterator[Node]:
    """Give the nodes of a statement but for those of its WITH."""
    for name, value in query.fields.items():
        if name != "cteList":
            for node in _list(value):
                yield from node.walk()


def _pulled_up(node: Node, query: Node) -> Node:
    """Return what the planner puts in the place of a column of a subquery, else the node."""
    if node.kind != "VAR" or node["varlevelsup"] != "0":
        return node
    entry = query["rtable"][node.number("varno") - 1]
    if entry["rtekind"] != SUBQUERY or not _is_simple(entry["subquery"]):
        return node
    inner = entry["subquery"]
    return _pulled_up(inner["targetList"][node.number("varattno") - 1]["expr"], inner)


def _is_simple(query: Node) -> bool:
    parts = ("setOperations", "groupClause", "groupingSets", "havingQual", "distinctClause")
    parts += ("limitOffset", "limitCount", "rowMarks", "cteList", "sortClause")  # type: ignore[assignment]
    flags = ("hasAggs", "hasWindowFuncs", "hasTargetSRFs")
    return not any(_list(query[name]) for name in parts) and not any(
        query[name] == "true" for name in flags
    )


def _expanded(node: Node, query: Node) -> Iterator[Node]:
    """Give a node and those below it as they are planned; subqueries are planned apart."""
    node = _pulled_up(node, query)
    yield node
    if node.kind not in ("SUBLINK", "QUERY"):
        for child in node.children():
            yield from _expanded(child, query)


def _irreducible(node: Node, query: Node, functions: Functions) -> Node | None:
    """Return what Citus can neither compute beforehand nor leave to the shards.

    A STABLE function of a column, or one in a CASE or coalesce(), which compute but what they need.
    """
    node = _pulled_up(node, query)
    if node.kind in ("SUBLINK", "QUERY"):
        return None
    below = list(_expanded(node, query))
    if node.kind in ("CASEEXPR", "COALESCEEXPR"):
        return next((each for each in below if functions.worst(each) != "i"), None)
    if functions.worst(node) == "s" and any(each.kind == "VAR" for each in below):
        return node
    found = (_irreducible(child, query, functions) for child in node.children())
    return next((each for each in found if each is not None), None)


def _is_pinned(query: Node, functions: Functions) -> bool:
    """Whether each table that is distributed is held to one value of its distribution column."""
    for each in query.walk():
        if each.kind != "QUERY":
            continue
        equal = [
            (left.number("varno"), left.number("varattno"))
            for node in each.walk()
            if node.kind == "OPEXPR" and len(_list(node["args"])) == 2
            for left, right in [_list(node["args"]), _list(node["args"])[::-1]]
            if left.kind == "VAR" and left["varlevelsup"] == "0" and right.kind == "PARAM"
        ]
        result = int(each["resultRelation"])
        excluded = [node.number("exclRelIndex") for node in _list(each["onConflict"])]
        for number, entry in enumerate(_list(each["rtable"]), 1):
            if entry["rtekind"] != RELATION:
                continue
            oid = entry.number("relid")
            key = PLACES.get(functions.relations.get(oid, ""))
            if key is None or (number == result and each["commandType"] == INSERT):
                continue
            if number in excluded:
                continue
            if not any(
                place == number and functions.columns[oid, column] == key for place, column in equal
            ):
                return False
    return True


def refused(query: Node, functions: Functions) -> Iterator[str]:
    """Give what Citus refuses of a statement that reads or writes a table of its own."""
    if not any(_tables(query, functions)):
        return
    for part in _parts(query):
        if _list(part["rowMarks"]) and not _is_pinned(part, functions):
            yield "FOR UPDATE locks rows of several shards"
        if part["commandType"] in (UPDATE, INSERT, DELETE):
            yield from _refused_write(part, functions)


def _refused_write(query: Node, functions: Functions) -> Iterator[str]:
    for node in (each for entry in _list(query["returningList"]) for each in entry.walk()):
        if functions.worst(node) != "i":
            yield f"RETURNING calls {functions.name(node)}, which is not IMMUTABLE"
    for conflict in _list(query["onConflict"]):
        for node in conflict.walk():
            if functions.worst(node) != "i":
                yield f"ON CONFLICT calls {functions.name(node)}, which is not IMMUTABLE"
            if node.kind == "SUBLINK":
                yield "ON CONFLICT has a subquery, which would run on the shard"
    if query["commandType"] == INSERT:
        return
    for node in _own(query):
        if functions.worst(node) == "v":
            yield f"{functions.name(node)} is VOLATILE"
    targets = _list(query["targetList"]) if query["commandType"] == UPDATE else []
    for node in [*(entry["expr"] for entry in targets), *_list(query["jointree"]["quals"])]:
        if found := _irreducible(node, query, functions):
            yield f"SET or WHERE calls {functions.name(found)}, which is STABLE, on a column"
    written = functions.relations.get(
        query["rtable"][int(query["resultRelation"]) - 1].number("relid")
    )
    if written in PLACES and PLACES[written] is None:
        for node in _own(query):
            for _, name in _tables(node, functions) if node.kind == "RANGETBLENTRY" else ():
                if PLACES[name] is not None:
                    yield f"the reference table {written} is written from the distributed {name}"


Parsed = Callable[[str], tuple[Node, Functions]]


@pytest.fixture(scope="module")
def parsed(shared_conninfo: str) -> Iterator[Parsed]:
    with psycopg.connect(shared_conninfo, autocommit=True) as conn:
        known = Functions(conn)
        yield lambda text: (parse_tree(conn, text), known)


# What is no query (COPY, REFRESH) has no tree of its own.
TREES = [
    entry
    for entry in ENTRIES
    if re.match(r"(?:\s|--.*\n)*\(?(SELECT|WITH|INSERT|UPDATE|DELETE)", entry.statement.text)
]


@pytest.mark.parametrize("entry", TREES, ids=lambda entry: entry.query.name)
def test_citus_takes_a_statement(entry: Entry, parsed: Parsed) -> None:
    query, functions = parsed(entry.statement.text)
    name = entry.query.name
    if name in TAKEN_INSTEAD:
        assert f"{name.partition('.')[0]}.{TAKEN_INSTEAD[name]}" in BY_NAME
        return
    assert list(refused(query, functions)) == []
    assert _is_pinned(query, functions) == (name not in FANS_OUT)


NOW = "$1::timestamptz"
REFUSED = [
    ("UPDATE folders SET updated_at = now()", None),
    ("UPDATE folders SET updated_at = greatest(updated_at, now())", None),
    ("UPDATE folders SET updated_at = $1::text::timestamptz", None),
    (
        "UPDATE folders AS f SET updated_at = coalesce(e.x, f.updated_at)"
        "  FROM (SELECT ($1::jsonb ->> 'x')::timestamptz AS x) AS e",
        "timestamptz_in, which is STABLE",
    ),
    (
        "WITH e AS MATERIALIZED (SELECT ($1::jsonb ->> 'x')::timestamptz AS x)"
        "UPDATE folders AS f SET updated_at = coalesce(e.x, f.updated_at) FROM e",
        None,
    ),
    ("UPDATE folders SET name = 'x' || id", "textanycat, which is STABLE"),
    ("UPDATE folders SET name = 'x' || id::text", None),
    ("UPDATE folders SET number = random(1, 9)", "random is VOLATILE"),
    ("UPDATE folders SET name = $1 WHERE created_at::text = 'x'", "timestamptz_out"),
    ("UPDATE user_releases SET rating = 1 RETURNING media_condition::text", "enum_out"),
    ("UPDATE scan_songs SET song_id = uuidv7()", None),
    (
        "UPDATE scan_songs SET song_id = uuidv7() FROM artists AS a WHERE a.name = codec",
        "uuidv7 is VOLATILE",
    ),
    (
        "INSERT INTO users (username, email, created_at, updated_at)"
        f" VALUES ('a', 'b', {NOW}, $1) ON CONFLICT (id) DO UPDATE SET updated_at = now()",
        "ON CONFLICT calls now",
    ),
    (
        "INSERT INTO user_preferences AS u (user_id, preferences, updated_at)"
        f" VALUES ($2::uuid, '{{}}', {NOW}) ON CONFLICT (user_id) DO UPDATE"
        " SET updated_at = (SELECT max(f.updated_at) FROM folders AS f WHERE f.user_id = $2)",
        "ON CONFLICT has a subquery",
    ),
    ("SELECT f.id FROM folders AS f WHERE f.user_id = $1::uuid FOR UPDATE", None),
    ("SELECT f.id FROM folders AS f WHERE f.number = 1 FOR UPDATE", "several shards"),
    ("SELECT u.id FROM users AS u FOR UPDATE", None),
    (
        "DELETE FROM artists AS a WHERE NOT EXISTS ("
        " SELECT FROM user_releases AS c WHERE c.user_id = $1::uuid AND c.release_id = a.id)",
        "the reference table artists is written from the distributed user_releases",
    ),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_citus_refuses_is_found(text: str, reason: str | None, parsed: Parsed) -> None:
    found = list(refused(*parsed(text)))
    if reason is None:
        assert found == []
    else:
        assert [reason in sentence for sentence in found] == [True]
