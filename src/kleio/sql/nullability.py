"""Whether a column of a result may be NULL, as far as the statement and the schema tell.

Three answers: NEVER and SOMETIMES are certain, MAYBE is everything else. A check may only fail on
what is certain, so whatever is not understood here is MAYBE. SOMETIMES: a column that may be NULL
in its table and that no condition speaks of; a column of an outer join's inner side, unless the
join always matches; an aggregate over what may be no rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import singledispatchmethod
from typing import Any

from pglast import ast
from pglast.enums import (
    A_Expr_Kind,
    BoolExprType,
    JoinType,
    SetOperation,
    SubLinkType,
)

from kleio.sql.schema import Column, Schema
from kleio.sql.trees import column_names, conjuncts, walk


class Null(Enum):
    """Whether a value is NULL."""

    NEVER = 0
    MAYBE = 1
    SOMETIMES = 2


Columns = list[tuple[str, Null]]

# Operators that give NULL exactly where an operand is NULL.
_STRICT = {"=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/"}
_NEVER_NULL = {
    *("count", "row_number", "rank", "dense_rank", "ntile", "now", "uuidv7", "uuidv4"),
    *("concat", "concat_ws", "json_build_object", "json_build_array", "jsonb_build_object"),
    *("jsonb_build_array", "clock_timestamp", "random", "num_nulls", "num_nonnulls"),
}
# Aggregates that give NULL for no rows.
_AGGREGATES = {
    *("sum", "min", "max", "avg", "array_agg", "string_agg", "json_agg", "jsonb_agg"),
    *("bool_or", "bool_and", "every", "json_object_agg", "jsonb_object_agg"),
}


@dataclass
class _Relation:
    """An item of FROM; `outer` says what an outer join makes of a column that is never NULL."""

    columns: dict[str, Null]
    table: str | None = None
    outer: Null = Null.NEVER
    is_filtered: bool = False


@dataclass
class _Level:
    """The FROM clause of one statement, and what its conditions speak of."""

    relations: dict[str, _Relation] = field(default_factory=dict)
    mentioned: set[tuple[str | None, str]] = field(default_factory=set)
    is_grouped: bool = False
    may_be_empty: bool = False


def result_columns(tree: Any, schema: Schema) -> Columns:
    """Return name and answer for each column of a statement's result."""
    return _Reader(schema).statement(tree, {})


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def statement(self, node: Any, ctes: dict[str, Columns]) -> Columns:
        """Return the columns that a statement gives, with or without CTEs."""
        if node.withClause is not None:
            ctes = dict(ctes)
            for cte in node.withClause.ctes:
                if node.withClause.recursive:
                    ctes[cte.ctename] = []
                given = self.statement(cte.ctequery, ctes)
                ctes[cte.ctename] = _renamed(given, cte.aliascolnames)
        if isinstance(node, ast.SelectStmt):
            return self.select(node, ctes)
        return self.returning(node, ctes)

    def select(self, node: Any, ctes: dict[str, Columns]) -> Columns:
        if node.op != SetOperation.SETOP_NONE:
            sides = [self.statement(side, ctes) for side in (node.larg, node.rarg)]
            if len(sides[0]) != len(sides[1]):
                return []
            union = node.op == SetOperation.SETOP_UNION
            return [
                (a[0], _worst((a[1], b[1])) if union else Null.MAYBE)
                for a, b in zip(*sides, strict=True)
            ]
        if node.valuesLists:
            rows = [[self.value(item, _Level()) for item in row] for row in node.valuesLists]
            return [
                (f"column{number}", _worst(values))
                for number, values in enumerate(zip(*rows, strict=False), 1)
            ]
        level = _Level(is_grouped=bool(node.groupClause))
        for item in node.fromClause or ():
            self.add(item, level, ctes)
        self.conditions(conjuncts(node.whereClause), level)
        self.conditions(conjuncts(node.havingClause), level)
        if any(isinstance(part, ast.GroupingSet) for part in node.groupClause or ()):
            return [(_name(target), Null.MAYBE) for target in node.targetList or ()]
        level.may_be_empty = node.havingClause is None and any(
            relation.table and relation.outer is Null.NEVER for relation in level.relations.values()
        )
        return [(_name(target), self.value(target.val, level)) for target in node.targetList or ()]

    def returning(self, node: Any, ctes: dict[str, Columns]) -> Columns:
        clause = node.returningClause
        if clause is None:
            return []
        level = _Level()
        self.add(node.relation, level, {})
        target = next(iter(level.relations))
        if isinstance(node, ast.UpdateStmt):
            for item in node.fromClause or ():
                self.add(item, level, ctes)
            level.mentioned |= {(target, change.name) for change in node.targetList}
        elif isinstance(node, ast.DeleteStmt):
            for item in node.usingClause or ():
                self.add(item, level, ctes)
        else:
            # What an INSERT or a MERGE writes is not followed; a column without NOT NULL may be
            # given a value each time.
            written = level.relations[target].columns
            level.mentioned |= {(target, name) for name in written}
        self.conditions(conjuncts(getattr(node, "whereClause", None)), level)
        return [(_name(item), self.value(item.val, level)) for item in clause.exprs]

    def add(self, node: Any, level: _Level, ctes: dict[str, Columns]) -> list[str]:
        """Add an item of FROM to the level and return its aliases."""
        if isinstance(node, ast.JoinExpr):
            return self.join(node, level, ctes)
        alias = getattr(node, "alias", None)
        name = alias.aliasname if alias else getattr(node, "relname", f"?{len(level.relations)}")
        relation = _Relation({})
        if isinstance(node, ast.RangeVar):
            table = self.schema.tables.get(node.relname)
            if node.schemaname is None and node.relname in ctes:
                relation.columns = dict(ctes[node.relname])
            elif table is not None and table.kind in ("r", "p"):
                relation.table = table.name
                relation.columns = {
                    column.name: _declared(column) for column in table.columns.values()
                }
        elif isinstance(node, ast.RangeSubselect):
            given = self.statement(node.subquery, ctes)
            relation.columns = dict(_renamed(given, alias.colnames if alias else None))
        if alias and alias.colnames and isinstance(node, ast.RangeVar):
            relation.columns = {}
        level.relations[name] = relation
        return [name]

    def join(self, node: Any, level: _Level, ctes: dict[str, Columns]) -> list[str]:
        left = self.add(node.larg, level, ctes)
        right = self.add(node.rarg, level, ctes)
        kind = node.jointype
        if kind == JoinType.JOIN_INNER:
            self.conditions(conjuncts(node.quals), level)
            for part in node.usingClause or ():
                level.mentioned.add((None, part.sval))
        outer = {
            JoinType.JOIN_LEFT: right,
            JoinType.JOIN_RIGHT: left,
            JoinType.JOIN_FULL: left + right,
        }.get(kind, [])
        others = [name for name in left + right if name not in outer]
        answer = Null.MAYBE if self.always_matches(node, others, outer, level) else Null.SOMETIMES
        for name in outer:
            level.relations[name].outer = _worst((level.relations[name].outer, answer))
        if node.alias is not None:
            level.relations[node.alias.aliasname] = _Relation({})
        return left + right

    def always_matches(self, node: Any, others: list[str], outer: list[str], level: _Level) -> bool:
        """Whether an outer join may match every row: ON true, or along a foreign key."""
        if not any(isinstance(part, ast.ColumnRef) for part in walk(node.quals)):
            return not node.usingClause
        tables = {level.relations[name].table for name in others}
        targets = {level.relations[name].table for name in outer}
        return any(
            key.table in tables
            and key.target in targets
            and all(
                self.schema.tables[key.table].columns[column].is_not_null for column in key.columns
            )
            for key in self.schema.foreign_keys
        )

    def conditions(self, terms: Iterable[Any], level: _Level) -> None:
        for term in terms:
            for part in walk(term):
                if isinstance(part, ast.ColumnRef):
                    names = column_names(part)
                    alias = names[-2] if len(names) > 1 else None
                    level.mentioned.add((alias, names[-1]))
                    for name, relation in level.relations.items():
                        if alias == name or (alias is None and names[-1] in relation.columns):
                            relation.is_filtered = True

    def column(self, names: list[str], level: _Level) -> Null:
        if names[-1] == "*" or len(names) > 2:
            return Null.MAYBE
        name = names[-1]
        if len(names) == 2:
            alias = names[0]
        else:
            holders = [a for a, r in level.relations.items() if name in r.columns or not r.columns]
            if len(holders) != 1:
                return Null.MAYBE
            (alias,) = holders
        relation = level.relations.get(alias)
        if relation is None or name not in relation.columns:
            return Null.MAYBE
        answer = relation.columns[name]
        if answer is Null.SOMETIMES and self.is_decided(alias, name, relation, level):
            answer = Null.MAYBE
        if relation.outer is not Null.NEVER:
            if relation.is_filtered:
                return Null.MAYBE
            answer = _worst((answer, relation.outer))
        return answer

    def is_decided(self, alias: str, name: str, relation: _Relation, level: _Level) -> bool:
        """Whether a condition speaks of a column, or of one that a CHECK ties to it."""
        tied = {name}
        if relation.table:
            for columns in self.schema.tables[relation.table].checked:
                if name in columns:
                    tied |= columns
        return any((a, each) in level.mentioned for a in (alias, None) for each in tied)

    @singledispatchmethod
    def value(self, node: Any, level: _Level) -> Null:  # noqa: ARG002
        """Return the answer for an expression."""
        return Null.MAYBE

    @value.register
    def _(self, node: ast.ColumnRef, level: _Level) -> Null:
        return self.column(column_names(node), level)

    @value.register(ast.TypeCast)
    @value.register(ast.CollateClause)
    def _cast(self, node: Any, level: _Level) -> Null:
        return self.value(node.arg, level)

    @value.register
    def _(self, node: ast.A_Const, level: _Level) -> Null:  # noqa: ARG002
        return Null.SOMETIMES if node.isnull else Null.NEVER

    @value.register(ast.NullTest)
    @value.register(ast.BooleanTest)
    @value.register(ast.A_ArrayExpr)
    @value.register(ast.RowExpr)
    @value.register(ast.SQLValueFunction)
    @value.register(ast.JsonObjectConstructor)
    @value.register(ast.JsonArrayConstructor)
    def _never(self, node: Any, level: _Level) -> Null:  # noqa: ARG002
        return Null.NEVER

    @value.register(ast.CoalesceExpr)
    @value.register(ast.MinMaxExpr)
    def _first(self, node: Any, level: _Level) -> Null:
        never = any(self.value(part, level) is Null.NEVER for part in node.args)
        return Null.NEVER if never else Null.MAYBE

    @value.register
    def _(self, node: ast.BoolExpr, level: _Level) -> Null:
        answers = [self.value(part, level) for part in node.args]
        if node.boolop == BoolExprType.NOT_EXPR:
            return answers[0]
        return Null.NEVER if set(answers) == {Null.NEVER} else Null.MAYBE

    @value.register
    def _(self, node: ast.A_Expr, level: _Level) -> Null:
        if node.kind in (A_Expr_Kind.AEXPR_DISTINCT, A_Expr_Kind.AEXPR_NOT_DISTINCT):
            return Null.NEVER
        if node.kind != A_Expr_Kind.AEXPR_OP or node.name[-1].sval not in _STRICT:
            return Null.MAYBE
        return _worst(self.value(part, level) for part in (node.lexpr, node.rexpr) if part)

    @value.register
    def _(self, node: ast.CaseExpr, level: _Level) -> Null:
        if node.defresult is None:
            return Null.MAYBE
        results = [*(branch.result for branch in node.args), node.defresult]
        never = all(self.value(result, level) is Null.NEVER for result in results)
        return Null.NEVER if never else Null.MAYBE

    @value.register
    def _(self, node: ast.SubLink, level: _Level) -> Null:  # noqa: ARG002
        kinds = (SubLinkType.EXISTS_SUBLINK, SubLinkType.ARRAY_SUBLINK)
        return Null.NEVER if node.subLinkType in kinds else Null.MAYBE

    @value.register
    def _(self, node: ast.FuncCall, level: _Level) -> Null:
        name = node.funcname[-1].sval
        if name in _NEVER_NULL:
            return Null.NEVER
        if name not in _AGGREGATES or node.over is not None:
            return Null.MAYBE
        if not level.is_grouped:
            return Null.SOMETIMES if level.may_be_empty else Null.MAYBE
        answers = [self.value(part, level) for part in node.args or ()]
        never = node.agg_filter is None and set(answers) == {Null.NEVER}
        return Null.NEVER if never else Null.MAYBE


def _declared(column: Column) -> Null:
    if column.is_not_null:
        return Null.NEVER
    # What an expression over columns gives may be known never to be NULL.
    return Null.MAYBE if column.is_generated else Null.SOMETIMES


def _worst(answers: Iterable[Null]) -> Null:
    return max(answers, key=lambda answer: answer.value)


def _name(target: Any) -> str:
    if target.name:
        return str(target.name)
    node = target.val
    while isinstance(node, ast.TypeCast | ast.CollateClause):
        node = node.arg
    if isinstance(node, ast.ColumnRef):
        return column_names(node)[-1]
    return str(node.funcname[-1].sval) if isinstance(node, ast.FuncCall) else "?column?"


def _renamed(columns: Columns, names: Any) -> Columns:
    if not names:
        return columns
    given = [name.sval for name in names]
    return [(new, answer) for new, (_, answer) in zip(given, columns, strict=False)] + columns[
        len(given) :
    ]
