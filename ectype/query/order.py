"""Order: what comes first, the other way round, and the keys that DISTINCT ON keeps one row of."""

from __future__ import annotations

from typing import Any, cast

from ectype.errors import NoPrimaryKeyError, QueryError
from ectype.expr import nodes
from ectype.expr.nodes import Ordering
from ectype.expr.operand import Column, order_term
from ectype.query.ast import Step, steps
from ectype.query.joining import Grown
from ectype.query.naming import check_names
from ectype.query.scope import check_scope, grow
from ectype.schema.meta import SchemaInfo

ORDERS = frozenset({"order", "prepend_order", "reverse"})
"""The kinds of steps that make an order."""


def prepended(node: Step, keys: tuple[Any, ...]) -> Grown:
    """Return the step that puts keys before those of the order so far, and the values of their parameters."""
    terms, params = _terms(node, keys, "prepend_order_by")
    return grow(node, ("prepend_order_by", terms), "prepend_order", terms), params


def distinct_on(node: Step, keys: tuple[Any, ...]) -> Grown:
    """Return the step that keeps the first row of all with equal keys.

    Raises:
        QueryError: when the query is distinct already.
    """
    if any(one.kind == "distinct" for one in steps(node)):
        raise QueryError("this query is distinct already", hint='choose anew: `query.exclude("distinct").distinct(…)`')
    terms, params = _terms(node, keys, "distinct")
    return grow(node, ("distinct", terms), "distinct", terms), params


def _terms(node: Step, keys: tuple[Any, ...], clause: str) -> tuple[tuple[Ordering, ...], tuple[object, ...]]:
    made: list[Ordering] = []
    params: tuple[object, ...] = ()
    for key in keys:
        term, values = order_term(key)
        check_scope(node, term, clause)
        check_names(node, term)
        made.append(term)
        params += values
    return tuple(made), params


def is_ordered(node: Step) -> bool:
    """Whether a query has an order."""
    return any(one.kind in ORDERS for one in steps(node))


def reversed_order(node: Step) -> Step:
    """Return the query in the other order; without one in that of the primary key, the largest first."""
    return grow(node, "reverse", "reverse", None) if is_ordered(node) else by_key(node, descending=True)


def by_key(node: Step, *, descending: bool = False) -> Step:
    """Return the query in the order of its primary key.

    Raises:
        NoPrimaryKeyError: for a schema without one.
    """
    source = node.sources[0]
    info: SchemaInfo = source.info
    if not info.primary_key:
        raise NoPrimaryKeyError(
            f"{info.name} has no primary key, so `first`, `last` and `reverse_order` need an order",
            hint=f"say which: `query.order_by({source.label}.…)`",
        )
    for name in info.primary_key:
        column: Column[Any, Any] = source.columns[name]
        term = nodes.ordering(column.node, descending=descending)
        node = cast("Step", node.kids.get(term)) or grow(node, term, "order", term)
    return node


def refuse_limited(node: Step) -> None:
    """Raise QueryError where a limit has chosen rows already, so that the other order would choose others."""
    for one in steps(node):
        if one.kind in ("limit", "offset"):
            raise QueryError(
                f"`last` of a query with `{one.kind}` would look at other rows than the query gives",
                hint='take the last row of a subquery: `from_(subquery(query, "rows")).last(…)`',
            )
