"""Walking expression trees: their parts, what they mention and compute, and whether their values may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ectype.expr.nodes import (
    PARAM,
    Binary,
    Call,
    Case,
    Cast,
    ColumnRef,
    Constant,
    Entity,
    Expression,
    Fragment,
    Identifier,
    InValues,
    Items,
    Named,
    Ordering,
    Outer,
    Over,
    Param,
    Source,
    Subquery,
    Unary,
)
from ectype.types.containers import ArrayType
from ectype.types.numeric import INTEGER
from ectype.types.ranges import RangeType

Part = Expression | Ordering | Entity
AGGREGATES = frozenset({
    "count", "sum", "avg", "min", "max", "every", "bool_or", "string_agg", "array_agg", "json_agg", "percentile_cont",
    "percentile_disc",
})  # fmt: skip


def parts(node: Part) -> tuple[Part, ...]:
    """Return the parts of a node in the order of its text, which is the order of its parameters."""
    match node:
        case ColumnRef() | Param() | Constant() | Identifier() | Outer() | Entity():
            return ()
        case Unary(_, operand) | Cast(operand, _) | InValues(operand) | Ordering(operand, _, _) | Named(operand, _):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, args, _, filter_, order_by):
            return (*args, *order_by) if filter_ is None else (*args, *order_by, filter_)
        case Items(_, items):
            return items
        case Case(branches, default):
            return branches if default is None else (*branches, default)
        case Over(call, partition_by, order_by, _):
            return (call, *partition_by, *order_by)
        case Fragment(_, args):
            return args
        case Subquery(_, operand, _, _):
            return () if operand is None else (operand,)
        case _:
            assert_never(node)


def nested(node: Part) -> Iterator[Part]:
    """Yield a node and all that it is made of, in the order of its text, subqueries left out."""
    # Not by recursion: the builder walks through what only the compiler may find too deep.
    left = [node]
    while left:
        one = left.pop()
        yield one
        left += reversed(parts(one))


def sources(node: Part) -> Iterator[Source]:
    """Yield the sources that a node mentions, subqueries left out: those have a scope of their own."""
    return (one.source for one in nested(node) if isinstance(one, ColumnRef | Entity))


def columns(node: Part) -> Iterator[ColumnRef]:
    """Yield the columns that a node mentions, those of enclosing queries too."""
    for one in nested(node):
        if isinstance(one, ColumnRef):
            yield one
        elif isinstance(one, Outer):
            yield one.operand


def unnamed(node: Expression) -> Expression:
    """Return an expression without the name that `as_` gave it."""
    return node.operand if isinstance(node, Named) else node


def names(node: Part) -> Iterator[Named]:
    """Yield the named expressions in a node, subqueries left out: those have names of their own."""
    return (one for one in nested(node) if isinstance(one, Named))


def is_aggregate(node: Part) -> bool:
    """Whether an aggregate stands in an expression, so that it makes one row of many."""
    return any(isinstance(one, Call) and one.name in AGGREGATES for one in nested(node))


def is_secret(node: Part) -> bool:
    """Whether the values in an expression may be those of a redacted column that it mentions.

    Conditions that `&`, `|` and `~` combine are told apart: each has values of its own.
    """
    if isinstance(node, Binary) and node.op in ("AND", "OR"):
        return False
    return any(column.source.hides(column.name) for column in columns(node))


def is_whole(node: Part) -> bool:
    """Whether an expression is known to be a whole number, by its columns and operators alone."""
    match node:
        case ColumnRef(source, name) | Outer(ColumnRef(source, name)):
            return source.column_type(name) == INTEGER
        case Param(type_) | Cast(_, type_):
            return type_ == INTEGER
        case Unary("-", operand):
            return is_whole(operand)
        case Binary("+" | "-" | "*" | "/" | "%", left, right):
            return all(part is PARAM or is_whole(part) for part in (left, right))
        case Call("count" | "length" | "row_number" | "rank" | "dense_rank", _, _, _, _):
            return True
        case _:
            return False


def holds_documents(node: Part) -> bool:
    """Whether an expression may be a JSON document, as far as its column tells."""
    if isinstance(node, ColumnRef | Outer):
        column = node if isinstance(node, ColumnRef) else node.operand
        return column.source.column_type(column.name).codec("postgres").column == "jsonb"
    return isinstance(node, Fragment | Subquery | Call | Case) or (isinstance(node, Binary) and node.op == "->")


def holds_list(node: Part) -> bool:
    """Whether an expression may be a list of scalars, as far as its column tells."""
    if isinstance(node, ColumnRef | Outer):
        column = node if isinstance(node, ColumnRef) else node.operand
        return isinstance(column.source.column_type(column.name), ArrayType)
    return isinstance(node, Fragment | Call | Case)


def holds_range(node: Part) -> bool:
    """Whether an expression may be a range, as far as its column or its own type tells."""
    if isinstance(node, ColumnRef | Outer):
        column = node if isinstance(node, ColumnRef) else node.operand
        return isinstance(column.source.column_type(column.name), RangeType)
    if isinstance(node, Param | Cast):
        return isinstance(node.type, RangeType)
    return isinstance(node, Fragment | Call | Case | Subquery)
