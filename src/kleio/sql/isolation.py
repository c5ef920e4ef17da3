"""The isolation rule, decided on a statement's parse tree.

A relation of a user is safe where its `user_id` equals the parameter `:user_id`: directly, or
through equalities with other relations of the same FROM clause or of an enclosing statement. Only
conditions that always hold count: the terms of AND in WHERE and in the ON of joins; the ON of an
outer join restricts its inner side alone. What an INSERT writes as `user_id` has to be the
parameter or the `user_id` of a safe relation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind, JoinType, SetOperation

from kleio.sql.schema import USER_KEY as KEY
from kleio.sql.trees import conjuncts, parse


class Unsafe(Exception):
    """A statement reads or writes rows of other users than the caller's; `offset` says where."""

    def __init__(self, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass
class Scope:
    """The relations of one FROM clause: alias to table (None for what is no table of a user)."""

    relations: dict[str, str | None] = field(default_factory=dict)
    places: dict[str, int | None] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    """From what is known to be the caller's (an alias, or `""` for the parameter) to an alias."""

    def safe(self, outer: frozenset[str]) -> frozenset[str]:
        found = {"", *(outer - set(self.relations))}
        while more := {to for start, to in self.edges if start in found} - found:
            found |= more
        return frozenset(found)


def check_isolation(sql: str, parameters: tuple[str, ...], tables: frozenset[str]) -> None:
    """Raise Unsafe where a statement touches a user's table without the user.

    Args:
        sql: one statement with `$n` parameters.
        parameters: their names, in order.
        tables: the tables whose primary key begins with `user_id`.
    """
    check_tree(parse(sql), parameters, tables)


def check_tree(tree: Any, parameters: tuple[str, ...], tables: frozenset[str]) -> None:
    """Raise Unsafe as `check_isolation` does, for a statement that is parsed already."""
    number = parameters.index(KEY) + 1 if KEY in parameters else None
    _Checker(number, tables).statement(tree, frozenset(), frozenset())


class _Checker:
    def __init__(self, parameter: int | None, tables: frozenset[str]) -> None:
        self.parameter = parameter
        self.tables = tables

    def statement(self, node: Any, ctes: frozenset[str], outer: frozenset[str]) -> None:
        """Check a statement; `ctes` are the names that hide tables, `outer` its safe aliases."""
        if isinstance(node, ast.RefreshMatViewStmt | ast.VacuumStmt):
            # What a view reads is its definition, a migration; VACUUM shows nobody a row.
            return
        if isinstance(node, ast.CopyStmt):
            if node.relation is None or node.relation.relname in self.tables:
                raise Unsafe("COPY touches the rows of all users", None)
            return
        if not isinstance(node, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
            raise Unsafe(f"{type(node).__name__} can't be judged")
        if node.withClause is not None:
            names = frozenset(cte.ctename for cte in node.withClause.ctes)
            seen = ctes | names if node.withClause.recursive else ctes
            for cte in node.withClause.ctes:
                self.statement(cte.ctequery, seen, outer)
                seen |= {cte.ctename}
            ctes |= names
        if isinstance(node, ast.SelectStmt) and node.op != SetOperation.SETOP_NONE:
            self.statement(node.larg, ctes, outer)
            self.statement(node.rarg, ctes, outer)
            return
        scope = Scope()
        if isinstance(node, ast.SelectStmt):
            sources = node.fromClause or ()
        elif isinstance(node, ast.UpdateStmt):
            sources = (node.relation, *(node.fromClause or ()))
        elif isinstance(node, ast.DeleteStmt):
            sources = (node.relation, *(node.usingClause or ()))
        else:
            sources = ()
        for source in sources:
            self.source(source, scope, ctes)
        for condition in conjuncts(getattr(node, "whereClause", None)):
            self.equality(condition, scope, set(scope.relations))
        safe = scope.safe(outer)
        for alias, table in scope.relations.items():
            if table is not None and alias not in safe:
                raise Unsafe(f"{table} AS {alias} lacks {KEY} = :{KEY}", scope.places.get(alias))
        if isinstance(node, ast.InsertStmt):
            self.insert(node, ctes, outer)
        elif isinstance(node, ast.UpdateStmt) and node.relation.relname in self.tables:
            self.assignments(node.targetList, node.relation.relname)
        for child in _statements_below(node):
            self.statement(child, ctes, safe)

    def source(self, node: Any, scope: Scope, ctes: frozenset[str]) -> set[str]:
        """Add an item of FROM to the scope and return the aliases in it."""
        if isinstance(node, ast.JoinExpr):
            left = self.source(node.larg, scope, ctes)
            right = self.source(node.rarg, scope, ctes)
            bound = {
                JoinType.JOIN_INNER: left | right,
                JoinType.JOIN_LEFT: right,
                JoinType.JOIN_RIGHT: left,
            }.get(node.jointype, set())
            for condition in conjuncts(node.quals):
                self.equality(condition, scope, bound)
            if any(part.sval == KEY for part in node.usingClause or ()):
                edges = [(a, b) for a in left for b in right]
                edges += [(b, a) for a, b in edges]
                scope.edges += [edge for edge in edges if edge[1] in bound]
            return left | right
        name = node.alias.aliasname if getattr(node, "alias", None) else None
        if isinstance(node, ast.RangeVar):
            hidden = node.schemaname is None and node.relname in ctes
            table = node.relname if node.relname in self.tables and not hidden else None
            name = name or node.relname
        else:
            table = None
            name = name or f"?{len(scope.relations)}"
        if name in scope.relations:
            raise Unsafe(f"the alias {name} stands twice", getattr(node, "location", None))
        scope.relations[name] = table
        scope.places[name] = getattr(node, "location", None)
        return {name}

    def equality(self, node: Any, scope: Scope, bound: set[str]) -> None:
        if not (
            isinstance(node, ast.A_Expr)
            and node.kind == A_Expr_Kind.AEXPR_OP
            and node.name[-1].sval == "="
        ):
            return
        sides = [self.operand(side, scope) for side in (node.lexpr, node.rexpr)]
        for start, to in (sides, sides[::-1]):
            if start is not None and to is not None and to in bound:
                scope.edges.append((start, to))

    def operand(self, node: Any, scope: Scope) -> str | None:
        """Return the alias whose user_id this is, `""` for the parameter, None for neither."""
        while isinstance(node, ast.TypeCast):
            node = node.arg
        if isinstance(node, ast.ParamRef):
            return "" if node.number == self.parameter else None
        if not isinstance(node, ast.ColumnRef):
            return None
        names = [getattr(part, "sval", "*") for part in node.fields]
        if names[-1] != KEY:
            return None
        if len(names) > 1:
            return names[-2]
        # Without an alias it is clear only where there is one relation.
        return next(iter(scope.relations)) if len(scope.relations) == 1 else None

    def insert(self, node: Any, ctes: frozenset[str], outer: frozenset[str]) -> None:
        table = node.relation.relname
        if table not in self.tables:
            return
        columns = [column.name for column in node.cols or ()]
        if KEY not in columns or node.selectStmt is None:
            raise Unsafe(f"INSERT INTO {table} does not name {KEY}", node.relation.location)
        at = columns.index(KEY)
        select = node.selectStmt
        if select.op != SetOperation.SETOP_NONE:
            raise Unsafe(
                f"INSERT INTO {table} from a set operation can't be judged", node.relation.location
            )
        scope = Scope()
        for source in select.fromClause or ():
            self.source(source, scope, ctes)
        for condition in conjuncts(select.whereClause):
            self.equality(condition, scope, set(scope.relations))
        safe = scope.safe(outer)
        rows = select.valuesLists or [[target.val for target in select.targetList]]
        for row in rows:
            if self.operand(row[at], scope) not in safe:
                raise Unsafe(
                    f"INSERT INTO {table} writes another {KEY} than :{KEY}", node.relation.location
                )
        conflict = node.onConflictClause
        if conflict is not None and conflict.targetList:
            keys = [element.name for element in conflict.infer.indexElems or ()]
            if KEY not in keys:
                raise Unsafe(
                    f"ON CONFLICT of {table} may meet another user's row", node.relation.location
                )
            self.assignments(conflict.targetList, table)

    def assignments(self, targets: Any, table: str) -> None:
        for target in targets:
            if target.name == KEY:
                raise Unsafe(f"{table}.{KEY} is changed", target.location)


def _statements_below(node: Any) -> Iterator[Any]:
    """Yield the statements directly inside: sub-selects, but not the CTEs'."""
    for name in node:
        if name != "withClause":
            yield from _find(getattr(node, name))


def _find(value: Any) -> Iterator[Any]:
    if isinstance(value, ast.SelectStmt):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _find(item)
    elif isinstance(value, ast.Node):
        for name in value:
            yield from _find(getattr(value, name))
