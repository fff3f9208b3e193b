"""Expressions over one source, said over another: what an association's `where` becomes under an alias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, assert_never, cast

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.nodes import (
    Binary,
    Call,
    Case,
    Cast,
    ColumnRef,
    Constant,
    Expression,
    Fragment,
    Identifier,
    InValues,
    Items,
    Named,
    Node,
    Ordering,
    Outer,
    Over,
    Param,
    Subquery,
    Unary,
)
from ectype.expr.operand import Expr, Operand
from ectype.query.ast import Step, steps

Moves: TypeAlias = Mapping[Any, Any]
"""Which source stands for which."""


def rebased(node: Expression, moves: Moves) -> Expression:  # noqa: C901, PLR0912  # one case a node
    """Return an expression with its columns over other sources.

    Raises:
        QueryError: when a subquery in it mentions a source that moves, by `outer(…)`.
    """
    match node:
        case ColumnRef(source, name):
            target = moves.get(source)
            return node if target is None else cast("Expression", target.column(name).node)
        case Param() | Constant() | Identifier() | Outer():
            return node
        case Unary(op, operand):
            return nodes.unary(op, rebased(operand, moves))
        case Binary(op, left, right):
            if right is nodes.PARAM:
                return nodes.compare(op, rebased(left, moves))
            return nodes.binary(op, rebased(left, moves), rebased(right, moves))
        case Call(name, args, distinct, filter_, order_by):
            kept = None if filter_ is None else rebased(filter_, moves)
            terms = tuple(rebased_term(term, moves) for term in order_by)
            return nodes.call(name, _all(args, moves), distinct=distinct, filter_=kept, order_by=terms)
        case Over(call, partition_by, order_by, frame):
            terms = tuple(rebased_term(term, moves) for term in order_by)
            return nodes.over(rebased(call, moves), _all(partition_by, moves), terms, frame)
        case Cast(operand, type_):
            return nodes.cast(rebased(operand, moves), type_)
        case Fragment(parts, args):
            return nodes.fragment(parts, _all(args, moves))
        case Items(kind, items):
            return nodes.items(kind, _all(items, moves))
        case Case(branches, default):
            return nodes.case(_all(branches, moves), None if default is None else rebased(default, moves))
        case Named(operand, name):
            return nodes.named(rebased(operand, moves), name)
        case InValues(operand):
            return nodes.in_values(rebased(operand, moves))
        case Subquery(kind, operand, query, width):
            _check_correlation(query, moves)
            return nodes.subquery(kind, None if operand is None else rebased(operand, moves), query, width)
        case _:
            assert_never(node)


def moved(condition: Expr[Any, Any], source: Any, target: Any) -> Expr[Any, Any]:
    """Return a condition over one source, said over another. Raises QueryError as `rebased` does."""
    if source is target:
        return condition
    return Operand(rebased(condition.node, {source: target}), condition.params)


def rebased_term(term: Ordering, moves: Moves) -> Ordering:
    """Return a term of an ORDER BY over other sources."""
    return nodes.ordering(rebased(term.operand, moves), term.nulls, descending=term.descending)


def _all(parts: tuple[Expression, ...], moves: Moves) -> tuple[Expression, ...]:
    return tuple(rebased(part, moves) for part in parts)


def _check_correlation(query: Node, moves: Moves) -> None:
    for node in _outers(query):
        if node.operand.source in moves:
            label = node.operand.source.label
            raise QueryError(
                f"a condition of an association or of `where_each` has a subquery with "
                f"`outer({label}.{node.operand.name})`, so it can be read under its own name only, and here {label} is "
                "read under another",
                hint="write the condition with `in_`: `Post.id.in_(from_(Comment).select(Comment.post_id))`",
            )


def _outers(thing: object) -> Iterator[Outer]:
    """Yield the columns of enclosing queries that a query mentions, at any depth."""
    if isinstance(thing, Outer):
        yield thing
    elif isinstance(thing, Step):
        for step in steps(thing):
            yield from _outers(step.arg)
    elif isinstance(thing, Subquery):
        yield from _outers(thing.operand)
        yield from _outers(thing.query)
    elif isinstance(thing, tuple):
        for one in cast("tuple[object, ...]", thing):
            yield from _outers(one)
    elif isinstance(thing, Node):
        for part in _slots(thing):
            yield from _outers(part)


def _slots(node: Node) -> Iterator[object]:
    """Yield what a node is made of, whatever kind of node it is; its sources are none of its parts."""
    for name in getattr(node, "__match_args__", ()):
        if name != "source":
            yield getattr(node, name)
