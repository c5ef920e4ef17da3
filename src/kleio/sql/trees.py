"""Statements as parse trees: pglast's, which is PostgreSQL's own grammar, and what is asked of it.

The rest of the room asks here, so that this is the one file that knows that pglast may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class ToolMissing(Exception):
    """pglast is not installed; the message says how to get it."""


class SyntaxProblem(Exception):
    """A text is no statement; `offset` is where the parser stopped."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def need_parser() -> None:
    """Raise ToolMissing unless statements can be parsed."""
    try:
        import pglast  # noqa: F401
    except ModuleNotFoundError as error:
        raise ToolMissing(
            "this needs pglast, PostgreSQL's grammar for Python: pip install 'kleio[sql]'"
        ) from error


def parse(text: str) -> Any:
    """Return the tree of one statement.

    Raises:
        ToolMissing: pglast is not installed.
        SyntaxProblem: the text is not one statement.
    """
    need_parser()
    import pglast

    try:
        (parsed,) = pglast.parse_sql(text)
    except pglast.parser.ParseError as error:
        offset = error.args[1] if len(error.args) > 1 and error.args[1] is not None else 0
        raise SyntaxProblem(str(error.args[0]), offset) from error
    except ValueError as error:
        raise SyntaxProblem("not one statement", 0) from error
    return parsed.stmt


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and all nodes below it, top down."""
    from pglast import ast

    if isinstance(node, ast.Node):
        yield node
        for name in node:
            yield from walk(getattr(node, name))
    elif isinstance(node, tuple | list):
        for item in node:
            yield from walk(item)


def is_plannable(tree: Any) -> bool:
    """Whether EXPLAIN takes a statement: COPY, ANALYZE and REFRESH have no plan."""
    from pglast import ast

    kinds = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
    return isinstance(tree, kinds)


def is_write(tree: Any) -> bool:
    """Whether a statement writes or locks rows, or takes an advisory lock."""
    from pglast import ast

    writes = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
    for node in walk(tree):
        if isinstance(node, writes):
            return True
        if isinstance(node, ast.SelectStmt) and node.lockingClause:
            return True
        if isinstance(node, ast.FuncCall) and "advisory" in node.funcname[-1].sval:
            return True
    return not isinstance(tree, ast.SelectStmt)


def cte_names(tree: Any) -> set[str]:
    """Return the names of all common table expressions of a statement."""
    from pglast import ast

    return {node.ctename for node in walk(tree) if isinstance(node, ast.CommonTableExpr)}


def tables(tree: Any) -> list[str]:
    """Return the tables that a statement names, in order, without its own CTEs."""
    from pglast import ast

    own = cte_names(tree)
    found: dict[str, None] = {}
    # FOR UPDATE OF names aliases.
    aliases = {
        id(alias)
        for node in walk(tree)
        if isinstance(node, ast.LockingClause)
        for alias in node.lockedRels or ()
    }
    for node in walk(tree):
        if (
            isinstance(node, ast.RangeVar)
            and id(node) not in aliases
            and (node.schemaname or node.relname not in own)
        ):
            found[node.relname] = None
    return list(found)


def conjuncts(node: Any) -> Iterator[Any]:
    """Yield the terms of AND of a condition; nothing for None."""
    from pglast import ast
    from pglast.enums import BoolExprType

    if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
        for part in node.args:
            yield from conjuncts(part)
    elif node is not None:
        yield node


def bare(node: Any) -> Any:
    """Return an expression without the casts and the collation around it."""
    from pglast import ast

    while isinstance(node, ast.TypeCast | ast.CollateClause):
        node = node.arg
    return node


def column_names(node: Any) -> list[str]:
    """Return the parts of a column reference, `*` for a star."""
    return [getattr(part, "sval", "*") for part in node.fields]
