"""Functions of numbers, as far as the databases agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, TypeVar, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.calls import call_of
from ectype.expr.operand import Expr, Operand, any_operand, operand_of

S = TypeVar("S")
S2 = TypeVar("S2")
T = TypeVar("T")
N = TypeVar("N")

MAX_DIGITS: Final = 1_000
"""What PostgreSQL rounds a number to at most."""


@overload
def round(expr: Expr[S, N]) -> Operand[S, N]: ...  # noqa: A001  # the name that SQL has
@overload
def round(expr: Expr[S, Decimal], digits: int) -> Operand[S, Decimal]: ...  # noqa: A001  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def round(expr: Expr[S, Decimal | None], digits: int) -> Operand[S, Decimal | None]: ...  # noqa: A001
def round(expr: Expr[Any, Any], digits: int | None = None) -> Any:  # noqa: A001  # the name that SQL has
    """The number without its fraction, a half away from zero; a Decimal to a number of digits. SQL: `round(x, $1)`.

    Digits below zero are those before the point: -2 rounds to hundreds.

    Raises:
        QueryError: for digits that are no number from -1000 to 1000; when a plan is made, of what is no Decimal.
        UnsupportedError: when a plan is made, for a Decimal on SQLite, which keeps it in another form.
    """
    if digits is None:
        return any_operand(call_of("round", expr), expr.params)
    if digits.__class__ is not int or not -MAX_DIGITS <= digits <= MAX_DIGITS:
        raise QueryError(f"`fn.round` takes a number of digits from -{MAX_DIGITS} to {MAX_DIGITS}, got {digits!r:.80}")
    return any_operand(call_of("round", expr, nodes.PARAM), (*expr.params, digits))


@overload
def floor(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def floor(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def floor(expr: Expr[Any, Any]) -> Any:
    """The largest whole number that is not above. SQL: `CAST(floor(x) AS bigint)`."""
    return any_operand(call_of("floor", expr), expr.params)


@overload
def ceil(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def ceil(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def ceil(expr: Expr[Any, Any]) -> Any:
    """The smallest whole number that is not below. SQL: `CAST(ceil(x) AS bigint)`."""
    return any_operand(call_of("ceil", expr), expr.params)


@overload
def sign(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def sign(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def sign(expr: Expr[Any, Any]) -> Any:
    """-1, 0 or 1. SQL: `sign(x)`."""
    return any_operand(call_of("sign", expr), expr.params)


@overload
def power(expr: Expr[S, float], exponent: float) -> Operand[S, float]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def power(expr: Expr[S, float | None], exponent: float) -> Operand[S, float | None]: ...
def power(expr: Expr[Any, Any], exponent: float) -> Any:
    """The number raised to a power, as a float. SQLite is often built without it, so it is refused there."""
    return any_operand(call_of("power", expr, nodes.PARAM), (*expr.params, exponent))


@overload
def sqrt(expr: Expr[S, float]) -> Operand[S, float]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def sqrt(expr: Expr[S, float | None]) -> Operand[S, float | None]: ...
def sqrt(expr: Expr[Any, Any]) -> Any:
    """The square root, as a float. SQLite is often built without it, so it is refused there."""
    return any_operand(call_of("sqrt", expr), expr.params)


@overload
def greatest(a: Expr[S, T], b: Expr[S2, T]) -> Operand[S | S2, T]: ...
@overload
def greatest(a: Expr[S, T], b: T) -> Operand[S, T]: ...
def greatest(a: Expr[Any, Any], b: Any) -> Any:
    """The larger of two numbers, dates or times; NULL counts for nothing, unless both are. SQL: `greatest(a, b)`.

    Raises (when a plan is made):
        QueryError: for text, whose order is another on each database.
    """
    node, params = operand_of(b)
    return any_operand(call_of("greatest", a, node), a.params + params)


@overload
def least(a: Expr[S, T], b: Expr[S2, T]) -> Operand[S | S2, T]: ...
@overload
def least(a: Expr[S, T], b: T) -> Operand[S, T]: ...
def least(a: Expr[Any, Any], b: Any) -> Any:
    """The smaller of two numbers, dates or times; NULL counts for nothing, unless both are. SQL: `least(a, b)`."""
    node, params = operand_of(b)
    return any_operand(call_of("least", a, node), a.params + params)
