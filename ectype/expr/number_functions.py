"""Functions of numbers, as far as the databases agree."""

from typing import Any, TypeVar, overload

from ectype.expr import nodes
from ectype.expr.calls import call_of
from ectype.expr.operand import Expr, Operand, operand_of

S = TypeVar("S")
S2 = TypeVar("S2")
T = TypeVar("T")
N = TypeVar("N")


def round(expr: Expr[S, N]) -> Operand[S, N]:  # noqa: A001  # the name that SQL has
    """The number without its fraction, a half away from zero. SQL: `round(x)`.

    Raises (when a plan is made):
        UnsupportedError: for a Decimal on SQLite, which keeps it in another form.
    """
    return Operand(call_of("round", expr), expr.params)


@overload
def floor(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def floor(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def floor(expr: Expr[Any, Any]) -> Any:
    """The largest whole number that is not above. SQL: `CAST(floor(x) AS bigint)`."""
    return Operand[Any, Any](call_of("floor", expr), expr.params)


@overload
def ceil(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def ceil(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def ceil(expr: Expr[Any, Any]) -> Any:
    """The smallest whole number that is not below. SQL: `CAST(ceil(x) AS bigint)`."""
    return Operand[Any, Any](call_of("ceil", expr), expr.params)


@overload
def sign(expr: Expr[S, float]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def sign(expr: Expr[S, Any]) -> Operand[S, int | None]: ...
def sign(expr: Expr[Any, Any]) -> Any:
    """-1, 0 or 1. SQL: `sign(x)`."""
    return Operand[Any, Any](call_of("sign", expr), expr.params)


@overload
def power(expr: Expr[S, float], exponent: float) -> Operand[S, float]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def power(expr: Expr[S, float | None], exponent: float) -> Operand[S, float | None]: ...
def power(expr: Expr[Any, Any], exponent: float) -> Any:
    """The number raised to a power, as a float. SQLite is often built without it, so it is refused there."""
    return Operand[Any, Any](call_of("power", expr, nodes.PARAM), (*expr.params, exponent))


@overload
def sqrt(expr: Expr[S, float]) -> Operand[S, float]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def sqrt(expr: Expr[S, float | None]) -> Operand[S, float | None]: ...
def sqrt(expr: Expr[Any, Any]) -> Any:
    """The square root, as a float. SQLite is often built without it, so it is refused there."""
    return Operand[Any, Any](call_of("sqrt", expr), expr.params)


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
    return Operand[Any, Any](call_of("greatest", a, node), a.params + params)


@overload
def least(a: Expr[S, T], b: Expr[S2, T]) -> Operand[S | S2, T]: ...
@overload
def least(a: Expr[S, T], b: T) -> Operand[S, T]: ...
def least(a: Expr[Any, Any], b: Any) -> Any:
    """The smaller of two numbers, dates or times; NULL counts for nothing, unless both are. SQL: `least(a, b)`."""
    node, params = operand_of(b)
    return Operand[Any, Any](call_of("least", a, node), a.params + params)
