"""Which type an expression has, so that a loader can be chosen and a parameter be dumped. None: nobody knows."""

from typing import Any, assert_never, cast

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
    Node,
    Outer,
    Over,
    Param,
    RowComparison,
    Subquery,
    Unary,
)
from ectype.query.ast import Step, steps
from ectype.types.base import Type
from ectype.types.duration import DURATION
from ectype.types.numeric import DECIMAL, FLOAT, INTEGER, DecimalType
from ectype.types.scalars import BOOLEAN, STRING
from ectype.types.temporal import DATE, DATETIME, TIME

ARITHMETIC = frozenset("+-*/%")
INTEGER_CALLS = frozenset({"count", "length", "row_number", "rank", "dense_rank"})
TEXT_CALLS = frozenset({"lower", "upper", "trim", "substr"})


def type_of(node: Expression) -> Type[Any] | None:
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
        case Call(name, args, _, _):
            return _call(name, args)
        case Named(inner, _) | Over(inner, _, _, _):
            return type_of(inner)
        case Fragment():
            return None
        case InValues() | RowComparison():
            return BOOLEAN
        case Subquery(kind, _, query, _):
            return _value(selected(query)) if kind == "scalar" else BOOLEAN
        case _:
            assert_never(node)


def _value(node: Expression | None) -> Type[Any] | None:
    return None if node is None else type_of(node)


def _binary(op: str, left: Expression, right: Expression) -> Type[Any] | None:
    if op == "||":
        return STRING
    if op not in ARITHMETIC:
        return BOOLEAN
    first, second = plain(type_of(left)), plain(type_of(right))
    if first is None or second is None:
        return first or second
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


def _call(name: str, args: tuple[Expression, ...]) -> Type[Any] | None:
    if name in INTEGER_CALLS:
        return INTEGER
    if name in TEXT_CALLS:
        return STRING
    first = plain(type_of(args[0]))
    if name == "avg":
        return FLOAT if first == FLOAT else DECIMAL
    return first


def selected(query: Node) -> Expression | None:
    """Return the first expression that a query selects; None where it selects a whole struct."""
    for step in steps(cast("Step", query)):
        if step.kind == "select":
            first: Expression | Entity = step.arg[1][0]
            return None if isinstance(first, Entity) else first
    return None
