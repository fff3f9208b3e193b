"""Walking expression trees: their parts, what they mention and compute, and whether their values may be shown."""

from collections.abc import Iterator
from typing import assert_never

from ectype.expr.nodes import (
    Binary,
    Call,
    Cast,
    ColumnRef,
    Constant,
    Entity,
    Expression,
    Fragment,
    InValues,
    Named,
    Ordering,
    Outer,
    Over,
    Param,
    RowComparison,
    Source,
    Subquery,
    Unary,
)

Part = Expression | Ordering | Entity
AGGREGATES = frozenset({"count", "sum", "avg", "min", "max"})


def parts(node: Part) -> tuple[Part, ...]:
    """Return the parts of a node in the order of its text, which is the order of its parameters."""
    match node:
        case ColumnRef() | Param() | Constant() | Outer() | Entity():
            return ()
        case Unary(_, operand) | Cast(operand, _) | InValues(operand) | Ordering(operand, _, _) | Named(operand, _):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case RowComparison(_, lefts, rights):
            return (*lefts, *rights)
        case Call(_, args, _, filter_):
            return args if filter_ is None else (*args, filter_)
        case Over(call, partition_by, order_by, _):
            return (call, *partition_by, *order_by)
        case Fragment(_, args):
            return args
        case Subquery(_, operand, _, _):
            return () if operand is None else (operand,)
        case _:
            assert_never(node)


def sources(node: Part) -> Iterator[Source]:
    """Yield the sources that a node mentions, subqueries left out: those have a scope of their own."""
    if isinstance(node, ColumnRef | Entity):
        yield node.source
    for part in parts(node):
        yield from sources(part)


def columns(node: Part) -> Iterator[ColumnRef]:
    """Yield the columns that a node mentions, those of enclosing queries too."""
    if isinstance(node, ColumnRef):
        yield node
    elif isinstance(node, Outer):
        yield node.operand
    for part in parts(node):
        yield from columns(part)


def unnamed(node: Expression) -> Expression:
    """Return an expression without the name that `as_` gave it."""
    return node.operand if isinstance(node, Named) else node


def names(node: Part) -> Iterator[Named]:
    """Yield the named expressions in a node, subqueries left out: those have names of their own."""
    if isinstance(node, Named):
        yield node
    for part in parts(node):
        yield from names(part)


def is_aggregate(node: Part) -> bool:
    """Whether an aggregate stands in an expression, so that it makes one row of many."""
    return (isinstance(node, Call) and node.name in AGGREGATES) or any(map(is_aggregate, parts(node)))


def is_secret(node: Part) -> bool:
    """Whether the values in an expression may be those of a redacted column that it mentions.

    Conditions that `&`, `|` and `~` combine are told apart: each has values of its own.
    """
    if isinstance(node, Binary) and node.op in ("AND", "OR"):
        return False
    return any(column.source.hides(column.name) for column in columns(node))
