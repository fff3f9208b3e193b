"""Functions of ranges: their ends, and how two of them lie to each other.

What holds or meets what is asked by methods: `Booking.seats.contains(3)`, `contained_by`, `overlaps`. PostgreSQL has
all of it; SQLite keeps ranges as text, so that it is refused there.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar, overload

from ectype.expr.calls import call_of
from ectype.expr.operand import Expr, Operand, any_operand, operand_of
from ectype.types.ranges import Range

S = TypeVar("S")
S2 = TypeVar("S2")
T = TypeVar("T")
R = TypeVar("R", int, Decimal, datetime, date)

Ranged: TypeAlias = Expr[S, Range[R] | None]


@overload
def lower(expr: Expr[S, Range[R] | None]) -> Operand[S, R | None]: ...
@overload
def lower(expr: Expr[S, T]) -> Operand[S, T]: ...
def lower(expr: Expr[Any, Any]) -> Any:
    """The text in lower case (SQLite: ASCII letters only); of a range its lower end, None where it has none."""
    return any_operand(call_of("lower", expr), expr.params)


@overload
def upper(expr: Expr[S, Range[R] | None]) -> Operand[S, R | None]: ...
@overload
def upper(expr: Expr[S, T]) -> Operand[S, T]: ...
def upper(expr: Expr[Any, Any]) -> Any:
    """The text in upper case (SQLite: ASCII letters only); of a range its upper end, None where it has none."""
    return any_operand(call_of("upper", expr), expr.params)


@overload
def is_empty(expr: Expr[S, Range[R]]) -> Operand[S, bool]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def is_empty(expr: Expr[S, Range[R] | None]) -> Operand[S, bool | None]: ...
def is_empty(expr: Expr[Any, Any]) -> Any:
    """Whether a range holds nothing at all. SQL: `isempty(x)`."""
    return any_operand(call_of("is_empty", expr), expr.params)


@overload
def adjacent(a: Ranged[S, R], b: Range[R]) -> Operand[S, bool]: ...
@overload
def adjacent(a: Ranged[S, R], b: Ranged[S2, R]) -> Operand[S | S2, bool]: ...
def adjacent(a: Expr[Any, Any], b: Any) -> Any:
    """Whether one range begins where the other ends, with no value in both or between them. SQL: `a -|- b`.

    Example:
        `query.where(fn.adjacent(Booking.seats, Range(5, 8)))`
    """
    return _lying("adjacent", a, b)


@overload
def strictly_left(a: Ranged[S, R], b: Range[R]) -> Operand[S, bool]: ...
@overload
def strictly_left(a: Ranged[S, R], b: Ranged[S2, R]) -> Operand[S | S2, bool]: ...
def strictly_left(a: Expr[Any, Any], b: Any) -> Any:
    """Whether every value of the first range is below every value of the second. SQL: `a << b`."""
    return _lying("strictly_left", a, b)


@overload
def strictly_right(a: Ranged[S, R], b: Range[R]) -> Operand[S, bool]: ...
@overload
def strictly_right(a: Ranged[S, R], b: Ranged[S2, R]) -> Operand[S | S2, bool]: ...
def strictly_right(a: Expr[Any, Any], b: Any) -> Any:
    """Whether every value of the first range is above every value of the second. SQL: `a >> b`."""
    return _lying("strictly_right", a, b)


def _lying(name: str, a: Expr[Any, Any], b: Any) -> Operand[Any, Any]:
    node, params = operand_of(b)
    return Operand(call_of(name, a, node), a.params + params)
