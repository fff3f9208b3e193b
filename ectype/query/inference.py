"""Which type an expression has, so that a loader can be chosen and a parameter be dumped. None: nobody knows."""

from __future__ import annotations

from typing import Any, assert_never, cast

from ectype.expr.nodes import (
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
    Node,
    Outer,
    Over,
    Param,
    Subquery,
    Unary,
)
from ectype.query.ast import Step, steps
from ectype.types.base import Type
from ectype.types.containers import JSON_LIST, ArrayType
from ectype.types.duration import DURATION
from ectype.types.json_value import JSON_VALUE
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.ranges import RangeType
from ectype.types.scalars import BOOLEAN, STRING, is_scalar
from ectype.types.temporal import DATE, DATETIME, TIME

ARITHMETIC = frozenset("+-*/%")
RESULTS: dict[str, Type[Any]] = {
    **dict.fromkeys(
        (
            "count", "length", "row_number", "rank", "dense_rank", "ntile", "floor", "ceil", "sign", "array_length",
            "date_part",
        ),
        INTEGER,
    ),
    **dict.fromkeys(("lower", "upper", "trim", "substr", "replace", "string_agg"), STRING),
    **dict.fromkeys(("percent_rank", "cume_dist", "percentile_cont", "search_rank", "power", "sqrt"), FLOAT),
    **dict.fromkeys(
        ("every", "bool_or", "search", "is_empty", "adjacent", "strictly_left", "strictly_right"), BOOLEAN
    ),
    "json_agg": JSON_LIST,
}  # fmt: skip
"""The types of what functions give, whatever they are given; all others give what they take."""


def type_of(node: Expression) -> Type[Any] | None:  # noqa: C901  # one case a node
    """Return the type of an expression's value, or None where only the database knows."""
    match node:
        case ColumnRef(source, name):
            return source.column_type(name)
        case Outer(operand):
            return operand.source.column_type(operand.name)
        case Param(type_) | Cast(_, type_):
            return type_
        case Constant(value):
            return None if value is None else BOOLEAN
        case Unary(op, operand):
            return type_of(operand) if op == "-" else BOOLEAN
        case Binary(op, left, right):
            return _binary(op, left, right)
        case Call("percentile_disc", _, _, _, order_by):
            return plain(type_of(order_by[0].operand))
        case Call(name, args, _, _, _):
            return _call(name, args)
        case Named(inner, _) | Over(inner, _, _, _):
            return type_of(inner)
        case Case():
            return _common(node.values)
        case Fragment() | Items() | Identifier():
            return None
        case InValues():
            return BOOLEAN
        case Subquery(kind, _, query, _):
            return BOOLEAN if kind in ("exists", "in") else _value(selected(query))
        case _:
            assert_never(node)


def _value(node: Expression | None) -> Type[Any] | None:
    return None if node is None else type_of(node)


def _binary(op: str, left: Expression, right: Expression) -> Type[Any] | None:
    if op == "||":
        return STRING
    if op == "->":
        return JSON_VALUE
    if op not in ARITHMETIC:
        return BOOLEAN
    first, second = plain(type_of(left)), plain(type_of(right))
    if first is None or second is None:
        known = first or second
        # A bare value taken from a moment is a moment: a span says that it is one.
        return _difference(known) if op == "-" and known is not None else known
    if op == "-" and first == second:
        return _difference(first)
    wider = first == INTEGER and (second == FLOAT or isinstance(second, DecimalType))
    return second if wider or (first == DURATION and second == DATETIME) else first


def _difference(type_: Type[Any]) -> Type[Any]:
    """Return the type of `a - b` where both have one type: two moments are a span apart, two dates some days."""
    if type_ in (DATETIME, TIME):
        return DURATION
    return INTEGER if type_ == DATE else type_


def plain(type_: Type[Any] | None) -> Type[Any] | None:
    """Return a scalar without its constraints: those are for what is stored, not for what is compared or computed."""
    inner: Type[Any] | None = getattr(type_, "inner", None)
    return type_ if inner is None else inner


def _common(nodes: tuple[Expression, ...]) -> Type[Any] | None:
    """Return the type of what may be any of several values: the first that is known."""
    return next((found for found in map(type_of, nodes) if found is not None), None)


def _call(name: str, args: tuple[Expression, ...]) -> Type[Any] | None:
    name = name.partition(" ")[0]
    known = RESULTS.get(name)
    first = plain(_common(args))
    if isinstance(first, RangeType) and name in ("lower", "upper"):
        return first.element
    if known is not None:
        return known
    if name == "avg":
        return FLOAT if first == FLOAT else DECIMAL
    if name == "array_agg":
        return ArrayType(first, nullable=True) if first is not None and is_scalar(first) else None
    return first


def selected(query: Node) -> Expression | None:
    """Return the first expression that a query selects; None where it selects a whole struct."""
    return next(iter(selections(query)), None)


def selections(query: Node) -> tuple[Expression | None, ...]:
    """Return what a query selects; None in place of a whole struct."""
    for step in steps(cast("Step", query)):
        if step.kind == "select":
            items: tuple[Expression | Entity, ...] = step.arg[1]
            return tuple(None if isinstance(one, Entity) else one for one in items)
    return ()
