"""Aggregates that put values together, and functions over windows that look at other rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never, TypeVar, cast, overload

from ectype.errors import QueryError
from ectype.expr import nodes
from ectype.expr.calls import call_of, check_argument, check_text
from ectype.expr.operand import Agg, Expr, Operand, Order, Ranking, any_operand, operand_of, order_term

S = TypeVar("S")
S2 = TypeVar("S2")
T = TypeVar("T")

Key = Expr[S, Any] | Order[S]


@overload
def string_agg(expr: Expr[S, str | None], separator: str, *, distinct: bool = False) -> Agg[S, str | None]: ...
@overload
def string_agg(
    expr: Expr[S, str | None], separator: str, *, order_by: Key[S2] | Sequence[Key[S2]], distinct: bool = False
) -> Agg[S | S2, str | None]: ...
def string_agg(expr: Expr[Any, Any], separator: str, *, order_by: Any = (), distinct: bool = False) -> Any:
    """The texts that are not NULL, one after the other; None over no rows. SQL: `string_agg(x, $1 ORDER BY y)`.

    Without `order_by` their order is up to the database. SQLite orders them from version 3.44 on.
    """
    check_text("string_agg", separator)
    return _aggregate("string_agg", expr, (nodes.PARAM,), (separator,), order_by, distinct=distinct)


@overload
def array_agg(expr: Expr[S, T], *, distinct: bool = False) -> Agg[S, list[T] | None]: ...
@overload
def array_agg(
    expr: Expr[S, T], *, order_by: Key[S2] | Sequence[Key[S2]], distinct: bool = False
) -> Agg[S | S2, list[T] | None]: ...
def array_agg(expr: Expr[Any, Any], *, order_by: Any = (), distinct: bool = False) -> Any:
    """The values as a list, NULLs too; None over no rows. SQL: `array_agg(x ORDER BY y)`, `json_group_array(x)`."""
    return _aggregate("array_agg", expr, (), (), order_by, distinct=distinct)


@overload
def json_agg(expr: Expr[S, Any], *, distinct: bool = False) -> Agg[S, list[Any] | None]: ...
@overload
def json_agg(
    expr: Expr[S, Any], *, order_by: Key[S2] | Sequence[Key[S2]], distinct: bool = False
) -> Agg[S | S2, list[Any] | None]: ...
def json_agg(expr: Expr[Any, Any], *, order_by: Any = (), distinct: bool = False) -> Any:
    """The values as a JSON array; None over no rows. SQL: `jsonb_agg(x ORDER BY y)`."""
    return _aggregate("json_agg", expr, (), (), order_by, distinct=distinct)


def _aggregate(
    name: str,
    expr: Expr[Any, Any],
    args: tuple[nodes.Expression, ...],
    values: tuple[object, ...],
    order_by: Any,
    *,
    distinct: bool,
) -> Agg[Any, Any]:
    check_argument(f"{name}", expr)
    terms: list[nodes.Ordering] = []
    params = expr.params + values
    for key in cast("Sequence[Any]", order_by) if isinstance(order_by, list | tuple) else (order_by,):
        term, own = order_term(key)
        terms.append(term)
        params += own
    return Agg(nodes.call(name, (expr.node, *args), distinct=distinct, order_by=tuple(terms)), params)


def every(expr: Expr[S, bool | None]) -> Agg[S, bool | None]:
    """Whether it holds in every row where it is not NULL; None over no rows. SQL: `bool_and(x)`."""
    return Agg(call_of("every", expr), expr.params)


def bool_or(expr: Expr[S, bool | None]) -> Agg[S, bool | None]:
    """Whether it holds in any row; None over no rows. SQL: `bool_or(x)`."""
    return Agg(call_of("bool_or", expr), expr.params)


def percentile_cont(fraction: float, *, order_by: Key[S]) -> Agg[S, float | None]:
    """The value at a fraction of the ordered numbers, between two where it falls there. SQLite has none.

    SQL: `percentile_cont($1) WITHIN GROUP (ORDER BY x)`.

    Raises:
        QueryError: for a fraction that is not between 0 and 1.
    """
    return _percentile("percentile_cont", fraction, order_by)


@overload
def percentile_disc(fraction: float, *, order_by: Expr[S, T | None]) -> Agg[S, T | None]: ...
@overload
def percentile_disc(fraction: float, *, order_by: Order[S]) -> Agg[S, Any]: ...
def percentile_disc(fraction: float, *, order_by: Any) -> Any:
    """The first of the ordered values that stands at a fraction of them or after it; None over none. SQLite has none.

    SQL: `percentile_disc($1) WITHIN GROUP (ORDER BY x)`.

    Raises:
        QueryError: for a fraction that is not between 0 and 1.

    Example:
        `query.select(fn.percentile_disc(0.9, order_by=Post.posted_at))`
    """
    return _percentile("percentile_disc", fraction, order_by)


def _percentile(name: str, fraction: object, order_by: Any) -> Agg[Any, Any]:
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
        raise QueryError(f"a fraction is between 0 and 1, got {fraction!r:.80}")
    term, params = order_term(order_by)
    return Agg(nodes.call(name, (nodes.PARAM,), order_by=(term,)), (float(fraction), *params))


@overload
def array_length(expr: Expr[S, list[T]]) -> Operand[S, int]: ...  # pyright: ignore[reportOverlappingOverload]  # the narrow one first
@overload
def array_length(expr: Expr[S, list[T] | None]) -> Operand[S, int | None]: ...
def array_length(expr: Expr[Any, Any]) -> Any:
    """How many elements a list has, 0 for an empty one. SQL: `cardinality(x)`, `json_array_length(x)`."""
    return any_operand(call_of("array_length", expr), expr.params)


def percent_rank() -> Ranking[Never, float]:
    """The row's rank in its window as a fraction from 0 to 1."""
    return Ranking(nodes.call("percent_rank", ()))


def cume_dist() -> Ranking[Never, float]:
    """The fraction of the window's rows that do not come after this one."""
    return Ranking(nodes.call("cume_dist", ()))


def ntile(buckets: int) -> Ranking[Never, int]:
    """The number of the row's bucket, when the window is cut into that many of equal size."""
    _check_count("ntile", buckets)
    return Ranking(nodes.call("ntile", (nodes.PARAM,)), (buckets,))


def nth_value(expr: Expr[S, T | None], position: int) -> Ranking[S, T | None]:
    """The value of the window frame's row at a position, from 1; None where it has fewer rows."""
    _check_count("nth_value", position)
    return Ranking(call_of("nth_value", expr, nodes.PARAM), (*expr.params, position))


def _check_count(name: str, count: object) -> None:
    if count.__class__ is not int or not 0 < count < 2**31:  # type: ignore[operator]  # an int by now
        raise QueryError(f"`fn.{name}` takes a number from 1 on, got {count!r:.80}")


@overload
def lag(expr: Expr[S, T | None], offset: int = 1) -> Ranking[S, T | None]: ...
@overload
def lag(expr: Expr[S, T], offset: int, default: Expr[S2, T]) -> Ranking[S | S2, T]: ...
@overload
def lag(expr: Expr[S, T], offset: int, default: T) -> Ranking[S, T]: ...
def lag(expr: Expr[Any, Any], offset: int = 1, default: Any = None) -> Any:
    """The value `offset` rows earlier in the window; `default`, else None, before its first row."""
    return _beside("lag", expr, offset, default)


@overload
def lead(expr: Expr[S, T | None], offset: int = 1) -> Ranking[S, T | None]: ...
@overload
def lead(expr: Expr[S, T], offset: int, default: Expr[S2, T]) -> Ranking[S | S2, T]: ...
@overload
def lead(expr: Expr[S, T], offset: int, default: T) -> Ranking[S, T]: ...
def lead(expr: Expr[Any, Any], offset: int = 1, default: Any = None) -> Any:
    """The value `offset` rows later in the window; `default`, else None, after its last row."""
    return _beside("lead", expr, offset, default)


def _beside(name: str, expr: Expr[Any, Any], offset: int, default: object) -> Ranking[Any, Any]:
    if default is None:
        return Ranking(call_of(name, expr, nodes.PARAM), (*expr.params, offset))
    node, params = operand_of(default)
    return Ranking(call_of(name, expr, nodes.PARAM, node), (*expr.params, offset, *params))
